import { changesPerDay, learn, newRate, newRhythm, type Rhythm } from '../../src/queue/watch/changeRate.ts';
import { type PlanSubject, planReport } from '../../src/queue/watch/forecast.ts';
import { choose } from '../../src/queue/watch/planner.ts';
import type { Unit } from '../../src/queue/watch/unit.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { DEMO_CREDENTIALS } from '../../src/simulator/tokens.ts';
import { get, mintToken, SEARCH } from '../../test/support/simulator.ts';
import type { Options, Row } from './index.ts';
import { DAY_MS, START, traceOf } from './traces.ts';

export const NAME = 'forecast';

const LEARNED_DAYS = 3;
const MEASURED_DAYS = 7;
/** Calls that eBay allows, and the part that scheduled searches may use. */
const LIMIT = 5000;
const SHARE = 0.9;
/** Time between two decisions. */
const TICK_MS = 60_000;
/** One search in ten runs at an interval instead. */
const FIXED_EVERY = 10;
const FIXED_INTERVAL_MS = 30 * 60_000;
/** With fewer changes the mean of a schedule is chance. */
const LEAST_CHANGES = 30;
const PAGE = 50;

/** A search and what came of it. */
interface Watched {
  readonly words: string;
  readonly isFixed: boolean;
  /** As the planner knows it. */
  unit: Unit;
  /** Of the measured days: calls, and how long each new listing waited. */
  calls: number;
  readonly delays: number[];
}

/**
 * What the plan says after three days, against what the week that follows brings. The planner itself decides and learns, in
 * virtual time; the market answers over HTTP, and calls are counted in its log. Bounds and values differ between schedules.
 */
export async function run({ seed, quick }: Options): Promise<Row[]> {
  const searches = quick ? 60 : 200;
  const limit = quick ? LIMIT / 4 : LIMIT;
  let now = START;
  const trace = traceOf({ seed, searches, sigma: 1.5 }, () => now);
  const simulator = await startSimulator({
    catalogueScale: 0,
    unsteady: STEADY,
    tokenLifetime: 1_000_000,
    market: trace.market,
  });
  simulator.controls.quota({ clientId: DEMO_CREDENTIALS.clientId, limit: 1_000_000 });
  try {
    const token = await mintToken(simulator.url);
    const watched = trace.queries.map(({ words }, index) => watchedOf(words, index));
    const auto = watched.filter(({ isFixed }) => !isFixed);
    let rhythm = newRhythm();
    let isMeasured = false;

    const look = async (each: Watched) => {
      const from = each.unit.flows[0]?.seenUntil ?? null;
      const { times, calls } = await newListings(simulator.url, token, each.words, from ?? now);
      if (isMeasured) {
        each.calls += calls;
        for (const at of times) each.delays.push(now - at);
      }
      return { each, from, times, calls };
    };
    const take = ({ each, from, times, calls }: Awaited<ReturnType<typeof look>>) => {
      const { unit } = each;
      let { rate, value } = unit.flows[0] as Unit['flows'][number];
      if (from !== null) {
        const observation = { from, to: now, changes: times.length, times: times.slice(0, 200) };
        ({ rate, rhythm } = learn(rate, rhythm, observation, DAY_MS));
      }
      const mean = unit.lastLook === null ? calls : unit.calls + (calls - unit.calls) / 10;
      each.unit = { ...unit, flows: [{ rate, value, seenUntil: now }], calls: mean, lastLook: now };
      return calls;
    };
    /** Days from one midnight to another; returns the calls of each day by the simulator's log. */
    const pass = async (days: number) => {
      const perDay: number[] = [];
      for (let day = 0; day < days; day += 1) {
        const until = now + DAY_MS;
        let used = 0;
        simulator.controls.clearLog();
        for (; now < until; now += TICK_MS) {
          const due = watched.filter(({ isFixed }, index) => isFixed && isDue(index, now));
          const fixedLeft = fixedLooks(watched, now, until);
          const calls = Math.max(0, Math.floor(limit * SHARE) - used - fixedLeft);
          const units = auto.map(({ unit }) => unit);
          const chosen = new Set(choose(units, rhythm, { calls, until }, now, DAY_MS).looks);
          const looks = [...due, ...auto.filter(({ unit }) => chosen.has(unit.id))];
          for (const seen of await Promise.all(looks.map(look))) used += take(seen);
        }
        perDay.push(simulator.controls.log({ kind: 'search' }).length);
      }
      return perDay;
    };

    await pass(LEARNED_DAYS);
    const report = planReport({
      now,
      dayMs: DAY_MS,
      quota: { limit, used: 0, reset: now + DAY_MS },
      scheduledShare: SHARE,
      dailyCalls: 0,
      execution: { tickMs: TICK_MS },
      rhythm,
      units: auto.map(({ unit }) => unit),
      subjects: watched.map((each) => subjectOf(each, rhythm)),
    });
    isMeasured = true;
    const perDay = await pass(MEASURED_DAYS);
    return rowsOf(report, watched, perDay);
  } finally {
    await simulator.close();
  }
}

function watchedOf(words: string, index: number): Watched {
  const unit: Unit = {
    id: `schedule:${words}`,
    // A few are worth more, some have another guarantee or another least time.
    flows: [{ rate: newRate(), value: index % 7 === 0 ? 3 : 1, seenUntil: null }],
    calls: 1,
    atMostEveryMs: index % 5 === 0 ? 20 * 60_000 : 60_000,
    atLeastEveryMs: index % 4 === 0 ? DAY_MS / 8 : DAY_MS,
    lastLook: null,
    busy: false,
  };
  return { words, isFixed: index % FIXED_EVERY === 3, unit, calls: 0, delays: [] };
}

/** Looks by the clock are spread over the interval. */
function isDue(index: number, now: number): boolean {
  return (now - START) % FIXED_INTERVAL_MS === (index * TICK_MS) % FIXED_INTERVAL_MS;
}

function fixedLooks(watched: readonly Watched[], from: number, until: number): number {
  return watched.reduce((sum, { isFixed, unit }, index) => {
    if (!isFixed) return sum;
    const offset = (index * TICK_MS) % FIXED_INTERVAL_MS;
    const upTo = (time: number) => Math.ceil((time - START - offset) / FIXED_INTERVAL_MS);
    return sum + (upTo(until) - upTo(from)) * unit.calls;
  }, 0);
}

function subjectOf({ words, isFixed, unit }: Watched, rhythm: Rhythm): PlanSubject {
  const common = {
    name: words,
    kind: 'schedule',
    what: words,
    when: '',
    state: 'active',
    measured: null,
  } as const;
  if (!isFixed) return { ...common, timing: 'auto', parts: [{ unit: unit.id, flow: 0, share: 1 }] };
  const [flow] = unit.flows;
  const fixed = {
    looksPerDay: DAY_MS / FIXED_INTERVAL_MS,
    callsPerLook: unit.calls,
    meanWaitMs: FIXED_INTERVAL_MS / 2,
    changesPerDay: flow === undefined ? null : changesPerDay(flow.rate, rhythm),
  };
  return { ...common, timing: 'every', parts: [], fixed };
}

/** As the service searches: newest first, until a page ends with what was seen before. */
async function newListings(url: string, token: string, words: string, since: number) {
  const times: number[] = [];
  for (let calls = 1; ; calls += 1) {
    const query = new URLSearchParams({
      q: words,
      sort: 'newlyListed',
      limit: `${PAGE}`,
      offset: `${(calls - 1) * PAGE}`,
    });
    const answer = await get(url, `${SEARCH}?${query}`, token);
    if (!answer.ok) throw new Error(`the simulator answered ${answer.status}`);
    const { itemSummaries = [] } = (await answer.json()) as {
      itemSummaries?: Array<{ itemCreationDate: string }>;
    };
    const listed = itemSummaries.map(({ itemCreationDate }) => Date.parse(itemCreationDate));
    const fresh = listed.filter((at) => at > since);
    times.push(...fresh);
    if (fresh.length < PAGE) return { times, calls };
  }
}

function rowsOf(
  { entries, totals }: ReturnType<typeof planReport>,
  watched: readonly Watched[],
  perDay: readonly number[],
): Row[] {
  const byName = new Map(watched.map((each) => [each.words, each]));
  const both = entries.flatMap((entry) => {
    const own = byName.get(entry.name);
    return own === undefined ? [] : [{ entry, own, value: entry.value }];
  });
  const auto = both.filter(({ own }) => !own.isFixed);
  /** Weighted as in the report: by changes and their value. */
  const measured = meanOf(
    auto.map(({ own, value }) => [own.delays.reduce(add, 0) * value, own.delays.length * value]),
  );
  const predicted = (totals.meanDelay ?? 0) * 1000;
  const ratios = both
    .filter(({ own }) => own.delays.length >= LEAST_CHANGES)
    .map(
      ({ entry, own }) =>
        ((entry.delay?.expected ?? 0) * 1000) / meanOf([[own.delays.reduce(add, 0), own.delays.length]]),
    )
    .sort((one, other) => one - other);
  const quantile = (share: number) => ratios[Math.round(share * (ratios.length - 1))] ?? Number.NaN;
  const within = (part: number) =>
    ratios.filter((ratio) => Math.abs(ratio - 1) <= part).length / ratios.length;
  const calls = both.map(({ entry, own }) => entry.callsPerDay / (own.calls / MEASURED_DAYS));
  const callsPredicted = totals.fixed + totals.planned;
  const callsMeasured = perDay.reduce(add, 0) / perDay.length;
  const note = (name: string, value: number | string): Row => ({ name, value, required: '', met: null });
  const check = (name: string, ratio: number, part: number): Row => ({
    name,
    value: rounded(ratio),
    required: `${1 - part} to ${1 + part}`,
    met: Math.abs(ratio - 1) <= part,
  });
  return [
    note('schedules, of them by the clock', `${both.length}, ${both.length - auto.length}`),
    note(
      'mean delay of auto schedules, predicted and measured, min',
      `${minutes(predicted)}, ${minutes(measured)}`,
    ),
    check('mean delay, predicted ÷ measured', predicted / measured, 0.15),
    note('schedules with 30 changes or more in the week', ratios.length),
    check('delay of one schedule, predicted ÷ measured: median', quantile(0.5), 0.15),
    note(
      '… 5 %, 25 %, 75 % and 95 % quantile',
      [0.05, 0.25, 0.75, 0.95].map((each) => rounded(quantile(each))).join(', '),
    ),
    note('… within ±15 %, part of the schedules', rounded(within(0.15))),
    note(
      'calls a day, predicted and measured',
      `${Math.round(callsPredicted)}, ${Math.round(callsMeasured)}`,
    ),
    check('calls a day, predicted ÷ measured', callsPredicted / callsMeasured, 0.03),
    note('calls a day of one schedule, predicted ÷ measured: 5 %, 50 %, 95 % quantile', spread(calls)),
  ];
}

const add = (sum: number, each: number) => sum + each;

function meanOf(sums: ReadonlyArray<readonly [sum: number, count: number]>): number {
  return sums.reduce((total, [sum]) => total + sum, 0) / sums.reduce((total, [, count]) => total + count, 0);
}

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((one, other) => one - other);
  return [0.05, 0.5, 0.95]
    .map((part) => rounded(sorted[Math.round(part * (sorted.length - 1))] ?? 0))
    .join(', ');
}

const rounded = (value: number) => Number(value.toFixed(3));
const minutes = (ms: number) => (ms / 60_000).toFixed(1);
