import type { FormatName } from './formats.ts';

/** One setting as convict takes it. */
export interface Key<T> {
  format: FormatName;
  env: string;
  default: T;
  doc: string;
  sensitive: boolean;
}

const SECRET = true;

function key<T>(format: FormatName, env: string, value: T, doc: string, sensitive = false): Key<T> {
  return { format, env, default: value, doc, sensitive };
}

const seconds = (env: string, value: number, doc: string) => key('seconds', env, value, doc);
const secondsOrZero = (env: string, value: number, doc: string) => key('seconds or 0', env, value, doc);
const share = (env: string, value: number, doc: string) => key('share', env, value, doc);
const count = (env: string, value: number, doc: string) => key('count', env, value, doc);
const text = (env: string, value: string, doc: string, sensitive = false) =>
  key('text', env, value, doc, sensitive);

/**
 * Every setting: meaning, format, default, environment variable. All durations are in seconds, decimals allowed, so that
 * a scenario can scale them all by one factor. The README's table is generated from here.
 */
export const schema = {
  redis: {
    url: key(
      'redis url',
      'REDIS_URL',
      'redis://localhost:6379/0',
      'Redis 7 or Valkey that holds the queues, the token and the results',
      SECRET,
    ),
    connectTimeout: seconds('REDIS_CONNECT_TIMEOUT', 3, 'Longest wait for a connection to Redis'),
    commandTimeout: seconds(
      'REDIS_COMMAND_TIMEOUT',
      1.5,
      'Longest wait for an answer of Redis on a caller’s way; a producer refuses after it',
    ),
    socketTimeout: seconds(
      'REDIS_SOCKET_TIMEOUT',
      15,
      'A worker’s connection without any traffic for this long counts as dead and is made anew',
    ),
  },
  queue: {
    prefix: key(
      'key prefix',
      'QUEUE_PREFIX',
      '{ebay}',
      'First part of every key; the braces keep all of them in one Redis Cluster slot',
    ),
  },
  ebay: {
    clientId: text('EBAY_CLIENT_ID', '', 'App ID of the eBay keyset'),
    clientSecret: text('EBAY_CLIENT_SECRET', '', 'Cert ID of the eBay keyset', SECRET),
    environment: key('environment', 'EBAY_ENVIRONMENT', 'sandbox', 'Which eBay the keyset belongs to'),
    scopes: key(
      'scopes',
      'EBAY_SCOPES',
      'https://api.ebay.com/oauth/api_scope',
      'OAuth scopes, separated by spaces; searching needs the base scope only',
    ),
    tokenUrl: key(
      'http url or empty',
      'EBAY_TOKEN_URL',
      '',
      'Token endpoint, the whole URL; empty: eBay’s own for the environment',
    ),
    apiUrl: key(
      'http origin or empty',
      'EBAY_API_URL',
      '',
      'Origin of the API, eBay’s own paths below it; empty: eBay’s own for the environment',
    ),
    allowHttp: key(
      'flag',
      'EBAY_ALLOW_HTTP',
      false,
      'Allow plain http to another host than loopback, for a simulator in another container',
    ),
    marketplace: key('marketplace', 'EBAY_MARKETPLACE', 'EBAY_US', 'Marketplace of a search that names none'),
    connectTimeout: seconds('EBAY_CONNECT_TIMEOUT', 3, 'Longest wait for a connection to eBay'),
    callTimeout: seconds(
      'EBAY_CALL_TIMEOUT',
      10,
      'Longest duration of one call, from its first byte out to its last byte in',
    ),
    maxBodyBytes: key(
      'bytes',
      'EBAY_MAX_BODY_BYTES',
      20_000_000,
      'Largest answer read, counted after decompression; a page of 200 items has about 0.5 MB',
    ),
    quickRetryDelay: secondsOrZero(
      'EBAY_QUICK_RETRY_DELAY',
      0.3,
      'Wait before the first quick retry of a reset connection or a single 502–504; doubled for the second',
    ),
  },
  pace: {
    minApiCallInterval: secondsOrZero(
      'MIN_API_CALL_INTERVAL',
      1,
      'Least time between two calls of the whole fleet, measured at eBay; 0 for none',
    ),
    dailyCallLimit: count(
      'DAILY_CALL_LIMIT',
      5000,
      'Browse calls a day; eBay grants 5,000 by default and tells the true figure through its Analytics API',
    ),
    backfillShare: share(
      'BACKFILL_SHARE',
      0.7,
      'Share of the day’s calls after which `backfill` searches stop',
    ),
    scheduledShare: share(
      'SCHEDULED_SHARE',
      0.9,
      'Share of the day’s calls after which `scheduled` searches stop',
    ),
    reconcileInterval: seconds(
      'QUOTA_RECONCILE_INTERVAL',
      900,
      'How often one process compares the ledger with eBay’s own count while calls are made',
    ),
    throttlePause: seconds(
      'THROTTLE_PAUSE',
      5,
      'First pause after a 429 without Retry-After while quota remains; doubled for each that follows',
    ),
    maxThrottlePause: seconds(
      'MAX_THROTTLE_PAUSE',
      900,
      'Longest pause after a 429, whatever Retry-After says',
    ),
    circuitWindow: seconds('CIRCUIT_WINDOW', 30, 'The circuit looks at the calls of this long'),
    circuitShare: share('CIRCUIT_SHARE', 0.5, 'Share of failed calls in the window that opens the circuit'),
    circuitMinCalls: count('CIRCUIT_MIN_CALLS', 10, 'Fewest calls in the window before the circuit may open'),
    circuitPause: seconds(
      'CIRCUIT_PAUSE',
      15,
      'First pause of an open circuit before one call may probe; doubled for each probe that fails',
    ),
    maxCircuitPause: seconds('MAX_CIRCUIT_PAUSE', 300, 'Longest pause of an open circuit'),
  },
  token: {
    cacheTime: seconds(
      'TOKEN_CACHE_TIME',
      3300,
      'Longest life of the token in Redis; shorter where the token itself ends earlier',
    ),
    expiryBuffer: seconds('TOKEN_EXPIRY_BUFFER', 300, 'A token is not used in the last part of its life'),
    refreshAhead: seconds(
      'TOKEN_REFRESH_AHEAD',
      60,
      'In this last part of the cached time one process fetches the next token in the background',
    ),
    requestTimeout: seconds('TOKEN_REQUEST_TIMEOUT', 10, 'Longest duration of a token request'),
    lockTime: seconds(
      'TOKEN_LOCK_TIME',
      15,
      'Life of the fleet’s lock on minting; longer than a token request may take',
    ),
    readTimeout: seconds(
      'TOKEN_READ_TIMEOUT',
      0.1,
      'Longest wait for Redis before the token in memory serves',
    ),
    requestInterval: secondsOrZero('TOKEN_REQUEST_INTERVAL', 1, 'Least time between two token requests'),
    dailyMintLimit: count(
      'DAILY_MINT_LIMIT',
      200,
      'Token requests a day before minting stops with an alarm; eBay’s own limit is 1,000',
    ),
    failurePause: seconds(
      'TOKEN_FAILURE_PAUSE',
      2,
      'First pause after the token endpoint failed; doubled for each failure that follows',
    ),
    maxFailurePause: seconds('MAX_TOKEN_FAILURE_PAUSE', 300, 'Longest pause after the token endpoint failed'),
    refusedPause: seconds(
      'CREDENTIAL_REFUSED_PAUSE',
      1800,
      'Pause after eBay refused the credential itself (invalid_client, or three new tokens in a row)',
    ),
    encryptionKeys: text(
      'TOKEN_ENCRYPTION_KEYS',
      '',
      'Keys for the cached token, `kid:base64` separated by commas, the first one writes; empty: plain JSON',
      SECRET,
    ),
  },
  worker: {
    concurrency: key(
      'concurrency',
      'WORKER_CONCURRENCY',
      10,
      'Pages that one worker handles at once; calls are paced all the same',
    ),
    lockDuration: seconds(
      'WORKER_LOCK_DURATION',
      10,
      'A job whose worker died runs again after this time and the stalled check',
    ),
    stalledInterval: seconds(
      'WORKER_STALLED_INTERVAL',
      3,
      'How often workers look for jobs whose worker died',
    ),
    blockingRead: seconds(
      'WORKER_BLOCKING_READ',
      5,
      'Longest that an idle worker waits in one read of Redis',
    ),
    maxRestarts: count(
      'WORKER_MAX_RESTARTS',
      5,
      'Workers that one page may take down before it fails as `crashed-worker`',
    ),
    attempts: count('PAGE_ATTEMPTS', 5, 'Attempts of a page whose call fails with trouble that may pass'),
    backoff: secondsOrZero(
      'PAGE_BACKOFF',
      5,
      'Wait before a page’s second attempt; doubled for each that follows, with jitter',
    ),
    shutdownGrace: seconds(
      'SHUTDOWN_GRACE',
      20,
      'Longest time for finishing or handing back work on SIGTERM',
    ),
    metricsPort: key(
      'port or empty',
      'METRICS_PORT',
      '',
      'Port of a worker’s /metrics, /livez and /readyz; 0 for any; empty: none',
    ),
  },
  search: {
    resultsTtl: seconds(
      'RESULTS_TTL',
      21_600,
      'How long a page of results is kept after its answer; eBay allows 6 hours for listing data',
    ),
    deadline: seconds(
      'SEARCH_DEADLINE',
      172_800,
      'A search that still waits after this long ends with what it has',
    ),
    retained: count(
      'RETAINED_SEARCHES',
      10_000,
      'Most finished searches kept per queue; older ones go first',
    ),
  },
  log: {
    level: key('log level', 'LOG_LEVEL', 'info', 'Least severe level that is logged'),
    levels: key(
      'log levels',
      'LOG_LEVELS',
      '',
      'Levels of single components, e.g. `auth=debug,collector=debug`',
    ),
    format: key('log format', 'LOG_FORMAT', 'auto', '`json`, `pretty`, or `auto`: pretty on a terminal'),
  },
  http: {
    host: key('host', 'HTTP_HOST', '127.0.0.1', 'Address that `dpf serve` listens on'),
    port: key('port', 'HTTP_PORT', 3000, 'Port that `dpf serve` listens on'),
  },
};

/** Every setting with its dotted path, in the schema's order. */
export function settings(): Array<{ path: string } & Key<unknown>> {
  return Object.entries(schema).flatMap(([group, keys]) =>
    Object.entries(keys).map(([name, key]) => ({ path: `${group}.${name}`, ...(key as Key<unknown>) })),
  );
}
