import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openProducer } from '../../src/app/producer.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import { FleetStore } from '../../src/fleet/fleetStore.ts';
import type { SearchProducer } from '../../src/queue/producer.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { DEMO_CREDENTIALS } from '../../src/simulator/tokens.ts';
import { testConfig } from '../../test/support/config.ts';
import { type RunningProcess, startDpf } from '../../test/support/processes.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { credentialOf, TenantFiles } from '../../test/support/tenants.ts';
import { waitFor } from '../../test/support/waitFor.ts';
import { type Ended, type Load, startLoad } from './load.ts';
import { randomOf } from './random.ts';
import { LOSS_KINDS, type LossKind, RedisThatLoses } from './redis.ts';

export interface LossOptions {
  losses: number;
  workers: number;
  seed: number;
  dayS: number;
  /** How soon all schedules must be back. */
  restoredWithinMs: number;
  /** Least and most time between two losses. */
  betweenMs: readonly [number, number];
  say: (line: string) => void;
}

export interface Found {
  losses: Array<{
    kind: LossKind;
    /** Declared schedules without a next run, `TENANT/NAME`, when all had to be back. */
    missing: string[];
    /** From Redis's answer until all schedules were back. */
    restoredMs: number;
    /** Whether Redis holds a report of it, and how many warnings the workers wrote. */
    reported: boolean;
    warnings: string[];
    /** Ids of acknowledged searches that Redis did not hold after it. */
    lost: string[];
  }>;
  /** Days of all tenants: calls within the limit, and those that eBay refused because they were beyond it. */
  days: Array<{ limit: number; calls: number; refused: number }>;
  searches: Ended[];
  /** Ends in the workers' logs that are not those of their searches. */
  wrongEnds: string[];
  /** Searches that were refused while Redis was away. */
  refused: number;
}

const TENANTS = ['default', 'shop', 'toys'];
const LIMIT = 200;
const LOST = 'Redis lost its data: the fleet declares its own again';

const schedule = (name: string) => ({ name, cron: '0 4 1 1 *', request: { query: 'lamp', maxItems: 10 } });
const DECLARED: Record<string, string[]> = {
  default: ['weekly', 'monthly'],
  shop: ['of-shop'],
  toys: ['of-toys', 'more-of-toys'],
};

/** Redis loses its data again and again under a fleet; what there is to judge. */
export async function losses(options: LossOptions): Promise<Found> {
  const folder = await mkdtemp(join(tmpdir(), 'dpf-loss-'));
  const redis = await RedisThatLoses.start(folder);
  const simulator = await startSimulator({
    catalogueScale: 0.1,
    unsteady: STEADY,
    latencyMs: [20, 80],
    credentials: [DEMO_CREDENTIALS, ...TENANTS.slice(1).map(credentialOf)],
  });
  const files = new TenantFiles(TENANTS.slice(1));
  files.write(files.configFile, '{}');
  files.declare(
    Object.fromEntries(TENANTS.slice(1).map((name) => [name, { schedules: DECLARED[name]?.map(schedule) }])),
  );
  const schedulesFile = join(files.folder, 'schedules.json');
  files.write(schedulesFile, JSON.stringify({ schedules: DECLARED.default?.map(schedule) }));
  const env = serviceEnv(redis.url, simulator.url, {
    ...files.env,
    TENANTS_FILE: files.tenantsFile,
    SCHEDULES_FILE: schedulesFile,
    // The whole day's calls take two thirds of the day.
    MIN_API_CALL_INTERVAL: String(Math.floor((options.dayS * 1000 * 0.66) / LIMIT) / 1000),
    DAILY_CALL_LIMIT: String(LIMIT),
    QUOTA_RECONCILE_INTERVAL: '5',
    DAILY_MINT_LIMIT: '100000',
    TOKEN_REQUEST_INTERVAL: '0',
    SCHEDULED_SHARE: '1',
    BACKFILL_SHARE: '1',
  });
  const producers = new Map(
    TENANTS.map((tenant) => [tenant, openProducer(testConfig(env), { tenant, log: quietLog() })]),
  );
  const days = new Days(simulator, options.dayS);
  const workers: RunningProcess[] = [];
  let load: Load | undefined;
  try {
    days.begin();
    for (let n = 0; n < options.workers; n++) workers.push(startDpf(['worker'], env));
    await Promise.all(workers.map((worker) => worker.waitForLine(/worker started/)));
    await Promise.all([...producers.values()].map((producer) => producer.ready()));
    load = await startLoad(producers, simulator, options.seed);
    const found = await loseAgainAndAgain(options, { redis, producers, workers, load });
    options.say('waiting for the searches');
    load.stop();
    const searches = await load.ends(() => redis.direct);
    days.end();
    const wrongEnds = workers.flatMap(({ output }) => load?.wrongEndsIn(output) ?? []);
    return { losses: found, days: days.all, searches, wrongEnds, refused: load.refused };
  } finally {
    load?.abandon();
    days.end();
    await Promise.all(workers.map((worker) => worker.stop()));
    await Promise.all([...producers.values()].map((producer) => producer.close()));
    await simulator.close();
    await redis.stop();
    files.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Parts {
  redis: RedisThatLoses;
  producers: ReadonlyMap<string, SearchProducer>;
  workers: readonly RunningProcess[];
  load: Load;
}

async function loseAgainAndAgain(options: LossOptions, parts: Parts): Promise<Found['losses']> {
  const { redis, workers, load } = parts;
  const random = randomOf(options.seed);
  const found: Found['losses'] = [];
  const warnings = () =>
    workers.flatMap(({ pid, output }) =>
      output.split('\n').flatMap((line) => (line.includes(LOST) ? [`${pid}: ${line}`] : [])),
    );
  for (let n = 0; n < options.losses; n++) {
    const [least, most] = options.betweenMs;
    await sleep(least + random() * (most - least));
    const kind = LOSS_KINDS[n % LOSS_KINDS.length] as LossKind;
    const before = new Set(warnings());
    await redis.lose(kind, 200 + random() * 1500);
    const backAt = performance.now();
    const lost = await load.missingIn(redis.direct);
    const restored = waitFor(
      'all schedules',
      async () => (await missing(parts.producers).catch(() => ['unknown'])).length === 0,
      options.restoredWithinMs,
    );
    const restoredMs = await restored.then(
      () => performance.now() - backAt,
      () => options.restoredWithinMs,
    );
    await sleep(Math.max(0, options.restoredWithinMs - (performance.now() - backAt)));
    const { loss } = await new FleetStore(redis.direct, '{ebay}').look();
    found.push({
      kind,
      missing: await missing(parts.producers).catch(() => ['unknown']),
      restoredMs: Math.round(restoredMs),
      reported: loss !== undefined,
      warnings: warnings().filter((line) => !before.has(line)),
      lost,
    });
    await new FleetStore(redis.direct, '{ebay}').clearLoss();
    options.say(`${n + 1} of ${options.losses} losses`);
  }
  return found;
}

/** Declared schedules that no run follows. */
async function missing(producers: ReadonlyMap<string, SearchProducer>): Promise<string[]> {
  const lists = [...producers].map(async ([tenant, producer]) => {
    const there = new Set(
      (await producer.schedule.list()).flatMap(({ name, next }) => (next === null ? [] : name)),
    );
    return (DECLARED[tenant] ?? []).filter((name) => !there.has(name)).map((name) => `${tenant}/${name}`);
  });
  return (await Promise.all(lists)).flat();
}

/** The days of all keysets at the simulator, one after another. */
class Days {
  readonly all: Found['days'] = [];
  readonly #simulator: Simulator;
  readonly #dayS: number;
  #timer: NodeJS.Timeout | undefined;
  #since = 0;

  constructor(simulator: Simulator, dayS: number) {
    this.#simulator = simulator;
    this.#dayS = dayS;
  }

  begin(): void {
    for (const clientId of clientIds())
      this.#simulator.controls.quota({ clientId, limit: LIMIT, used: 0, resetInS: this.#dayS });
    this.#timer = setTimeout(() => {
      this.#note();
      this.begin();
    }, this.#dayS * 1000);
  }

  end(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#note();
  }

  #note(): void {
    const calls = this.#simulator.controls.log({ since: this.#since });
    this.#since = calls.at(-1)?.seq ?? this.#since;
    for (const clientId of clientIds()) {
      const own = calls.filter(({ credential, kind }) => credential === clientId && kind === 'search');
      const refused = own.filter(({ status }) => status === 429).length;
      this.all.push({ limit: LIMIT, calls: own.length - refused, refused });
    }
  }
}

function clientIds(): string[] {
  return [DEMO_CREDENTIALS.clientId, ...TENANTS.slice(1).map((name) => credentialOf(name).clientId)];
}
