import { openProducer } from '../../src/app/producer.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import type { Config } from '../../src/config/config.ts';
import type { SearchProducer } from '../../src/queue/producer.ts';
import type { LogEntry } from '../../src/simulator/log.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { testConfig } from './config.ts';
import { type RunningProcess, startDpf } from './processes.ts';
import { serviceEnv } from './service.ts';
import { get, mintToken, SEARCH } from './simulator.ts';
import { SimulatorControl } from './simulatorControl.ts';

/** Waits of a person's patience made short; 401s are answered by a new token each, so there must be many. */
const SCALED = {
  PAGE_BACKOFF: '0.1',
  EBAY_QUICK_RETRY_DELAY: '0.05',
  TOKEN_REQUEST_INTERVAL: '0',
  TOKEN_FAILURE_BACKOFF: '0.1',
  DAILY_MINT_LIMIT: '100000',
  LOG_FORMAT: 'json',
};

/** A `dpf simulate` of its own, `dpf worker` processes, and a producer in this process. */
export class Fleet {
  readonly ebay: SimulatorControl;
  readonly env: Record<string, string>;
  readonly config: Config;
  readonly producer: SearchProducer;
  readonly workers: RunningProcess[] = [];
  readonly #url: string;
  readonly #startWorker: (env: Record<string, string>) => RunningProcess;

  constructor(
    redisUrl: string,
    simulatorUrl: string,
    env: Record<string, string>,
    startWorker = (own: Record<string, string>) => startDpf(['worker'], own),
  ) {
    this.#url = simulatorUrl;
    this.#startWorker = startWorker;
    this.env = serviceEnv(redisUrl, simulatorUrl, { ...SCALED, ...env });
    this.ebay = new SimulatorControl(simulatorUrl);
    this.config = testConfig(this.env);
    this.producer = openProducer(this.config, { log: quietLog() });
  }

  /** Resolves when all of them work. */
  async addWorkers(count: number, env: Record<string, string> = {}): Promise<RunningProcess[]> {
    const added = Array.from({ length: count }, () => this.#startWorker({ ...this.env, ...env }));
    this.workers.push(...added);
    await Promise.all(added.map((worker) => worker.waitForLine(/worker started/)));
    return added;
  }

  /** The simulator makes up listings when first asked, which holds it up; these pages will be there at once. */
  async warmUp(query: string, pages: number): Promise<void> {
    const token = await mintToken(this.#url);
    for (let page = 0; page < pages; page += 1)
      await get(this.#url, `${SEARCH}?q=${encodeURIComponent(query)}&limit=200&offset=${page * 200}`, token);
    await this.freshDay();
    await this.ebay.clearLog();
  }

  freshDay(limit = 1_000_000, resetInS = 86_400): Promise<unknown> {
    return this.ebay.quota({ limit, used: 0, resetInS, mintLimit: 1_000_000, mintsUsed: 0 });
  }

  /** The Browse calls that the simulator saw, in order of arrival. */
  calls(since = 0): Promise<LogEntry[]> {
    return this.ebay.log({ kind: 'search', since });
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.splice(0).map((worker) => worker.stop()));
    await this.producer.close();
  }
}

/** `dpf simulate` on a free port; steady pages, so that counts are exact. */
export async function startSimulatorProcess(
  start: (args: string[]) => RunningProcess = (args) => startDpf(args),
): Promise<{ url: string; simulator: RunningProcess }> {
  const simulator = start(['simulate', '--port', '0', '--json']);
  const [, url = ''] = await simulator.waitForLine(/"url":\s*"(http[^"]+)"/);
  await new SimulatorControl(url).configure({ unsteady: STEADY });
  return { url, simulator };
}

export interface UsedFleet {
  readonly redisUrl: string;
  /** A fleet with as many workers, in this environment; stopped after the test. */
  start(workers: number, env: Record<string, string>): Promise<Fleet>;
}

/** One simulator process for the tests of a `describe`; what each test starts is gone after it. */
export function useFleet(redis: { readonly url: string }, query: string, pages: number): UsedFleet {
  const fleets: Fleet[] = [];
  let simulator: { url: string; simulator: RunningProcess };
  before(async function () {
    this.timeout(60_000);
    simulator = await startSimulatorProcess();
    const fleet = new Fleet(redis.url, simulator.url, {});
    await fleet.warmUp(query, pages);
    await fleet.stop();
  });
  afterEach(async () => {
    await Promise.all(fleets.splice(0).map((fleet) => fleet.stop()));
  });
  after(() => simulator.simulator.stop());
  return {
    get redisUrl() {
      return redis.url;
    },
    async start(workers, env) {
      const fleet = new Fleet(redis.url, simulator.url, env);
      fleets.push(fleet);
      await fleet.ebay.clear();
      await fleet.ebay.configure({ latencyMs: 0 });
      await fleet.freshDay();
      await fleet.addWorkers(workers);
      await fleet.producer.ready();
      await fleet.ebay.clearLog();
      return fleet;
    },
  };
}
