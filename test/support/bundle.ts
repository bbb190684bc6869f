import { join } from 'node:path';
import { build } from 'esbuild';

/**
 * A program and all that it imports as one file in `folder`: of a process that is started by the dozen, reading a
 * thousand modules would be most of the work.
 */
export async function bundle(program: string, folder: string): Promise<string> {
  const outfile = join(folder, 'program.mjs');
  await build({
    entryPoints: [program],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    // CommonJS within asks for Node's own modules by it.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  return outfile;
}
