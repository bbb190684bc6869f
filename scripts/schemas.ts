/**
 * Writes the published JSON Schemas from the definitions that the service itself validates with.
 * `node --import tsx scripts/schemas.ts` writes them, `--check` only compares and exits 1 on a difference.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { publishedSchemas } from './publishedSchemas.ts';

const check = process.argv.includes('--check');
const stale: string[] = [];
for (const [name, text] of publishedSchemas()) {
  const file = fileURLToPath(new URL(`../schemas/${name}`, import.meta.url));
  if (!check) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) stale.push(name);
}
if (stale.length > 0) {
  console.error(`schemas/ is out of date (${stale.join(', ')}): run node --import tsx scripts/schemas.ts`);
  process.exitCode = 1;
}
