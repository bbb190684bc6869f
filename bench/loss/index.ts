import { median } from '../figures.ts';
import { numberFlags } from '../flags.ts';
import { type Found, losses } from './losses.ts';

export const HELP = `npm run bench -- loss [--losses 30] [--workers 2] [--seed 1] [--json]
  Redis loses its data at random moments under load: FLUSHALL; SIGKILL, then a start with its data file, or without it; a
  fail-over to an empty replica. Three tenants with schedules of files, each with 200 calls a day, which eBay's simulated
  Analytics reports. A day takes 75 s, and durations are divided by 5: schedules must be back after 6 s instead of 30 s.`;

/** What durations are divided by. */
const FACTOR = 5;

export async function run(args: string[]): Promise<boolean> {
  const flags = numberFlags(args, { losses: 30, workers: 2, seed: 1 });
  const found = await losses({
    ...flags,
    dayS: 75,
    restoredWithinMs: 30_000 / FACTOR,
    betweenMs: [20_000 / FACTOR, 60_000 / FACTOR],
    say: (line) => process.stderr.write(`\r${line} `),
  });
  process.stderr.write('\n');
  const figures = figuresOf(found);
  const { losses: count, workers, seed, json } = flags;
  const conditions = { losses: count, workers, seed, durationsDividedBy: FACTOR, dayS: 75 };
  if (json)
    console.log(
      JSON.stringify(
        {
          bench: 'loss',
          ...conditions,
          ...figures,
          wrong: [...found.searches.filter(({ end }) => end === 'wrong'), ...found.wrongEnds],
          each: found.losses.map(brief),
        },
        null,
        2,
      ),
    );
  else console.table({ ...conditions, ...figures });
  const { beyondLimit, schedulesMissing, wrongOutcomes, lostUnexpectedly, keptUnexpectedly } = figures;
  const isReported = figures.unreported + figures.reportedInVain + figures.warnedOtherThanOnce === 0;
  return (
    beyondLimit + schedulesMissing + wrongOutcomes + lostUnexpectedly + keptUnexpectedly === 0 && isReported
  );
}

/** The warnings as a number, unless there are more or fewer than expected. */
function brief({ lost, warnings, ...each }: Found['losses'][number]) {
  return { ...each, warnings: warnings.length > 1 ? warnings : warnings.length, lost: lost.length };
}

function figuresOf({ losses: all, days, searches, wrongEnds, refused }: Found) {
  const took = all.filter(({ kind }) => kind !== 'restart');
  const isLost = (id: string) => all.some(({ lost }) => lost.includes(id));
  const ids = (is: (search: Found['searches'][number]) => boolean) => searches.filter(is).length;
  return {
    tookData: took.length,
    acknowledged: searches.length,
    refused,
    ended: ids(({ end }) => end === 'right'),
    lostByRedis: ids(({ id }) => isLost(id)),
    /** Redis had them after each loss, and yet they are gone or did not end. */
    lostUnexpectedly: ids(({ id, end }) => !isLost(id) && (end === 'not found' || end === 'no end')),
    /** Redis had lost them, and yet they are there. */
    keptUnexpectedly: ids(({ id, end }) => isLost(id) && end !== 'not found'),
    wrongEndsInLogs: wrongEnds.length,
    wrongOutcomes: ids(({ end }) => end === 'wrong'),
    beyondLimit: days.reduce((sum, { refused: beyond }) => sum + beyond, 0),
    days: days.length,
    /** Of the calls that the limits allowed. */
    share: Number((days.reduce((sum, { calls, limit }) => sum + calls / limit, 0) / days.length).toFixed(3)),
    schedulesMissing: all.reduce((sum, { missing }) => sum + missing.length, 0),
    unreported: took.filter(({ reported }) => !reported).length,
    reportedInVain: all.filter(({ kind, reported }) => kind === 'restart' && reported).length,
    warnedOtherThanOnce: all.filter(({ kind, warnings }) => warnings.length !== (kind === 'restart' ? 0 : 1))
      .length,
    restoredMedianMs: Math.round(median(took.map(({ restoredMs }) => restoredMs))),
    restoredMaxMs: Math.max(0, ...took.map(({ restoredMs }) => Math.round(restoredMs))),
  };
}
