import type { AddressInfo } from 'node:net';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { apiOrigin } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import type { ConfigSources } from '../config/load.ts';
import { secretsOf } from '../config/secrets.ts';
import { gateSettings } from '../ebay/gate/gateSettings.ts';
import { quotaReport } from '../ebay/gate/quota.ts';
import { latestEvents } from '../events/stream.ts';
import { FleetConfig } from '../fleet/fleetConfig.ts';
import type { Tenant } from '../fleet/snapshot.ts';
import type { App, RouteRule, Routes } from '../http/access.ts';
import { docsRoutes } from '../http/api/docs.ts';
import { Idempotency } from '../http/api/idempotency.ts';
import { productRoutes } from '../http/api/products.ts';
import { quotaRoute } from '../http/api/quota.ts';
import { HeldAnswers, reportRoutes } from '../http/api/reports.ts';
import { scheduleRoutes } from '../http/api/schedules.ts';
import { type ProducerOf, searchRoutes } from '../http/api/searches.ts';
import { ApiKeys } from '../http/auth/apiKeys.ts';
import { Authenticator } from '../http/auth/authenticator.ts';
import { dashboardRoutes } from '../http/dashboard/dashboard.ts';
import { healthRoutes, metricsRoute } from '../http/operations.ts';
import { type PageOptions, pageRoutes } from '../http/page/page.ts';
import { notFound } from '../http/problem.ts';
import { createServer } from '../http/server.ts';
import { Lifecycle, type StopReport } from '../lifecycle.ts';
import { callsQueueName, searchQueueName } from '../queue/bullmq/queues.ts';
import type { SearchProducer } from '../queue/producer.ts';
import { runsTtlMs } from '../queue/search/retryPolicy.ts';
import { openRedis } from '../redis/connection.ts';
import type { LogRoot } from '../telemetry/logRoot.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { BootError } from './bootError.ts';
import { processHealth, requireFitRedis, type WorkerHealth } from './health.ts';
import { callGate, openProducer } from './producer.ts';

export interface ServeApp {
  /** The address that it answers at, such as `http://127.0.0.1:3000`. */
  readonly url: string;
  readonly server: App;
  /** Who may call which route. */
  readonly rules: readonly RouteRule[];
  /** Ends held answers, finishes the others and closes; may be called again. */
  stop(): Promise<StopReport>;
  /** Reads the files of settings, tenants and schedules again. Never rejects. */
  reload(): Promise<void>;
}

export interface ServeAppOptions {
  /** Stops waiting for Redis. */
  signal?: AbortSignal;
  /** A worker in the same process that `/livez` and `/readyz` speak for too. */
  worker?: WorkerHealth;
  /** Where `config` came from, to be read again when it changes. Default: the process's environment and its files. */
  sources?: ConfigSources;
}

/** How long one part may take to close, ms. */
const CLOSE_MS = 5000;

/**
 * The HTTP door. Waits for Redis as long as it takes, with a log line a second.
 * @throws BootError when this Redis would lose jobs, or nobody could call because there is no key; the server's own error
 * when it cannot listen, e.g. code EADDRINUSE.
 */
export async function startServeApp(
  config: Config,
  log: LogRoot,
  { signal, worker, sources = {} }: ServeAppOptions = {},
): Promise<ServeApp> {
  log.scrubber.learn(secretsOf(config));
  const metrics = createMetrics();
  metrics.process.watchLog(log);
  const lifecycle = new Lifecycle();
  const logger = log.component('http');
  const redis = lifecycle.opened('Redis', openRedis(config.redis, 'caller', logger), (r) => r.disconnect());
  try {
    await requireFitRedis(redis, config, logger, signal);
    const keys = new ApiKeys(redis, config.queue.prefix);
    await someoneMayCall(keys, config);
    const fleet = new FleetConfig(redis, {
      config,
      sources,
      role: 'serve',
      tenants: () => [],
      metrics: metrics.config,
      log: log.component('config'),
    });
    fleet.onChange((snapshot) => log.setLevels(snapshot.config.log));
    lifecycle.opened('configuration', fleet, (opened) => opened.stop());
    await fleet.start(signal);
    const tenantOf = (name: string) => fleet.current().tenants.get(name);
    const producerOf = tenantProducers(lifecycle, tenantOf, { log, redis, metrics });
    const { prefix } = config.queue;
    const quotaOf = async (tenant: string) => {
      const settings = (tenantOf(tenant) ?? nobody()).config;
      const gate = callGate(redis, settings, tenant, { log: logger });
      return quotaReport(await gate.read(), gateSettings(settings).shares);
    };
    const authenticator = config.http.withoutKeys ? undefined : new Authenticator(keys, logger);
    const routes: Routes[] = [
      healthRoutes(processHealth(lifecycle, redis, worker)),
      metricsRoute({
        registry: metrics.registry,
        refresh: async () => metrics.process.redisAnswers((await redis.ping().catch(() => '')) === 'PONG'),
      }),
      searchRoutes({ producerOf, idempotency: new Idempotency({ redis, prefix, ttlMs: runsTtlMs(config) }) }),
      reportRoutes({ producerOf, held: new HeldAnswers(config.http.maxStreams) }),
      productRoutes({ producerOf }),
      scheduleRoutes({ producerOf }),
      quotaRoute(quotaOf),
      docsRoutes(),
      page({ config, redis, keys, authenticator, producerOf, quotaOf }),
      openDashboard(lifecycle, { config, redis, keys, authenticator }),
    ];
    const server = await createServer({
      routes,
      authenticator,
      metrics: metrics.http,
      scrubber: log.scrubber,
      requestsAMinute: config.http.rateLimit,
      log: logger,
    });
    lifecycle.opened('HTTP server', server, (opened) => opened.close());
    await server.listen({ host: config.http.host, port: config.http.port });
    const { port } = server.server.address() as AddressInfo;
    return {
      url: urlOf(config.http.host, port),
      server,
      rules: server.rules(),
      stop: () => lifecycle.stop(CLOSE_MS),
      reload: () => fleet.reload(),
    };
  } catch (error) {
    await lifecycle.stop(CLOSE_MS);
    throw error;
  }
}

/** So many events are on the page's start. */
const LATEST_EVENTS = 20;

type PageParts = Pick<PageOptions, 'redis' | 'keys' | 'authenticator' | 'producerOf' | 'quotaOf'> & {
  config: Config;
};

function page({ config, ...parts }: PageParts): Routes {
  const { prefix } = config.queue;
  return pageRoutes({
    ...parts,
    prefix,
    latestOf: (tenant) => latestEvents(parts.redis, prefix, tenant, LATEST_EVENTS),
    marketplace: config.ebay.marketplace,
    apiOrigin: apiOrigin(config.ebay),
    links: [
      { href: '/admin/queues', text: 'Queues' },
      { href: '/docs', text: 'API' },
    ],
  });
}

async function someoneMayCall(keys: ApiKeys, { http }: Config): Promise<void> {
  if (http.withoutKeys || (await keys.hasUsable())) return;
  throw new BootError(
    'there is no API key, so nobody could call: make one with `dpf keys add NAME`, or try it all with `dpf demo --keep`',
    'no-api-keys',
  );
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
}

/** Each tenant's producer, opened when first asked for, all on one connection. */
export function tenantProducers(
  lifecycle: Lifecycle,
  tenantOf: (name: string) => Tenant | undefined,
  { log, redis, metrics }: { log: LogRoot; redis: Redis; metrics: Metrics },
): ProducerOf {
  const opened = new Map<string, SearchProducer>();
  return (name) => {
    const first = tenantOf(name) ?? nobody();
    const known = opened.get(name);
    if (known !== undefined) return known;
    // What is under way when its tenant goes ends with the settings that it began with.
    const current = () => (tenantOf(name) ?? first).config;
    const producer = openProducer(current, {
      tenant: name,
      log,
      redis,
      refused: metrics.intake(name).refused,
    });
    opened.set(
      name,
      lifecycle.opened(`producer of ${name}`, producer, (each) => each.close()),
    );
    return producer;
  };
}

/** The key of a tenant that is gone meets what any stranger meets. */
export function nobody(): never {
  throw notFound();
}

export interface DashboardParts {
  config: Config;
  /** A connection of the `caller` profile. */
  redis: Redis;
  keys: ApiKeys;
  /** Undefined: nobody has to log in. */
  authenticator: Authenticator | undefined;
}

/** The dashboard over the queues of whichever tenants' operators log in. */
export function openDashboard(lifecycle: Lifecycle, { config, ...parts }: DashboardParts): Routes {
  const { prefix } = config.queue;
  const open = (name: string, description: string) => {
    const queue = new Queue(name, { connection: parts.redis, prefix });
    // Told by each page's own refusal.
    queue.on('error', () => undefined);
    lifecycle.opened(`dashboard of ${name}`, queue, (opened) => opened.close());
    return { queue, description };
  };
  const queuesOf = (tenant: string) => [
    open(searchQueueName(tenant), 'searches: each waits for its calls and sums them up'),
    open(callsQueueName(tenant), 'calls to eBay: one job, one call, at the pace of the gate'),
  ];
  return dashboardRoutes({ ...parts, prefix, queuesOf, writes: config.http.dashboardWrites });
}
