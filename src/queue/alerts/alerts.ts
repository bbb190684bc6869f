import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Redis } from 'ioredis';
import { Failure } from '../../failures.ts';
import type { Alert } from '../../product/alertSchema.ts';
import { cut } from '../../product/schemaErrors.ts';
import { clockOf } from '../../redis/redisClock.ts';
import { withinDeadline } from '../bullmq/queues.ts';
import { ScheduleStore } from '../schedules/store.ts';
import { invalid } from '../search/jobData.ts';
import { WatchStore } from '../watch/watchlists/store.ts';
import { type AlertDefinition, parseAlert } from './definition.ts';
import { readDay } from './release.ts';
import { nextSending } from './sendingTimes.ts';
import { type AlertRecord, AlertStore, readKnowledge, type StoredAlert } from './store.ts';

/*
 * What callers use (HTTP, CLI, library):
 *
 *   new Alerts({ redis, prefix, tenant, deadlineMs })
 *   put(alert)                  makes an alert or replaces the one of that name
 *   get(name), list()           reports
 *   pause(name), resume(name)   whether that changed anything
 *   remove(name)                the alert, what it knows and what waits
 *
 * Failures: `invalid_request` (detail.errors: path, code, message), `alert_not_found`, `redis-unavailable`.
 */

export interface AlertsOptions {
  redis: Redis;
  prefix: string;
  tenant: string;
  /** Longest wait for Redis in any call, ms. */
  deadlineMs: number;
}

/** An alert and its state. Instants are ISO 8601 in UTC. */
export interface AlertReport extends AlertDefinition {
  state: 'active' | 'paused';
  createdAt: string;
  /** When a condition was last met that is in a message; null: never. */
  lastHit: string | null;
  /** Alerts in messages, and kept back by dailyCap, of the alert's present day. */
  sentToday: number;
  withheldToday: number;
  /** Alerts that wait for a message: quiet hours, digest, or no channel. */
  pending: number;
  /** When the next message may go; null: nothing waits. */
  nextDue: string | null;
  /** What keeps it from working, or was dropped; null: nothing. */
  note: string | null;
}

/** What a backup has of an alert. */
export type SavedAlert = Pick<AlertRecord, 'definition' | 'paused' | 'createdAt'>;

/** Alerts of one tenant: each search reads all of them. */
export const MAX_ALERTS = 1000;

/** The alerts of one tenant. */
export class Alerts {
  readonly #options: AlertsOptions;
  readonly #store: AlertStore;

  constructor(options: AlertsOptions) {
    this.#options = options;
    this.#store = new AlertStore(options.redis, options.prefix, options.tenant);
  }

  /**
   * Makes an alert or replaces the one of that name. With the same source, conditions and rules it goes on from what it knows;
   * else its next look is a first one, and what waited is dropped.
   * @throws Failure `invalid_request` naming every wrong field (`detail.errors`)
   */
  put(alert: Alert): Promise<AlertReport> {
    return this.#call(async () => {
      const definition = this.#parsed(alert);
      await this.#refuseUnknown(definition);
      await this.#change(definition.name, (before) => {
        const isSame =
          before !== undefined && isDeepStrictEqual(aboutOf(before.definition), aboutOf(definition));
        return { ...(before ?? this.#made()), definition, born: isSame ? before.born : bornNow() };
      });
      return this.#report(await this.#required(definition.name));
    });
  }

  /** @throws Failure `invalid_request` as `put` would throw for this alert, what is stored apart */
  check(alert: Alert): void {
    this.#parsed(alert);
  }

  /** @throws Failure `alert_not_found` */
  get(name: string): Promise<AlertReport> {
    return this.#call(async () => this.#report(await this.#required(name)));
  }

  /** All alerts, by name. */
  list(): Promise<AlertReport[]> {
    return this.#call(async () => {
      const reports: AlertReport[] = [];
      for (const alert of await this.#store.all()) reports.push(await this.#report(alert));
      return reports;
    }, LIST_DEADLINES);
  }

  /** Nothing is compared and nothing is sent until `resume`. False: it was paused already. @throws Failure `alert_not_found` */
  pause(name: string): Promise<boolean> {
    return this.#setPaused(name, true);
  }

  /** False: it was not paused. @throws Failure `alert_not_found` */
  resume(name: string): Promise<boolean> {
    return this.#setPaused(name, false);
  }

  /** The alert, what it knows and what waits; messages that channels have already are sent. @throws Failure `alert_not_found` */
  remove(name: string): Promise<void> {
    return this.#call(async () => {
      if (!(await this.#store.remove(name))) throw notFound(name);
    });
  }

  /**
   * Puts an alert of a backup back. @param options.replace replaces the one of the same name
   * @param options.dryRun changes nothing @returns whether anything changed, or would change
   */
  restore(saved: SavedAlert, { replace, dryRun }: { replace: boolean; dryRun: boolean }): Promise<boolean> {
    return this.#call(async () => {
      const { name } = saved.definition;
      if (!replace && (await this.#store.get(name)) !== undefined) return false;
      // Its next look is a first one: what happened since the backup is not known.
      if (!dryRun) await this.#change(name, () => ({ ...saved, born: bornNow() }));
      return true;
    });
  }

  #setPaused(name: string, paused: boolean): Promise<boolean> {
    return this.#call(async () => {
      let isChanged = false;
      await this.#change(name, (before) => {
        if (before === undefined) throw notFound(name);
        isChanged = before.paused !== paused;
        return { ...before, paused };
      });
      return isChanged;
    });
  }

  #parsed(alert: unknown): AlertDefinition {
    const parsed = parseAlert(alert);
    if (!parsed.ok) throw invalid('invalid_request', parsed.errors);
    return parsed.definition;
  }

  /** A channel with a wrong name would lose alerts unseen, and so would a schedule that compares nothing. */
  async #refuseUnknown({ channels = [], schedule }: AlertDefinition): Promise<void> {
    const { redis } = this.#options;
    const known = channels.length === 0 ? [] : await redis.hmget(this.#store.keys.channels, ...channels);
    const errors = channels.flatMap((name, index) =>
      known[index] === null
        ? [{ path: `channels.${index}`, code: 'channel_not_found', message: `there is no channel ${name}` }]
        : [],
    );
    const record = schedule === undefined ? undefined : await this.#schedule(schedule);
    if (record !== undefined && record.definition.request.track === undefined)
      errors.push({
        path: 'schedule',
        code: 'no_track',
        message: `the request of schedule ${schedule} has no track, so its runs are not compared`,
      });
    if (errors.length > 0) throw invalid('invalid_request', errors);
  }

  #schedule(name: string) {
    const { redis, prefix, tenant } = this.#options;
    return new ScheduleStore(redis, prefix, tenant).get(name);
  }

  #made(): Pick<AlertRecord, 'paused' | 'createdAt'> {
    return { paused: false, createdAt: clockOf(this.#options.redis).now() };
  }

  /** Another process may change it at the same time. */
  async #change(name: string, change: (before: AlertRecord | undefined) => AlertRecord): Promise<void> {
    await clockOf(this.#options.redis, this.#options.prefix).current();
    for (;;) {
      const present = await this.#store.get(name);
      const after = change(present?.record);
      if (isDeepStrictEqual(after, present?.record)) return;
      const isOther = after.born !== present?.record.born;
      const reply = await this.#store.put(after, present?.text, { isOther, most: MAX_ALERTS });
      if (reply === 'written') return;
      if (reply === 'too-many')
        throw invalid('invalid_request', [
          {
            path: 'name',
            code: 'too_many',
            message: `there are ${MAX_ALERTS} alerts, which are the most: every search with a track reads them`,
          },
        ]);
    }
  }

  async #required(name: string): Promise<StoredAlert> {
    const found = await this.#store.get(name);
    if (found === undefined) throw notFound(name);
    return found;
  }

  async #report({ record }: StoredAlert): Promise<AlertReport> {
    const { redis, prefix } = this.#options;
    const { definition, paused, createdAt } = record;
    const { name, schedule, watchlist, channels } = definition;
    const { keys } = this.#store;
    const [dayText, pending, due, names, { text }, now] = await Promise.all([
      redis.hgetall(keys.day(name)),
      redis.llen(keys.hits(name)),
      redis.zscore(keys.due, name),
      redis.hkeys(keys.channels),
      this.#store.look(name, []),
      clockOf(redis, prefix).current(),
    ]);
    const day = readDay(dayText, definition, now);
    const isWaiting = due !== null && pending > 0 && !paused;
    // Changes of the alert and new hits are due at once to be looked at: what is found may have to wait even so.
    const next = isWaiting ? nextSending(definition, day.lastMessage, Math.max(now, Number(due))) : null;
    const missing = channels?.filter((each) => !names.includes(each)) ?? [];
    const notes: string[] = [];
    if (channels === undefined ? names.length === 0 : missing.length === channels.length)
      notes.push('it has no channel, so alerts wait and the oldest are dropped: add a channel');
    else if (missing.length > 0) notes.push(`it names channels that do not exist: ${missing.join(', ')}`);
    if (day.dropped > 0) notes.push(`${day.dropped} alerts were dropped: no channel was there`);
    if (readKnowledge(text, definition)?.isArmed !== true)
      notes.push('it waits for its first complete look, which alerts nothing');
    if (schedule !== undefined) {
      const found = await this.#schedule(schedule);
      if (found === undefined) notes.push(`there is no schedule ${schedule}`);
      else if (found.definition.request.track === undefined) notes.push(`schedule ${schedule} has no track`);
    }
    if (watchlist !== undefined) {
      const found = await new WatchStore(redis, prefix, this.#options.tenant).get(watchlist);
      if (found === undefined) notes.push(`there is no watchlist ${watchlist}`);
    }
    return {
      ...definition,
      state: paused ? 'paused' : 'active',
      createdAt: iso(createdAt),
      lastHit: day.lastHit === 0 ? null : iso(day.lastHit),
      sentToday: day.sent,
      withheldToday: Object.values(day.withheld).reduce((sum, count) => sum + count, 0),
      pending,
      nextDue: next === null ? null : iso(next),
      note: notes.length === 0 ? null : notes.join('; '),
    };
  }

  #call<T>(work: () => Promise<T>, deadlines = 1): Promise<T> {
    return withinDeadline(work(), deadlines * this.#options.deadlineMs);
  }
}

/** A thousand alerts take thousands of commands. */
const LIST_DEADLINES = 5;

/** What an alert is about. Where it is sent, and when, may change without another beginning. */
function aboutOf({ track, schedule, watchlist, when, title, seller, conditionIds }: AlertDefinition) {
  return { track, schedule, watchlist, when, title, seller, conditionIds };
}

function bornNow(): string {
  return randomBytes(8).toString('hex');
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function notFound(name: string): Failure {
  return new Failure('alert_not_found', `there is no alert ${cut(name, 60)}`);
}
