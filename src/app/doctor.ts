import { apiOrigin, credentialProblems } from '../config/checks.ts';
import { type Config, environment, packageVersion } from '../config/config.ts';
import { formWarnings } from '../config/written.ts';
import { checkCredentials, checkSearch, ebayAhead, gateFinding, quotaFinding } from '../ebay/checkup.ts';
import { Failure } from '../failures.ts';
import { DEFAULT_TENANT } from '../fleet/declaration.ts';
import { FleetStore, type ProcessReport } from '../fleet/fleetStore.ts';
import { goneText, LOSS_REMEDY, lossText, sinceOf } from '../fleet/loss.ts';
import { Lifecycle } from '../lifecycle.ts';
import { openQueues } from '../queue/bullmq/openQueues.ts';
import { checkQueues } from '../queue/checkup.ts';
import { checkRedis, redisAhead } from '../redis/fitness.ts';
import { clockOf } from '../redis/redisClock.ts';
import { type Finding, fail, ok, skipped, warn } from '../telemetry/finding.ts';
import type { LogRoot } from '../telemetry/logRoot.ts';
import { openEbay } from './client.ts';
import { MAX_CLOCK_DIFFERENCE_MS } from './health.ts';
import { CALLER_DEADLINE_MS } from './producer.ts';

interface DoctorOptions {
  log: LogRoot;
  /** Called before each check. */
  onStep?: (what: string) => void;
  /** This machine's clock, ms since the epoch. */
  clock?: () => number;
}

const CLOSE_MS = 2000;

/**
 * Checks everything that the service needs, and yields each finding at once. Costs one token request and one call; changes
 * nothing else but the call counter, which takes eBay's count over.
 */
export async function* examine(
  config: Config,
  { log, onStep = () => undefined, clock = Date.now }: DoctorOptions,
): AsyncGenerator<Finding> {
  const lifecycle = new Lifecycle();
  const ebay = lifecycle.opened('eBay and Redis', openEbay(config, log));
  const { redis } = ebay;
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
    yield await checkData(new FleetStore(redis, config.queue.prefix));
    onStep('eBay and the clocks');
    const [reached, ahead] = await askEbayTheTime(config, clock);
    yield reached;
    yield* unusedProxy(config.ebay, environment());
    yield clockFinding(await redisAhead(redis, clock), ahead);
    yield* checkEbay(config, ebay, onStep);
    onStep('the queues');
    const queues = lifecycle.opened('queues', openQueues(redis, config.queue.prefix, DEFAULT_TENANT));
    yield* await checkQueues({
      redis,
      tenant: DEFAULT_TENANT,
      ...queues,
      backlogLimit: config.search.backlogLimit,
      now: await clockOf(redis).current(),
    });
    yield workerFinding(await new FleetStore(redis, config.queue.prefix).processes());
  } finally {
    await lifecycle.stop(CLOSE_MS);
  }
}

/** Whether Redis lost its data, which nobody has acknowledged. */
async function checkData(store: FleetStore): Promise<Finding> {
  const { mark, loss } = await store.look();
  if (loss !== undefined)
    return fail('data', 'degraded', `${lossText(loss)}; gone: ${goneText(loss)}`, LOSS_REMEDY);
  if (mark === '') return ok('data', 'no worker and no server has used this Redis yet');
  return ok('data', `used by this fleet since ${new Date(sinceOf(mark)).toISOString()}`);
}

/** By their own reports: Redis's list of clients shows every client of the machine, and our users may not read it. */
function workerFinding(processes: readonly ProcessReport[]): Finding {
  const workers = processes.filter(
    ({ role, tenants }) => role === 'worker' && tenants.includes(DEFAULT_TENANT),
  );
  const count = workers.length;
  const others = workers.filter(({ release }) => release !== packageVersion());
  if (others.length > 0) {
    const releases = [...new Set(others.map(({ release = '0.1' }) => release))].sort().join(', ');
    const what = `${count} connected, ${others.length} of them of release ${releases}`;
    return warn('worker', what, 'upgrade the workers first, then the programs that add searches');
  }
  if (count > 0) return ok('worker', `${count} connected`);
  const remedy = 'start dpf worker with the same REDIS_URL and QUEUE_PREFIX';
  return fail('worker', 'degraded', 'no worker is connected: searches only wait', remedy);
}

/** Token, quota, gate, and one search. */
async function* checkEbay(
  config: Config,
  { auth, gate, client }: ReturnType<typeof openEbay>,
  onStep: (what: string) => void,
): AsyncGenerator<Finding> {
  const problems = credentialProblems(config);
  for (const { name, message } of problems) {
    const [what = message, remedy = `correct ${name}`] = message.split(/: (.*)/s);
    yield fail('credentials', 'configuration', `${name} ${what}`, remedy);
  }
  for (const { name, message } of problems.length > 0 ? [] : formWarnings(config)) {
    const [what = message, remedy = `correct ${name}`] = message.split(/: (.*)/s);
    yield warn('settings', `${name} ${what}`, remedy);
  }
  let hasToken = false;
  if (problems.length === 0) {
    onStep('the credentials: asking eBay for a token');
    const finding = await checkCredentials(auth);
    hasToken = finding.state === 'ok';
    yield finding;
  }
  onStep('the quota');
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
  const turns = 5 * Math.max(state.intervalMs, 1000);
  yield await checkSearch(client.browse, marketplace, turns + callTimeout * 1000);
}

async function askEbayTheTime(config: Config, clock: () => number): Promise<[Finding, number | undefined]> {
  const { host } = new URL(apiOrigin(config.ebay));
  const { proxyUrl } = config.ebay;
  try {
    const ahead = await ebayAhead(config.ebay, clock);
    const way = proxyUrl === '' ? '' : ` through the proxy ${new URL(proxyUrl).host}`;
    return [ok('ebay', `${host} answers${way}`), ahead];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const remedy =
      'check the network, its name server, EBAY_API_URL, and EBAY_PROXY_URL where a proxy is needed';
    return [fail('ebay', 'dependency', `${host}: ${error.message}`, remedy), undefined];
  }
}

const PROXY_VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];

/** A proxy that the environment names for other programs, while requests to eBay go out directly. Its URL may hold a password. */
export function unusedProxy(ebay: Config['ebay'], env: NodeJS.ProcessEnv): Finding[] {
  const name = PROXY_VARIABLES.find((variable) => (env[variable] ?? '') !== '');
  if (name === undefined || ebay.proxyUrl !== '') return [];
  const { hostname } = new URL(apiOrigin(ebay));
  const excepted = (env.NO_PROXY ?? env.no_proxy ?? '').split(/[,\s]+/).some((entry) => {
    const suffix = entry.replace(/^\*?\.|:\d+$/g, '');
    return entry === '*' || (suffix !== '' && `.${hostname}`.endsWith(`.${suffix}`));
  });
  if (excepted) return [];
  const message = `the environment names a proxy (${name}), but requests to eBay do not use it`;
  return [warn('proxy', message, 'set EBAY_PROXY_URL to it if eBay is reached through it only')];
}

/**
 * Which clock is wrong: the one that differs from the two others.
 * @param redisMs how far Redis's clock is ahead of this machine's @param ebayMs eBay's; undefined where it is unknown
 */
export function clockFinding(redisMs: number, ebayMs: number | undefined): Finding {
  const isOff = (ms: number) => Math.abs(ms) > MAX_CLOCK_DIFFERENCE_MS;
  const others = ebayMs === undefined ? ' and Redis' : ', Redis and eBay';
  if (!isOff(redisMs) && !isOff(ebayMs ?? 0)) return ok('clock', `this machine${others} have the same time`);
  const [message, what] = wrongClock(redisMs, ebayMs, isOff);
  return fail('clock', 'degraded', message, `${what} let it follow NTP (timedatectl set-ntp true)`);
}

function wrongClock(
  redisMs: number,
  ebayMs: number | undefined,
  isOff: (ms: number) => boolean,
): [message: string, remedy: string] {
  const redis = `Redis’s clock is ${apart(redisMs)} this machine’s`;
  if (ebayMs === undefined) return [`${redis}; eBay’s is unknown`, 'find out which of the two is wrong and'];
  if (!isOff(ebayMs)) return [`${redis} and eBay’s`, 'set the clock of Redis’s machine:'];
  const both = 'set the clocks of both machines:';
  if (!isOff(redisMs)) return [`the clocks of this machine and of Redis are ${apart(-ebayMs)} eBay’s`, both];
  if (!isOff(redisMs - ebayMs))
    return [
      `this machine’s clock is ${apart(-redisMs)} Redis’s and eBay’s`,
      'set the clock of this machine:',
    ];
  return [
    `this machine, Redis and eBay have three different times: ${redis}, eBay’s ${apart(ebayMs)} it`,
    both,
  ];
}

function apart(ms: number): string {
  return `${Math.round(Math.abs(ms) / 1000)} s ${ms > 0 ? 'ahead of' : 'behind'}`;
}
