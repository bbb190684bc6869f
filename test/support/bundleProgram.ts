import { rmSync } from 'node:fs';
import { bundle } from './bundle.ts';
import { BUNDLED, builtProgram } from './processes.ts';

// Processes of tests start from it.
rmSync(BUNDLED, { recursive: true, force: true });
await bundle(builtProgram(), BUNDLED);
