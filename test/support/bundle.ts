import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

/** As source code has it. Not in one piece: this file may be part of a bundle. */
const OWN_ADDRESS = ['import', 'meta', 'url'].join('.');

/** What CommonJS has in place of it. A bundle has neither, and some modules of ECMAScript make one of this name. */
const FOLDER = /\b__dirname\b/;
const OWN_FOLDER = /\b(const|let|var) __dirname\b/;

/** Files and packages that a module looks for from its own place are found from there in the bundle too. */
const OWN_PLACES: Plugin = {
  name: 'own places',
  setup(made) {
    made.onLoad({ filter: /\.(ts|js|mjs|cjs)$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const needsFolder = FOLDER.test(text) && !OWN_FOLDER.test(text);
      if (!needsFolder && !text.includes(OWN_ADDRESS)) return undefined;
      const folder = needsFolder ? `const __dirname = ${JSON.stringify(dirname(path))};` : '';
      const contents = folder + text.replaceAll(OWN_ADDRESS, JSON.stringify(pathToFileURL(path).href));
      return { contents, loader: path.endsWith('.ts') ? 'ts' : 'js' };
    });
  },
};

/**
 * Packages that look for files of their own by names which esbuild does not see, and one in CommonJS that is imported when it is
 * needed: of such a one the bundle would have the default export alone.
 */
const LEFT_OUT: Plugin = {
  name: 'left out',
  setup(made) {
    made.onResolve({ filter: /^(jsonc-parser|msgpackr-extract|nodemailer)$/ }, ({ path, importer }) => ({
      path: createRequire(importer).resolve(path),
      external: true,
    }));
  },
};

/**
 * A program and all that it imports in few files in `folder`: of a process that is started by the dozen, reading a
 * thousand modules would be most of the work. What it imports when it needs it stays apart.
 */
export async function bundle(program: string, folder: string): Promise<string> {
  await build({
    entryPoints: { program },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    // BullMQ is imported at once by some modules and when it is needed by others: in CommonJS these would get no names of it.
    mainFields: ['module', 'main'],
    format: 'esm',
    // CommonJS within asks for Node's own modules by it.
    banner: {
      js: `import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(${OWN_ADDRESS});`,
    },
    plugins: [OWN_PLACES, LEFT_OUT],
    logLevel: 'error',
  });
  return join(folder, 'program.mjs');
}
