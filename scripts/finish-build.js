import { chmodSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const SRC = fileURLToPath(new URL('../src/', import.meta.url));

// tsc keeps the shebang but not the mode; npm only sets it for packages that it installs.
chmodSync(`${DIST}main.js`, 0o755);

// tsc leaves the output of sources that are gone.
for (const path of readdirSync(DIST, { recursive: true }))
  if (/\.(js|d\.ts|js\.map)$/.test(path) && !existsSync(SRC + path.replace(/\.(js|d\.ts|js\.map)$/, '.ts')))
    rmSync(DIST + path);
