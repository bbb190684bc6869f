import { chmodSync } from 'node:fs';

// tsc keeps the shebang but not the mode; npm only mends it for packages that it installs.
chmodSync(new URL('../dist/main.js', import.meta.url), 0o755);
