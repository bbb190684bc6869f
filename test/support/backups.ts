import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { patientDpf } from './patientDpf.ts';

/** The commands of backups in this process, with a Redis and a folder of their own. */
export function useBackups(redisUrl: () => string) {
  const folder = mkdtempSync(join(tmpdir(), 'dpf-backup-'));
  const before_: Record<string, string | undefined> = {};
  after(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string) => join(folder, name);
  /** One command with these settings in its environment. */
  const withEnv = async (env: Record<string, string>, args: string[], dpf = patientDpf) => {
    const all = { REDIS_URL: redisUrl(), ...env };
    for (const name of Object.keys(all)) before_[name] = process.env[name];
    Object.assign(process.env, all);
    try {
      return await dpf(...args);
    } finally {
      for (const name of Object.keys(all))
        if (before_[name] === undefined) delete process.env[name];
        else process.env[name] = before_[name];
    }
  };
  return {
    folder,
    at,
    dpf: (...args: string[]) => withEnv({}, args),
    withEnv,
    lines: (name: string) => readFileSync(at(name), 'utf8').trimEnd().split('\n'),
    records: (name: string) =>
      readFileSync(at(name), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    write(name: string, content: string | Buffer | object[]) {
      const text = Array.isArray(content)
        ? content.map((each) => `${JSON.stringify(each)}\n`).join('')
        : content;
      writeFileSync(at(name), text);
      return at(name);
    },
  };
}

/** What a Redis holds, without what passes by itself: key → its type and content. */
export async function contentOf(redis: Redis, ...prefixes: string[]): Promise<Record<string, unknown>> {
  const keys = (await redis.keys('*')).filter((key) => prefixes.some((prefix) => key.startsWith(prefix)));
  const content: Record<string, unknown> = {};
  for (const key of keys.sort())
    content[key] = await redis.hgetall(key).then(
      (fields) => Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, parsed(value)])),
      () => redis.type(key),
    );
  return content;
}

/** JSON as what it says: the order of fields has no meaning. */
function parsed(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
