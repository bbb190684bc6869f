import type { PageAnswer } from '../../src/collector/answers.ts';
import { mapPage } from '../../src/collector/mapPage.ts';
import { changesPerDay, learn, newRate, newRhythm, type Rhythm } from '../../src/queue/watch/changeRate.ts';
import { choose } from '../../src/queue/watch/planner.ts';
import {
  formGroups,
  indexLagMs,
  isExplained,
  isOwnTurn,
  jointQuery,
  type Member,
  type SharedGroup,
  splitAnswer,
} from '../../src/queue/watch/sharedCalls.ts';
import type { Flow, Unit } from '../../src/queue/watch/unit.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { DEMO_CREDENTIALS } from '../../src/simulator/tokens.ts';
import { get, mintToken, SEARCH } from '../../test/support/simulator.ts';
import type { Options, Row } from './index.ts';
import { DAY_MS, START, traceOf } from './traces.ts';

export const NAME = 'sharing';

/** Calls of the scheduled share. */
const CALLS = 5000;
const SEARCHES = 500;
/** The defaults of `auto`: a look a day at least, one a minute at most. */
const AT_LEAST = DAY_MS;
const AT_MOST = 60_000;
const TICK_MS = 60_000;
/** Days until listings count, days in which they do, and days in which they may still be seen. */
const DAYS = { learned: 1, measured: 1, after: 0.25 };
const QUICK = { learned: 0.5, measured: 0.5, after: 0.25 };
/** Characters of a word: as long as the names of things are, and a short one. */
const LENGTHS = [10, 5];
const REQUIRED_MINUTES = 15;
const PAGE = 200;

/**
 * 500 searches for one word each on one keyset, with and without shared calls, in virtual time: the planner decides, the market
 * answers over HTTP, calls are counted in its log. A schedule knows what it knows in the service: what its track holds, when it
 * was looked at, and how often it changes.
 */
export async function run({ seed, quick }: Options): Promise<Row[]> {
  const searches = quick ? SEARCHES / 5 : SEARCHES;
  const calls = quick ? CALLS / 5 : CALLS;
  const days = quick ? QUICK : DAYS;
  const rows: Row[] = [];
  const runs = [
    ...LENGTHS.map((length) => ({ title: `shared, words of ${length} characters`, length, isShared: true })),
    { title: 'own calls', length: 5, isShared: false },
  ];
  for (const { title, length, isShared } of runs) {
    const result = await watch({ seed, searches, calls, days, length, isShared });
    const minutes = result.delayMs / 60_000;
    process.stderr.write(`       ${title}: ${round(minutes)} min\n`);
    const figure = (name: string, value: number | string): Row => ({
      name: `${title}: ${name}`,
      value,
      required: '',
      met: null,
    });
    rows.push(
      {
        ...figure('mean delay of a new listing, min', round(minutes)),
        ...(isShared && {
          required: `≤ ${REQUIRED_MINUTES}`,
          met: quick ? null : minutes <= REQUIRED_MINUTES,
        }),
      },
      figure('listings measured', result.listed),
      {
        ...figure('listings not seen by the end', result.unseen),
        ...(isShared && { required: '0', met: result.unseen === 0 }),
      },
      figure('calls a day by the simulator’s log', Math.round(result.callsPerDay)),
    );
    if (!isShared) continue;
    const sizes = [...result.sizes].sort(([a], [b]) => b - a).map(([size, count]) => `${count} of ${size}`);
    rows.push(
      figure('groups at the end', sizes.join(', ')),
      figure('searches in no group', result.alone),
      figure('answers given to members', result.given),
      figure('own calls: once a day', result.own.turn ?? 0),
      figure('own calls: answer does not reach back', result.own.reach ?? 0),
      figure('own calls: undecided products', (result.own.unsure ?? 0) + (result.own.answer ?? 0)),
    );
  }
  return rows;
}

interface Scenario {
  readonly seed: number;
  readonly searches: number;
  readonly calls: number;
  readonly days: typeof DAYS;
  readonly length: number;
  readonly isShared: boolean;
}

/** A schedule and what is known of it. */
interface Watched {
  readonly name: string;
  readonly word: string;
  rate: Flow['rate'];
  seenUntil: number | null;
  own: number;
  isExplained: boolean;
  readonly known: Set<string>;
}

interface Looked {
  at: number;
  /** Mean calls of a look. */
  calls: number;
}

async function watch({ seed, searches, calls, days, length, isShared }: Scenario) {
  let now = START;
  const plain = traceOf({ seed, searches, sigma: 1.5 }, () => now);
  const queries = plain.queries.map((query) => ({ ...query, words: query.words.padEnd(length, 'x') }));
  const simulator = await startSimulator({
    catalogueScale: 0,
    unsteady: STEADY,
    tokenLifetime: 1_000_000,
    market: { ...plain.market, queries },
  });
  simulator.controls.quota({ clientId: DEMO_CREDENTIALS.clientId, limit: 10_000_000 });
  try {
    const token = await mintToken(simulator.url);
    const ask = async (q: string, offset = 0): Promise<PageAnswer> => {
      const query = new URLSearchParams({ q, sort: 'newlyListed', limit: `${PAGE}`, offset: `${offset}` });
      const response = await get(simulator.url, `${SEARCH}?${query}`, token, {
        'X-EBAY-C-MARKETPLACE-ID': 'EBAY_US',
      });
      const asked = { marketplace: 'EBAY_US', offset, limit: PAGE } as const;
      const mapped = mapPage(
        await response.json(),
        { ...asked, observedAt: new Date(now).toISOString() },
        /./,
      );
      if (!mapped.ok) throw new Error(`page not read: ${mapped.reason}`);
      return { ...mapped.page, calls: 1, latencyMs: 0 };
    };

    const watched = queries.map(
      ({ words }): Watched => ({
        name: words,
        word: words,
        rate: newRate(),
        seenUntil: null,
        own: 0,
        isExplained: false,
        known: new Set(),
      }),
    );
    const byName = new Map(watched.map((each) => [each.name, each]));
    const looked = new Map<string, Looked>();
    const firstSeen = new Map<string, number>();
    const own: Record<string, number> = {};
    let rhythm: Rhythm = newRhythm();
    let groups: SharedGroup[] = [];
    let [spent, given, formedAt, formedFrom] = [0, 0, Number.NEGATIVE_INFINITY, 0];

    const take = (search: Watched, products: PageAnswer['products']) => {
      const news = products.filter(({ itemId }) => !search.known.has(itemId));
      for (const { itemId } of news) {
        search.known.add(itemId);
        firstSeen.set(itemId, Math.min(firstSeen.get(itemId) ?? now, now));
      }
      const { seenUntil: from } = search;
      search.seenUntil = now;
      if (from === null) return;
      const times = news.flatMap(({ listedAt }) => (listedAt === null ? [] : [Date.parse(listedAt)]));
      const learned = learn(search.rate, rhythm, { from, to: now, changes: news.length, times }, DAY_MS);
      search.rate = learned.rate;
      rhythm = learned.rhythm;
    };
    const ownLook = async (search: Watched): Promise<number> => {
      const products: PageAnswer['products'] = [];
      for (let offset = 0; ; offset += PAGE) {
        const page = await ask(search.word, offset);
        products.push(...page.products);
        const isKnownBehind = page.products.some(({ itemId }) => search.known.has(itemId));
        if (page.hasNext && !isKnownBehind && search.seenUntil !== null) continue;
        search.own = now;
        search.isExplained = isExplained(products, search.word);
        take(search, products);
        return offset / PAGE + 1;
      }
    };
    const sharedLook = async (group: SharedGroup): Promise<number> => {
      const searchesOf = group.members.map((name) => byName.get(name) as Watched);
      const page = await ask(jointQuery(searchesOf.map(({ word }) => word)));
      const members = searchesOf.map(
        ({ word, own: at, seenUntil, known }): Member => ({
          word,
          own: at,
          seen: seenUntil ?? 0,
          knows: (itemId) => known.has(itemId),
        }),
      );
      const parts = splitAnswer(page, members, indexLagMs(DAY_MS));
      let used = 1;
      for (const [index, search] of searchesOf.entries()) {
        const part = isOwnTurn(search, now, DAY_MS) ? 'turn' : parts[index];
        if (part === undefined || typeof part === 'string') {
          const reason = part ?? 'answer';
          own[reason] = (own[reason] ?? 0) + 1;
          used += await ownLook(search);
        } else {
          given += 1;
          take(search, part.products);
        }
      }
      return used;
    };
    const form = () => {
      const sharers = watched
        .filter((each) => each.isExplained)
        .map(({ name, word, rate }) => ({
          name,
          word,
          key: '',
          rate: changesPerDay(rate, rhythm),
          value: 1,
        }));
      if (sharers.length === formedFrom && now - formedAt < DAY_MS / 24) return;
      groups = formGroups(sharers, groups);
      [formedAt, formedFrom] = [now, sharers.length];
    };
    const unitOf = (id: string, members: readonly Watched[]): Unit => ({
      id,
      flows: members.map(({ rate, seenUntil }) => ({ rate, value: 1, seenUntil })),
      calls: looked.get(id)?.calls ?? 1,
      atMostEveryMs: AT_MOST,
      atLeastEveryMs: AT_LEAST,
      lastLook: looked.get(id)?.at ?? null,
      busy: false,
    });

    const end = START + (days.learned + days.measured + days.after) * DAY_MS;
    for (let day = 0; now < end; day += 1) {
      const until = START + (day + 1) * DAY_MS;
      for (spent = 0; now < Math.min(end, until); now += TICK_MS) {
        if (isShared) form();
        const grouped = new Set(groups.flatMap(({ members }) => members));
        const shared = new Map(groups.map((group) => [group.id, group]));
        const units = [
          ...groups.map(({ id, members }) =>
            unitOf(
              id,
              members.map((name) => byName.get(name) as Watched),
            ),
          ),
          ...watched.filter(({ name }) => !grouped.has(name)).map((each) => unitOf(each.name, [each])),
        ];
        for (const id of choose(units, rhythm, { calls: calls - spent, until }, now, DAY_MS).looks) {
          const group = shared.get(id);
          const used = await (group ? sharedLook(group) : ownLook(byName.get(id) as Watched));
          const mean = looked.get(id)?.calls ?? used;
          looked.set(id, { at: now, calls: mean + (used - mean) / 10 });
          spent += used;
        }
      }
    }

    const [from, to] = [START + days.learned * DAY_MS, START + (days.learned + days.measured) * DAY_MS];
    const listed = simulator.controls.market
      .trace()
      .filter(({ at, kind }) => kind === 'listed' && at >= from && at < to);
    const unseen = listed.filter(({ itemId }) => !firstSeen.has(itemId));
    // One that was not seen has waited until the end at least.
    const delays = listed.map(({ at, itemId }) => (firstSeen.get(itemId) ?? end) - at);
    const total = simulator.controls.log({ kind: 'search' }).length;
    const sizes = new Map<number, number>();
    for (const { members } of groups) sizes.set(members.length, (sizes.get(members.length) ?? 0) + 1);
    return {
      delayMs: delays.reduce((sum, delay) => sum + delay, 0) / delays.length,
      listed: listed.length,
      unseen: unseen.length,
      callsPerDay: total / ((end - START) / DAY_MS),
      sizes,
      alone: searches - groups.reduce((sum, { members }) => sum + members.length, 0),
      given,
      own,
    };
  } finally {
    await simulator.close();
  }
}

const round = (value: number) => Math.round(value * 100) / 100;
