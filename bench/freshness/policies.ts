import {
  type ChangeRate,
  changesPerDay,
  learn,
  newRate,
  newRhythm,
  type Rhythm,
} from '../../src/queue/watch/changeRate.ts';
import { choose } from '../../src/queue/watch/planner.ts';
import { DAY_MS, knownRate, knownRhythm, START, type Trace, WITH_BURSTS } from './traces.ts';

/** Where a policy looks: it answers like a newest-first search that stops at the first listing that is known. */
export interface World {
  /**
   * When the listings were listed that are new since the look before of the same policy, and the calls that it took.
   * Null: `most` calls did not suffice. It is as if nothing had been looked at.
   */
  look(search: number, most: number): Promise<{ listed: readonly number[] | null; calls: number }>;
}

/** What a policy did. */
export interface Record {
  readonly name: string;
  calls: number;
  /** Of each day. */
  readonly callsOfDay: number[];
  /** Times of the looks at each search, ms since the epoch. */
  readonly looks: number[][];
  /** For each listing that was seen: when it was listed and when it was seen first. */
  readonly seen: Array<{ readonly search: number; readonly at: number; readonly first: number }>;
}

export interface Policy {
  readonly record: Record;
  /** Does what is due at this time. */
  tick(now: number): Promise<void>;
  /** Looks a day that it intends for each search at the mean of the rhythm; null where it plans nothing. */
  intended?(now: number): number[];
}

/** Looks that the mean of their calls remembers. */
const MEAN_OF = 10;
/** Calls a day of the scheduled share. */
export const CALLS = 5_000;
/** The defaults of `auto`: one look a day is guaranteed, one a minute at most. */
const AT_LEAST = DAY_MS;
const AT_MOST = 60_000;

/** Every search as often as the others, at times that are spread evenly. */
export function evenly(trace: Trace, world: World): Policy {
  const { searches } = trace.options;
  const record = newRecord('even', searches);
  let next = 0;
  return {
    record,
    async tick(now) {
      const due = Math.floor(((now - START) * CALLS) / DAY_MS);
      // A look that takes several calls delays the next one, so that the calls of the day last.
      for (; record.calls < due; next += 1) await lookAt(next % searches, now, record, world);
    },
  };
}

/**
 * The planner. `knows`: the true rates at an instant, for the oracle; without it rates are learned from what looks show,
 * from nothing.
 */
export function planned(
  name: string,
  trace: Trace,
  world: World,
  knows: ((search: number, now: number) => number) | null,
  given?: Rhythm,
): Policy & { rates: ChangeRate[]; rhythm(): Rhythm } {
  const { searches } = trace.options;
  const record = newRecord(name, searches);
  const rates = Array.from({ length: searches }, newRate);
  let rhythm = given ?? (knows === null ? newRhythm() : knownRhythm());
  const lastLook: Array<number | null> = new Array(searches).fill(null);
  const seenUntil: Array<number | null> = new Array(searches).fill(null);
  /** Mean calls of a look, as the service keeps it. */
  const means: number[] = new Array(searches).fill(1);
  const units = (now: number) =>
    rates.map((rate, search) => ({
      id: String(search),
      flows: [
        {
          rate: knows ? knownRate(knows(search, now)) : rate,
          value: 1,
          seenUntil: seenUntil[search] ?? null,
        },
      ],
      calls: means[search] ?? 1,
      atMostEveryMs: AT_MOST,
      atLeastEveryMs: AT_LEAST,
      lastLook: lastLook[search] ?? null,
      busy: false,
    }));
  return {
    record,
    rates,
    rhythm: () => rhythm,
    async tick(now) {
      const day = Math.floor((now - START) / DAY_MS);
      const budget = { calls: CALLS - (record.callsOfDay[day] ?? 0), until: START + (day + 1) * DAY_MS };
      for (const id of choose(units(now), rhythm, budget, now, DAY_MS).looks) {
        const search = Number(id);
        const before = record.calls;
        const listed = await lookAt(search, now, record, world);
        const from = seenUntil[search] ?? null;
        lastLook[search] = now;
        if (listed === null) continue;
        seenUntil[search] = now;
        means[search] = (means[search] ?? 1) + (record.calls - before - (means[search] ?? 1)) / MEAN_OF;
        if (knows !== null || from === null) continue;
        const observation = { from, to: now, changes: listed.length, times: listed.slice(0, 200) };
        const learned = learn(rates[search] ?? newRate(), rhythm, observation, DAY_MS);
        rates[search] = learned.rate;
        if (!given) rhythm = learned.rhythm;
      }
    },
    intended: (now) =>
      shares(rates.map((rate, search) => (knows ? knows(search, now) : changesPerDay(rate, rhythm)))),
  };
}

/** Looks a day that follow from rates: √rate, at least the guarantee, all calls used. */
export function shares(rates: readonly number[]): number[] {
  const least = DAY_MS / AT_LEAST;
  let [low, high] = [0, 1e6];
  const at = (scale: number) =>
    rates.map((rate) => Math.min(DAY_MS / AT_MOST, Math.max(least, scale * Math.sqrt(rate))));
  for (let round = 0; round < 60; round += 1) {
    const middle = (low + high) / 2;
    if (at(middle).reduce((sum, each) => sum + each, 0) > CALLS) high = middle;
    else low = middle;
  }
  return at(low);
}

/** Looks, with no more calls than the share has left: the service's gate would refuse them. */
async function lookAt(
  search: number,
  now: number,
  record: Record,
  world: World,
): Promise<readonly number[] | null> {
  const day = Math.floor((now - START) / DAY_MS);
  const spent = record.callsOfDay[day] ?? 0;
  const { listed, calls } = await world.look(search, CALLS - spent);
  record.calls += calls;
  record.callsOfDay[day] = spent + calls;
  record.looks[search]?.push(now);
  for (const at of listed ?? []) record.seen.push({ search, at, first: now });
  return listed;
}

function newRecord(name: string, searches: number): Record {
  return { name, calls: 0, callsOfDay: [], looks: Array.from({ length: searches }, () => []), seen: [] };
}

/** The mean rate of a search, bursts included: what an oracle knows that does not see into the future. */
export function meanRate(trace: Trace, search: number): number {
  return (trace.queries[search]?.perDay ?? 0) * WITH_BURSTS;
}
