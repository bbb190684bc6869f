import type { Redis } from 'ioredis';
import { LuaScript } from '../../redis/luaScript.ts';
import { asHash } from '../../redis/ownHash.ts';
import type { OwnLook, SharedGroup } from './sharedCalls.ts';
import type { FlowReport, LookReport } from './unit.ts';

/** What is known of a schedule from calls of its own. */
export interface StoredMember extends OwnLook {
  /** Of its request then, see `requestHash`: another one has to be seen first. */
  request: string;
  /** See `isExplained`. */
  explained: boolean;
}

/** A look that several schedules share. */
export interface SharedLook {
  group: string;
  /** When it was decided on, ms since the epoch; ids of its jobs follow from it. */
  at: number;
  /** Of the group's unit, see `Look`. */
  number: number;
  members: readonly string[];
}

/** How the shared call ended: what it cost, and when eBay answered, ms since the epoch; null: it did not. */
export interface JointEnd {
  calls: number;
  observedAt: number | null;
}

/** How the search of a member ended. */
export interface MemberEnd {
  calls: number;
  /** Null: it says nothing about changes. */
  flow: FlowReport | null;
}

/**
 * Later looks count; of two that end in another order the later instants stay. KEYS: members. ARGV: field, request, own (or
 * nothing), seen, explained (or nothing). Returns 1 where the schedule may share calls now and could not before, or the
 * other way round.
 */
const NOTE = new LuaScript(`
local written = redis.call('HGET', KEYS[1], ARGV[1])
local before = written and cjson.decode(written)
if before and before[1] ~= ARGV[2] then before = nil end
if ARGV[3] == '' and not before then return 0 end
local own = math.max(tonumber(ARGV[3]) or 0, before and before[2] or 0)
local seen = math.max(tonumber(ARGV[4]), before and before[3] or 0)
local explained = ARGV[5] == '' and before[4] or tonumber(ARGV[5])
redis.call('HSET', KEYS[1], ARGV[1], string.format('["%s",%.0f,%.0f,%d]', ARGV[2], own, seen, explained))
if before and before[4] == explained then return 0 end
return 1`);

/** The hash `{ebay}:shared:TENANT` of groups and members, and one hash for each look that is under way. */
export class SharedStore {
  readonly #redis: Redis;
  readonly #key: string;

  constructor(redis: Redis, prefix: string, tenant: string) {
    this.#redis = redis;
    this.#key = `${prefix}:shared:${tenant}`;
  }

  /** The groups, and what is known of schedules, by name. */
  async load(): Promise<{ groups: SharedGroup[]; members: Map<string, StoredMember> }> {
    const fields = await asHash(this.#redis, this.#key, () => this.#redis.hgetall(this.#key));
    const members = new Map<string, StoredMember>();
    for (const [field, value] of Object.entries(fields)) {
      const member = field.startsWith(OWN) ? memberFrom(value) : undefined;
      if (member !== undefined) members.set(field.slice(OWN.length), member);
    }
    return { groups: groupsFrom(fields.groups), members };
  }

  async groups(): Promise<SharedGroup[]> {
    const text = await asHash(this.#redis, this.#key, () => this.#redis.hget(this.#key, 'groups'));
    return groupsFrom(text ?? undefined);
  }

  async putGroups(groups: readonly SharedGroup[]): Promise<void> {
    await this.#redis.hset(this.#key, 'groups', JSON.stringify(groups));
  }

  async members(names: readonly string[]): Promise<Map<string, StoredMember>> {
    if (names.length === 0) return new Map();
    const values = await asHash(this.#redis, this.#key, () =>
      this.#redis.hmget(this.#key, ...names.map((name) => OWN + name)),
    );
    return new Map(
      names.flatMap((name, index) => {
        const member = memberFrom(values[index] ?? '');
        return member === undefined ? [] : [[name, member] as const];
      }),
    );
  }

  /**
   * Notes what a complete search of a schedule has seen. @param look without `own` and `explained`: by a shared call
   * @returns whether the schedule may share calls now and could not before, or the other way round
   */
  async note(
    name: string,
    { request, own, seen, explained }: Pick<StoredMember, 'request' | 'seen'> & Partial<StoredMember>,
  ): Promise<boolean> {
    const args = [OWN + name, request, own ?? '', seen, explained === undefined ? '' : Number(explained)];
    return (await asHash(this.#redis, this.#key, () => NOTE.run(this.#redis, this.#key, args))) === 1;
  }

  /** Forgets schedules. */
  async forget(names: readonly string[]): Promise<void> {
    const fields = names.flatMap((name) => [OWN + name, GROUP + name]);
    if (fields.length > 0) await this.#redis.hdel(this.#key, ...fields);
  }

  /**
   * Remembers who takes part in a look. The first list stands.
   * @param ttlMs for how long; at least as long as a search may wait
   */
  async begin(look: SharedLook, ttlMs: number): Promise<SharedLook> {
    const key = this.#lookKey(look);
    const { number, members } = look;
    await this.#redis
      .multi()
      .hsetnx(key, 'look', JSON.stringify({ number, members }))
      .pexpire(key, Math.ceil(ttlMs))
      .exec();
    return (await this.look(look)) ?? look;
  }

  async look({ group, at }: Pick<SharedLook, 'group' | 'at'>): Promise<SharedLook | undefined> {
    const text = await this.#redis.hget(this.#lookKey({ group, at }), 'look');
    return text === null ? undefined : { group, at, ...JSON.parse(text) };
  }

  /** Notes how the shared call ended, the first end stands, and which group its members were looked at with. */
  async share(look: SharedLook, end: JointEnd): Promise<void> {
    const { group, members } = look;
    await this.#redis.hsetnx(this.#lookKey(look), 'joint', JSON.stringify(end));
    const known = await Promise.all(members.map((name) => this.#groupsOf(name)));
    const fields = members.flatMap((name, index) => {
      const others = known[index]?.filter((each) => each !== group) ?? [];
      return [GROUP + name, [group, ...others].slice(0, KEPT_GROUPS).join(' ')];
    });
    if (fields.length > 0) await this.#redis.hset(this.#key, ...fields);
  }

  /** The group that a schedule was looked at with last. */
  async groupOf(name: string): Promise<string | undefined> {
    return (await this.#groupsOf(name))[0];
  }

  /** The groups that a schedule was looked at with, the last one first: its search for a former one may still be under way. */
  async #groupsOf(name: string): Promise<string[]> {
    const groups = await asHash(this.#redis, this.#key, () => this.#redis.hget(this.#key, GROUP + name));
    return groups?.split(' ') ?? [];
  }

  /** Members whose search has ended. */
  async ended(look: Pick<SharedLook, 'group' | 'at'>): Promise<Set<string>> {
    const fields = await this.#redis.hkeys(this.#lookKey(look));
    return new Set(fields.flatMap((field) => (field.startsWith(DONE) ? [field.slice(DONE.length)] : [])));
  }

  /**
   * Notes how the search of a member ended; the first end stands. One of a look that is forgotten leaves nothing behind.
   * @param at of the look @returns the report of the look where that was the last of its members
   */
  async end(name: string, at: number, end: MemberEnd): Promise<LookReport | undefined> {
    for (const group of await this.#groupsOf(name)) {
      const key = this.#lookKey({ group, at });
      // Looks of several groups begin at the same time.
      if (!(await this.look({ group, at }))?.members.includes(name)) continue;
      await this.#redis.hsetnx(key, DONE + name, JSON.stringify(end));
      return this.report({ group, at });
    }
    return undefined;
  }

  /** The report of a look, once the searches of all members have ended. */
  async report(look: Pick<SharedLook, 'group' | 'at'>): Promise<LookReport | undefined> {
    const fields = await this.#redis.hgetall(this.#lookKey(look));
    if (fields.look === undefined || fields.joint === undefined) return undefined;
    const { number, members } = JSON.parse(fields.look) as Pick<SharedLook, 'number' | 'members'>;
    const joint = JSON.parse(fields.joint) as JointEnd;
    const ends: MemberEnd[] = [];
    for (const member of members) {
      const done = fields[DONE + member];
      if (done === undefined) return undefined;
      ends.push(JSON.parse(done));
    }
    // A search that ends a second time, or a planner that takes over, may ask once more.
    await this.#redis.pexpire(this.#lookKey(look), REPORTED_MS);
    const flows = ends.flatMap(({ flow }) => flow ?? []);
    return {
      unit: unitOf(look.group),
      number,
      at: look.at,
      calls: ends.reduce((sum, { calls }) => sum + calls, joint.calls),
      seenUntil: joint.observedAt ?? look.at,
      complete: flows.length > 0,
      flows,
    };
  }

  #lookKey({ group, at }: Pick<SharedLook, 'group' | 'at'>): string {
    return `${this.#key}:${group}:${at}`;
  }
}

/** Numbers of looks are smaller; that of a member's look is the time of the look that it shares, ms since the epoch. */
export const FIRST_SHARED_LOOK = 1e12;

/** How long a look is remembered once it is reported, ms. */
const REPORTED_MS = 600_000;

const KEPT_GROUPS = 3;

const OWN = 'own ';
const GROUP = 'group ';
const DONE = 'done ';

export function unitOf(group: string): string {
  return `shared:${group}`;
}

function groupsFrom(text: string | undefined): SharedGroup[] {
  const groups = parsed(text ?? '');
  return Array.isArray(groups) ? groups : [];
}

function memberFrom(text: string): StoredMember | undefined {
  const values = parsed(text);
  if (!Array.isArray(values) || values.length !== 4) return undefined;
  const [request, own, seen, explained] = values as [string, number, number, number];
  return { request, own, seen, explained: explained === 1 };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
