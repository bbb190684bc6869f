import type { FileHandle } from 'node:fs/promises';
import type { Redis } from 'ioredis';
import { type Config, ConfigError, environment, linesOf } from '../config/config.ts';
import { reloadablePart } from '../config/load.ts';
import { Failure } from '../failures.ts';
import { DEFAULT_TENANT } from '../fleet/declaration.ts';
import { type FleetDocument, FleetStore } from '../fleet/fleetStore.ts';
import type { Loss } from '../fleet/loss.ts';
import { snapshotOf } from '../fleet/snapshot.ts';
import { ApiKeys } from '../http/auth/apiKeys.ts';
import { restorePerson } from '../http/page/personal.ts';
import { alertKeys } from '../queue/alerts/keys.ts';
import { personalKey } from '../queue/budgets.ts';
import type { SearchProducer } from '../queue/producer.ts';
import type { OwnColumns } from '../queue/watch/watchlists/import.ts';
import { SavedTracks, type TrackRestore } from '../results/savedTracks.ts';
import {
  type BackupHeader,
  type BackupRecord,
  labelOf,
  RecordReader,
  readBackup,
  WrongBackup,
} from './backupFile.ts';
import { openProducer } from './producer.ts';

export interface RestoreOptions {
  /** Replaces what is there; default: only what is missing is written. */
  overwrite: boolean;
  /** Changes nothing, and reports what it would change. */
  dryRun: boolean;
  signal?: AbortSignal;
  /** Called for each record. */
  progress?: (records: number) => void;
}

/** What became of the records of a kind, by name. */
interface Restored {
  restored: string[];
  /** There already, and left as it is. */
  left: string[];
}

export interface RestoreReport {
  createdAt: string;
  /** QUEUE_PREFIX of the backup. */
  prefix: string;
  settings: Restored;
  tenants: Restored;
  keys: Restored;
  schedules: Restored;
  watchlists: Restored & { listings: number };
  channels: Restored;
  alerts: Restored;
  people: Restored;
  /** The report of a loss of Redis's data that this ended. */
  endedLoss: { at: string /** Names that it holds and the backup does not. */; notInBackup: string[] } | null;
  tracks: Restored & { /** Older than TRACK_TTL by now. */ expired: string[]; listings: number };
}

const nothing = (): Restored => ({ restored: [], left: [] });

/** How often another process may publish a configuration at the same moment. */
const MAX_TRIES = 20;

/** Puts back what a backup holds. It may be run again after it was killed, and beside running processes. */
export class Restore {
  readonly #file: FileHandle;
  readonly #config: Config;
  readonly #reader: RecordReader;
  #header: BackupHeader | undefined;
  #document: FleetDocument = { added: {} };

  constructor(file: FileHandle, config: Config) {
    this.#file = file;
    this.#config = config;
    this.#reader = new RecordReader(config.schedule.minInterval);
  }

  /** Reads the whole file. Needs no Redis. @throws WrongBackup naming what is wrong first */
  async check({ signal, progress }: Pick<RestoreOptions, 'signal' | 'progress'> = {}): Promise<BackupHeader> {
    let records = 0;
    const document: FleetDocument = { added: {} };
    for await (const record of readBackup(this.#file, this.#reader)) {
      signal?.throwIfAborted();
      records += 1;
      progress?.(records);
      if (record.kind === 'header') this.#header = record;
      else if (record.kind === 'tenant')
        document.added = { ...document.added, [record.name]: record.declaration };
      else if (record.kind === 'settings') {
        const { part, at, value } = record;
        // A later moment than now would keep files from being published.
        Object.assign(document, { [part]: { at: Math.min(at, Date.now()), value } });
      }
    }
    try {
      this.#fits({ version: 1, document });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw new WrongBackup(`the configuration in it is wrong: ${linesOf(error.problems)[0]}`);
    }
    // Settings that need a restart have no effect in a published version.
    if (document.settings !== undefined)
      document.settings.value = reloadablePart(document.settings.value).reloadable;
    this.#document = document;
    return this.#header as BackupHeader;
  }

  /**
   * Writes what the file holds, after `check`.
   * @throws Failure `redis-unavailable`; ConfigError where it does not fit the configuration that is there; AbortError
   */
  async run(redis: Redis, options: RestoreOptions): Promise<RestoreReport> {
    const { prefix, createdAt } = this.#header as BackupHeader;
    const report: RestoreReport = {
      ...{
        createdAt,
        prefix,
        settings: nothing(),
        tenants: nothing(),
        keys: nothing(),
        schedules: nothing(),
        watchlists: { ...nothing(), listings: 0 },
        channels: nothing(),
        alerts: nothing(),
        people: nothing(),
        endedLoss: null,
      },
      tracks: { ...nothing(), expired: [], listings: 0 },
    };
    const store = new FleetStore(redis, this.#config.queue.prefix);
    const { loss } = await store.look();
    await this.#publish(store, options, report);
    const writer = new RecordWriter(redis, this.#config, options, report);
    try {
      let records = 0;
      for await (const record of readBackup(this.#file, this.#reader)) {
        options.signal?.throwIfAborted();
        records += 1;
        options.progress?.(records);
        await writer.write(record);
      }
    } finally {
      await writer.close();
    }
    // A later loss may have taken what was written here: its report stays.
    if (!options.dryRun && loss !== undefined && (await store.clearLoss(loss)))
      report.endedLoss = { at: loss.at, notInBackup: missing(loss, writer.names) };
    return report;
  }

  /** Makes the parts and tenants that are missing a part of the fleet's next version. A tenant of a file wins. */
  async #publish(
    store: FleetStore,
    { overwrite, dryRun }: RestoreOptions,
    report: RestoreReport,
  ): Promise<void> {
    const { added, ...parts } = this.#document;
    const { configVersion } = this.#header as BackupHeader;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const present = await store.read();
      const document: FleetDocument = { ...present.document };
      report.settings = nothing();
      report.tenants = nothing();
      for (const part of Object.keys(parts) as Array<keyof typeof parts>) {
        const isWanted = overwrite || document[part] === undefined;
        report.settings[isWanted ? 'restored' : 'left'].push(part);
        if (isWanted) Object.assign(document, { [part]: parts[part] });
      }
      for (const [name, declaration] of Object.entries(added)) {
        const isOfFile = Object.hasOwn(document.tenants?.value ?? {}, name);
        const isWanted = !isOfFile && (overwrite || !Object.hasOwn(document.added, name));
        report.tenants[isWanted ? 'restored' : 'left'].push(name);
        if (isWanted) document.added = { ...document.added, [name]: declaration };
      }
      // A process that runs a later version than this one would publish its own once more.
      const version = Math.max(present.version, configVersion) + 1;
      this.#fits({ version, document });
      const isSame = JSON.stringify(document) === JSON.stringify(present.document);
      if (dryRun || isSame || (await store.publish(present.version, { version, document }))) return;
    }
    const message = 'the configuration was not published: other processes change it all the time';
    throw new Failure('redis-unavailable', message);
  }

  #fits(version: Parameters<typeof snapshotOf>[0]): void {
    snapshotOf(version, { config: this.#config, env: environment() });
  }
}

/** What is gone and not among these names. No backup holds that a queue is paused. */
function missing({ gone }: Loss, names: ReadonlySet<string>): string[] {
  const { apiKeys = [], schedules = [], paused = [], tracks = [] } = gone ?? {};
  const { channels = [], alerts = [], people = [] } = gone ?? {};
  const all = [
    ...apiKeys.map((name) => `key ${name}`),
    ...schedules.map((name) => `schedule ${name}`),
    ...paused.map((name) => `paused queue ${name}`),
    ...tracks.map((name) => `track ${name}`),
    ...channels.map((name) => `channel ${name}`),
    ...alerts.map((name) => `alert ${name}`),
    ...people.map((name) => `favourites and notes of ${name}`),
  ];
  return all.filter((name) => !names.has(name));
}

/** Writes keys, schedules, watchlists, channels, alerts, what people keep, and tracks. */
class RecordWriter {
  readonly #redis: Redis;
  readonly #config: Config;
  readonly #options: RestoreOptions;
  readonly #report: RestoreReport;
  readonly #keys: ApiKeys;
  readonly #tracks: SavedTracks;
  readonly #producers = new Map<string, SearchProducer>();
  /** Of keys, schedules, channels, alerts and tracks, as the report of a loss names them. */
  readonly names = new Set<string>();
  /** Of API keys, by their ids: a report of a loss names people by them. */
  readonly #keyNames = new Map<string, string>();
  #list:
    | { record: Extract<BackupRecord, { kind: 'watchlist' }>; entries: Map<string, OwnColumns> }
    | undefined;
  #open: { restore: TrackRestore | undefined; label: string; listings: number } | undefined;

  constructor(redis: Redis, config: Config, options: RestoreOptions, report: RestoreReport) {
    this.#redis = redis;
    this.#config = config;
    this.#options = options;
    this.#report = report;
    const { prefix } = config.queue;
    this.#keys = new ApiKeys(redis, prefix);
    this.#tracks = new SavedTracks(redis, prefix);
  }

  async write(record: BackupRecord): Promise<void> {
    const { overwrite: replace, dryRun } = this.#options;
    const { keys, schedules } = this.#report;
    if (record.kind === 'listing') return this.#listing(record);
    if (record.kind === 'watched') {
      this.#list?.entries.set(record.item, record.columns);
      return;
    }
    await this.#endTrack();
    await this.#endList();
    if (record.kind === 'watchlist') this.#list = { record, entries: new Map() };
    if (record.kind === 'track') await this.#track(record);
    if (record.kind === 'key') {
      const { kind: _, ...key } = record;
      const isRestored = dryRun
        ? replace || (await this.#keys.read(key.id)) === undefined
        : await this.#keys.restore(key, { replace });
      keys[isRestored ? 'restored' : 'left'].push(labelOf(record));
      this.names.add(`key ${key.name}`);
      this.#keyNames.set(key.id, key.name);
    }
    if (record.kind === 'schedule') {
      const { kind: _, tenant, ...schedule } = record;
      const isRestored = await this.#producer(tenant).schedule.restore(schedule, { replace, dryRun });
      schedules[isRestored ? 'restored' : 'left'].push(labelOf(record));
      this.names.add(`schedule ${ownName(tenant, schedule.definition.name)}`);
    }
    if (record.kind === 'channel') await this.#channel(record);
    if (record.kind === 'alert') {
      const { kind: _, tenant, ...alert } = record;
      const isRestored = await this.#producer(tenant).alerts.restore(alert, { replace, dryRun });
      this.#report.alerts[isRestored ? 'restored' : 'left'].push(labelOf(record));
      this.names.add(`alert ${ownName(tenant, alert.definition.name)}`);
    }
    if (record.kind === 'person') {
      const { kind: _, tenant, ...person } = record;
      const key = personalKey(this.#config.queue.prefix, tenant, person.id);
      const isRestored = await restorePerson(this.#redis, key, person, { replace, dryRun });
      this.#report.people[isRestored ? 'restored' : 'left'].push(labelOf(record));
      this.names.add(`favourites and notes of ${this.#keyNames.get(person.id) ?? person.id}`);
    }
  }

  /** As it was stored: another process opens it. What its outbox holds is sent by it. */
  async #channel(record: Extract<BackupRecord, { kind: 'channel' }>): Promise<void> {
    const { overwrite, dryRun } = this.#options;
    const { tenant, name, stored } = record;
    const { channels } = alertKeys(this.#config.queue.prefix, tenant);
    const isThere = (await this.#redis.hexists(channels, name)) === 1;
    const isWanted = overwrite || !isThere;
    if (isWanted && !dryRun) await this.#redis.hset(channels, name, stored);
    this.#report.channels[isWanted ? 'restored' : 'left'].push(labelOf(record));
    this.names.add(`channel ${ownName(tenant, name)}`);
  }

  async close(): Promise<void> {
    // Not there after an error or an interruption: then nothing of it stays.
    await this.#open?.restore?.discard().catch(() => undefined);
    await Promise.all([...this.#producers.values()].map((producer) => producer.close()));
  }

  async #track({ kind: _, ...track }: Extract<BackupRecord, { kind: 'track' }>): Promise<void> {
    const { overwrite, dryRun } = this.#options;
    const { tracks } = this.#report;
    const label = labelOf({ kind: 'track', ...track });
    this.names.add(`track ${ownName(track.tenant, track.name)}`);
    const [seconds] = await this.#redis.time();
    const lifeMs = Math.min(
      Date.parse(track.expiresAt) - Number(seconds) * 1000,
      this.#config.search.trackTtl * 1000,
    );
    if (lifeMs <= 0) tracks.expired.push(label);
    else if (!overwrite && (await this.#tracks.exists(track))) tracks.left.push(label);
    else {
      const restore = dryRun ? undefined : this.#tracks.restore(track, Math.ceil(lifeMs), overwrite);
      this.#open = { restore, label, listings: 0 };
    }
  }

  async #listing({ id, seen }: Extract<BackupRecord, { kind: 'listing' }>): Promise<void> {
    if (this.#open === undefined) return;
    this.#open.listings += 1;
    await this.#open.restore?.add({ id, seen });
  }

  async #endTrack(): Promise<void> {
    if (this.#open === undefined) return;
    const { restore, label, listings } = this.#open;
    const { tracks } = this.#report;
    // A search may have begun a track of this name meanwhile.
    const isRestored = (await restore?.end()) ?? true;
    tracks[isRestored ? 'restored' : 'left'].push(label);
    if (isRestored) tracks.listings += listings;
    else await restore?.discard();
    this.#open = undefined;
  }

  /** All listings of a list at once: there are 20,000 at most. */
  async #endList(): Promise<void> {
    if (this.#list === undefined) return;
    const { record, entries } = this.#list;
    const { overwrite: replace, dryRun } = this.#options;
    const { watchlists } = this.#report;
    const { kind: _, tenant, ...saved } = record;
    const isRestored = await this.#producer(tenant).watchlists.restore(saved, entries, { replace, dryRun });
    watchlists[isRestored ? 'restored' : 'left'].push(labelOf(record));
    if (isRestored) watchlists.listings += entries.size;
    this.#list = undefined;
  }

  #producer(tenant: string): SearchProducer {
    let producer = this.#producers.get(tenant);
    if (producer === undefined) {
      producer = openProducer(this.#config, { tenant, redis: this.#redis });
      this.#producers.set(tenant, producer);
    }
    return producer;
  }
}

/** As a census names what a tenant has. */
function ownName(tenant: string, name: string): string {
  return tenant === DEFAULT_TENANT ? name : `${tenant}/${name}`;
}
