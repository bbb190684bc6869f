import type { Census } from './census.ts';

/** What the fleet keeps in Redis to notice that its data was lost. */
export interface DataState {
  /** Names the data that Redis holds, `SINCE-ID`, SINCE in ms since the epoch; empty in a Redis without a fleet. */
  mark: string;
  /** Of the configuration; 0: nothing was ever published. */
  version: number;
  /** The last one that a worker has taken. */
  census: Census | undefined;
  /** A loss that nobody has acknowledged. */
  loss: Loss | undefined;
  /** Marks of data that was lost, latest first, which this mark replaces. */
  replaced: readonly string[];
}

/** When a fleet began to use the data of this mark, ms since the epoch. */
export function sinceOf(mark: string): number {
  return Number(mark.split('-', 1)[0]);
}

/** What Redis lost while processes knew it; kept in Redis until somebody acknowledges it. Instants are ISO 8601 in UTC. */
export interface Loss {
  /** When it was noticed, the last time. */
  at: string;
  /** How often, since the last one that was acknowledged. */
  times: number;
  /** It is empty, or it has data of an earlier time. */
  kind: 'empty' | 'older';
  /** What of that which was counted is gone; null where no worker had counted anything. */
  gone: Gone | null;
}

/** What the service cannot restore. */
export type Gone = Omit<Census, 'at'>;

type Named = Exclude<keyof Gone, 'searches'>;

/**
 * A census further back than this is one of older data, ms: at least two of them are lost then. An ordinary restart or
 * fail-over, which loses a second at most, may lose one.
 */
const OLDER_MS = 15_000;

/** What happened to the data that this process knows; undefined when it is there. */
export function lossKind(known: DataState, found: DataState): Loss['kind'] | undefined {
  if (found.mark !== known.mark) {
    // A process that began on the empty Redis has marked it since.
    const isNew = found.mark === '' || sinceOf(found.mark) > sinceOf(known.mark);
    return isNew ? 'empty' : 'older';
  }
  const isOlder = found.version < known.version || isOlderThan(known.census?.at ?? 0, found.census);
  return isOlder ? 'older' : undefined;
}

/** Whether a census is so much older than this time that data was lost. */
export function isOlderThan(at: number, census: Census | undefined): boolean {
  return at - (census?.at ?? 0) > OLDER_MS;
}

/**
 * The report of a loss.
 * @param known what this process knew last @param present what Redis holds now
 */
export function lossOf(kind: Loss['kind'], known: DataState, present: Census): Loss {
  const earlier = known.loss;
  const gone = known.census && goneBetween(kind, known.census, present);
  return {
    at: new Date(present.at).toISOString(),
    times: (earlier?.times ?? 0) + 1,
    kind,
    gone: gone && earlier?.gone ? withEarlier(gone, earlier.gone) : (gone ?? earlier?.gone ?? null),
  };
}

/** Older data holds other searches than those that were there: their number says nothing. */
function goneBetween(kind: Loss['kind'], before: Census, now: Census): Gone {
  const missing = (field: Named) => (before[field] ?? []).filter((name) => !now[field]?.includes(name));
  return {
    apiKeys: missing('apiKeys'),
    schedules: missing('schedules'),
    paused: missing('paused'),
    // Those of the schedules that are declared again are gone too.
    tracks: kind === 'empty' ? before.tracks : [],
    channels: missing('channels'),
    alerts: missing('alerts'),
    people: missing('people'),
    searches: kind === 'empty' ? Math.max(0, before.searches - now.searches) : 0,
  };
}

function withEarlier(gone: Gone, earlier: Gone): Gone {
  const both = (field: Named) => [...new Set([...(earlier[field] ?? []), ...(gone[field] ?? [])])];
  return {
    apiKeys: both('apiKeys'),
    schedules: both('schedules'),
    paused: both('paused'),
    tracks: both('tracks'),
    channels: both('channels'),
    alerts: both('alerts'),
    people: both('people'),
    searches: gone.searches + earlier.searches,
  };
}

/** Names of one kind that a text holds. */
const MAX_NAMED = 20;

/** What is gone, in words: `2 API keys (admin, shop), about 12 searches that had not ended`. */
export function goneText({ kind, gone }: Loss): string {
  if (gone === null) return 'what it held is not known: no worker had counted it';
  const { apiKeys, schedules, paused, tracks, channels = [], alerts = [], people = [], searches } = gone;
  const parts = [
    named(apiKeys, 'API key', 'API keys'),
    named(schedules, 'schedule added by command', 'schedules added by command'),
    named(paused, 'paused queue', 'paused queues'),
    named(tracks, 'track of a schedule', 'tracks of schedules'),
    named(channels, 'channel', 'channels'),
    named(alerts, 'alert', 'alerts'),
    people.length > 0 ? `favourites and notes of ${named(people, 'API key', 'API keys')}` : '',
    searches > 0 ? `about ${searches} ${searches === 1 ? 'search' : 'searches'} that had not ended` : '',
    kind === 'empty' ? 'results, events and counts' : 'what was added or changed since its data was written',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function named(names: readonly string[], one: string, several: string): string {
  if (names.length === 0) return '';
  const more = names.length > MAX_NAMED ? ', …' : '';
  return `${names.length} ${names.length === 1 ? one : several} (${names.slice(0, MAX_NAMED).join(', ')}${more})`;
}

/** What a person does about a loss. */
export const LOSS_REMEDY =
  'restore a backup (dpf restore FILE), or make the keys and schedules again; dpf doctor --loss-seen ends this report';

/** When and how Redis lost its data; holds no name, so that it may be shown to everybody. */
export function lossText({ at, times, kind }: Loss): string {
  const often = times === 1 ? '' : `, ${times} times since the last that was acknowledged`;
  const what = kind === 'empty' ? 'Redis lost its data' : 'Redis went back to older data';
  return `${what} at ${at}${often}`;
}
