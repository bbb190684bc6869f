import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const SRC = fileURLToPath(new URL('../src/', import.meta.url));

// tsc keeps the shebang but not the mode; npm only sets it for packages that it installs.
chmodSync(`${DIST}main.js`, 0o755);

/** The declarations that the library's entry reaches. tsc leaves `.ts` in their imports, which not every compiler resolves. */
const declarations = new Set();
function declare(path) {
  if (declarations.has(path)) return;
  declarations.add(path);
  const text = readFileSync(path, 'utf8').replace(/((?:from|import\()\s*['"]\.[^'"]+)\.ts(['"])/g, '$1.js$2');
  writeFileSync(path, text);
  for (const [, target] of text.matchAll(/(?:from|import\()\s*['"](\.[^'"]+)\.js['"]/g))
    declare(`${join(dirname(path), target)}.d.ts`);
}
declare(`${DIST}index.d.ts`);

// tsc leaves the output of sources that are gone, and writes declarations of what nobody can import.
for (const name of readdirSync(DIST, { recursive: true })) {
  const source = SRC + name.replace(/\.(js|d\.ts|js\.map)$/, '.ts');
  const isOutput = /\.(js|d\.ts|js\.map)$/.test(name);
  if (
    isOutput &&
    (!existsSync(source) || /\.map$/.test(name) || (/\.d\.ts$/.test(name) && !declarations.has(DIST + name)))
  )
    rmSync(DIST + name);
}
