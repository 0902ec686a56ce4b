// Restores a photo and writes the result beside it: node restore.js old.jpg
import { readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { createClient } from "@photorestore/client";

const { PHOTORESTORE_URL: baseUrl = "http://127.0.0.1:8000", PHOTORESTORE_TOKEN: token } = process.env;
const [path] = process.argv.slice(2);
if (!path || !token) {
  console.error("Say which photo: PHOTORESTORE_TOKEN=pr_… node restore.js old.jpg");
  process.exit(2);
}

const client = createClient({ baseUrl, getToken: () => token });
try {
  const photo = new File([await readFile(path)], basename(path));
  const { job } = await client.upload(photo, { restore: true });
  client.subscribe(job.job_id, { onProgress: ({ progress, stage }) => console.log(`${progress} % ${stage}`) });
  const { restore } = await client.waitFor(job.job_id, { timeout: 600_000 });
  const picture = await client.send(`/restores/${restore.id}/image`);
  const result = `${path}.restored.${restore.format.toLowerCase()}`;
  await writeFile(result, Buffer.from(await picture.arrayBuffer()));
  console.log(result);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
