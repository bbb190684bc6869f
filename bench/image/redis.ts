import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Where the copy is in a container. */
export const REDIS_FOLDER = '/opt/redis';

/** Copies this machine's Redis with its libraries, so that it runs beside those of any image. */
export function copyRedis(folder: string): void {
  mkdirSync(join(folder, 'lib'), { recursive: true });
  mkdirSync(join(folder, 'bin'));
  for (const program of ['redis-server', 'redis-cli']) {
    const found = realpathSync(
      execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim(),
    );
    copyFileSync(found, join(folder, 'bin', program));
    const libraries = execFileSync('ldd', [found], { encoding: 'utf8' }).match(/\/\S+(?= \()/g) ?? [];
    for (const library of libraries)
      copyFileSync(realpathSync(library), join(folder, 'lib', basename(library)));
    const loader = libraries.map((path) => basename(path)).find((name) => name.startsWith('ld-'));
    const inside = (path: string) => `${REDIS_FOLDER}/${path}`;
    writeFileSync(
      join(folder, program),
      `#!/bin/sh\nexec ${inside(`lib/${loader}`)} --library-path ${inside('lib')} ${inside(`bin/${program}`)} "$@"\n`,
    );
    chmodSync(join(folder, program), 0o755);
  }
}
