import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
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
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    // Packages that are loaded when they are needed are found from where the program is.
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(resolve(program)).href) },
    logLevel: 'error',
  });
  return outfile;
}
