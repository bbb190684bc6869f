import type { SearchCaller } from '../queue/caller.ts';
import type { ListedSearch } from '../queue/searchList.ts';
import { waitReasonText } from './searches.ts';
import { countText, dueText, numberText } from './values.ts';

/** How good the state of a search is: for its colour. */
export type Level = 'good' | 'some' | 'bad' | 'busy';

export function levelOf({ outcome, state }: Pick<ListedSearch, 'outcome' | 'state'>): Level {
  if (state !== 'done') return 'busy';
  if (outcome === 'complete' || outcome === 'none-found' || outcome === 'filtered-out') return 'good';
  return outcome === 'failed' || outcome === 'degraded' ? 'bad' : 'some';
}

/** One word: its outcome once it has one, else its state. */
export function stateWord({ state, outcome }: Pick<ListedSearch, 'outcome' | 'state'>): string {
  if (state !== 'done') return state;
  return outcome ?? 'ended';
}

/** What is to be said beside the state: why it waits or failed, how far it is; empty: nothing. */
export function stateDetail(search: ListedSearch, now: number): string {
  const { state, progress, error, missing } = search;
  if (error !== null) return `${error.message} (${error.code})`;
  if (state === 'done') return missing > 0 ? `${countText(missing, 'part')} missing` : '';
  if (progress === null) return '';
  const { pages, of, reason, until, attempt, attempts } = progress;
  const page = of > 0 ? `${numberText(pages)} of ${countText(of, 'page')}` : '';
  const why = reason === undefined ? '' : waitReasonText(reason);
  const next = attempt === undefined ? 'next try' : `attempt ${attempt} of ${attempts}`;
  const when = until === undefined ? '' : `${next} ${dueText(new Date(until).toISOString(), now)}`;
  const again = state === 'waiting' ? when : attempt === undefined ? '' : next;
  return [why, again, page].filter(Boolean).join(', ');
}

const PROGRAMS: Readonly<Record<SearchCaller['kind'], string>> = {
  http: 'HTTP',
  page: 'page',
  cli: 'dpf',
  mcp: 'MCP',
  schedule: 'schedule',
  watchlist: 'watchlist',
  library: 'library',
  unknown: 'another program',
};

/** `schedule drones`, `page, key shop`, `dpf`. */
export function callerText({ kind, key, name }: SearchCaller): string {
  const program = PROGRAMS[kind];
  if (kind === 'schedule' && name === null) return 'schedules, shared';
  if (kind === 'schedule' || kind === 'watchlist') return `${program} ${name}`;
  return key === null ? program : `${program}, key ${name ?? key}`;
}

/** Whether another run would call for something. */
export function mayRetry({ state, outcome, missing }: ListedSearch): boolean {
  if (state !== 'done') return false;
  return missing > 0 || outcome === 'failed' || outcome === 'degraded' || outcome === 'cancelled';
}
