import type { FileHandle } from 'node:fs/promises';
import { Ajv } from 'ajv';
import { NOT_UTF8 } from '../config/files.ts';
import {
  DEFAULT_TENANT,
  declarationProblems,
  nameProblem,
  type TenantDeclaration,
} from '../fleet/declaration.ts';
import type { Part, Parts } from '../fleet/fleetStore.ts';
import { MOST_DAILY_CALLS, ROLES, type SavedKey } from '../http/auth/apiKeys.ts';
import { MAX_NOTE_LENGTH, MAX_SAVED, type SavedPerson } from '../http/page/personal.ts';
import { CHANNEL_KINDS } from '../product/channelSchema.ts';
import { instantIn } from '../product/instant.ts';
import { MARKETPLACE_IDS } from '../product/marketplaces.ts';
import { isObject } from '../product/parseRequest.ts';
import { SCHEDULE_NAME } from '../product/scheduleSchema.ts';
import { cut, echo } from '../product/schemaErrors.ts';
import { OUTCOMES } from '../product/summary.ts';
import { Type } from '../product/type.ts';
import { MAX_COLUMN_NAME, MAX_COLUMN_VALUE, MAX_COLUMNS } from '../product/watchlistSchema.ts';
import type { SavedAlert } from '../queue/alerts/alerts.ts';
import { parseAlert } from '../queue/alerts/definition.ts';
import { parseSchedule } from '../queue/schedules/definition.ts';
import { type SavedSchedule, VIAS } from '../queue/schedules/store.ts';
import { parseWatchlist } from '../queue/watch/watchlists/definition.ts';
import type { OwnColumns } from '../queue/watch/watchlists/import.ts';
import type { SavedWatchlist } from '../queue/watch/watchlists/watchlists.ts';
import type { SavedListing, SavedTrack } from '../results/savedTracks.ts';

/** The form of the lines. A reader refuses a higher one. */
export const FORM = 1;

/** How many records of each kind. */
export interface Counts {
  settings: number;
  tenants: number;
  keys: number;
  schedules: number;
  tracks: number;
  listings: number;
  watchlists: number;
  /** Listings of watchlists. */
  watched: number;
  channels: number;
  alerts: number;
  /** People who keep favourites, notes or hidden listings on the page. */
  people: number;
}

export const NO_COUNTS: Counts = {
  ...{ settings: 0, tenants: 0, keys: 0, schedules: 0, tracks: 0, listings: 0 },
  ...{ watchlists: 0, watched: 0, channels: 0, alerts: 0, people: 0 },
};

export interface BackupHeader {
  kind: 'header';
  format: 'dpf-backup';
  form: number;
  createdAt: string;
  /** QUEUE_PREFIX there. */
  prefix: string;
  /** Of the fleet's configuration. */
  configVersion: number;
  /** As of the beginning. */
  counts: Counts;
}

/** A line of a backup. Each is JSON; a listing belongs to the track before it, or to the watchlist. */
export type BackupRecord =
  | BackupHeader
  /** A part of the fleet's configuration that files or `dpf config apply` published. */
  | ({ kind: 'settings'; part: keyof Parts } & Part<unknown>)
  /** A tenant that `dpf tenants add` declared. */
  | { kind: 'tenant'; name: string; declaration: TenantDeclaration }
  | ({ kind: 'key' } & SavedKey)
  | ({ kind: 'schedule'; tenant: string } & SavedSchedule)
  | ({ kind: 'track' } & SavedTrack)
  | ({ kind: 'listing' } & SavedListing)
  | ({ kind: 'watchlist'; tenant: string } & SavedWatchlist)
  | { kind: 'watched'; item: string; columns: OwnColumns }
  /** As it is stored: its secrets are sealed where TOKEN_ENCRYPTION_KEYS is set, else in the clear. */
  | { kind: 'channel'; tenant: string; name: string; stored: string }
  | ({ kind: 'alert'; tenant: string } & SavedAlert)
  /** What one person keeps on the page. */
  | ({ kind: 'person'; tenant: string } & SavedPerson)
  /** The last line: without it a file was cut off. */
  | { kind: 'end'; counts: Counts };

type Kind = BackupRecord['kind'];

/** Which count a kind of record adds to. */
export const COUNTED = {
  settings: 'settings',
  tenant: 'tenants',
  key: 'keys',
  schedule: 'schedules',
  track: 'tracks',
  listing: 'listings',
  watchlist: 'watchlists',
  watched: 'watched',
  channel: 'channels',
  alert: 'alerts',
  person: 'people',
} as const satisfies Partial<Record<Kind, keyof Counts>>;

const DAY_MS = 24 * 3600 * 1000;

const name = Type.String({ pattern: '^[a-z0-9-]{1,40}$' });
const instant = Type.String({ format: 'instant' });
const past = Type.Number({ format: 'past' });
const maybe = (schema: ReturnType<typeof Type.Number>) => Type.Union([schema, Type.Null()]);
const text = (maxLength: number) => Type.String({ maxLength });
const count = Type.Integer({ minimum: 0, maximum: 1e12 });
const counts = Type.Object({
  ...{ settings: count, tenants: count, keys: count, schedules: count, tracks: count, listings: count },
  // Missing in what release 0.2 wrote.
  ...{ watchlists: Type.Optional(count), watched: Type.Optional(count) },
  ...{ channels: Type.Optional(count), alerts: Type.Optional(count), people: Type.Optional(count) },
});
const price = Type.String({ pattern: '^-?\\d{1,20}(\\.\\d{1,10})?$' });
const flag = Type.Enum([0, 1]);
/** Longer than any channel that is stored. */
const MAX_CHANNEL = 100_000;

/** What is checked of each kind by a schema. What it does not name is not written. */
const FORMS = {
  header: Type.Object({
    format: Type.Literal('dpf-backup'),
    form: Type.Literal(FORM),
    createdAt: instant,
    prefix: text(200),
    configVersion: count,
    counts,
  }),
  settings: Type.Object({ part: Type.Enum(['settings', 'tenants', 'schedules']), at: past }),
  tenant: Type.Object({ name: text(40) }),
  key: Type.Object({
    id: Type.String({ pattern: '^[0-9a-z]{10}$' }),
    name: Type.String({ pattern: '^[a-z0-9.-]{1,60}$' }),
    tenant: name,
    roles: Type.Array(Type.Enum([...ROLES]), { minItems: 1, uniqueItems: true }),
    createdAt: instant,
    expiresAt: Type.Union([instant, Type.Null()]),
    dailyCalls: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST_DAILY_CALLS })),
    hash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    lastUsedAt: Type.Union([instant, Type.Null()]),
  }),
  schedule: Type.Object({
    tenant: name,
    source: Type.Enum(['file', 'code']),
    paused: Type.Boolean(),
    via: Type.Optional(Type.Enum([...VIAS])),
    anchor: past,
    runs: Type.Object({
      count,
      countedAt: past,
      last: Type.Array(
        Type.Object({
          searchId: Type.String({ pattern: '^[\\x21-\\x7e]{1,200}$' }),
          at: past,
          outcome: Type.Enum([...OUTCOMES]),
        }),
        { maxItems: 20 },
      ),
    }),
  }),
  track: Type.Object({
    tenant: name,
    name,
    expiresAt: instant,
    state: Type.Object({
      version: count,
      request: text(100),
      ignored: text(10_000),
      began: past,
      since: maybe(past),
      lastWhole: maybe(past),
    }),
  }),
  listing: Type.Object({
    id: Type.String({ pattern: '^[\\x21-\\x7e]{1,200}$' }),
    seen: {
      type: 'array',
      // The offers of as many variations as eBay answers with: only the length of a line limits them.
      minItems: 5,
      items: [
        past,
        Type.String({ pattern: '^[\\x21-\\x7e]{1,200}$' }),
        flag,
        Type.Union([Type.String({ pattern: '^[A-Z]{3}$' }), Type.Null()]),
        flag,
      ],
      additionalItems: {
        type: 'array',
        minItems: 4,
        maxItems: 5,
        items: [text(200), text(60), price, Type.Union([price, Type.Null()]), past],
      },
    },
  }),
  watchlist: Type.Object({ tenant: name, paused: Type.Boolean(), createdAt: past }),
  watched: Type.Object({
    item: Type.String({ pattern: '^(?:[1-9][0-9]{8,18}|v1\\|[1-9][0-9]{8,18}\\|[0-9]{1,19})$' }),
    columns: {
      type: 'object',
      maxProperties: MAX_COLUMNS,
      propertyNames: { type: 'string', maxLength: MAX_COLUMN_NAME },
      additionalProperties: { type: 'string', maxLength: MAX_COLUMN_VALUE },
    },
  }),
  channel: Type.Object({
    tenant: name,
    name: Type.String({ pattern: '^[a-z0-9-]{1,60}$' }),
    stored: text(MAX_CHANNEL),
  }),
  alert: Type.Object({ tenant: name, paused: Type.Boolean(), createdAt: past }),
  person: Type.Object({
    tenant: name,
    id: Type.String({ pattern: '^[0-9a-z]{4,10}$' }),
    news: Type.Union([Type.String({ pattern: '^\\d{1,15}-\\d{1,15}$' }), Type.Null()]),
    items: {
      type: 'object',
      maxProperties: MAX_SAVED,
      propertyNames: { type: 'string', pattern: '^[\\x21-\\x7e]{1,100}$' },
      additionalProperties: Type.Object({
        favourite: Type.Boolean(),
        hidden: Type.Boolean(),
        note: text(MAX_NOTE_LENGTH),
        site: Type.Enum(['', ...MARKETPLACE_IDS]),
        since: text(30),
        at: text(30),
      }),
    },
  }),
  end: Type.Object({ counts }),
} as const;

const isInstant = (at: string) => at.endsWith('Z') && (instantIn(at) ?? -1) >= 0;
// The clocks of two machines differ. What is far ahead would hold back what follows.
const isPast = (at: number) => at >= 0 && at <= Date.now() + DAY_MS;

/** It keeps what it compiled: the schemas take some milliseconds. */
const ajv = new Ajv({ strictTypes: false, strictTuples: false })
  .addFormat('instant', isInstant)
  .addFormat('past', { type: 'number', validate: isPast });

export class RecordReader {
  readonly #minInterval: number;

  /** @param minInterval least time between two runs of a schedule, s */
  constructor(minInterval: number) {
    this.#minInterval = minInterval;
  }

  /** A record with its known fields, or what is wrong with it; that quotes no more of it than `echo` does. */
  read(value: unknown): BackupRecord | string {
    if (!isObject(value)) return 'is no record of a backup: must be a JSON object';
    const kind = value.kind as Kind;
    if (typeof kind !== 'string' || !Object.hasOwn(FORMS, kind))
      return `has the unknown kind ${echo(value.kind)}`;
    const form = FORMS[kind] as { properties: object };
    if (!ajv.validate(form, value)) {
      const [error] = ajv.errors ?? [];
      return `${kind}${error?.instancePath.replaceAll('/', '.') ?? ''} ${error?.message ?? 'is wrong'}`;
    }
    const known = Object.fromEntries(Object.keys(form.properties).map((field) => [field, value[field]]));
    return this.#rest(kind, value, { kind, ...known } as unknown as BackupRecord);
  }

  /** What a schema cannot say. */
  #rest(kind: Kind, value: Record<string, unknown>, record: BackupRecord): BackupRecord | string {
    if (record.kind === 'settings') {
      const { part } = record;
      if (!isObject(value.value) && part !== 'schedules') return `${part} must be an object`;
      if (!Array.isArray(value.value) && part === 'schedules') return 'schedules must be a list';
      return { ...record, value: value.value };
    }
    if (record.kind === 'tenant') {
      const { declaration } = value;
      const [problem] = declarationProblems({ [record.name]: declaration }, kind);
      if (problem !== undefined) return `${problem.name} ${problem.message}`;
      return { ...record, declaration: declaration as TenantDeclaration };
    }
    if (record.kind === 'schedule') {
      const { tenant } = record;
      const limits = { tenant, marketplace: 'EBAY_US', minInterval: this.#minInterval, now: 0 };
      const parsed = parseSchedule(value.definition, limits);
      if (parsed.ok) return { ...record, definition: parsed.definition };
      const [error] = parsed.errors;
      return `schedule ${scheduleName(value.definition)}: ${error?.path ?? ''} ${error?.message ?? 'is wrong'}`;
    }
    if (record.kind === 'watchlist') {
      const limits = { marketplace: 'EBAY_US', minInterval: this.#minInterval, isStored: true };
      const parsed = parseWatchlist(value.definition, limits);
      if (parsed.ok) return { ...record, definition: parsed.definition };
      const [error] = parsed.errors;
      return `watchlist ${scheduleName(value.definition)}: ${error?.path ?? ''} ${error?.message ?? 'is wrong'}`;
    }
    if (record.kind === 'alert') {
      const parsed = parseAlert(value.definition);
      if (parsed.ok) return { ...record, definition: parsed.definition };
      const [error] = parsed.errors;
      return `alert ${scheduleName(value.definition)}: ${error?.path ?? ''} ${error?.message ?? 'is wrong'}`;
    }
    if (record.kind === 'channel' && !isChannel(record.stored))
      return `channel ${record.name} cannot be read`;
    if ('tenant' in record && record.tenant !== DEFAULT_TENANT) {
      const problem = nameProblem(record.tenant);
      if (problem !== undefined) return `${kind}.tenant ${problem}`;
    }
    return record;
  }
}

function isChannel(stored: string): boolean {
  try {
    const { kind, sealed } = JSON.parse(stored) as { kind: never; sealed: unknown };
    return CHANNEL_KINDS.includes(kind) && typeof sealed === 'string';
  } catch {
    return false;
  }
}

function scheduleName(definition: unknown): string {
  const written = isObject(definition) ? definition.name : undefined;
  return typeof written === 'string' && SCHEDULE_NAME.test(written) ? written : '';
}

/** What names a record among those of its kind. */
export function labelOf(record: BackupRecord): string {
  switch (record.kind) {
    case 'settings':
      return record.part;
    case 'tenant':
      return record.name;
    case 'key':
      return `${record.name} (${record.id})`;
    case 'watchlist':
    case 'alert':
    case 'schedule':
      return `${record.tenant}/${scheduleName(record.definition)}`;
    case 'person':
      return `${record.tenant}/${record.id}`;
    case 'channel':
    case 'track':
      return `${record.tenant}/${record.name}`;
    default:
      return '';
  }
}

/**
 * What is wrong with a record of Redis, for people who have no line of a file to look at.
 * @param problem as `RecordReader` says it @param owner the track or the watchlist that a listing belongs to
 */
export function namedProblem(record: BackupRecord, problem: string, owner: string): string {
  const isPart = record.kind === 'listing' || record.kind === 'watched';
  const id = record.kind === 'listing' ? record.id : record.kind === 'watched' ? record.item : '';
  const name = isPart ? `${owner}, listing ${cut(id, 100)}` : `${record.kind} ${labelOf(record)}`;
  // A definition is named there already, without its tenant.
  return `${name}: ${problem.replace(/^[a-z]+ [a-z0-9-]*: /, '')}`;
}

/** A file that is no backup, or not a whole one: which line, and what. */
export class WrongBackup extends Error {
  override readonly name = 'WrongBackup';
}

/** Longer than any line that a backup has: the configuration of 100 tenants takes less. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

const NO_BACKUP = 'this is no file that dpf backup wrote';

/**
 * The records of a file, checked as they are read: the header first, each name once, listings behind their track, and the
 * end with the right counts. May be called again for the same file.
 * @throws WrongBackup
 */
export async function* readBackup(file: FileHandle, reader: RecordReader): AsyncGenerator<BackupRecord> {
  const found = { ...NO_COUNTS };
  const labels = new Set<string>();
  let previous: Kind | undefined;
  let number = 0;
  const refuse = (what: string): never => {
    throw new WrongBackup(`line ${number} ${what}`);
  };
  for await (const line of lines(file)) {
    number += 1;
    if (line === TOO_LONG) refuse(`is longer than ${MAX_LINE_BYTES / 1024 / 1024} MiB: ${NO_BACKUP}`);
    // An editor may have added an empty line.
    if (previous === 'end' && line.toString().trim() === '') continue;
    if (previous === 'end') refuse('follows the end of the backup');
    const value = number === 1 ? headerOf(line) : parse(line);
    if (value === undefined) refuse('is not JSON in UTF-8');
    const record = reader.read(value);
    if (typeof record === 'string') return refuse(record);
    if ((record.kind === 'header') !== (previous === undefined))
      refuse(`has the kind ${record.kind} in a wrong place`);
    if (record.kind === 'listing' && previous !== 'track' && previous !== 'listing')
      refuse('is a listing without a track');
    if (record.kind === 'watched' && previous !== 'watchlist' && previous !== 'watched')
      refuse('is a listing without a watchlist');
    previous = record.kind;
    if (record.kind === 'end') {
      const wrong = (Object.keys(found) as Array<keyof Counts>).find(
        (each) => found[each] !== (record.counts[each] ?? 0),
      );
      if (wrong !== undefined)
        refuse(
          `says ${record.counts[wrong]} ${wrong}, but there are ${found[wrong]}: lines are missing or were added`,
        );
    } else if (record.kind !== 'header') {
      found[COUNTED[record.kind]] += 1;
      const label = `${record.kind} ${labelOf(record)}`;
      const isNamed = record.kind !== 'listing' && record.kind !== 'watched';
      if (isNamed && labels.has(label)) refuse(`has the ${label} a second time`);
      if (isNamed) labels.add(label);
    }
    yield record;
  }
  if (previous === undefined) throw new WrongBackup(`the file is empty: ${NO_BACKUP}`);
  if (previous !== 'end')
    throw new WrongBackup(`the file is cut off after line ${number}: its last line is missing`);
}

/** @throws WrongBackup where this release cannot read the file */
function headerOf(line: Buffer): unknown {
  // Windows PowerShell writes what a program prints so.
  if (line[0] === 0xff || line[0] === 0xfe) throw new WrongBackup(`the file ${NOT_UTF8}`);
  const value = parse(line);
  const header: Record<string, unknown> = isObject(value) ? value : {};
  if (header.kind !== 'header' || header.format !== 'dpf-backup')
    throw new WrongBackup(`line 1 is not the header of a backup: ${NO_BACKUP}`);
  if (typeof header.form === 'number' && header.form > FORM) {
    const message = `line 1 says form ${header.form}, and this release reads form ${FORM}: use a newer release of dpf`;
    throw new WrongBackup(message);
  }
  return value;
}

function parse(line: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line));
  } catch {
    return undefined;
  }
}

const TOO_LONG = Buffer.alloc(0);
const NEW_LINE = 0x0a;

/** The lines of a file from its beginning; TOO_LONG ends them, of which no more is read. */
async function* lines(file: FileHandle): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = [];
  let size = 0;
  for await (const chunk of file.createReadStream({ start: 0, autoClose: false }) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(NEW_LINE); at !== -1; at = chunk.indexOf(NEW_LINE, from)) {
      yield Buffer.concat([...pieces, chunk.subarray(from, at)]);
      pieces = [];
      size = 0;
      from = at + 1;
    }
    pieces.push(chunk.subarray(from));
    size += chunk.length - from;
    if (size > MAX_LINE_BYTES) {
      yield TOO_LONG;
      return;
    }
  }
  if (size > 0) yield Buffer.concat(pieces);
}
