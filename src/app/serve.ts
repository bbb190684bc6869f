import type { AddressInfo } from 'node:net';
import { apiOrigin } from '../config/checks.ts';
import { type Config, optionalPackage } from '../config/config.ts';
import type { ConfigSources } from '../config/load.ts';
import { secretsOf } from '../config/secrets.ts';
import { gateSettings } from '../ebay/gate/gateSettings.ts';
import { quotaReport } from '../ebay/gate/quota.ts';
import { redisGate } from '../ebay/gate/redisGate.ts';
import { latestEvents } from '../events/stream.ts';
import { DeletionNotices } from '../fleet/accountDeletion.ts';
import { DEFAULT_TENANT } from '../fleet/declaration.ts';
import { FleetConfig } from '../fleet/fleetConfig.ts';
import { FleetStore } from '../fleet/fleetStore.ts';
import type { App, RouteRule, Routes } from '../http/access.ts';
import { accountDeletionRoutes } from '../http/api/accountDeletion.ts';
import { alertRoutes } from '../http/api/alerts.ts';
import { categoryRoutes } from '../http/api/categories.ts';
import { channelRoutes } from '../http/api/channels.ts';
import { feedRoutes } from '../http/api/feed.ts';
import { itemRoutes } from '../http/api/items.ts';
import { planRoutes } from '../http/api/plan.ts';
import { productRoutes } from '../http/api/products.ts';
import { reportRoutes } from '../http/api/reports.ts';
import { scheduleRoutes } from '../http/api/schedules.ts';
import { searchRoutes } from '../http/api/searches.ts';
import { watchlistRoutes } from '../http/api/watchlists.ts';
import { ApiKeys, type PreparedKey, ROLES } from '../http/auth/apiKeys.ts';
import { Authenticator } from '../http/auth/authenticator.ts';
import { HeldAnswers } from '../http/heldAnswers.ts';
import { healthRoutes, metricsRoute } from '../http/operations.ts';
import { pageRoutes } from '../http/page/page.ts';
import { notFound } from '../http/problem.ts';
import { createServer } from '../http/server.ts';
import { Lifecycle, type StopReport } from '../lifecycle.ts';
import { openQueues } from '../queue/bullmq/openQueues.ts';
import type { SearchProducer } from '../queue/producer.ts';
import { runsTtlMs } from '../queue/search/retryPolicy.ts';
import { openRedis } from '../redis/connection.ts';
import type { LogRoot } from '../telemetry/logRoot.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { bootOnRedis } from './boot.ts';
import { openEbay } from './client.ts';
import { processHealth, type WorkerHealth } from './health.ts';
import { openProducer } from './producer.ts';

export interface ServeApp {
  /** The address that it answers at, such as `http://127.0.0.1:3000`. */
  readonly url: string;
  readonly server: App;
  /** Who may call which route. */
  readonly rules: readonly RouteRule[];
  /** Whether it accepts connections. */
  readonly running: boolean;
  /** Ends held answers, finishes the others and closes; may be called again. */
  stop(): Promise<StopReport>;
  /** Reads the files of settings, tenants and schedules again. Never rejects. */
  reload(): Promise<void>;
}

export interface ServeAppOptions {
  /** Stops waiting for Redis. */
  signal?: AbortSignal;
  /** A worker in the same process that `/livez` and `/readyz` report too. */
  worker?: WorkerHealth;
  /** Where there is no key one is made and printed by this. Its text is stored nowhere. */
  firstKey?: ((key: string) => void) | undefined;
  /** Where `config` came from, to be read again when it changes. Default: the process's environment and its files. */
  sources?: ConfigSources;
}

/** How long one part may take to close, ms. */
const CLOSE_MS = 5000;

/** The key that is made on request: it may do everything. */
const FIRST_KEY = { name: 'first', tenant: 'default', roles: ROLES, expiresAt: null };
const NO_KEY =
  'there is no API key, so every caller gets 401: make one with `dpf keys add NAME`, or start with --first-key';
/** `--first-key` makes none here. */
const EXPIRED_KEYS = 'every API key has expired, so every caller gets 401: make one with `dpf keys add NAME`';

const OLDER_WORKERS =
  'workers of release 0.1 run, which refuse what this release adds to requests: upgrade workers before dpf serve';

/** Events on the start page. */
const LATEST_EVENTS = 20;

/**
 * The HTTP API, the page and the dashboard. Waits until Redis has served all commands of the start, with a log line a second.
 *
 * `stop` closes in this order: HTTP server (held answers end, the others finish), event loop watch, producers and queues of
 * the tenants, configuration, Redis.
 * @throws BootError when this Redis would lose jobs; ConfigError naming an optional package that is missing; the server's
 * own error when it cannot listen, e.g. code EADDRINUSE.
 */
export async function startServeApp(
  config: Config,
  log: LogRoot,
  { signal, worker, firstKey, sources = {} }: ServeAppOptions = {},
): Promise<ServeApp> {
  const { docsRoutes } = await optionalPackage(import('../http/api/docs.ts'), 'dpf serve');
  const { dashboardRoutes } = await optionalPackage(import('../http/dashboard/dashboard.ts'), 'dpf serve');
  log.scrubber.learn(secretsOf(config));
  const metrics = createMetrics();
  metrics.process.watchLog(log);
  const lifecycle = new Lifecycle();
  const logger = log.component('http');
  const redis = lifecycle.opened('Redis', openRedis(config.redis, 'caller', logger), (r) => r.disconnect());
  try {
    const { prefix } = config.queue;
    const keys = new ApiKeys(redis, prefix);
    const fleet = new FleetConfig(redis, {
      config,
      sources,
      role: 'serve',
      tenants: () => [],
      metrics: metrics.config,
      log: log.component('config'),
    });
    const warnWithoutKey = async () => {
      if (config.http.withoutKeys || (await keys.hasUsable())) return;
      logger.warn((await keys.list()).length === 0 ? NO_KEY : EXPIRED_KEYS);
    };
    let data: string | undefined;
    fleet.onChange((snapshot) => {
      log.setLevels(snapshot.config.log);
      const isLost = data !== undefined && data !== snapshot.data;
      data = snapshot.data;
      // Redis lost its data, and the keys with it unless somebody restores them: everybody gets a 401.
      if (isLost) void warnWithoutKey().catch(() => undefined);
    });
    lifecycle.opened('configuration', fleet, (opened) => opened.stop());
    let first: PreparedKey | undefined;
    await bootOnRedis(redis, { config, log: logger, signal, isSecond: worker !== undefined }, async () => {
      await fleet.start();
      const workers = (await new FleetStore(redis, prefix).processes()).filter(
        ({ role }) => role === 'worker',
      );
      const older = workers.filter(({ release }) => release === undefined).length;
      if (older > 0) logger.warn(OLDER_WORKERS, { older });
      if (firstKey !== undefined && !config.http.withoutKeys) {
        // A repeated start stores the same key, for Redis may have it already.
        first ??= await keys.prepare(FIRST_KEY);
        // Nothing may come between: nobody can read a stored key, and it keeps later starts from making one.
        if (await keys.addFirst(first)) {
          firstKey(first.key);
          const { id, name, roles } = first.record;
          logger.info('first API key made and printed', { id, name, roles });
          return;
        }
      }
      await warnWithoutKey();
    });
    // The key of a tenant that was removed gets the answer of an unknown key's.
    const settingsOf = (tenant: string): Config => {
      const known = fleet.current().tenants.get(tenant);
      if (known === undefined) throw notFound();
      return known.config;
    };
    const producers = new Map<string, SearchProducer>();
    const producerOf = (tenant: string): SearchProducer => {
      const first = settingsOf(tenant);
      const known = producers.get(tenant);
      if (known !== undefined) return known;
      // A request that runs when its tenant is removed ends with the settings that it began with.
      const current = () => fleet.current().tenants.get(tenant)?.config ?? first;
      const { refused } = metrics.intake(tenant);
      const producer = openProducer(current, { tenant, log, redis, refused });
      producers.set(tenant, lifecycle.opened(`producer of ${tenant}`, producer));
      return producer;
    };
    const quotaOf = async (tenant: string) => {
      const settings = settingsOf(tenant);
      const ofGate = gateSettings(settings);
      const gate = redisGate({ redis, prefix, tenant, settings: ofGate, log: logger });
      return quotaReport(await gate.read(), ofGate.shares);
    };
    // With the settings that its keyset was read with.
    const clients = new Map<string, { config: Config; ebay: ReturnType<typeof openEbay> }>();
    const closeClients = () => {
      for (const { ebay } of clients.values()) ebay.close();
    };
    lifecycle.opened('clients of eBay', clients, async () => closeClients());
    const ebayOf = (tenant: string) => {
      const config = settingsOf(tenant);
      let client = clients.get(tenant);
      if (client?.config !== config) {
        client?.ebay.close();
        client = { config, ebay: openEbay(config, log, { tenant, redis }) };
        clients.set(tenant, client);
      }
      return client.ebay;
    };
    const categoriesOf = (tenant: string) => ({
      names: ebayOf(tenant).categories,
      marketplace: settingsOf(tenant).ebay.marketplace,
    });
    const dashboardQueues = (tenant: string) => {
      const { searches, calls, deliveries } = lifecycle.opened(
        `dashboard of ${tenant}`,
        openQueues(redis, prefix, tenant),
      );
      return [
        { queue: searches, description: 'searches: each waits for its calls and sums them up' },
        { queue: calls, description: 'calls to eBay: one job, one call, at the pace of the gate' },
        { queue: deliveries, description: 'alerts: one job for each channel that has messages' },
      ];
    };
    const authenticator = config.http.withoutKeys ? undefined : new Authenticator(keys, logger);
    const hasTenant = (tenant: string) => fleet.current().tenants.has(tenant);
    const access = { redis, prefix, keys, authenticator, hasTenant };
    const held = new HeldAnswers({ most: config.http.maxStreams, keys, hasTenant });
    const routes: Routes[] = [
      healthRoutes(processHealth(lifecycle, redis, fleet, worker)),
      metricsRoute({
        registry: metrics.registry,
        refresh: async () => metrics.process.redisAnswers((await redis.ping().catch(() => '')) === 'PONG'),
      }),
      searchRoutes({ producerOf, idempotency: { redis, prefix, ttlMs: runsTtlMs(config) } }),
      reportRoutes({ producerOf, quotaOf, held }),
      productRoutes({ producerOf, held }),
      categoryRoutes({ categoriesOf }),
      accountDeletionRoutes({
        settings: config.ebay,
        keys: () => ebayOf(DEFAULT_TENANT).notificationKeys,
        notices: new DeletionNotices(redis, prefix),
        log: logger,
      }),
      itemRoutes({ producerOf, held }),
      scheduleRoutes({ producerOf }),
      planRoutes({ producerOf }),
      watchlistRoutes({ producerOf }),
      alertRoutes({ producerOf }),
      channelRoutes({ producerOf, held }),
      feedRoutes({ producerOf, redis, prefix }),
      docsRoutes,
      pageRoutes({
        ...access,
        producerOf,
        quotaOf,
        latestOf: (tenant) => latestEvents(redis, prefix, tenant, LATEST_EVENTS),
        eventLimits: { kept: config.events.kept, maxAgeMs: config.events.maxAge * 1000 },
        held,
        categoriesOf,
        marketplace: config.ebay.marketplace,
        apiOrigin: apiOrigin(config.ebay),
      }),
      dashboardRoutes({ ...access, queuesOf: dashboardQueues, writes: config.http.dashboardWrites }),
    ];
    const server = await createServer({
      routes,
      authenticator,
      metrics: metrics.http,
      scrubber: log.scrubber,
      requestsAMinute: config.http.rateLimit,
      hasTenant,
      basePath: config.http.basePath,
      keepAliveS: config.http.keepAlive,
      log: logger,
    });
    lifecycle.opened('HTTP server', server);
    await server.listen({ host: config.http.host, port: config.http.port });
    const { port } = server.server.address() as AddressInfo;
    return {
      url: urlOf(config.http.host, port),
      server,
      rules: server.rules(),
      get running() {
        return server.server.listening;
      },
      stop: () => lifecycle.stop(CLOSE_MS),
      reload: () => fleet.reload(),
    };
  } catch (error) {
    await lifecycle.stop(CLOSE_MS);
    throw error;
  }
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
}
