import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

/** As source code has it. Not in one piece: this file may be part of a bundle. */
const OWN_ADDRESS = ['import', 'meta', 'url'].join('.');

/** Files and packages that a module looks for from its own place are found from there in the bundle too. */
const OWN_ADDRESSES: Plugin = {
  name: 'own addresses',
  setup(made) {
    made.onLoad({ filter: /\.(ts|js|mjs)$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      if (!text.includes(OWN_ADDRESS)) return undefined;
      const contents = text.replaceAll(OWN_ADDRESS, JSON.stringify(pathToFileURL(path).href));
      return { contents, loader: path.endsWith('.ts') ? 'ts' : 'js' };
    });
  },
};

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
      js: `import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(${OWN_ADDRESS});`,
    },
    plugins: [OWN_ADDRESSES],
    logLevel: 'error',
  });
  return outfile;
}
