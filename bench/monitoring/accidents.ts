import { setTimeout as sleep } from 'node:timers/promises';
import { FleetStore } from '../../src/fleet/fleetStore.ts';
import type { AlertMessage } from '../../src/product/alertMessage.ts';
import { alertKeys } from '../../src/queue/alerts/keys.ts';
import type { FaultSpec } from '../../src/simulator/faults.ts';
import { waitFor } from '../../test/support/waitFor.ts';
import type { World } from './world.ts';

/** Something that really breaks, and how it is mended. */
export interface Accident {
  what: string;
  /** The alerts that must fire because of it, and none of which fired before. */
  alerts: string[];
  break: (world: World) => Promise<unknown>;
  /** Done over and over until the alerts fire. */
  meanwhile?: (world: World) => Promise<unknown>;
  mend: (world: World) => Promise<unknown>;
}

const clear = ({ fleet }: World) => fleet.ebay.clear();
const armed = (spec: FaultSpec) => (world: World) => world.fleet.ebay.arm(spec);
const ON_TOKENS = { on: { endpoint: 'token' } } as const;
/** s */
const A_DAY = 86_400;
const GAUGES_LEASE = '{ebay}:lease:ebay-calls:gauges';

/** A message of alerts that was made so many seconds ago. */
function messageOf(ageS: number): string {
  const message: AlertMessage = {
    ...{ v: 1, id: String(ageS).padStart(32, '0'), kind: 'alert', tenant: 'default', alert: 'drops' },
    at: new Date(Date.now() - 1000 * ageS).toISOString(),
    ...{ track: 'phones', schedule: null, watchlist: null, hits: [], matching: 0, withheld: {} },
  };
  return JSON.stringify(message);
}

export const ACCIDENTS: readonly Accident[] = [
  {
    what: 'a worker is restarted three times',
    alerts: ['DpfWorkerRestarts'],
    async break(world) {
      for (let n = 0; n < 3; n += 1) {
        await world.worker(0).stop();
        await world.startWorker(0);
        // Long enough to be seen by a scrape.
        await sleep(2500);
      }
    },
    mend: async () => undefined,
  },
  {
    what: 'every worker is killed in the middle of a call, and comes back',
    alerts: ['DpfTargetDown', 'DpfNoWorker'],
    async break(world) {
      await world.fleet.ebay.configure({ latencyMs: 1500 });
      await world.enqueue();
      await waitFor('a call under way', () => world.redis.llen('{ebay}:ebay-calls:active'));
      for (const index of [0, 1, 2]) world.worker(index).signal('SIGKILL');
    },
    mend: (world) => world.fleet.ebay.configure({ latencyMs: 0 }),
  },
  {
    what: 'the workers come back and find the jobs of the dead',
    alerts: ['DpfJobsStalled'],
    break: (world) => Promise.all([0, 1, 2].map((index) => world.startWorker(index))),
    mend: async () => undefined,
  },
  {
    what: 'Redis stands still',
    alerts: ['DpfRedisDown'],
    break: async ({ redisPid }) => process.kill(redisPid, 'SIGSTOP'),
    mend: async ({ redisPid }) => process.kill(redisPid, 'SIGCONT'),
  },
  {
    what: 'somebody holds the lease of counting the queues and does not count',
    alerts: ['DpfQueuesUncounted'],
    break: ({ redis }) => redis.set(GAUGES_LEASE, 'nobody', 'PX', 120_000),
    mend: ({ redis }) => redis.del(GAUGES_LEASE),
  },
  {
    what: 'a schedule loses its runs, and somebody pauses the queue that a due run waits in',
    alerts: ['DpfSchedulesMissing', 'DpfSchedulesOverdue'],
    async break({ fleet, searches, redis }) {
      const request = { query: 'lamp', maxItems: 5 };
      await fleet.producer.schedule.add({ name: 'lost', cron: '0 4 1 1 *', request });
      await redis.zrem('{ebay}:ebay-search:repeat', 'lost');
      await searches.pause();
      await fleet.producer.schedule.add({ name: 'due', every: 3600, request });
    },
    async mend({ fleet, searches }) {
      await searches.resume();
      for (const name of ['lost', 'due']) await fleet.producer.schedule.remove(name);
    },
  },
  {
    what: 'Redis loses its data under running processes',
    alerts: ['DpfRedisDataLost'],
    break: (world) => world.loseData(),
    mend: ({ redis }) => new FleetStore(redis, '{ebay}').clearLoss(),
  },
  {
    what: 'Redis loses its data while no process runs',
    alerts: ['DpfRedisDataNew'],
    async break(world) {
      await Promise.all([0, 1, 2].map((index) => world.worker(index).stop()));
      await world.stopServer();
      await world.loseData();
      await world.startServer();
      await Promise.all([0, 1, 2].map((index) => world.startWorker(index)));
    },
    mend: async () => undefined,
  },
  {
    what: 'eBay refuses the keyset',
    alerts: ['DpfCredentialRefused'],
    async break(world) {
      await armed({ fault: 'oauth-refusal', ...ON_TOKENS })(world);
      await world.clearToken();
    },
    async mend(world) {
      await clear(world);
      await world.clearToken();
      await world.search();
    },
  },
  {
    what: 'the token endpoint fails',
    alerts: ['DpfTokenRequestsFailing'],
    async break(world) {
      await armed({ fault: 'status', status: 500, ...ON_TOKENS })(world);
      await world.clearToken();
    },
    meanwhile: (world) => world.clearToken(),
    async mend(world) {
      await clear(world);
      await world.clearToken();
      await world.search();
    },
  },
  {
    what: 'eBay revokes every token as soon as it is used',
    alerts: ['DpfTokenRequestsMany'],
    break: async () => undefined,
    async meanwhile(world) {
      await armed({ fault: 'expired-token', count: 1 })(world);
      await world.search();
    },
    mend: clear,
  },
  {
    what: 'eBay refuses two calls of five',
    alerts: ['DpfEbayFailing', 'DpfSearchesFailing'],
    break: armed({ fault: 'status', status: 400, errorId: 12_001, share: 0.4 }),
    mend: clear,
  },
  {
    what: 'eBay fails altogether',
    alerts: ['DpfCircuitOpen'],
    break: armed({ fault: 'status', status: 503 }),
    async mend(world) {
      await clear(world);
      await waitFor('the circuit to close', async () => {
        const [circuit] = await world.prometheus.query('max(dpf_circuit_state)');
        return circuit?.value === 0;
      });
    },
  },
  {
    what: 'eBay throttles once',
    alerts: ['DpfThrottled'],
    break: armed({ fault: 'rate-limited', count: 1 }),
    mend: clear,
  },
  {
    what: 'listings come without a price',
    alerts: ['DpfListingsRejected'],
    break: armed({ fault: 'odd-items', shapes: ['no-price'], items: 200 }),
    mend: clear,
  },
  {
    what: 'something else has used most of the day’s calls',
    alerts: ['DpfQuotaLow'],
    async break(world) {
      await world.fleet.ebay.quota({ limit: 10_000, used: 9500, resetInS: A_DAY });
      await world.reconcile();
    },
    mend: async () => undefined,
  },
  {
    what: 'the day’s calls are used up',
    alerts: ['DpfQuotaSpent'],
    async break(world) {
      // The queue rests until then, whatever happens meanwhile.
      await world.fleet.ebay.quota({ limit: 10_000, used: 10_000, resetInS: 20 });
      await world.reconcile();
    },
    async mend(world) {
      await world.fleet.freshDay();
      await world.reconcile();
      await waitFor('a search', () => world.search(), 60_000);
    },
  },
  {
    what: 'somebody pauses the queue of calls',
    alerts: ['DpfSearchesWaitLong'],
    break: ({ calls }) => calls.pause(),
    mend: ({ calls }) => calls.resume(),
  },
  {
    what: 'somebody overwrites a waiting job',
    alerts: ['DpfJobsQuarantined'],
    async break({ calls, redis }) {
      await calls.add('page', {}, { jobId: 'overwritten', priority: 4, delay: 60_000 });
      await redis.hset('{ebay}:ebay-calls:overwritten', 'data', '{"query":');
    },
    mend: async () => undefined,
  },
  {
    what: 'a receiver of alerts is gone; one message has waited for two days, another one for an hour',
    alerts: ['DpfAlertsGivenUp', 'DpfAlertsNotDelivered'],
    async break({ fleet, redis }) {
      const url = 'https://receiver.invalid/';
      await fleet.producer.channels.put({ kind: 'webhook', name: 'gone', url });
      const { outbox } = alertKeys('{ebay}', 'default');
      await redis.rpush(outbox('gone'), messageOf(2 * A_DAY), messageOf(3600));
    },
    mend: ({ fleet }) => fleet.producer.channels.remove('gone'),
  },
  {
    what: 'a worker is held up again and again',
    alerts: ['DpfEventLoopBlocked'],
    break: async () => undefined,
    async meanwhile(world) {
      world.worker(0).signal('SIGSTOP');
      await sleep(1400);
      world.worker(0).signal('SIGCONT');
      await sleep(500);
    },
    mend: async () => undefined,
  },
  {
    what: 'nobody reads a worker’s log any more',
    alerts: ['DpfLogLinesLost'],
    break: async (world) => world.worker(0).hangUp(),
    mend: async () => undefined,
  },
];
