import { setTimeout as sleep } from 'node:timers/promises';
import { openEbay } from '../../src/app/client.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import { gaps } from '../../test/support/arrivals.ts';
import { deepSearch } from '../../test/support/deepSearch.ts';
import { Fleet, startSimulatorProcess } from '../../test/support/fleet.ts';
import { startTestRedis } from '../../test/support/redis.ts';
import { waitFor } from '../../test/support/waitFor.ts';
import { median } from '../figures.ts';
import { numberFlags } from '../flags.ts';

export const HELP = `npm run bench -- cancel [--rounds 5] [--workers 2] [--json]
  A search of 50 pages is cancelled after a second, while another deep one shares the calls with it: a call every
  100 ms, answered after 50 ms. What came after the cancel was acknowledged, how soon the search had ended with its products
  readable, how soon after its last call the other one made the next, and slots of the gate that no call came for.`;

const CANCELLED = { query: 'phone case', pages: 50 };
const OTHER = { query: 'cable', pages: 30 };
const INTERVAL_MS = 100;
/** Calls of the other search that are waited for: if the cancelled one still called, it would be among them. */
const AFTERWARDS = 10;
const LIMITS = { callsAfterCancel: 1, endedMs: 1000, nextSlotMs: 2 * INTERVAL_MS, slotsWasted: 0 };

export async function run(args: string[]): Promise<boolean> {
  const { rounds, workers, json } = numberFlags(args, { rounds: 5, workers: 2 });
  const redis = await startTestRedis();
  const { url, simulator } = await startSimulatorProcess();
  const fleet = new Fleet(redis.url, url, { MIN_API_CALL_INTERVAL: String(INTERVAL_MS / 1000) });
  try {
    for (const { query, pages } of [CANCELLED, OTHER]) await fleet.warmUp(query, pages);
    await fleet.ebay.configure({ latencyMs: INTERVAL_MS / 2 });
    await fleet.addWorkers(workers);
    await fleet.producer.ready();
    const seen: Round[] = [];
    for (let round = 0; round < rounds; round += 1) seen.push(await cancelOne(fleet));
    const figures = {
      ...together(seen),
      slotsWasted: (await slotsGranted(fleet)) - (await fleet.calls()).length,
    };
    if (json) console.log(JSON.stringify({ bench: 'cancel', rounds, workers, ...figures }, null, 2));
    else console.table(figures);
    return (
      figures.readable === rounds &&
      figures.callsAfterCancel <= LIMITS.callsAfterCancel &&
      figures.endedMaxMs <= LIMITS.endedMs &&
      figures.nextSlotMaxMs < LIMITS.nextSlotMs &&
      figures.slotsWasted === LIMITS.slotsWasted
    );
  } finally {
    await fleet.stop();
    await simulator.stop();
    await redis.stop();
  }
}

interface Round {
  /** Of the cancelled search, that arrived after the cancel was acknowledged. */
  callsAfterCancel: number;
  /** From asking to cancel until the search had ended so and its products had been read. */
  endedMs: number;
  /** Whether it says `cancelled`, and every product that it counts can be read. */
  isReadable: boolean;
  products: number;
  /** From the cancelled search's last call to the next one. */
  nextSlotMs: number;
}

async function cancelOne(fleet: Fleet): Promise<Round> {
  const { producer } = fleet;
  const requests = [CANCELLED, OTHER].map(({ query, pages }) => deepSearch(query, pages));
  const added = await producer.enqueueMany(requests);
  const [searchId, other] = added.map((each) => each.searchId) as [string, string];
  await sleep(1000);
  const askedAt = performance.now();
  await producer.cancel(searchId);
  const acknowledgedAt = Date.now();
  const { summary } = await producer.waitFor(searchId);
  const products = await producer.products(searchId);
  const endedMs = performance.now() - askedAt;

  const since = (await fleet.calls()).at(-1)?.seq as number;
  await waitFor('the calls after it', async () => (await fleet.calls(since)).length >= AFTERWARDS);
  const calls = await fleet.calls();
  const last = calls.findLastIndex(({ query }) => query.q === CANCELLED.query);
  await producer.cancel(other);
  await producer.waitFor(other);
  return {
    callsAfterCancel: calls.filter(({ query, time }) => query.q === CANCELLED.query && time > acknowledgedAt)
      .length,
    endedMs,
    isReadable: summary?.outcome === 'cancelled' && products.length === summary.counts.products,
    products: products.length,
    nextSlotMs: gaps(calls.slice(last))[0] as number,
  };
}

function together(rounds: Round[]) {
  const ended = rounds.map(({ endedMs }) => endedMs);
  const nextSlots = rounds.map(({ nextSlotMs }) => nextSlotMs);
  return {
    callsAfterCancel: Math.max(...rounds.map(({ callsAfterCancel }) => callsAfterCancel)),
    endedMedianMs: Math.round(median(ended)),
    endedMaxMs: Math.round(Math.max(...ended)),
    readable: rounds.filter(({ isReadable }) => isReadable).length,
    productsMedian: median(rounds.map(({ products }) => products)),
    nextSlotMedianMs: Math.round(median(nextSlots)),
    nextSlotMaxMs: Math.round(Math.max(...nextSlots)),
  };
}

/** How many slots the call gate has ever granted, those given back left aside. */
async function slotsGranted({ config }: Fleet): Promise<number> {
  const { gate, redis, close } = openEbay(config, quietLog());
  try {
    await waitFor('Redis', () => redis.ping().catch(() => undefined));
    return (await gate.read()).mark.granted;
  } finally {
    close();
  }
}
