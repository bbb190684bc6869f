import type { JournalLine } from './journal.ts';

/** Redis gave a page's job to a worker, or found the job's worker dead. */
export interface Turn {
  /** Redis's time, ms since the epoch. */
  at: number;
  event: 'active' | 'stalled';
  page: string;
}

interface Life {
  journal: JournalLine[];
  killedAt: number | null;
}

/** From the time that Redis gave a page to a process until it gave it to the next one, or for ever. */
interface Hold {
  from: number;
  to: number;
  page: string;
  stalled: boolean;
}

/** What a dead process had asked of Redis may still be carried out for so long, ms. */
const ON_ITS_WAY_MS = 100;

/**
 * Ms from the kill of a process that held a page to the next run of that page. Who was given a page is for Redis to say: a
 * process may be killed before it has written its first line on it. A page that was only put off has not run.
 */
export function rerunTimes(turns: Turn[], lives: Life[]): number[] {
  const pages = [...new Set(turns.map(({ page }) => page))];
  return pages.flatMap((page) => {
    const runs = holdsOf(turns, page).filter((hold) => hold.stalled || holderOf(hold, lives) !== undefined);
    return runs.flatMap((run, index) => {
      const next = runs[index + 1];
      const killedAt = run.stalled ? killOf(run, lives) : undefined;
      return next === undefined || killedAt === undefined ? [] : [next.from - killedAt];
    });
  });
}

function holdsOf(turns: Turn[], page: string): Hold[] {
  const own = turns.filter((turn) => turn.page === page);
  return own.flatMap(({ event, at: from }, index) => {
    if (event !== 'active') return [];
    const later = own.slice(index + 1);
    const to = later.find((turn) => turn.event === 'active')?.at ?? Number.POSITIVE_INFINITY;
    return [{ from, to, page, stalled: later[0]?.event === 'stalled' }];
  });
}

function holderOf({ from, to, page }: Hold, lives: Life[]): Life | undefined {
  return lives.find(({ journal }) =>
    journal.some((line) => line.page === page && line.at >= from && line.at < to),
  );
}

/** When its process was killed: of a page without a line the first kill that may have been it. Undefined: none was. */
function killOf(hold: Hold, lives: Life[]): number | undefined {
  const holder = holderOf(hold, lives);
  const kills = (holder === undefined ? lives : [holder]).flatMap(({ killedAt }) => killedAt ?? []);
  return kills
    .toSorted((one, other) => one - other)
    .find((at) => at > hold.from - ON_ITS_WAY_MS && at < hold.to);
}
