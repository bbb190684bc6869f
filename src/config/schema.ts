import type { FormatName } from './formats.ts';

/** One setting. */
export interface Key<T> {
  format: FormatName;
  env: string;
  default: T;
  doc: string;
  /** Its value is never shown. */
  sensitive: boolean;
}

const SECRET = true;

function key<T>(format: FormatName, env: string, value: T, doc: string, sensitive = false): Key<T> {
  return { format, env, default: value, doc, sensitive };
}

const seconds = (env: string, value: number, doc: string) => key('seconds', env, value, doc);
const secondsOrZero = (env: string, value: number, doc: string) => key('seconds or 0', env, value, doc);
const share = (env: string, value: number, doc: string) => key('share', env, value, doc);
const flag = (env: string, value: boolean, doc: string) => key('flag', env, value, doc);
const count = (env: string, value: number, doc: string) => key('count', env, value, doc);
const text = (env: string, value: string, doc: string, sensitive = false) =>
  key('text', env, value, doc, sensitive);

/** eBay and the keyset. */
const ebay = {
  clientId: text('EBAY_CLIENT_ID', '', 'App ID of the eBay keyset', SECRET),
  clientSecret: text('EBAY_CLIENT_SECRET', '', 'Cert ID of the eBay keyset', SECRET),
  environment: key('environment', 'EBAY_ENVIRONMENT', 'sandbox', 'Which eBay the keyset belongs to'),
  scopes: key(
    'scopes',
    'EBAY_SCOPES',
    'https://api.ebay.com/oauth/api_scope',
    'OAuth scopes, separated by spaces; searching needs the base scope only',
  ),
  tokenUrl: key('http url or empty', 'EBAY_TOKEN_URL', '', 'Whole URL of the token endpoint; empty: eBay’s'),
  apiUrl: key('http origin or empty', 'EBAY_API_URL', '', 'Origin of the API; empty: eBay’s own'),
  allowHttp: flag('EBAY_ALLOW_HTTP', false, 'Allow plain http beyond loopback, for a simulator'),
  proxyUrl: key(
    'proxy url or empty',
    'EBAY_PROXY_URL',
    '',
    'Proxy for all requests to eBay, by CONNECT; empty: none, whatever HTTPS_PROXY says',
    SECRET,
  ),
  marketplace: key('marketplace', 'EBAY_MARKETPLACE', 'EBAY_US', 'Marketplace of a search that names none'),
  affiliateCampaignId: key(
    'digits or empty',
    'EBAY_AFFILIATE_CAMPAIGN_ID',
    '',
    'Campaign of the eBay Partner Network: products then carry `affiliateUrl`; empty: none',
  ),
  deletionToken: key(
    'deletion token or empty',
    'EBAY_DELETION_TOKEN',
    '',
    'Verification token of the subscription to account-deletion notices; `serve` needs it, with EBAY_DELETION_URL',
    SECRET,
  ),
  deletionUrl: key(
    'https url or empty',
    'EBAY_DELETION_URL',
    '',
    'Public address of `/ebay/account-deletion`, exactly as it is subscribed at eBay; empty: no such address',
  ),
  bulkItems: flag(
    'EBAY_BULK_ITEMS',
    false,
    'Ask for up to 20 listings of a watchlist in one call, where eBay has granted the keyset the scope `buy.item.bulk`',
  ),
  connectTimeout: seconds(
    'EBAY_CONNECT_TIMEOUT',
    3,
    'Longest wait for a connection to eBay: name, all its addresses, proxy and TLS together',
  ),
  callTimeout: seconds('EBAY_CALL_TIMEOUT', 10, 'Longest duration of a call, first byte out to last byte in'),
  maxBodyBytes: key(
    'bytes',
    'EBAY_MAX_BODY_BYTES',
    20_000_000,
    'Largest answer read, its headers too, counted after decompression; a page of 200 items has about 0.5 MB',
  ),
  quickRetryDelay: secondsOrZero(
    'EBAY_QUICK_RETRY_DELAY',
    0.3,
    'Wait before the first quick retry of a reset connection or a single 502–504; doubled for the second',
  ),
};

/** The HTTP API, `dpf serve`. */
const http = {
  host: key('host', 'HTTP_HOST', '127.0.0.1', 'Address that `serve` and a worker’s METRICS_PORT listen on'),
  port: key('port', 'HTTP_PORT', 3000, 'Port of `serve`; 0 for any'),
  basePath: key(
    'base path or empty',
    'HTTP_BASE_PATH',
    '',
    'Path that a reverse proxy serves `serve` under, such as /ebay; it may pass the path on or take it off',
  ),
  keepAlive: seconds(
    'HTTP_KEEP_ALIVE',
    75,
    'How long an idle connection stays open; longer than a balancer keeps its own, often 60 s',
  ),
  healthSocket: text(
    'HEALTH_SOCKET',
    '',
    'Unix socket on which every process that stays answers /livez, for a health check beside it; empty: none',
  ),
  withoutKeys: flag('HTTP_WITHOUT_KEYS', false, 'Answer without API keys, as the demo does; loopback only'),
  rateLimit: count(
    'HTTP_RATE_LIMIT',
    1200,
    'Requests a minute that one API key may send to one process, itself and by its sessions of page and dashboard',
  ),
  dashboardWrites: flag('DASHBOARD_WRITES', false, 'Let the dashboard pause and resume queues, retry jobs'),
  maxStreams: count(
    'HTTP_MAX_STREAMS',
    200,
    'Most event streams, `?wait=` answers and streams of products open in a process; half of them of one key',
  ),
};

/** How fast eBay may be called, and what follows a refusal. */
const pace = {
  minApiCallInterval: secondsOrZero(
    'MIN_API_CALL_INTERVAL',
    1,
    'Least time between two calls of the fleet, at eBay; 0: none',
  ),
  dailyCallLimit: count(
    'DAILY_CALL_LIMIT',
    5000,
    'Browse calls a day until eBay states the true figure through its Analytics API, which counts from then on; eBay grants 5,000 by default; TENANT_DAILY_CALLS spends fewer',
  ),
  tenantCalls: key(
    'count or 0',
    'TENANT_DAILY_CALLS',
    0,
    'Budget of a tenant that declares no `dailyCalls`: calls a day that its searches may spend, at most; 0: no budget',
  ),
  backfillShare: share('BACKFILL_SHARE', 0.7, 'Share of the day’s calls after which `backfill` stops'),
  scheduledShare: share('SCHEDULED_SHARE', 0.9, 'Share of the day’s calls after which `scheduled` stops'),
  unconfirmedShare: share(
    'UNCONFIRMED_SHARE',
    0.9,
    'Share of the day’s calls after which all calls stop while eBay has not confirmed a count that Redis lost',
  ),
  reconcileInterval: seconds(
    'QUOTA_RECONCILE_INTERVAL',
    900,
    'How often one process compares the call counter with eBay’s own count while calls are made',
  ),
  throttlePause: seconds(
    'THROTTLE_BACKOFF',
    5,
    'First backoff after a 429 without Retry-After while quota remains; doubled for each that follows',
  ),
  maxThrottlePause: seconds('MAX_THROTTLE_BACKOFF', 900, 'Longest backoff after a 429, despite Retry-After'),
  circuitWindow: seconds('CIRCUIT_WINDOW', 30, 'The circuit breaker looks at the calls of this time'),
  circuitShare: share('CIRCUIT_SHARE', 0.5, 'Share of failed calls in the window that opens the circuit'),
  circuitMinCalls: count('CIRCUIT_MIN_CALLS', 10, 'Fewest calls in the window before the circuit may open'),
  circuitPause: seconds('CIRCUIT_BACKOFF', 15, 'First backoff of an open circuit; doubled per failed probe'),
  maxCircuitPause: seconds('MAX_CIRCUIT_BACKOFF', 300, 'Longest backoff of an open circuit'),
};

/** Where Redis is, which certificates are trusted, and timeouts. */
const redis = {
  url: key(
    'redis url',
    'REDIS_URL',
    'redis://localhost:6379/0',
    'Redis 7 or Valkey that holds the queues, the token and the results',
    SECRET,
  ),
  tlsCa: text('REDIS_TLS_CA', '', 'PEM file of Redis’s certificate authority; empty: those that Node trusts'),
  tlsServerName: text('REDIS_TLS_SERVER_NAME', '', 'Name in Redis’s certificate; empty: host of REDIS_URL'),
  tlsCert: text('REDIS_TLS_CERT', '', 'PEM file of this client’s certificate; with REDIS_TLS_KEY'),
  tlsKey: text('REDIS_TLS_KEY', '', 'PEM file of the key of REDIS_TLS_CERT'),
  tlsVerify: flag('REDIS_TLS_VERIFY', true, 'Check Redis’s certificate; production needs `true`'),
  sentinelUsername: text('REDIS_SENTINEL_USERNAME', '', 'User of the Sentinels themselves; empty: none'),
  sentinelPassword: text('REDIS_SENTINEL_PASSWORD', '', 'Password of the Sentinels themselves', SECRET),
  connectTimeout: seconds('REDIS_CONNECT_TIMEOUT', 3, 'Longest wait for a connection to Redis'),
  commandTimeout: seconds('REDIS_COMMAND_TIMEOUT', 1.5, 'Longest wait for Redis while a caller waits'),
  socketTimeout: seconds('REDIS_SOCKET_TIMEOUT', 15, 'A worker’s connection idle for this long is replaced'),
};

/** The fleet's token, and how one is requested. */
const token = {
  cacheTime: seconds('TOKEN_CACHE_TIME', 3300, 'Longest life of the token in Redis; at most its own life'),
  expiryBuffer: seconds('TOKEN_EXPIRY_BUFFER', 300, 'A token is not used in the last part of its life'),
  refreshAhead: seconds('TOKEN_REFRESH_AHEAD', 60, 'In this last part of its life the next token is fetched'),
  requestTimeout: seconds('TOKEN_REQUEST_TIMEOUT', 10, 'Longest duration of a token request'),
  lockTime: seconds('TOKEN_LOCK_TIME', 15, 'Life of the lock on token requests; longer than one may take'),
  readTimeout: seconds('TOKEN_READ_TIMEOUT', 0.1, 'Longest wait for Redis before the copy in memory is used'),
  requestInterval: secondsOrZero('TOKEN_REQUEST_INTERVAL', 1, 'Least time between two token requests'),
  dailyMintLimit: count('DAILY_MINT_LIMIT', 200, 'Token requests a day until they stop; eBay’s limit: 1,000'),
  failurePause: seconds('TOKEN_FAILURE_BACKOFF', 2, 'First backoff when token requests fail; then doubled'),
  maxFailurePause: seconds('MAX_TOKEN_FAILURE_BACKOFF', 300, 'Longest backoff after failed token requests'),
  refusedPause: seconds(
    'CREDENTIAL_REFUSED_BACKOFF',
    1800,
    'Backoff after eBay refused the credential itself (invalid_client, or three new tokens in a row)',
  ),
  encryptionKeys: text(
    'TOKEN_ENCRYPTION_KEYS',
    '',
    'Keys for the cached token, `kid:base64` separated by commas, the first one writes; empty: plain JSON',
    SECRET,
  ),
};

/** A worker process. */
const worker = {
  concurrency: key('concurrency', 'WORKER_CONCURRENCY', 10, 'Pages that a worker handles at once per tenant'),
  tenants: key(
    'tenant names',
    'WORKER_TENANTS',
    '',
    'Tenants that a worker serves, separated by commas, `default` for the keyset of the environment; empty: all',
  ),
  lockDuration: seconds('WORKER_LOCK_DURATION', 10, 'Lock of a job; a dead worker’s job runs again after it'),
  stalledInterval: seconds('WORKER_STALLED_INTERVAL', 2, 'How often workers look for jobs whose worker died'),
  blockingRead: seconds('WORKER_BLOCKING_READ', 5, 'Longest that an idle worker waits in one read of Redis'),
  maxRestarts: count('WORKER_MAX_RESTARTS', 5, 'Workers that a page may crash before it fails'),
  stuckAfter: seconds('WORKER_STUCK_AFTER', 30, 'A worker that leaves jobs waiting this long is restarted'),
  sweepInterval: seconds('SWEEP_INTERVAL', 30, 'How often unreadable, lost and stuck jobs are looked for'),
  newerVersionDelay: seconds('NEWER_VERSION_DELAY', 60, 'A newer release’s job is retried within this time'),
  newerVersionPatience: seconds(
    'NEWER_VERSION_TIMEOUT',
    3600,
    'A job that no worker could read for this long fails as `unknown_payload_version`',
  ),
  attempts: count('PAGE_ATTEMPTS', 5, 'Attempts of a page whose call fails with a transient error'),
  backoff: secondsOrZero('PAGE_BACKOFF', 5, 'Wait before a page’s second attempt; then doubled, with jitter'),
  shutdownGrace: seconds('SHUTDOWN_GRACE', 20, 'Longest time for finishing or handing back work on SIGTERM'),
  metricsPort: key(
    'port or empty',
    'METRICS_PORT',
    '',
    'Port of a worker’s /metrics, /livez, /readyz; 0: any; empty: none',
  ),
};

/**
 * Every setting: meaning, format, default, environment variable. All durations are in seconds, decimals allowed. The table
 * of settings in the documentation is generated from here.
 */
export const schema = {
  redis,
  memory: {
    backfillShare: share('MEMORY_BACKFILL_LIMIT_RATIO', 0.7, 'Share of maxmemory at which `backfill` stops'),
    share: share('MEMORY_LIMIT_RATIO', 0.85, 'Share of maxmemory beyond which producers refuse all searches'),
  },
  queue: {
    prefix: key(
      'key prefix',
      'QUEUE_PREFIX',
      '{ebay}',
      'First part of every key; the braces keep all of them in one Redis Cluster slot',
    ),
    quarantineTtl: seconds('QUARANTINE_TTL', 604_800, 'How long a job in quarantine is kept; 7 days'),
  },
  ebay,
  pace,
  token,
  worker,
  search: {
    resultsTtl: seconds('RESULTS_TTL', 21_600, 'How long answers are kept; eBay allows 6 hours for listings'),
    categoryNamesTtl: key(
      'seconds, long',
      'CATEGORY_NAMES_TTL',
      1_209_600,
      'How long names of categories count as new; old ones are used for as long again while eBay fails; 14 days',
    ),
    trackTtl: key('seconds, long', 'TRACK_TTL', 2_592_000, 'How long a track keeps an unseen item; 30 days'),
    deadline: seconds('SEARCH_DEADLINE', 172_800, 'A search that waits for longer ends with what it has'),
    backlogLimit: count('BACKLOG_LIMIT', 100_000, 'Most searches that may wait in a queue; more are refused'),
    retained: count('RETAINED_SEARCHES', 10_000, 'Most ended searches kept per queue; older ones go first'),
    costs: key<'' | Readonly<Record<string, unknown>>>(
      'json object or empty',
      'COSTS',
      '',
      'Own figures for landed cost and margin, a JSON object as `costs` of a request; for a request without; empty: none',
    ),
  },
  events: {
    kept: count('EVENTS_KEPT', 50_000, 'About how many events are kept; older ones go first'),
    maxAge: key('seconds, long', 'EVENTS_MAX_AGE', 604_800, 'How long an event is kept at most; 7 days'),
    cooldown: secondsOrZero('EVENT_COOLDOWN', 3600, 'Least time between price events of a product; 0: none'),
  },
  schedule: {
    file: text('SCHEDULES_FILE', '', 'JSON file of schedules, as config/schedules.example.json; empty: none'),
    minInterval: seconds('SCHEDULE_MIN_INTERVAL', 60, 'Least time between runs; 60 s: 1,440 calls a day'),
  },
  plan: {
    interval: seconds('PLAN_INTERVAL', 1, 'How often the planner of `auto` schedules and watchlists decides'),
    day: seconds(
      'PLAN_DAY',
      86_400,
      'Length of the planner’s day; shorter in simulations with scaled time only',
    ),
    dailyCalls: key(
      'count or 0',
      'PLAN_DAILY_CALLS',
      0,
      'Most calls a day that the planner spends; 0: all that SCHEDULED_SHARE leaves',
    ),
    sharedCalls: flag(
      'PLAN_SHARED_CALLS',
      false,
      'Let newest-first `auto` schedules that differ in keywords share calls; not confirmed with eBay yet',
    ),
  },
  alerts: {
    interval: seconds(
      'ALERT_INTERVAL',
      1,
      'How often alerts that waited for the end of quiet hours or of a digest are looked for',
    ),
    maxAge: key(
      'seconds, long',
      'ALERT_MAX_AGE',
      86_400,
      'How long an alert waits for a channel, and a message for its delivery; 24 hours',
    ),
    concurrency: count('ALERT_CONCURRENCY', 10, 'Channels that a worker sends to at once'),
    timeout: seconds('ALERT_TIMEOUT', 10, 'Longest wait for the receiver of an alert'),
    retryDelay: seconds(
      'ALERT_RETRY_DELAY',
      1,
      'Wait after the first failure of a channel; it doubles, and from the fifth in a row it is 30 to 900 times as long',
    ),
    attempts: count('ALERT_ATTEMPTS', 8, 'A message that its receiver has refused so often is given up'),
  },
  outbound: {
    allow: text(
      'OUTBOUND_ALLOW',
      '',
      'Host names, addresses and CIDR ranges to which alerts may be sent although they are private, separated by commas',
    ),
    connectTimeout: seconds(
      'OUTBOUND_CONNECT_TIMEOUT',
      5,
      'Longest wait for a connection to the receiver of an alert: name, all its addresses and TLS together',
    ),
  },
  channel: {
    secretOverlap: seconds(
      'CHANNEL_SECRET_OVERLAP',
      86_400,
      'How long the former secret of a webhook signs too after `rotate`; 24 hours',
    ),
  },
  smtp: {
    url: key(
      'smtp url or empty',
      'SMTP_URL',
      '',
      'Server that sends e-mail of alerts, `smtp://USER:PASSWORD@HOST:587` or `smtps://…:465`; workers need it',
      SECRET,
    ),
    from: key('e-mail address or empty', 'SMTP_FROM', '', 'Address that e-mail of alerts comes from'),
  },
  tenant: {
    file: text('TENANTS_FILE', '', 'JSON file of tenants, see config/tenants.example.json; empty: none'),
  },
  log: {
    level: key('log level', 'LOG_LEVEL', 'info', 'Least severe level that is logged'),
    levels: key('log levels', 'LOG_LEVELS', '', 'Levels of components, e.g. `auth=debug,collector=debug`'),
    format: key('log format', 'LOG_FORMAT', 'auto', '`json`, `pretty`, or `auto`: pretty on a terminal'),
  },
  http,
};

/** Former names of variables. Version 0.1 reads them with a warning, the next release does not. */
const DEPRECATED_ENV: Readonly<Record<string, string>> = {
  THROTTLE_BACKOFF: 'THROTTLE_PAUSE',
  MAX_THROTTLE_BACKOFF: 'MAX_THROTTLE_PAUSE',
  CIRCUIT_BACKOFF: 'CIRCUIT_PAUSE',
  MAX_CIRCUIT_BACKOFF: 'MAX_CIRCUIT_PAUSE',
  TOKEN_FAILURE_BACKOFF: 'TOKEN_FAILURE_PAUSE',
  MAX_TOKEN_FAILURE_BACKOFF: 'MAX_TOKEN_FAILURE_PAUSE',
  CREDENTIAL_REFUSED_BACKOFF: 'CREDENTIAL_REFUSED_PAUSE',
  NEWER_VERSION_TIMEOUT: 'NEWER_VERSION_PATIENCE',
  MEMORY_BACKFILL_LIMIT_RATIO: 'MEMORY_BACKFILL_SHARE',
  MEMORY_LIMIT_RATIO: 'MEMORY_SHARE',
};

export interface Setting extends Key<unknown> {
  group: string;
  name: string;
  /** `group.name` */
  path: string;
  /** Its former variable, if it had another. */
  deprecatedEnv: string | undefined;
}

const SETTINGS: readonly Setting[] = Object.entries(schema).flatMap(([group, keys]) =>
  Object.entries(keys as Record<string, Key<unknown>>).map(([name, key]) => ({
    ...key,
    group,
    name,
    path: `${group}.${name}`,
    deprecatedEnv: DEPRECATED_ENV[key.env],
  })),
);

/** Every setting, in the schema's order. */
export function settings(): readonly Setting[] {
  return SETTINGS;
}
