import { apiOrigin, credentialProblems } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import { checkCredentials, checkSearch, ebayAhead, gateFinding, quotaFinding } from '../ebay/checkup.ts';
import { EbayClient } from '../ebay/client.ts';
import { EbayAuthService } from '../ebay/oauth/service.ts';
import { Failure } from '../failures.ts';
import { DEFAULT_TENANT } from '../fleet/declaration.ts';
import { Lifecycle } from '../lifecycle.ts';
import { openQueues } from '../queue/bullmq/openQueues.ts';
import { checkQueues } from '../queue/checkup.ts';
import { openRedis } from '../redis/connection.ts';
import { checkRedis, redisAhead } from '../redis/fitness.ts';
import { type Finding, fail, ok, skipped } from '../telemetry/finding.ts';
import type { LogRoot } from '../telemetry/logRoot.ts';
import { CALLER_DEADLINE_MS, callGate } from './producer.ts';

interface DoctorOptions {
  log: LogRoot;
  /** Called before each check. */
  onStep?: (what: string) => void;
  /** This machine's clock, ms since the epoch. */
  clock?: () => number;
}

const CLOSE_MS = 2000;
const SECOND = 1000;

/**
 * Checks everything that the service needs, and yields each finding at once. Costs one token request and one call; changes
 * nothing else but the call counter, which takes eBay's count over.
 */
export async function* examine(config: Config, options: DoctorOptions): AsyncGenerator<Finding> {
  const { log, onStep = () => undefined, clock = Date.now } = options;
  const lifecycle = new Lifecycle();
  const logger = log.component('doctor');
  const redis = lifecycle.opened('Redis', openRedis(config.redis, 'caller', logger), (r) => r.disconnect());
  try {
    onStep('Redis');
    const { memory, redis: settings } = config;
    const fit = await checkRedis(redis, { url: settings.url, memory, timeoutMs: CALLER_DEADLINE_MS });
    yield* fit;
    if (fit[0]?.state !== 'ok') {
      yield skipped(
        'the rest',
        'credentials, quota, search, queues and worker are checked once Redis answers',
      );
      return;
    }
    onStep('eBay and the clocks');
    const [reached, ahead] = await askEbayTheTime(config, clock);
    yield reached;
    yield clockFinding(await redisAhead(redis, clock), ahead);
    yield* ebay({ ...options, onStep, config, redis, lifecycle });
    onStep('the queues');
    const { searches, calls } = lifecycle.opened(
      'queues',
      openQueues(redis, config.queue.prefix, DEFAULT_TENANT),
      (queues) => Promise.all([queues.searches.close(), queues.calls.close()]),
    );
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
  const reported = hasToken && (await client.reconcile());
  const state = await gate.read();
  yield quotaFinding(state, reported);
  yield gateFinding(state);
  if (!hasToken) {
    yield skipped('search', 'not made without a token');
    return;
  }
  onStep('one search');
  const { callTimeout, marketplace } = config.ebay;
  // Other processes may wait for the same slots.
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

/** Delayed jobs and schedules follow these clocks; with this difference they start visibly early or late. */
const TOLERATED_MS = 5000;

/**
 * Which clock is wrong: the one that differs from the two others.
 * @param redisMs how far Redis's clock is ahead of this machine's @param ebayMs eBay's; undefined where it is unknown
 */
export function clockFinding(redisMs: number, ebayMs: number | undefined): Finding {
  const off = (ms: number) => Math.abs(ms) > TOLERATED_MS;
  const say = (message: string, remedy: string) => fail('clock', 'degraded', message, remedy);
  const synchronise = 'let it follow NTP (timedatectl set-ntp true)';
  if (!off(redisMs) && !off(ebayMs ?? 0))
    return ok(
      'clock',
      `this machine${ebayMs === undefined ? ' and Redis' : ', Redis and eBay'} have the same time`,
    );
  if (ebayMs === undefined)
    return say(
      `Redis’s clock is ${apart(redisMs)} this machine’s; eBay’s is unknown`,
      `find out which of the two is wrong and ${synchronise}`,
    );
  if (!off(ebayMs))
    return say(
      `Redis’s clock is ${apart(redisMs)} this machine’s and eBay’s`,
      `set the clock of Redis’s machine: ${synchronise}`,
    );
  if (!off(redisMs))
    return say(
      `the clocks of this machine and of Redis are ${apart(-ebayMs)} eBay’s`,
      `set the clocks of both machines: ${synchronise}`,
    );
  if (!off(redisMs - ebayMs))
    return say(
      `this machine’s clock is ${apart(-redisMs)} Redis’s and eBay’s`,
      `set the clock of this machine: ${synchronise}`,
    );
  return say(
    `this machine, Redis and eBay have three different times: Redis’s clock is ${apart(redisMs)} this machine’s, eBay’s ${apart(ebayMs)} it`,
    `set the clocks of both machines: ${synchronise}`,
  );
}

function apart(ms: number): string {
  return `${Math.round(Math.abs(ms) / 1000)} s ${ms > 0 ? 'ahead of' : 'behind'}`;
}
