import type { SearchReport } from '../../src/queue/report.ts';
import type { JournalLine } from './journal.ts';

export const BARRIERS = ['before call', 'after call', 'after store', 'before complete'] as const;
export type Barrier = (typeof BARRIERS)[number];

/** What a chaos run leaves behind; everything that is claimed of it follows from this. */
export interface Evidence {
  searches: Array<{
    /** The search's own price limit, which names it in log and journals. */
    mark: string;
    /** Pages that it needs, and different items that they hold. */
    pages: number;
    items: number;
    /** Null: it could not be found any more. */
    report: SearchReport | null;
    /** Item ids of the stored result. */
    products: string[];
  }>;
  /** Search calls as they arrived at the simulator: the mark and the offset. */
  calls: string[];
  /** A life is one process from start to end. */
  lives: Array<{ journal: JournalLine[]; killedAt: number | null }>;
}

export interface Verdict {
  lost: string[];
  doubled: string[];
  wrongOutcome: string[];
  /** Calls beyond one a page. */
  extraCalls: number;
  /** Pages that killed processes had called for and not stored: so many calls had to be made again. */
  excusedCalls: number;
  /** Ms from a kill to the next call for each page that it left open. */
  rerunMs: number[];
}

/** Judges a chaos run. */
export function judge({ searches, calls, lives }: Evidence): Verdict {
  const left = lives.flatMap(({ journal, killedAt }) =>
    killedAt === null ? [] : openPages(journal).map((page) => ({ page, killedAt })),
  );
  const needed = searches.reduce((sum, { pages }) => sum + pages, 0);
  return {
    lost: marks(searches, ({ report }) => report?.state !== 'done'),
    doubled: marks(searches, ({ products }) => new Set(products).size < products.length),
    wrongOutcome: marks(searches, (search) => !isRight(search)),
    extraCalls: calls.length - needed,
    excusedCalls: left.length,
    rerunMs: left.flatMap(({ page, killedAt }) => rerunAfter(lives, page, killedAt)),
  };
}

function marks(
  searches: Evidence['searches'],
  is: (search: Evidence['searches'][number]) => boolean,
): string[] {
  return searches.filter(is).map(({ mark }) => mark);
}

/** eBay itself is in no trouble here: nothing but complete is right, with every item of its pages. */
function isRight({ report, pages, items, products }: Evidence['searches'][number]): boolean {
  const summary = report?.summary;
  return summary?.outcome === 'complete' && summary.pages === pages && products.length === items;
}

/** Pages whose last line is a call: what a process held when it died. */
function openPages(journal: JournalLine[]): string[] {
  const last = new Map(journal.map(({ page, what }) => [page, what]));
  return [...last].flatMap(([page, what]) => (what === 'call' ? [page] : []));
}

function rerunAfter(lives: Evidence['lives'], page: string, killedAt: number): number[] {
  const later = lives
    .flatMap(({ journal }) => journal)
    .filter((line) => line.page === page && line.what === 'call' && line.at > killedAt);
  const first = Math.min(...later.map(({ at }) => at));
  return Number.isFinite(first) ? [first - killedAt] : [];
}
