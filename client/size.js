// What a page loads that follows a job: 4 kB gzipped, as it is, with its comments.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT = 4096;

/** Return the module's text, and that of all that it imports at once. */
function loaded(name, seen = new Set()) {
  if (seen.has(name)) return "";
  seen.add(name);
  const text = readFileSync(new URL(`src/${name}`, import.meta.url), "utf8");
  const imports = [...text.matchAll(/^(?:import|export) [^"]*"\.\/([^"]+)";$/gm)];
  return imports.map(([, other]) => loaded(other, seen)).join("") + text;
}

const size = gzipSync(loaded("index.js"), { level: 9 }).length;
console.log(`The core has ${size} of ${LIMIT} bytes.`);
process.exitCode = size > LIMIT ? 1 : 0;
