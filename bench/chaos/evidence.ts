import type { ServiceEvent } from '../../src/events/event.ts';
import type { SearchReport } from '../../src/queue/searchReader.ts';
import type { JournalLine } from './journal.ts';
import { rerunTimes, type Turn } from './reruns.ts';

export const BARRIERS = ['before call', 'after call', 'after store', 'before complete'] as const;
export type Barrier = (typeof BARRIERS)[number];

/** What a chaos run leaves behind; everything that is claimed of it follows from this. */
export interface Evidence {
  searches: Array<{
    searchId: string;
    /** Pages that it needs, and different items that they hold. */
    pages: number;
    items: number;
    /** Null: it could not be found any more. */
    report: SearchReport | null;
    /** Item ids of the stored result. */
    products: string[];
  }>;
  /** Search calls as they arrived at the simulator: when (ms since the epoch), and for which page. */
  calls: Array<Pick<JournalLine, 'at' | 'page'>>;
  /** A life is one process from start to end. */
  lives: Array<{ journal: JournalLine[]; killedAt: number | null }>;
  /** What Redis did with the jobs of the pages, in its order. */
  turns: Turn[];
  /** Attacks of a hostile program beside it, by their name. */
  attacks: Record<string, number>;
  /** What was told in the event stream, in its order. */
  events: Array<Pick<ServiceEvent, 'id' | 'type' | 'searchId'>>;
}

export interface Verdict {
  lost: string[];
  doubled: string[];
  wrongOutcome: string[];
  /** Searches whose end was not told exactly once, and ids that stand in the stream twice. */
  untold: string[];
  toldTwice: string[];
  /** Calls beyond one a page. */
  extraCalls: number;
  /** Calls that reached the simulator and whose process was killed before it had stored the answer. */
  excusedCalls: number;
  /** Ms from a kill to the next run of each page that the process held; a further kill begins anew. */
  rerunMs: number[];
}

/** Judges a chaos run. */
export function judge({ searches, calls, lives, turns, events }: Evidence): Verdict {
  const left = lives.flatMap(({ journal, killedAt }) => (killedAt === null ? [] : openPages(journal)));
  const lines = lives.flatMap(({ journal }) => journal);
  const needed = searches.reduce((sum, { pages }) => sum + pages, 0);
  return {
    lost: idsOf(searches, ({ report }) => report?.state !== 'done'),
    doubled: idsOf(searches, ({ products }) => new Set(products).size < products.length),
    wrongOutcome: idsOf(searches, (search) => !isRight(search)),
    untold: idsOf(searches, ({ searchId }) => {
      const ends = events.filter((event) => event.searchId === searchId && event.type === 'search.completed');
      return ends.length !== 1;
    }),
    toldTwice: events.map(({ id }) => id).filter((id, index, all) => all.indexOf(id) < index),
    extraCalls: calls.length - needed,
    excusedCalls: left.filter((line) => line.what === 'call' && arrived(calls, lines, line)).length,
    rerunMs: rerunTimes(turns, lives),
  };
}

function idsOf(
  searches: Evidence['searches'],
  is: (search: Evidence['searches'][number]) => boolean,
): string[] {
  return searches.filter(is).map(({ searchId }) => searchId);
}

/** eBay itself is in no trouble here: nothing but complete is right, with every item of its pages. */
function isRight({ report, pages, items, products }: Evidence['searches'][number]): boolean {
  const summary = report?.summary;
  return summary?.outcome === 'complete' && summary.pages === pages && products.length === items;
}

/** The last line of each page that a process held when it died. */
function openPages(journal: JournalLine[]): JournalLine[] {
  const last = new Map(journal.map((line) => [line.page, line]));
  return [...last.values()].filter(({ what }) => what !== 'done');
}

/** Whether a call got as far as the simulator before the page was begun anew. */
function arrived(calls: Evidence['calls'], lines: JournalLine[], { page, at }: JournalLine): boolean {
  const next = firstAfter(lines, { what: 'start', page, at }) ?? Number.POSITIVE_INFINITY;
  return calls.some((call) => call.page === page && call.at >= at && call.at < next);
}

function firstAfter(lines: JournalLine[], { what, page, at }: JournalLine): number | undefined {
  const later = lines.filter((line) => line.page === page && line.what === what && line.at > at);
  return later.length === 0 ? undefined : Math.min(...later.map((line) => line.at));
}
