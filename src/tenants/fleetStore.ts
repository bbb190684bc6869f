import type { Redis } from 'ioredis';
import { type FleetDocument, NOTHING, type Versioned } from './document.ts';

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
