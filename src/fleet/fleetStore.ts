import { isDeepStrictEqual } from 'node:util';
import type { Redis } from 'ioredis';
import type { Content } from '../config/config.ts';
import { Failure } from '../failures.ts';
import type { Declarations } from './declaration.ts';

/** What one source says, and since when: a file's time of change, or the moment of a command; ms since the epoch. */
export interface Part<T> {
  at: number;
  value: T;
}

/** What files and `dpf config apply` say; each part changes by itself. */
export interface Parts {
  /** Reloadable settings. */
  settings?: Part<Content>;
  tenants?: Part<Declarations>;
  /** Of the default tenant. */
  schedules?: Part<unknown[]>;
}

/** What all processes of the fleet run, whatever files each of them has. It holds no secret. */
export interface FleetDocument extends Parts {
  /** Tenants that `dpf tenants add` declared. */
  added: Declarations;
}

export interface Versioned {
  /** 0: nothing was ever published. */
  version: number;
  document: FleetDocument;
}

export const NOTHING: Versioned = { version: 0, document: { added: {} } };

const PARTS = ['settings', 'tenants', 'schedules'] as const;

/**
 * The document with the parts that say something newer. One that was written earlier than what stands there never
 * replaces it: it is `stale`, as the file of a machine that was not brought up to date.
 */
export function withNewer(
  document: FleetDocument,
  parts: Parts,
): { document: FleetDocument; changed: boolean; stale: Array<keyof Parts> } {
  const differing = PARTS.filter(
    (name) => parts[name] !== undefined && !isDeepStrictEqual(parts[name].value, document[name]?.value),
  );
  const isStale = (name: keyof Parts) => (parts[name]?.at ?? 0) < (document[name]?.at ?? 0);
  const newer = differing.filter((name) => !isStale(name));
  return {
    document: { ...document, ...Object.fromEntries(newer.map((name) => [name, parts[name]])) },
    changed: newer.length > 0,
    stale: differing.filter(isStale),
  };
}

/** All tenants: those of the file, and those that were added, in this order of right to a name. */
export function declarationsOf({ tenants, added }: FleetDocument): Declarations {
  return { ...added, ...tenants?.value };
}

/** How a process stands, as it tells the others. */
export interface ProcessReport {
  /** Names the process; a new one for each start. */
  id: string;
  role: string;
  host: string;
  pid: number;
  /** The version that it runs. */
  version: number;
  /** Tenants that it works for. */
  tenants: string[];
  /** Why it does not run the newest version, if it cannot. */
  refused?: string;
}

/** A process that was silent for this long counts as gone, s. */
const GONE_AFTER = 10;

/** KEYS: 1 the versions. ARGV: 1 the version that stands there, 2 the new one, 3 its document. */
const PUBLISH = `
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'document', ARGV[3])
return 1`;

/** KEYS: 1 the processes. ARGV: 1 id, 2 report, 3 gone after, s. A value is \`SECONDS REPORT\`. */
const REPORT = `
local now = tonumber(redis.call('TIME')[1])
redis.call('HSET', KEYS[1], ARGV[1], now .. ' ' .. ARGV[2])
local all = redis.call('HGETALL', KEYS[1])
for n = 1, #all, 2 do
  local seen = tonumber(string.match(all[n + 1], '^%d+')) or 0
  if now - seen > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], all[n]) end
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1`;

/** The fleet's versions and who runs which, in Redis: the newest document, and a report of each process. */
export class FleetStore {
  readonly #redis: Redis;
  readonly #versions: string;
  readonly #processes: string;

  /** @param redis a connection of the `caller` profile */
  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#versions = `${prefix}:config`;
    this.#processes = `${prefix}:processes`;
  }

  async version(): Promise<number> {
    return Number((await this.#redis.hget(this.#versions, 'version')) ?? 0);
  }

  async read(): Promise<Versioned> {
    const [version, document] = await this.#redis.hmget(this.#versions, 'version', 'document');
    if (!version || !document) return NOTHING;
    return { version: Number(version), document: JSON.parse(document) as FleetDocument };
  }

  /** False when another version than `standing` is there by now; then nothing has changed. */
  async publish(standing: number, { version, document }: Versioned): Promise<boolean> {
    const args = [String(standing), String(version), JSON.stringify(document)];
    return (await this.#redis.eval(PUBLISH, 1, this.#versions, ...args)) === 1;
  }

  async report({ id, ...report }: ProcessReport): Promise<void> {
    await this.#redis.eval(REPORT, 1, this.#processes, id, JSON.stringify(report), GONE_AFTER);
  }

  async leave(id: string): Promise<void> {
    await this.#redis.hdel(this.#processes, id);
  }

  /** Every process that reported lately. */
  async processes(): Promise<ProcessReport[]> {
    const [now, all] = await Promise.all([this.#redis.time(), this.#redis.hgetall(this.#processes)]);
    return Object.entries(all).flatMap(([id, value]) => {
      const at = value.indexOf(' ');
      if (Number(now[0]) - Number(value.slice(0, at)) > GONE_AFTER) return [];
      return [{ id, ...(JSON.parse(value.slice(at + 1)) as Omit<ProcessReport, 'id'>) }];
    });
  }
}

export interface Published {
  /** What stands in Redis now. */
  standing: Versioned;
  changed: boolean;
  /** Parts that were written earlier than what stands there, and so were left out. */
  stale: Array<keyof Parts>;
}

/** Another process may publish at the same moment, but not for ever. */
const TRIES = 20;

/**
 * Makes the next version of what `change` gives for the one that stands, atomically: of two at once the later one builds
 * on the earlier.
 * @param check throws when the new document is wrong; then nothing has changed
 * @param known a version that was seen before: a Redis that lost its data must not start again from 1
 * @throws what `check` throws; Failure `redis-unavailable` when others publish all the time
 */
export async function publishNext(
  store: FleetStore,
  known: Versioned,
  change: (document: FleetDocument) => ReturnType<typeof withNewer>,
  check: (next: Versioned) => void,
): Promise<Published> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const standing = await store.read();
    const base = standing.version < known.version ? known : standing;
    const { document, changed, stale } = change(base.document);
    if (!changed && base === standing) return { standing, changed: false, stale };
    const next = changed ? { version: base.version + 1, document } : base;
    check(next);
    if (await store.publish(standing.version, next)) return { standing: next, changed: true, stale };
  }
  throw new Failure(
    'redis-unavailable',
    'the configuration was not published: others change it all the time',
  );
}

export function publishParts(
  store: FleetStore,
  known: Versioned,
  parts: Parts,
  check: (next: Versioned) => void,
): Promise<Published> {
  return publishNext(store, known, (document) => withNewer(document, parts), check);
}
