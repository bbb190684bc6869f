import { setTimeout as sleep } from 'node:timers/promises';
import { openProducer } from '../../src/app/producer.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import { loadConfig } from '../../src/config/load.ts';
import { fraction } from '../../src/simulator/random.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { type RunningProcess, startDpf } from '../../test/support/processes.ts';
import { startTestRedis } from '../../test/support/redis.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { waitFor } from '../../test/support/waitFor.ts';
import { type ChannelEvidence, delays, evidenceOf, firstArrivals, type Wanted } from './evidence.ts';
import { type Behaviour, type Receiver, startWebhook } from './receivers.ts';

/** Every wait of the delivery is so many times as short as by default. */
export const FACTOR = 60;

/** Durations of the service, scaled by FACTOR where a person would wait for them. Seconds. */
const SCALED = {
  ALERT_INTERVAL: '0.2',
  ALERT_RETRY_DELAY: String(1 / FACTOR),
  ALERT_TIMEOUT: '0.5',
  OUTBOUND_ALLOW: '127.0.0.1',
  MIN_API_CALL_INTERVAL: '0.005',
  DAILY_CALL_LIMIT: '1000000',
  PAGE_BACKOFF: '0.1',
  EBAY_CALL_TIMEOUT: '2.5',
  WORKER_LOCK_DURATION: '3',
  WORKER_STALLED_INTERVAL: '1',
  // Calls that were killed are no sign of trouble at eBay, and a page may be killed often.
  CIRCUIT_MIN_CALLS: '1000000',
  RESULTS_TTL: '3600',
  LOG_LEVEL: 'error',
  LOG_LEVELS: 'worker=info',
};

export interface Scenario {
  /** SIGKILLs of workers, each at some moment of `pauseMs`. */
  readonly kills: number;
  readonly pauseMs: number;
  /** Each kill first waits so long, ms, for an arrival at a receiver: most workers are then killed at work. Default: it does not. */
  readonly arrivalMs?: number;
  /** Workers that stand still (SIGSTOP) for longer than the locks of their jobs live, one after the other. Default: none. */
  readonly freezes?: number;
  readonly workers: number;
  /** Tracks, each with an alert. */
  readonly tracks: number;
  /** Looks of each track after its first one, at least; with kills they go on until the last kill. */
  readonly looks: number;
  /** Between two looks of a track, ms. */
  readonly everyMs: number;
  readonly channels: readonly Behaviour[];
  readonly seed: number;
  /** Called after each kill with their number so far. */
  readonly onKill?: (count: number) => void;
}

export interface Outcome {
  readonly wanted: number;
  readonly kills: number;
  readonly channels: readonly ChannelEvidence[];
  /** Messages that were taken once more although no worker was killed within a time-out after they were taken first. */
  readonly unexplained: number;
  /** From the simulator's answer to the arrival at the sound receiver, ms. */
  readonly delays: readonly number[];
}

const LISTINGS = 12;
/** Listings that fall between two looks of a track. */
const FALLING = 6;
const QUIET_MS = 60_000;
/** Its lock runs out after `WORKER_LOCK_DURATION`, and another worker has the job within `WORKER_STALLED_INTERVAL`. */
const FROZEN_MS = 5500;

/**
 * Tracks of a few listings are looked at again and again; before each look some listings have become two dollars cheaper, so
 * the wanted alerts are known one by one. Workers are killed meanwhile, and each kind of receiver fails in its own way.
 */
export async function runScenario(options: Scenario): Promise<Outcome> {
  const { seed, tracks, workers: size } = options;
  const redis = await startTestRedis();
  const simulator = await startSimulator({ catalogueScale: 0, unsteady: STEADY });
  simulator.controls.quota({ limit: 1_000_000 });
  const receivers = await Promise.all(options.channels.map((each) => startWebhook(each, seed)));
  const env = serviceEnv(redis.url, simulator.url, SCALED);
  const producer = openProducer(loadConfig({ env, files: [] }), { log: quietLog() });
  const workers: RunningProcess[] = [];
  const killedAt: number[] = [];
  let isOver = false;
  try {
    await producer.ready();
    for (const { behaviour, url } of receivers)
      await producer.channels.put({ kind: 'webhook', name: behaviour, url });
    for (let index = 0; index < size; index += 1) workers.push(await startWorker(env));

    const wanted: Wanted[] = [];
    /** What happens to one track, look after look. */
    async function follow(track: number): Promise<void> {
      const name = `track${track}`;
      const listings = Array.from({ length: LISTINGS }, (_, index) => ({
        price: 90_000 + index,
        itemId: simulator.controls.addListing({
          title: `${name} number ${index}`,
          price: String(90_000 + index),
        }),
      }));
      await producer.alerts.put({
        name,
        track: name,
        when: [{ on: 'drop', amount: '1.50', currency: 'USD', basis: 'item' }],
        rearm: 0,
        dailyCap: 10_000,
        channels: [...options.channels],
      });
      await look(name);
      for (let number = 0; number < options.looks || !isOver; number += 1) {
        const began = Date.now();
        const fallen = Array.from({ length: FALLING }, (_, nth) => {
          const listing = listings[(number * FALLING + nth) % LISTINGS] as (typeof listings)[number];
          listing.price -= 2;
          simulator.controls.changeListing(listing.itemId, { price: String(listing.price) });
          return { itemId: listing.itemId, price: String(listing.price) };
        });
        const at = await look(name);
        wanted.push(...fallen.map((each) => ({ ...each, at })));
        await sleep(Math.max(0, began + options.everyMs - Date.now()));
      }
    }
    /** A look until the end of one that is complete. @returns when its first call arrived at the simulator */
    async function look(query: string): Promise<number> {
      const since = simulator.controls.log({ kind: 'search' }).at(-1)?.seq ?? 0;
      for (;;) {
        const { searchId } = await producer.enqueue({ query, track: query, maxItems: 50, maxAge: 0 });
        const { summary } = await producer.waitFor(searchId, { timeoutMs: 3 * QUIET_MS });
        if (summary?.outcome !== 'complete') continue;
        const calls = simulator.controls.log({ since, kind: 'search' });
        return calls.find((call) => call.query.q === query)?.time ?? Number.NaN;
      }
    }
    const arrivalCount = () => receivers.reduce((sum, { arrivals }) => sum + arrivals.length, 0);
    async function arrival(ms: number): Promise<void> {
      const before = arrivalCount();
      for (const until = Date.now() + ms; arrivalCount() === before && Date.now() < until; ) await sleep(1);
    }
    const dead = new Set<string>();
    /** A channel keeps its latest 10,000 messages that were given up, so they are read before there are as many. */
    async function readDead(): Promise<void> {
      for (const { id } of await producer.channels.failed(undefined, { limit: 10_000 })) dead.add(id);
    }
    async function kill(): Promise<number> {
      let count = 0;
      for (; count < options.kills; count += 1) {
        await arrival(options.arrivalMs ?? 0);
        await sleep(options.pauseMs * 2 * fraction(seed, 'pause', count));
        const index = Math.floor(fraction(seed, 'worker', count) * size);
        const victim = workers[index] as RunningProcess;
        killedAt.push(Date.now());
        victim.signal('SIGKILL');
        await victim.exit();
        // What is killed next may be one that has just begun.
        workers[index] = startDpf(['worker'], env);
        options.onKill?.(count + 1);
        if ((count + 1) % 50 === 0) await readDead();
      }
      return count;
    }
    async function freeze(): Promise<void> {
      for (let count = 0; count < (options.freezes ?? 0); count += 1) {
        await sleep(options.pauseMs * 2 * fraction(seed, 'pause', count));
        // In the middle of a delivery, where one comes soon.
        await arrival(QUIET_MS);
        const victim = workers[count % size] as RunningProcess;
        victim.signal('SIGSTOP');
        try {
          await sleep(FROZEN_MS);
        } finally {
          victim.signal('SIGCONT');
        }
      }
    }
    const following = Promise.all(Array.from({ length: tracks }, (_, track) => follow(track)));
    const [kills] = await Promise.all([kill(), freeze()]);
    isOver = true;
    await following;
    await arrived(producer, receivers);
    await readDead();

    const model = receivers.find(({ behaviour }) => behaviour === 'sound') ?? (receivers[0] as Receiver);
    const order = firstArrivals(model.arrivals);
    return {
      wanted: wanted.length,
      kills,
      channels: receivers.map((receiver) => evidenceOf(receiver, wanted, dead, order)),
      unexplained: receivers.reduce((sum, { arrivals }) => sum + unexplained(arrivals, killedAt), 0),
      delays: delays(model.arrivals, wanted),
    };
  } finally {
    isOver = true;
    await Promise.all(workers.map((worker) => worker.stop()));
    await producer.close();
    await Promise.all(receivers.map((receiver) => receiver.close()));
    await simulator.close();
    await redis.stop();
  }
}

/** A worker that dies after the receiver's answer and before the message is off the outbox makes it be sent again. */
function unexplained(arrivals: Receiver['arrivals'], killedAt: readonly number[]): number {
  const first = new Map<string, number>();
  let count = 0;
  for (const { id, at, status } of arrivals) {
    if (status !== 204) continue;
    const before = first.get(id);
    if (before === undefined) first.set(id, at);
    // A kill may be seen a moment before the arrival of what was sent already.
    else if (!killedAt.some((kill) => kill >= before - 50 && kill <= before + 500)) count += 1;
  }
  return count;
}

/** Until nothing waits in an outbox; an alert's hits become messages within ALERT_INTERVAL. */
async function arrived(producer: ReturnType<typeof openProducer>, receivers: readonly Receiver[]) {
  const pending = async () => {
    const alerts = await producer.alerts.list();
    const channels = await producer.channels.list();
    return (
      alerts.reduce((sum, { pending }) => sum + pending, 0) +
      channels.reduce((sum, { waiting }) => sum + waiting, 0)
    );
  };
  const requests = () => receivers.map(({ arrivals }) => arrivals.length).join(', ');
  // A slow receiver may have much to catch up with: only one that gets nothing more is given up.
  let [latest, since] = ['', 0];
  await waitFor(
    () => `empty outboxes; requests so far: ${requests()}`,
    async () => {
      if ((await pending()) === 0) return true;
      if (requests() !== latest) [latest, since] = [requests(), Date.now()];
      if (Date.now() - since > QUIET_MS)
        throw new Error(`nothing arrives any more; requests so far: ${latest}`);
      return false;
    },
    60 * QUIET_MS,
  );
}

async function startWorker(env: Record<string, string>): Promise<RunningProcess> {
  const process = startDpf(['worker'], env);
  await process.waitForLine(/worker started/);
  return process;
}
