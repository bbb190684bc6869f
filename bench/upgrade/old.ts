import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The commit whose tree is release 0.1, with the packages of its lockfile. */
export const OLD_COMMIT = '9fa65ad2b3685fbce2475e89bc2a32ab5fd822d4';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

export interface OldRelease {
  /** Its program, started as `dist/main.js` is. */
  main: string;
  remove(): Promise<void>;
}

/** Release 0.1, built from git as `npm ci` builds it. @param folder one that was built before; it stays */
export async function buildOldRelease(folder: string, say: (line: string) => void): Promise<OldRelease> {
  if (folder !== '') {
    const main = join(folder, 'dist/main.js');
    if (!existsSync(main)) throw new TypeError(`--old: ${main} is not there`);
    return { main, remove: async () => undefined };
  }
  const made = await mkdtemp(join(tmpdir(), 'dpf-0.1-'));
  const remove = () => rm(made, { recursive: true, force: true });
  try {
    say('building 0.1 from git');
    const archive = join(made, 'tree.tar');
    await run('git', ['-C', ROOT, 'archive', '-o', archive, OLD_COMMIT]);
    await run('tar', ['-xf', archive, '-C', made]);
    await run('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: made });
    await run('npm', ['run', 'build'], { cwd: made });
    return { main: join(made, 'dist/main.js'), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
