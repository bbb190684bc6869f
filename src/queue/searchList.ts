import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { fewestCalls } from '../collector/paging.ts';
import { type FailureCode, parseReason, withBecause } from '../failures.ts';
import { dayOrInstantIn } from '../product/instant.ts';
import { isObject, parseSearchRequest } from '../product/parseRequest.ts';
import type { NormalRequest, Priority } from '../product/requestSchema.ts';
import type { InputError } from '../product/schemaErrors.ts';
import { searchTitle } from '../product/subject.ts';
import { OUTCOMES, type Outcome, type SearchSummary } from '../product/summary.ts';
import { LuaScript } from '../redis/luaScript.ts';
import { clockOf } from '../redis/redisClock.ts';
import type { Run, SearchRef, SearchStore } from '../results/searchStore.ts';
import { apiKeysKey } from './budgets.ts';
import { type Entry, idOfEntry, isEntry, JobIndex, type Step, timeOfEntry } from './bullmq/jobIndex.ts';
import { classOf, SEARCH_JOB } from './bullmq/queues.ts';
import { dueAt } from './bullmq/repeat.ts';
import type { State } from './bullmq/storedJobs.ts';
import { callerOf, type SearchCaller } from './caller.ts';
import type { Admission, Closed } from './search/context.ts';
import { invalid, isNewer } from './search/jobData.ts';
import type { SearchProgress } from './search/plan.ts';
import { besideGate } from './searchReader.ts';

export const SEARCH_STATES = ['queued', 'waiting', 'collecting', 'done'] as const;
export type SearchState = (typeof SEARCH_STATES)[number];
/** `under-way`: in any state but `done`. */
export const STATE_FILTERS = [...SEARCH_STATES, 'under-way'] as const;

/** Searches of one part of the list, at most. */
export const MOST_LISTED = 200;
const LISTED = 50;
/** Searches that one part looks at where it is filtered: a hundred milliseconds. */
const MOST_LOOKED_AT = 1000;
const LOOKED_AT_ONCE = 200;
export const LONGEST_FILTER = 100;

export interface SearchListQuery {
  state?: (typeof STATE_FILTERS)[number] | undefined;
  /** How it ended. */
  outcome?: Outcome | undefined;
  /** Words that are all in its title; or its id. */
  text?: string | undefined;
  /** Id or name of an API key, name of a schedule or a watchlist, or a kind such as `cli` or `schedule`. */
  caller?: string | undefined;
  /** Without those that schedules and watchlists make. */
  withoutLooks?: boolean | undefined;
  /** Only what was added later: an age such as `2h`, an instant with its offset (ISO 8601), or a day in UTC. */
  since?: string | undefined;
  /** 1 to 200; default 50. */
  limit?: number | undefined;
  /** `next` of the part before. */
  cursor?: string | undefined;
}

/** A search of the list. Instants are ISO 8601 in UTC. */
export interface ListedSearch {
  searchId: string;
  state: SearchState;
  /** Null until it has ended, and of one whose end cannot be read. */
  outcome: Outcome | null;
  /** What it looks for, in words; null where its job cannot be read. */
  title: string | null;
  marketplaces: string[];
  /** The class that its request asks for. */
  priority: Priority;
  /** When it was added; of a planned run, when it became due. */
  addedAt: string;
  /** When its present run began; null before. */
  startedAt: string | null;
  finishedAt: string | null;
  /** Seconds since it was added. */
  age: number;
  caller: SearchCaller;
  /** Calls and products; so far as its pages are there, until it has ended. Null where that is not known. */
  calls: number | null;
  products: number | null;
  /** Of one that is under way. */
  progress: SearchProgress | null;
  error: { code: FailureCode; message: string } | null;
  /** Parts of its result that failed; another run would call for them. */
  missing: number;
}

/** With what it asks for; null where that cannot be read. */
export type FoundSearch = ListedSearch & { request: NormalRequest | null };

export interface SearchListPart {
  searches: FoundSearch[];
  /** For the next part. A filtered part may have fewer searches than were asked for, or none, and yet be followed by others. */
  next: string | null;
}

interface ListParts {
  redis: Redis;
  searches: Queue;
  prefix: string;
  tenant: string;
  store: SearchStore;
  defaults: { readonly marketplace: string; readonly costs?: unknown };
  admission: Admission;
  /** Does one step, within a deadline of its own: to make the index of very many searches takes longer than one. */
  step: Step;
}

const FIELDS = ['name', 'data', 'opts', 'progress', 'returnvalue', 'failedReason'] as const;
/** Stands for a field that is too large to be read; no JSON. */
const TOO_LARGE = '\u0000';

/**
 * Reads jobs in one step. Any program may have added them: a field of more than its limit is not sent, and of all jobs
 * together no more than a limit. KEYS: one of the queue's. ARGV: the queue's keys up to the id, bytes of all, ids.
 */
const READ = new LuaScript(`
local rows, left = {}, tonumber(ARGV[2])
local most = {name = 256, data = 65536, opts = 16384, progress = 16384, returnvalue = 1048576, failedReason = 16384}
for i = 3, #ARGV do
  local key = ARGV[1] .. ARGV[i]
  local row = redis.pcall('HMGET', key, 'timestamp', 'processedOn', 'finishedOn', 'rjk')
  if row.err or not row[1] then
    row = {}
  else
    for n, field in ipairs({'${FIELDS.join("', '")}'}) do
      local size = redis.call('HSTRLEN', key, field)
      if size > most[field] or size > left then
        row[4 + n] = '\\0'
      else
        row[4 + n] = redis.call('HGET', key, field)
        left = left - size
      end
    end
  end
  rows[#rows + 1] = row
end
return rows`);
const MOST_BYTES = 4 * 1024 * 1024;

/** A search's job as it is stored. */
interface Row {
  entry: Entry;
  id: string;
  timestamp: number;
  processedOn: number | undefined;
  hasEnded: boolean;
  finishedOn: number | undefined;
  name: string;
  data: unknown;
  progress: SearchProgress | null;
  /** Undefined where it has none. */
  summary: SearchSummary | undefined;
  outcome: Outcome | null;
  error: ListedSearch['error'];
  title: string | null;
  caller: SearchCaller;
}

const OPEN: readonly State[] = ['wait', 'paused', 'prioritized', 'delayed', 'active', 'waiting-children'];

/** The states of BullMQ in which all that a filter lets through are; undefined where that is most of them. */
function statesOf({ state, outcome }: SearchListQuery): readonly State[] | undefined {
  if (outcome === 'failed') return ['failed'];
  return state === undefined || state === 'done' ? undefined : OPEN;
}

/**
 * The searches of a tenant, newest first. The order is that of the times at which they were added, which do not change: who
 * reads part after part sees each search once that is there all the time, whatever states they go through meanwhile. Those
 * that are added meanwhile are in the list that is read next. Those that are filtered are judged by the state that they are in
 * when their part is read.
 */
export class SearchList {
  readonly #parts: ListParts;
  readonly #index: JobIndex;

  constructor(parts: ListParts) {
    this.#parts = parts;
    const { redis, searches, prefix, tenant, step } = parts;
    this.#index = new JobIndex(redis, searches, { key: `${prefix}:searches:${tenant}`, step });
  }

  /** @throws Failure `invalid_request` naming every wrong parameter */
  async read(query: SearchListQuery): Promise<SearchListPart> {
    const { redis, prefix, step } = this.#parts;
    const now = await step(() => clockOf(redis, prefix).current());
    const { limit, since, after, fits, isFiltered } = checked(query, now);
    const entriesAfter = await this.#source(query, since);
    const found: FoundSearch[] = [];
    let last = after;
    for (let looked = 0; ; ) {
      const from = last;
      // Where jobs are gone, a small part would need very many steps to get past their entries.
      const size = isFiltered || looked > 0 ? LOOKED_AT_ONCE : limit;
      const { entries, here, listed } = await step(async () => {
        const entries = await entriesAfter(from, size + 1);
        const here = entries.slice(0, size);
        return { entries, here, listed: await this.#listed(await this.#rows(here), now, fits) };
      });
      const room = limit - found.length;
      found.push(...listed.slice(0, room).map(({ search }) => search));
      const isLast = entries.length <= size;
      if (listed.length > room || (listed.length === room && !isLast)) {
        // Where those that follow were looked at too, they are looked at again.
        const end = listed[room - 1]?.entry ?? (here.at(-1) as Entry);
        return { searches: found, next: cursorOf(end) };
      }
      if (isLast) return { searches: found, next: null };
      last = here.at(-1);
      looked += size;
      if (isFiltered && looked >= MOST_LOOKED_AT) return { searches: found, next: cursorOf(last as Entry) };
    }
  }

  /** Where the entries come from: few jobs of the states that a filter lets through are found without the index. */
  async #source(query: SearchListQuery, since: number) {
    const states = statesOf(query);
    const few = states && (await this.#index.inStates(states, MOST_LOOKED_AT));
    if (few !== undefined)
      return async (after: Entry | undefined, count: number) =>
        few
          .filter((entry) => (after === undefined || entry < after) && timeOfEntry(entry) >= since)
          .slice(0, count);
    await this.#index.update();
    return (after: Entry | undefined, count: number) => this.#index.read(after, since, count);
  }

  /** Of the jobs that are still there. */
  async #rows(entries: readonly Entry[]): Promise<Row[]> {
    if (entries.length === 0) return [];
    const { redis, searches } = this.#parts;
    const ids = entries.map(idOfEntry);
    const args = [searches.toKey(''), MOST_BYTES, ...ids];
    const replies = (await READ.run(redis, searches.toKey('meta'), args)) as Array<Array<string | null>>;
    const gone: Entry[] = [];
    const rows = entries.flatMap((entry, at) => {
      const fields = replies[at] ?? [];
      const row = fields.length === 0 ? undefined : rowFrom(entry, fields);
      if (row === undefined) gone.push(entry);
      return row ?? [];
    });
    await this.#index.remove(gone);
    return this.#named(rows);
  }

  /** With the names of API keys. */
  async #named(rows: readonly Row[]): Promise<Row[]> {
    const { redis, prefix } = this.#parts;
    const ids = [...new Set(rows.flatMap(({ caller }) => caller.key ?? []))];
    if (ids.length === 0) return [...rows];
    const texts = await redis.hmget(apiKeysKey(prefix), ...ids);
    const names = new Map(ids.map((id, at) => [id, nameIn(texts[at] ?? null)]));
    return rows.map((row) => {
      const { key } = row.caller;
      return key === null ? row : { ...row, caller: { ...row.caller, name: names.get(key) ?? null } };
    });
  }

  /** Those of them that fit. What is under way takes a look at its run. */
  async #listed(rows: readonly Row[], now: number, fits: Fits) {
    const chosen = rows.filter(fits.row);
    const { store, tenant } = this.#parts;
    const runs = await Promise.all(
      chosen.map(({ summary, id, timestamp, data }) => {
        if (summary !== undefined && isObject(data)) return undefined;
        return readRun(store, { tenant, searchId: id, timestamp });
      }),
    );
    const classes = chosen.map((row, at) => runs[at]?.run?.request?.priority ?? classOf(row.data));
    const gates = await this.#gates(
      chosen.flatMap((row, at) => (row.hasEnded ? [] : [classes[at] as Priority])),
    );
    const listed = chosen.map((row, at) => {
      const closed = gates.get(classes[at] as Priority);
      return { entry: row.entry, search: this.#search(row, runs[at], closed, now) };
    });
    return listed.filter(({ search }) => fits.search(search));
  }

  async #gates(classes: readonly Priority[]): Promise<Map<Priority, Closed | undefined>> {
    const { admission, redis } = this.#parts;
    const clock = clockOf(redis);
    const known = [...new Set(classes)].map(async (name) => {
      const closed = await admission.closedFor(name);
      const until = closed && Math.round(clock.fromHere(closed.until));
      return [name, closed && { ...closed, until: until as number }] as const;
    });
    return new Map(await Promise.all(known));
  }

  #search(row: Row, known: RunFacts | undefined, closed: Closed | undefined, now: number): FoundSearch {
    const { id: searchId, data, timestamp, hasEnded, entry } = row;
    const { marketplace, costs } = this.#parts.defaults;
    const run = known?.run;
    const parsed =
      run?.request === undefined && row.name === SEARCH_JOB && isObject(data) && !isNewer(data)
        ? parseSearchRequest(data, { marketplace, costs })
        : undefined;
    const request = run?.request ?? (parsed?.ok ? parsed.request : null);
    const isWithdrawn = !hasEnded && run?.withdrawn === true;
    const summary = isWithdrawn ? run?.withdrawnEnd?.summary : row.summary;
    const state = hasEnded || isWithdrawn ? 'done' : openState(row, now);
    const there = known && { pages: known.pages, products: Math.min(known.products, request?.maxItems ?? 0) };
    const written = { ...row.progress, ...there } as SearchProgress;
    const progress: SearchProgress | null =
      state === 'done' || (row.progress === null && run === undefined)
        ? null
        : {
            ...written,
            state: state === 'waiting' ? 'waiting' : 'collecting',
            of: pagesOf(written, request),
          };
    const report = besideGate(
      { searchId, state, progress, summary: null, error: null } as Parameters<typeof besideGate>[0],
      closed,
    );
    const begunAt = run?.startedAt ?? row.processedOn;
    return {
      searchId,
      state: report.state,
      outcome: isWithdrawn ? 'cancelled' : row.outcome,
      title: request === null ? row.title : searchTitle(request),
      marketplaces: request?.marketplaces ?? [],
      priority: request?.priority ?? classOf(data),
      addedAt: iso(timeOfEntry(entry)) ?? iso(timestamp) ?? new Date(0).toISOString(),
      startedAt: summary?.startedAt ?? iso(begunAt),
      finishedAt: summary?.finishedAt ?? (hasEnded ? iso(row.finishedOn) : null),
      age: Math.max(0, Math.round((now - timeOfEntry(entry)) / 1000)),
      caller: row.caller,
      calls: summary?.calls ?? callsOf(run, there?.pages),
      products: summary?.counts.products ?? (run === undefined ? null : (there?.products ?? null)),
      progress: report.progress && withBecause(report.progress),
      error: row.error,
      missing: summary?.missing.length ?? 0,
      request,
    };
  }
}

interface RunFacts {
  run: Run | undefined;
  /** Pages that are there, and how many of their items fit. */
  pages: number;
  products: number;
}

async function readRun(store: SearchStore, ref: SearchRef): Promise<RunFacts> {
  const run = await store.readRun(ref);
  if (run?.request === undefined) return { run, pages: 0, products: 0 };
  const source = { ...ref, ...run.source };
  const looks = await Promise.all(run.request.marketplaces.map((chain) => store.look(source, '1', chain)));
  const facts = looks.flatMap((look) => look.facts);
  return { run, pages: facts.length, products: facts.reduce((sum, { fitting }) => sum + fitting, 0) };
}

/** So far; null before its run begins. */
function callsOf(run: Run | undefined, pages = 0): number | null {
  if (run === undefined) return null;
  // What another search has called for costs this one nothing.
  return run.failedCalls + (run.source === undefined ? pages : 0);
}

function pagesOf({ pages = 0, of = 0 }: SearchProgress, request: NormalRequest | null): number {
  return Math.max(pages, of, request === null ? 0 : fewestCalls(request));
}

/** As `SearchReader.report` has it. */
function openState({ progress, processedOn }: Row, now: number): SearchState {
  if (progress?.state === 'waiting') {
    const isDue = progress.attempt !== undefined && (progress.until ?? 0) <= now;
    return isDue ? 'collecting' : 'waiting';
  }
  return progress !== null || processedOn !== undefined ? 'collecting' : 'queued';
}

/** Undefined where another job has the id now. */
function rowFrom(entry: Entry, fields: ReadonlyArray<string | null>): Row | undefined {
  const [timestamp, processedOn, finishedOn, rjk, name, json, opts, written, returned, reason] = fields;
  const id = idOfEntry(entry);
  const added = Math.floor(dueAt(id, Number(timestamp)));
  if (added !== timeOfEntry(entry) && isTime(added)) return undefined;
  const data = parsed(json);
  const summary = summaryIn(parsed(returned));
  const hasEnded = finishedOn !== null && finishedOn !== undefined;
  const hasFailed = hasEnded && (returned === null || returned === undefined);
  return {
    entry,
    id,
    timestamp: Number(timestamp),
    processedOn: processedOn ? Number(processedOn) : undefined,
    hasEnded,
    finishedOn: hasEnded ? Number(finishedOn) : undefined,
    name: name ?? '',
    data,
    progress: progressIn(parsed(written)),
    summary: hasEnded && !hasFailed ? summary : undefined,
    outcome: hasFailed ? 'failed' : hasEnded ? (summary?.outcome ?? null) : null,
    error: hasFailed ? parseReason(reason ?? '') : null,
    title: name === SEARCH_JOB ? roughTitle(data) : null,
    caller: callerOf({
      id,
      timestamp: Number(timestamp),
      ...(rjk && { repeatJobKey: rjk }),
      opts: parsed(opts),
    }),
  };
}

function parsed(json: string | null | undefined): unknown {
  if (!json || json === TOO_LARGE) return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** No clock is that wrong; an entry has the nearest time that can be written. */
function isTime(ms: number): boolean {
  return ms >= 0 && ms < 999_999_999_999_999;
}

/** Of what a job's progress says; another program may have written anything. */
function progressIn(value: unknown): SearchProgress | null {
  if (!isObject(value)) return null;
  const { state, pages, of, products, until, attempt, attempts, reason } = value;
  if (state !== 'waiting' && state !== 'collecting') return null;
  const counts = { pages, of, products, until, attempt, attempts };
  const numbers = Object.entries(counts).filter(([, count]) => Number.isSafeInteger(count));
  return {
    ...{ state, pages: 0, of: 0, products: 0 },
    ...Object.fromEntries(numbers),
    ...(typeof reason === 'string' && { reason: reason.slice(0, 64) }),
  };
}

/** Of what a job returned; another program's job may return anything. */
function summaryIn(value: unknown): SearchSummary | undefined {
  if (!isObject(value) || !isObject(value.counts) || !Array.isArray(value.missing)) return undefined;
  const { outcome, calls, counts, startedAt, finishedAt } = value;
  const isOurs =
    OUTCOMES.includes(outcome as Outcome) &&
    [calls, counts.products].every((each) => Number.isInteger(each)) &&
    [startedAt, finishedAt].every((each) => typeof each === 'string' && Number.isFinite(Date.parse(each)));
  return isOurs ? (value as unknown as SearchSummary) : undefined;
}

/** What a request looks for, before it is checked. */
function roughTitle(data: unknown): string | null {
  if (!isObject(data)) return null;
  const text = (value: unknown) => (typeof value === 'string' ? value.slice(0, 200) : undefined);
  const texts = (value: unknown) =>
    Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string')
      ? (value as string[])
      : undefined;
  const subject = {
    query: text(data.query),
    items: texts(data.items),
    gtin: text(data.gtin),
    epid: text(data.epid),
    image: text(data.image),
    categoryIds: texts(data.categoryIds),
  };
  const given = Object.entries(subject).filter(([, value]) => value !== undefined);
  return given.length === 0 ? null : searchTitle(Object.fromEntries(given));
}

function nameIn(json: string | null): string | null {
  const record = parsed(json);
  return isObject(record) && typeof record.name === 'string' ? record.name : null;
}

function iso(ms: number | undefined): string | null {
  if (ms === undefined || !Number.isFinite(ms)) return null;
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** A filter, of what is in a job alone and of what is found out about it. */
interface Fits {
  row(row: Row): boolean;
  search(search: ListedSearch): boolean;
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** @throws Failure `invalid_request` */
function checked(query: SearchListQuery, now: number) {
  const { state, outcome, text = '', caller = '', withoutLooks = false } = query;
  const { since, limit = LISTED, cursor } = query;
  const errors: InputError[] = [];
  const refuse = (path: string, message: string) =>
    void errors.push({ path, code: 'invalid_parameter', message });
  if (state !== undefined && !STATE_FILTERS.includes(state))
    refuse('state', `must be one of ${STATE_FILTERS.join(', ')}`);
  if (outcome !== undefined && !OUTCOMES.includes(outcome))
    refuse('outcome', `must be one of ${OUTCOMES.join(', ')}`);
  for (const [path, value] of Object.entries({ text, caller }))
    if (typeof value !== 'string' || value.length > LONGEST_FILTER)
      refuse(path, `must be text of at most ${LONGEST_FILTER} characters`);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_LISTED)
    refuse('limit', `must be a whole number from 1 to ${MOST_LISTED}`);
  const from = since === undefined || since === '' ? 0 : sinceMs(since, now);
  if (from === undefined)
    refuse(
      'since',
      'must be an age such as 30m, 2h or 3d, a time with its offset such as 2030-01-31T09:00:00Z, or a day such as 2030-01-31',
    );
  const after = cursor === undefined || cursor === '' ? undefined : entryIn(cursor);
  if (after === null) refuse('cursor', 'must be `next` of a part that was read before');
  if (errors.length > 0) throw invalid('invalid_request', errors);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const asked = caller.trim().toLowerCase();
  return {
    limit,
    since: from ?? 0,
    after: after ?? undefined,
    isFiltered: (state ?? outcome) !== undefined || words.length > 0 || asked !== '' || withoutLooks,
    fits: {
      row: (row: Row) => {
        if (outcome !== undefined && row.hasEnded && row.outcome !== outcome) return false;
        if (state !== undefined && state !== 'done' && row.hasEnded) return false;
        if (withoutLooks && LOOKING.has(row.caller.kind)) return false;
        const title = row.title?.toLowerCase() ?? '';
        const isNamed = words.every((word) => title.includes(word)) || row.id === text.trim();
        return isNamed && (asked === '' || namesOf(row.caller).includes(asked));
      },
      search: (search: ListedSearch) =>
        (state === undefined ||
          search.state === state ||
          (state === 'under-way' && search.state !== 'done')) &&
        (outcome === undefined || search.outcome === outcome),
    } satisfies Fits,
  };
}

const LOOKING: ReadonlySet<SearchCaller['kind']> = new Set(['schedule', 'watchlist']);

/** By what a caller is found: its kind, its name, its key, or two of these such as `schedule:drones`. */
function namesOf({ kind, key, name }: SearchCaller): string[] {
  const own = [key, name].flatMap((each) => each?.toLowerCase() ?? []);
  return [kind, ...own, ...own.map((each) => `${kind}:${each}`)];
}

/** Undefined for text of another form. */
function sinceMs(since: string, now: number): number | undefined {
  const [, amount, unit = ''] = /^(\d{1,6})([smhd])$/.exec(since) ?? [];
  if (amount !== undefined) return Math.max(0, now - Number(amount) * (UNITS_MS[unit] as number));
  const at = dayOrInstantIn(since);
  return at !== undefined && at >= 0 ? at : undefined;
}

function cursorOf(entry: Entry): string {
  return Buffer.from(entry).toString('base64url');
}

/** Null for text that no part has given. */
function entryIn(cursor: string): Entry | null {
  const entry = Buffer.from(String(cursor), 'base64url').toString();
  return isEntry(entry) && cursorOf(entry) === cursor ? entry : null;
}
