import { Queue } from 'bullmq';
import { checkCredentials } from '../auth/checkup.ts';
import { EbayAuthService } from '../auth/service.ts';
import { apiOrigin, credentialProblems } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import { checkSearch, gateFinding, quotaFinding } from '../ebay/checkup.ts';
import { EbayClient } from '../ebay/client.ts';
import { ebayAhead } from '../ebay/serverClock.ts';
import { Failure } from '../failures.ts';
import { Lifecycle } from '../lifecycle.ts';
import { checkQueues } from '../queue/checkup.ts';
import { callsQueueName, searchQueueName } from '../queue/names.ts';
import { checkRedis } from '../redis/checkup.ts';
import { openRedis } from '../redis/connection.ts';
import { redisAhead } from '../redis/serverClock.ts';
import { type Finding, fail, ok, skipped } from '../telemetry/finding.ts';
import type { LogRoot } from '../telemetry/logger.ts';
import { DEFAULT_TENANT } from '../tenants/declaration.ts';
import { clockFinding } from './clockFinding.ts';
import { CALLER_DEADLINE_MS, callGate } from './gate.ts';

export interface DoctorOptions {
  log: LogRoot;
  /** Told what is looked at next. */
  onStep?: (what: string) => void;
  /** This machine's clock, ms since the epoch. */
  clock?: () => number;
}

const CLOSE_MS = 2000;
const SECOND = 1000;

/**
 * Looks at everything that the service needs, one finding each, as they come. Costs one token request and one call; changes
 * nothing else but the ledger, which takes eBay's count over.
 */
export async function* examine(config: Config, options: DoctorOptions): AsyncGenerator<Finding> {
  const { log, onStep = () => undefined, clock = Date.now } = options;
  const lifecycle = new Lifecycle();
  const logger = log.component('doctor');
  const redis = lifecycle.opened('Redis', openRedis(config.redis, 'caller', logger), (r) => r.disconnect());
  try {
    onStep('Redis');
    const { memory, redis: settings } = config;
    const fit = await checkRedis(redis, { url: settings.url, memory, patienceMs: CALLER_DEADLINE_MS });
    yield* fit;
    if (fit[0]?.state !== 'ok') {
      yield skipped(
        'the rest',
        'credentials, quota, search, queues and worker are looked at once Redis answers',
      );
      return;
    }
    onStep('eBay and the clocks');
    const [reached, ahead] = await askEbayTheTime(config, clock);
    yield reached;
    yield clockFinding(await redisAhead(redis, clock), ahead);
    yield* ebay({ ...options, onStep, config, redis, lifecycle });
    onStep('the queues');
    const [searches, calls] = [searchQueueName(DEFAULT_TENANT), callsQueueName(DEFAULT_TENANT)].map(
      (name) => {
        const queue = new Queue(name, { connection: redis, prefix: config.queue.prefix });
        queue.on('error', () => undefined);
        return lifecycle.opened(name, queue, (opened) => opened.close());
      },
    ) as [Queue, Queue];
    const { backlogLimit } = config.search;
    yield* await checkQueues({ redis, searches, calls, backlogLimit, now: clock() });
  } finally {
    await lifecycle.stop(CLOSE_MS);
  }
}

type EbayParts = Required<Pick<DoctorOptions, 'log' | 'onStep'>> & {
  config: Config;
  redis: ReturnType<typeof openRedis>;
  lifecycle: Lifecycle;
};

/** Token, quota, gate, and one search. */
async function* ebay({ config, redis, lifecycle, log, onStep }: EbayParts): AsyncGenerator<Finding> {
  const problems = credentialProblems(config);
  for (const { name, message } of problems) {
    const [what = message, remedy = `correct ${name}`] = message.split(/: (.*)/s);
    yield fail('credentials', 'configuration', `${name} ${what}`, remedy);
  }
  const auth = new EbayAuthService({ config, redis, log: log.component('auth') });
  lifecycle.opened('token service', auth, (opened) => opened.close());
  let hasToken = false;
  if (problems.length === 0) {
    onStep('the credentials: asking eBay for a token');
    const finding = await checkCredentials(auth);
    hasToken = finding.state === 'ok';
    yield finding;
  }
  onStep('the quota');
  const gate = callGate(redis, config, DEFAULT_TENANT, { log: log.component('gate') });
  const client = new EbayClient({ config, gate, tokens: auth, log: log.component('ebay') });
  lifecycle.opened('eBay connections', client, (opened) => opened.close());
  const told = hasToken && (await client.reconcile());
  const state = await gate.read();
  yield quotaFinding(state, told);
  yield gateFinding(state);
  if (!hasToken) {
    yield skipped('search', 'not made without a token');
    return;
  }
  onStep('one search');
  const { callTimeout, marketplace } = config.ebay;
  // Other processes may be in line for the same slots.
  const turns = 5 * Math.max(state.intervalMs, SECOND);
  yield await checkSearch(client.browse, marketplace, turns + callTimeout * SECOND);
}

async function askEbayTheTime(config: Config, clock: () => number): Promise<[Finding, number | undefined]> {
  const origin = apiOrigin(config.ebay);
  try {
    const ahead = await ebayAhead({ origin, ebay: config.ebay, clock });
    return [ok('ebay', `${new URL(origin).host} answers`), ahead];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const remedy = 'check the network, its name server and proxy, and EBAY_API_URL';
    return [fail('ebay', 'dependency', `${new URL(origin).host}: ${error.message}`, remedy), undefined];
  }
}
