import { openQueues } from '../../src/queue/bullmq/openQueues.ts';
import { Schedules } from '../../src/queue/schedules/schedules.ts';
import { jobDefaults } from '../../src/queue/search/retryPolicy.ts';
import { PlanDuty } from '../../src/queue/watch/planDuty.ts';
import { PlanStore } from '../../src/queue/watch/planStore.ts';
import { ScheduleLooks } from '../../src/queue/watch/scheduleLooks.ts';
import type { Look } from '../../src/queue/watch/unit.ts';
import { NOOP_LOGGER } from '../../src/telemetry/logger.ts';
import { testConfig } from '../../test/support/config.ts';
import { inRedis } from '../../test/support/gates.ts';
import { connectTo, startTestRedis } from '../../test/support/redis.ts';
import type { Options, Row } from './index.ts';
import { DAY_MS, START, traceOf } from './traces.ts';

export const NAME = 'cost';

const DAILY_CALLS = 5000;
const HOUR_MS = DAY_MS / 24;

/**
 * What planning costs: the processor time of the rounds of the process that plans, and the memory of its keys. Schedules, Redis,
 * queue and gate are real; the time of rounds is set, and reports are made here between two rounds. First the planner learns
 * for days, in rounds a minute apart. Then it is measured for an hour of rounds a second apart.
 */
export async function run({ seed, quick }: Options): Promise<Row[]> {
  const searches = quick ? 200 : 1000;
  const [learnDays, measuredS] = quick ? [1, 600] : [3, 3600];
  const trace = traceOf({ seed, searches, sigma: 1.5 }, () => now);
  const server = await startTestRedis();
  const redis = connectTo(server.url);
  const { searches: queue, close } = openQueues(redis, '{ebay}', 'default');
  const rules = jobDefaults(testConfig());
  const place = { searches: queue, redis, prefix: '{ebay}', tenant: 'default', rules, minInterval: 60 };
  let now = START;
  try {
    const schedules = new Schedules({ ...place, defaults: { marketplace: 'EBAY_US' }, deadlineMs: 60_000 });
    for (const { words } of trace.queries) {
      const request = { query: words, sort: 'newlyListed', maxItems: 50, track: words } as const;
      await schedules.add({ name: words, auto: {}, request });
    }
    const store = new PlanStore(redis, '{ebay}', 'default');
    const gate = inRedis(() => redis)();
    const begun: Look[] = [];
    let [used, day] = [0, START];
    const looks = new ScheduleLooks(place);
    const duty = new PlanDuty({
      store,
      sources: [
        {
          units: () => looks.units(),
          async begin(look) {
            begun.push(look);
            return looks.begin(look);
          },
          isUnderWay: (look) => looks.isUnderWay(look),
        },
      ],
      fixedCalls: (...args) => looks.fixedCalls(...args),
      gate: {
        async read() {
          const state = await gate.read();
          if (now - day >= DAY_MS) [used, day] = [0, day + DAY_MS];
          return { ...state, now, used, limit: DAILY_CALLS, reset: day + DAY_MS, intervalMs: 1000 };
        },
      },
      admit: async () => undefined,
      now: async () => now,
      limits: () => ({ scheduledShare: 0.9, dailyCalls: 0 }),
      dayMs: DAY_MS,
      intervalMs: 1000,
      metrics: {
        begun: () => undefined,
        missed: () => undefined,
        delays: () => undefined,
        planned: () => undefined,
      },
      log: NOOP_LOGGER,
    });
    const seen = new Map<string, number>();
    const report = async (look: Look) => {
      const flow = look.unit.slice('schedule:'.length);
      const index = trace.queries.findIndex(({ words }) => words === flow);
      const since = seen.get(flow);
      const expected = since === undefined ? 0 : trace.expected(index, since, now);
      // Whole changes, without a loss over many looks.
      const changes = Math.floor(expected) + ((look.number * 0.618) % 1 < expected % 1 ? 1 : 0);
      const times = Array.from(
        { length: changes },
        (_, each) => now - ((now - (since ?? now)) * (each + 0.5)) / changes,
      );
      seen.set(flow, now);
      used += 1;
      const flows = [{ flow, changes: since === undefined ? null : changes, times: times.slice(-200) }];
      await store.report({ ...look, calls: 1, seenUntil: now, complete: true, flows });
    };
    const { signal } = new AbortController();
    const measured = { rounds: 0, cpuUs: 0, looks: 0 };
    const round = async (stepMs: number) => {
      now += stepMs;
      const before = process.cpuUsage();
      await duty.round(signal);
      const { user, system } = process.cpuUsage(before);
      measured.rounds += 1;
      measured.cpuUs += user + system;
      measured.looks += begun.length;
      for (const look of begun.splice(0)) await report(look);
      // Its jobs have ended.
      if (measured.rounds % 500 === 0) await queue.drain();
    };
    const learnUntil = START + learnDays * DAY_MS + 18 * HOUR_MS;
    while (now < learnUntil) await round(60_000);
    Object.assign(measured, { rounds: 0, cpuUs: 0, looks: 0 });
    while (measured.rounds < measuredS) await round(1000);

    const bytes = async (key: string) => Number((await redis.memory('USAGE', key, 'SAMPLES', 0)) ?? 0);
    const memory = (await bytes('{ebay}:plan:default')) + (await bytes('{ebay}:looks:default'));
    const share = (measured.cpuUs / 1e6 / measuredS) * 100;
    return [
      { name: 'schedules', value: searches, required: '', met: null },
      { name: 'rounds, a second apart', value: measured.rounds, required: '', met: null },
      { name: 'looks begun in them', value: measured.looks, required: '', met: null },
      {
        name: 'processor time of planning, % of a core',
        value: Number(share.toFixed(2)),
        required: '< 1',
        met: share < 1,
      },
      { name: 'its keys in Redis, bytes', value: memory, required: '< 1,000,000', met: memory < 1_000_000 },
    ];
  } finally {
    await close();
    redis.disconnect();
    await server.stop();
  }
}
