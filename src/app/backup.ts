import { isDeepStrictEqual } from 'node:util';
import type { Redis } from 'ioredis';
import { FleetStore } from '../fleet/fleetStore.ts';
import { ApiKeys } from '../http/auth/apiKeys.ts';
import { savedPerson } from '../http/page/personal.ts';
import { alertKeys } from '../queue/alerts/keys.ts';
import { AlertStore } from '../queue/alerts/store.ts';
import { ScheduleStore, tenantsWithSchedules } from '../queue/schedules/store.ts';
import { type ListRecord, WatchStore } from '../queue/watch/watchlists/store.ts';
import { hashesBeginning } from '../redis/nodes.ts';
import { SavedTracks } from '../results/savedTracks.ts';
import type { TrackId } from '../results/tracks.ts';
import {
  type BackupHeader,
  type BackupRecord,
  COUNTED,
  type Counts,
  FORM,
  labelOf,
  NO_COUNTS,
  namedProblem,
  RecordReader,
} from './backupFile.ts';

interface BackupSettings {
  prefix: string;
  /** Whether what tracks remember is saved too. */
  tracks: boolean;
  signal?: AbortSignal;
}

/** What a backup holds, known when its last line is written. */
export interface BackupReport {
  createdAt: string;
  prefix: string;
  counts: Counts;
  /** Records that no restore could read, and why. */
  leftOut: string[];
  /** Tracks that a search changed while they were read. */
  changed: string[];
}

/** SCHEDULE_MIN_INTERVAL decides when a schedule is put back, not when it is saved. */
const ANY_INTERVAL = 1;

/**
 * Everything that only Redis has and that a job does not make again, in the order in which it is put back. It changes nothing
 * and reads a part at a time, while the service goes on.
 */
export class Backup {
  readonly #redis: Redis;
  readonly #settings: BackupSettings;
  readonly #tracks: SavedTracks;
  readonly #reader = new RecordReader(ANY_INTERVAL);
  readonly report: BackupReport;
  /** As of the beginning; listings of tracks that grow meanwhile are not among them. */
  planned: Counts = NO_COUNTS;

  constructor(redis: Redis, settings: BackupSettings) {
    this.#redis = redis;
    this.#settings = settings;
    this.#tracks = new SavedTracks(redis, settings.prefix);
    const createdAt = new Date().toISOString();
    this.report = { createdAt, prefix: settings.prefix, counts: { ...NO_COUNTS }, leftOut: [], changed: [] };
  }

  /** The lines of the file, a few at a time. @throws AbortError */
  async *lines(): AsyncGenerator<string> {
    const { prefix, tracks: withTracks, signal } = this.#settings;
    const records = await this.#small();
    const lists = await allWatchlists(this.#redis, prefix, signal);
    const tracks = withTracks ? await this.#tracks.all(signal) : [];
    const { version } = await new FleetStore(this.#redis, prefix).read();
    this.planned = {
      ...countsOf(records),
      watchlists: lists.length,
      watched: lists.reduce((sum, { entries }) => sum + entries, 0),
      tracks: tracks.length,
      listings: tracks.reduce((sum, { listings }) => sum + listings, 0),
    };
    const { createdAt, counts } = this.report;
    const header: BackupHeader = {
      ...{ kind: 'header', format: 'dpf-backup', form: FORM, createdAt, prefix },
      configVersion: version,
      counts: this.planned,
    };
    yield line(header) + this.#checked(records);
    for (const list of lists) yield* this.#watchlist(list);
    for (const track of tracks) {
      signal?.throwIfAborted();
      yield* this.#track(track);
    }
    yield line({ kind: 'end', counts });
  }

  /** All but the tracks. */
  async #small(): Promise<BackupRecord[]> {
    const { prefix, signal } = this.#settings;
    const { document } = await new FleetStore(this.#redis, prefix).read();
    const records: BackupRecord[] = [];
    for (const part of ['settings', 'tenants', 'schedules'] as const) {
      const published = document[part];
      if (published !== undefined) records.push({ kind: 'settings', part, ...published });
    }
    for (const [name, declaration] of Object.entries(document.added))
      records.push({ kind: 'tenant', name, declaration });
    for (const [id, key] of await new ApiKeys(this.#redis, prefix).saved())
      if (key === undefined) this.report.leftOut.push(`key ${id}: is not JSON`);
      else records.push({ kind: 'key', ...key });
    for (const tenant of await tenantsWithSchedules(this.#redis, prefix, signal))
      for (const [name, schedule] of await new ScheduleStore(this.#redis, prefix, tenant).saved())
        if (schedule === undefined) this.report.leftOut.push(`schedule ${tenant}/${name}: is not JSON`);
        else records.push({ kind: 'schedule', tenant, ...schedule });
    for (const tenant of await this.#tenantsWith('channels')) {
      const stored = await this.#redis.hgetall(alertKeys(prefix, tenant).channels);
      for (const name of Object.keys(stored).sort())
        records.push({ kind: 'channel', tenant, name, stored: stored[name] as string });
    }
    for (const tenant of await this.#tenantsWith('alerts'))
      for (const { record } of await new AlertStore(this.#redis, prefix, tenant).all()) {
        const { definition, paused, createdAt } = record;
        records.push({ kind: 'alert', tenant, definition, paused, createdAt });
      }
    for (const place of await this.#tenantsWith('personal')) {
      const [tenant = '', id = ''] = place.split(':');
      const person = await savedPerson(this.#redis, `${prefix}:personal:${place}`, id);
      if (person !== undefined) records.push({ kind: 'person', tenant, ...person });
    }
    return records;
  }

  async #tenantsWith(what: 'channels' | 'alerts' | 'personal'): Promise<string[]> {
    const { prefix, signal } = this.#settings;
    const start = `${prefix}:${what}:`;
    return (await hashesBeginning(this.#redis, start, signal)).map((key) => key.slice(start.length));
  }

  async *#watchlist({ tenant, store, record }: FoundWatchlist): AsyncGenerator<string> {
    const { definition, paused, createdAt } = record;
    yield this.#checked([{ kind: 'watchlist', tenant, definition, paused, createdAt }]);
    const ids = (await store.entryIds(definition.name)).sort();
    for (let from = 0; from < ids.length; from += WATCHED_AT_ONCE) {
      this.#settings.signal?.throwIfAborted();
      const batch = ids.slice(from, from + WATCHED_AT_ONCE);
      const columns = await store.columns(definition.name, batch);
      const entries = batch.flatMap((item, index) => {
        const own = columns[index];
        return own === undefined ? [] : [{ kind: 'watched' as const, item, columns: own }];
      });
      yield this.#checked(entries, `watchlist ${tenant}/${definition.name}`);
    }
  }

  /** The state first: with a later one, a listing that is gone would never be reported as gone. */
  async *#track(track: TrackId): AsyncGenerator<string> {
    const label = labelOf({ kind: 'track', ...track } as BackupRecord);
    const head = await this.#tracks.head(track);
    // It has expired since it was found.
    if (head === undefined && !(await this.#tracks.exists(track))) return;
    const text = head && this.#checked([{ kind: 'track', ...head }]);
    if (!text) {
      if (head === undefined) this.report.leftOut.push(`track ${label}: cannot be read`);
      return;
    }
    yield text;
    for await (const listings of this.#tracks.listings(track)) {
      this.#settings.signal?.throwIfAborted();
      const records = listings.map((listing) => ({ kind: 'listing' as const, ...listing }));
      yield this.#checked(records, `track ${label}`);
    }
    if (!isDeepStrictEqual((await this.#tracks.head(track))?.state, head?.state))
      this.report.changed.push(label);
  }

  /** The lines of those records that a restore would take. @param owner of listings, for what is left out */
  #checked(records: readonly BackupRecord[], owner = ''): string {
    const { counts, leftOut } = this.report;
    let lines = '';
    for (const record of records) {
      const read = this.#reader.read(record);
      if (typeof read === 'string') {
        leftOut.push(namedProblem(record, read, owner));
        continue;
      }
      counts[COUNTED[record.kind as keyof typeof COUNTED]] += 1;
      lines += line(read);
    }
    return lines;
  }
}

/** Listings of a watchlist that are read at once. */
const WATCHED_AT_ONCE = 1000;

interface FoundWatchlist {
  tenant: string;
  store: WatchStore;
  record: ListRecord;
  entries: number;
}

async function allWatchlists(redis: Redis, prefix: string, signal?: AbortSignal): Promise<FoundWatchlist[]> {
  const start = `${prefix}:watchlists:`;
  const found: FoundWatchlist[] = [];
  for (const key of (await hashesBeginning(redis, start, signal)).sort()) {
    const tenant = key.slice(start.length);
    const store = new WatchStore(redis, prefix, tenant);
    for (const { record } of await store.all())
      found.push({ tenant, store, record, entries: await store.count(record.definition.name) });
  }
  return found;
}

function countsOf(records: readonly BackupRecord[]): Counts {
  const counts = { ...NO_COUNTS };
  for (const { kind } of records) counts[COUNTED[kind as keyof typeof COUNTED]] += 1;
  return counts;
}

function line(record: BackupRecord): string {
  return `${JSON.stringify(record)}\n`;
}
