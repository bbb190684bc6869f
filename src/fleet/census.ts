import type { Redis } from 'ioredis';
import { alertKeys } from '../queue/alerts/keys.ts';
import { apiKeysKey, personalKey } from '../queue/budgets.ts';
import { callsQueueName, searchQueueName } from '../queue/bullmq/queues.ts';
import { isOver, readRecord, type ScheduleRecord, ScheduleStore } from '../queue/schedules/store.ts';
import { LuaScript, pairs } from '../redis/luaScript.ts';
import { storedJson } from '../redis/storedJson.ts';
import { DEFAULT_TENANT } from './declaration.ts';

/** What Redis holds that no process could declare again. */
export interface Census {
  /** ms since the epoch, by Redis's clock. */
  at: number;
  /** Names. */
  apiKeys: string[];
  /** Names of those that a command or a program added; of tenants other than `default` `TENANT/NAME`. */
  schedules: string[];
  /** Queues that somebody paused. */
  paused: string[];
  /** Names of the tracks that schedules use, likewise. Others are not counted: they have no index. */
  tracks: string[];
  /** Names, likewise. Missing in what release 0.2 counted. */
  channels?: string[];
  alerts?: string[];
  /** Names of the API keys with favourites or notes; `open` where no keys are needed. Missing likewise. */
  people?: string[];
  /** Searches that have not ended. */
  searches: number;
}

/** The schedules of one tenant. */
export interface ScheduleFigures {
  /** `missing`: it is declared or stored, and no run of it follows. */
  states: Record<'active' | 'paused' | 'done' | 'missing', number>;
  /** How late the run is that waits longest for a worker, s. */
  overdue: number;
}

type KeyHolder = Record<'id' | 'name' | 'tenant', string>;

/** Tenant → its schedules as declared. */
type Declared = ReadonlyMap<string, { schedules: readonly unknown[] | undefined }>;

/** KEYS: the API keys. Returns Redis's time in ms, and the keys. */
const KEYS_NOW = new LuaScript(`
local now = redis.call('TIME')
local keys = redis.pcall('HGETALL', KEYS[1])
return { now[1] * 1000 + math.floor(now[2] / 1000), keys.err and {} or keys }`);

/** Counts what would be gone if Redis lost its data, and looks after the schedules, for all tenants at once. */
export class CensusTaker {
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  async take(tenants: Declared): Promise<{ census: Census; figures: Map<string, ScheduleFigures> }> {
    const apiKeys = apiKeysKey(this.#prefix);
    const [at, keys] = (await KEYS_NOW.run(this.#redis, apiKeys, [])) as [number, string[]];
    const holders = Object.values(pairs(keys)).flatMap((text) => {
      const key = storedJson<KeyHolder>(text);
      return typeof key?.name === 'string' ? [key] : [];
    });
    const census: Census = {
      at,
      apiKeys: holders.map(({ name }) => name).sort(),
      schedules: [],
      paused: [],
      tracks: [],
      channels: [],
      alerts: [],
      people: await this.#people(holders),
      searches: 0,
    };
    const figures = new Map<string, ScheduleFigures>();
    for (const [tenant, { schedules = [] }] of tenants) {
      const { records, due, ...found } = await this.#look(tenant);
      const own = tenant === DEFAULT_TENANT ? '' : `${tenant}/`;
      const byHand = [...records.values()].filter(({ source }) => source === 'code');
      census.schedules.push(...byHand.map(({ definition }) => own + definition.name));
      const tracks = [...records.values()].flatMap(({ definition }) => definition.request.track ?? []);
      census.tracks.push(...new Set(tracks.map((name) => own + name)));
      census.paused.push(...found.paused);
      census.channels?.push(...found.channels.map((name) => own + name));
      census.alerts?.push(...found.alerts.map((name) => own + name));
      census.searches += found.searches;
      figures.set(tenant, await this.#figuresOf(tenant, schedules, records, due, at));
    }
    return { census, figures };
  }

  /** Names of those who keep something on the page. */
  async #people(holders: readonly KeyHolder[]): Promise<string[]> {
    const all = [...holders, { id: 'open', name: 'open', tenant: DEFAULT_TENANT }];
    const reads = this.#redis.pipeline();
    for (const { id, tenant } of all) reads.exists(personalKey(this.#prefix, tenant, id));
    const found = (await reads.exec()) ?? [];
    return all.flatMap(({ name }, index) => (found[index]?.[1] === 1 ? [name] : [])).sort();
  }

  async #look(tenant: string) {
    const searches = `${this.#prefix}:${searchQueueName(tenant)}`;
    const calls = `${this.#prefix}:${callsQueueName(tenant)}`;
    const reads = this.#redis
      .pipeline()
      .hgetall(`${this.#prefix}:schedules:${tenant}`)
      .zrange(`${searches}:repeat`, '0', '-1', 'WITHSCORES')
      .hexists(`${searches}:meta`, 'paused')
      .hexists(`${calls}:meta`, 'paused')
      .llen(`${searches}:wait`)
      .llen(`${searches}:active`)
      .zcard(`${searches}:prioritized`)
      .zcard(`${searches}:delayed`)
      .zcard(`${searches}:waiting-children`)
      .hkeys(alertKeys(this.#prefix, tenant).channels)
      .hkeys(alertKeys(this.#prefix, tenant).alerts);
    // A key that another program overwrote counts as empty: a loss must be restored nevertheless.
    const replies = ((await reads.exec()) ?? []).map(([error, reply]) => {
      if (error !== null && !error.message.startsWith('WRONGTYPE')) throw error;
      return error === null ? reply : undefined;
    });
    const stored = (replies[0] ?? {}) as Record<string, string>;
    const repeat = (replies[1] ?? []) as string[];
    const [searchesPaused, callsPaused, ...unended] = replies.slice(2, -2).map(Number);
    const records = new Map<string, ScheduleRecord>();
    for (const [name, json] of Object.entries(stored)) {
      const record = readRecord(json);
      if (record?.definition?.request !== undefined) records.set(name, record);
    }
    const due = new Map<string, number>();
    for (let n = 0; n < repeat.length; n += 2) due.set(repeat[n] as string, Number(repeat[n + 1]));
    return {
      records,
      due,
      channels: ((replies.at(-2) ?? []) as string[]).sort(),
      alerts: ((replies.at(-1) ?? []) as string[]).sort(),
      // The planned run of each schedule is a delayed job.
      searches: Math.max(0, unended.reduce((sum, count) => sum + (count || 0), 0) - due.size),
      paused: [
        ...(searchesPaused === 1 ? [searchQueueName(tenant)] : []),
        ...(callsPaused === 1 ? [callsQueueName(tenant)] : []),
      ],
    };
  }

  async #figuresOf(
    tenant: string,
    declared: readonly unknown[],
    records: ReadonlyMap<string, ScheduleRecord>,
    due: ReadonlyMap<string, number>,
    now: number,
  ): Promise<ScheduleFigures> {
    const states = { active: 0, paused: 0, done: 0, missing: 0 };
    const store = new ScheduleStore(this.#redis, this.#prefix, tenant);
    const names = new Set([
      ...records.keys(),
      ...declared.map((each) => String((each as { name: unknown }).name)),
    ]);
    for (const name of names) {
      const record = records.get(name);
      if (due.has(name)) states.active += 1;
      else if (record === undefined) states.missing += 1;
      else if (record.paused) states.paused += 1;
      else {
        const runs = record.definition.limit === undefined ? 0 : (await store.runs(name)).count;
        // An auto schedule needs no scheduler.
        const follows = record.definition.auto === undefined ? 'missing' : 'active';
        states[isOver(record, runs, now) ? 'done' : follows] += 1;
      }
    }
    return { states, overdue: Math.max(0, ...[...due.values()].map((at) => (now - at) / 1000)) };
  }
}
