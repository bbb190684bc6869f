import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedRedis } from '../../src/redis/embedded.ts';

const PUBLISHED = new URL('../../config/redis/users.acl', import.meta.url);

export type RedisUser = 'worker' | 'producer' | 'backup' | 'token-reader' | 'admin';

export interface GuardedRedis {
  urlOf(user: RedisUser): string;
  stop(): Promise<void>;
}

/** A Redis with the users that we publish, and an `admin` who may do everything. */
export async function startGuardedRedis(): Promise<GuardedRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'dpf-acl-'));
  const file = join(folder, 'users.acl');
  const users = (await readFile(PUBLISHED, 'utf8')).replace(/#(\w+)_PASSWORD_SHA256/g, (_, user: string) => {
    const password = passwordOf(user.toLowerCase().replace('_', '-'));
    return `#${createHash('sha256').update(password).digest('hex')}`;
  });
  await writeFile(file, `${users}user admin reset on >${passwordOf('admin')} ~* &* +@all\n`);
  const server = await startEmbeddedRedis({ args: ['--aclfile', file] });
  return {
    urlOf: (user) => `redis://${user}:${passwordOf(user)}@127.0.0.1:${server.port}/0`,
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function passwordOf(user: string): string {
  return `${user}-s3cret`;
}
