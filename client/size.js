// What a page loads that follows a job: 4,000 bytes, each file gzipped by itself as it is.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT = 4000;

/** Return the sizes of the module, and of all that it imports at once, by name. */
function loaded(name, sizes = {}) {
  if (name in sizes) return sizes;
  const text = readFileSync(new URL(`src/${name}`, import.meta.url), "utf8");
  sizes[name] = gzipSync(text).length;
  for (const [, other] of text.matchAll(/^(?:import|export) [^"]*"\.\/([^"]+)";$/gm)) loaded(other, sizes);
  return sizes;
}

const sizes = loaded("index.js");
const size = Object.values(sizes).reduce((sum, each) => sum + each);
console.log(`The core has ${size} of ${LIMIT} bytes:`, sizes);
process.exitCode = size > LIMIT ? 1 : 0;
