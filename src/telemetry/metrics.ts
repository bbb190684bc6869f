import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import { FAILURE_CODES } from '../failures.ts';

/** A metric as it is documented. */
export interface Declared {
  name: string;
  kind: 'counter' | 'gauge' | 'histogram';
  help: string;
  labels: Readonly<Record<string, Values>>;
}

type Labels<L> = { [Name in keyof L]: string };

export interface Count<L> {
  inc(labels: Labels<L>, by?: number): void;
}
export interface Level<L> {
  set(labels: Labels<L>, value: number): void;
  /** Forgets every series: what is no longer known must not be shown as if it were. */
  clear(): void;
}
export interface Timing<L> {
  observe(labels: Labels<L>, seconds: number): void;
  /** Shows the series from its beginning on, or its first event would count for nothing. */
  begin(labels: Labels<L>): void;
}

/** What a label says that is none of its values. */
const OTHER = 'other';

/**
 * Declares metrics, each with all values that its labels may have: another value becomes `other`. So no series can be
 * made by what somebody searches for, and no id or secret can become a label, whatever a caller passes.
 */
export class Instruments {
  readonly registry: Registry;
  readonly declared: Declared[] = [];

  constructor(registry: Registry) {
    this.registry = registry;
  }

  /** @param collect brings it up to date before each look */
  counter<const L extends Record<string, Values>>(
    name: string,
    help: string,
    labels: L,
    collect?: () => void,
  ): Count<L> {
    const declared = this.#declare('counter', name, help, labels);
    const metric = new Counter({ ...declared, ...(collect ? { collect } : {}) });
    return { inc: (values, by = 1) => metric.inc(bounded(labels, values), by) };
  }

  /** @param collect brings it up to date before each look */
  gauge<const L extends Record<string, Values>>(
    name: string,
    help: string,
    labels: L,
    collect?: (level: Level<L>) => void,
  ): Level<L> {
    const metric = new Gauge({
      ...this.#declare('gauge', name, help, labels),
      ...(collect ? { collect: () => collect(level) } : {}),
    });
    const level: Level<L> = {
      set: (values, value) => metric.set(bounded(labels, values), value),
      clear: () => metric.reset(),
    };
    return level;
  }

  histogram<const L extends Record<string, Values>>(
    name: string,
    help: string,
    labels: L,
    buckets: number[],
  ): Timing<L> {
    const metric = new Histogram({ ...this.#declare('histogram', name, help, labels), buckets });
    return {
      observe: (values, seconds) => metric.observe(bounded(labels, values), seconds),
      begin: (values) => metric.zero(bounded(labels, values)),
    };
  }

  #declare(kind: Declared['kind'], name: string, help: string, labels: Record<string, Values>) {
    this.declared.push({ name, kind, help, labels });
    return { name, help, labelNames: Object.keys(labels), registers: [this.registry] };
  }
}

function bounded<L extends Record<string, Values>>(labels: L, values: Labels<L>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).map(([name, allowed]) => {
      const value = String(values[name]);
      const fits = allowed instanceof RegExp ? allowed.test(value) : allowed.includes(value);
      return [name, fits ? value : OTHER];
    }),
  );
}

/** All values that a label may have, or the shape of names that an operator gives. */
export type Values = readonly string[] | RegExp;

export const TENANT = /^[a-z0-9-]{1,40}$/;
export const QUEUE = /^ebay-(search|calls)(-[a-z0-9-]{1,40})?$/;
export const CLASS = ['interactive', 'scheduled', 'backfill'] as const;
export const ENDPOINT = ['search', 'item'] as const;
/** `ok`, or the code of the failure. */
export const CALL_OUTCOME = ['ok', ...FAILURE_CODES];
export const SEARCH_OUTCOME = [
  'complete',
  'none-found',
  'filtered-out',
  'partial',
  'degraded',
  'cancelled',
  'skipped',
  'failed',
] as const;
export const CALL_JOB_RESULT = ['stored', 'cancelled', 'retried', 'failed'] as const;
export const CLOSED_BECAUSE = ['quota', 'pause', 'circuit'] as const;
export const GATE_REFUSAL = [...CLOSED_BECAUSE, 'share', 'redis'] as const;
/** Why a producer lets a search not in. */
export const REFUSAL = ['invalid', 'backlog', 'memory', 'redis'] as const;
export const REJECTION = [
  'not-an-object',
  'no-item-id',
  'no-title',
  'no-price',
  'bad-price',
  'bad-url',
] as const;
export const JOB_STATE = ['waiting', 'active', 'delayed', 'waiting-children'] as const;
export const TOKEN_SOURCE = ['redis', 'memory', 'mint'] as const;
export const TOKEN_MISS = ['absent', 'garbage', 'undecryptable', 'foreign', 'expired', 'silent'] as const;
export const MINT_REASON = ['missing', 'refused', 'forced', 'ahead'] as const;
export const MINT_RESULT = [
  'ok',
  'invalid_client',
  'invalid_scope',
  'throttled',
  'server-error',
  'timeout',
  'unreachable',
  'bad-answer',
] as const;
export const METHOD = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
/** A route as it is declared, parameters by name; what fits none of them is `none`. */
export const ROUTE = /^(none|\/[a-zA-Z0-9/:._*-]{0,80})$/;
export const STATUS = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;

/** How the token is got and served. Every metric has a `tenant` label. */
export interface AuthMetrics {
  /** Tokens handed to callers, by `source`: `redis`, `memory` (Redis or the endpoint failed), `mint`. */
  served: Count<{ tenant: unknown; source: unknown }>;
  /** Reads that gave no token, by `reason`: absent, garbage, undecryptable, foreign, expired, silent. */
  misses: Count<{ tenant: unknown; reason: unknown }>;
  /** Token requests, by `reason` (missing, refused, forced, ahead) and `result` (ok, or what went wrong). */
  mints: Count<{ tenant: unknown; reason: unknown; result: unknown }>;
  mintSeconds: Timing<{ tenant: unknown }>;
  /** Times that this process waited for another's token request. */
  waits: Count<{ tenant: unknown }>;
  /** 1 while eBay refuses the credential itself. */
  credentialRefused: Level<{ tenant: unknown }>;
  /** When the tenant's token stops being used, ms since the epoch; shown as the seconds until then. */
  expiresAt(tenant: string, at: number): void;
  /** Shows the tenant's counters from their beginning on. */
  begin(tenant: string): void;
}

const MINT_SECONDS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

/** Declares the metrics, once. */
export function declareAuthMetrics(instruments: Instruments): AuthMetrics {
  const tenant = TENANT;
  const expiries = new Map<string, number>();
  instruments.gauge(
    'dpf_token_expiry_seconds',
    'Seconds until the token stops being used',
    { tenant },
    (level) => {
      for (const [owner, at] of expiries) level.set({ tenant: owner }, Math.max(0, (at - Date.now()) / 1000));
    },
  );
  const metrics = {
    served: instruments.counter(
      'dpf_token_served_total',
      'Tokens handed to callers, by where they came from',
      {
        tenant,
        source: TOKEN_SOURCE,
      },
    ),
    misses: instruments.counter(
      'dpf_token_cache_misses_total',
      'Reads of the token cache that gave no token, by reason',
      { tenant, reason: TOKEN_MISS },
    ),
    mints: instruments.counter(
      'dpf_token_mints_total',
      'Token requests to eBay, by why they were made and result',
      {
        tenant,
        reason: MINT_REASON,
        result: MINT_RESULT,
      },
    ),
    mintSeconds: instruments.histogram(
      'dpf_token_mint_seconds',
      'Duration of token requests',
      { tenant },
      MINT_SECONDS,
    ),
    waits: instruments.counter(
      'dpf_token_waits_total',
      "Times that this process waited for another's token request",
      { tenant },
    ),
    credentialRefused: instruments.gauge(
      'dpf_token_credential_refused',
      '1 while eBay refuses the credential, as this process knows it',
      { tenant },
    ),
  };
  return {
    ...metrics,
    expiresAt: (owner, at) => expiries.set(owner, at),
    begin(owner) {
      const own = { tenant: owner };
      for (const result of MINT_RESULT) metrics.mints.inc({ ...own, reason: 'missing', result }, 0);
      metrics.mints.inc({ ...own, reason: 'refused', result: 'ok' }, 0);
      for (const source of TOKEN_SOURCE) metrics.served.inc({ ...own, source }, 0);
      metrics.misses.inc({ ...own, reason: 'absent' }, 0);
      metrics.mintSeconds.begin(own);
      metrics.credentialRefused.set(own, 0);
    },
  };
}

/** What is measured of one tenant's calls to eBay and of the gate before them. */
export interface CallMetrics {
  /** One HTTP attempt: `outcome` is `ok` or a failure's code. */
  called(endpoint: string, outcome: string, durationMs: number): void;
  /** An attempt got its slot after this long. */
  waited(callClass: string, ms: number): void;
  /** An attempt was turned away: `pause`, `circuit`, `quota`, `share` or `redis`. */
  refused(reason: string): void;
  /** The gate as last read. Instants in ms since the epoch. */
  gate(state: GateFigures): void;
}

export interface GateFigures {
  remaining: number;
  limit: number;
  reset: number;
  intervalMs: number;
  circuit: 'closed' | 'open' | 'half-open';
  closed?: { reason: string };
}

const CALL_SECONDS = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10];
const GATE_WAIT_SECONDS = [0.01, 0.1, 0.5, 1, 2, 5, 10, 30];
const CIRCUIT_NUMBER = { closed: 0, 'half-open': 0.5, open: 1 };

/** Declares them, once; each tenant has its own series of them. */
export function declareCallMetrics(instruments: Instruments): (tenant: string) => CallMetrics {
  const tenant = TENANT;
  const calls = instruments.counter(
    'dpf_ebay_calls_total',
    'HTTP attempts to eBay, by endpoint and outcome',
    {
      tenant,
      endpoint: ENDPOINT,
      outcome: CALL_OUTCOME,
    },
  );
  const duration = instruments.histogram(
    'dpf_ebay_call_duration_seconds',
    'From the granted slot to the answer that was read',
    { tenant, endpoint: ENDPOINT },
    CALL_SECONDS,
  );
  const waits = instruments.histogram(
    'dpf_gate_wait_seconds',
    'How long attempts waited in a worker for their slot',
    { tenant, class: CLASS },
    GATE_WAIT_SECONDS,
  );
  const refusals = instruments.counter(
    'dpf_gate_refusals_total',
    'Attempts that the gate turned away, by reason',
    { tenant, reason: GATE_REFUSAL },
  );
  const gauge = (name: string, help: string) => instruments.gauge(name, help, { tenant });
  const remaining = gauge('dpf_quota_remaining', 'Browse calls left in the quota day');
  const limit = gauge('dpf_quota_limit', 'Browse calls of the quota day');
  const reset = gauge('dpf_quota_reset_timestamp_seconds', 'When the quota day ends');
  const interval = gauge('dpf_gate_interval_seconds', 'Least time between two calls of the fleet');
  const circuit = gauge('dpf_circuit_state', '0 closed, 0.5 half-open, 1 open');
  const closed = instruments.gauge('dpf_gate_closed', '1 while nobody may call, by why', {
    tenant,
    reason: CLOSED_BECAUSE,
  });
  return (owner) => {
    const own = { tenant: owner };
    // A counter that appears with its first event has grown from nothing to nothing, as Prometheus sees it.
    for (const outcome of CALL_OUTCOME) calls.inc({ ...own, endpoint: 'search', outcome }, 0);
    for (const reason of GATE_REFUSAL) refusals.inc({ ...own, reason }, 0);
    return {
      called(endpoint, outcome, durationMs) {
        calls.inc({ ...own, endpoint, outcome });
        duration.observe({ ...own, endpoint }, durationMs / 1000);
      },
      waited: (callClass, ms) => waits.observe({ ...own, class: callClass }, ms / 1000),
      refused: (reason) => refusals.inc({ ...own, reason }),
      gate(state) {
        remaining.set(own, state.remaining);
        limit.set(own, state.limit);
        reset.set(own, state.reset / 1000);
        interval.set(own, state.intervalMs / 1000);
        circuit.set(own, CIRCUIT_NUMBER[state.circuit]);
        for (const reason of CLOSED_BECAUSE)
          closed.set({ ...own, reason }, state.closed?.reason === reason ? 1 : 0);
      },
    };
  };
}

/** How the configuration of this process changes while it runs. */
export interface ConfigMetrics {
  /** The version that this process runs; 0: nothing was ever published. */
  runs(version: number): void;
  /** A change was `applied`, or `refused` because something in it is wrong. */
  changed(result: 'applied' | 'refused'): void;
}

/** Declares them, once. */
export function declareConfigMetrics(instruments: Instruments): ConfigMetrics {
  const version = instruments.gauge(
    'dpf_config_version',
    'Version of the fleet’s configuration that this process runs',
    {},
  );
  const changes = instruments.counter(
    'dpf_config_changes_total',
    'Changes of the configuration while this process ran, by result',
    { result: ['applied', 'refused'] },
  );
  return { runs: (number) => version.set({}, number), changed: (result) => changes.inc({ result }) };
}

/** What one queue of a tenant holds, as one process of the fleet counted it. */
export interface QueueCount {
  queue: string;
  /** State → jobs. */
  states: Readonly<Record<string, number>>;
  /** Class → jobs that wait to run, and the age of the oldest of them, seconds; 0 where none waits. */
  classes: Readonly<Record<string, { waiting: number; oldest: number }>>;
}

/** Figures of the whole fleet. Only the process whose duty it is shows them, and only while they are fresh. */
export interface FleetMetrics {
  queues(tenant: string, counts: readonly QueueCount[], freshForMs: number): void;
}

/** Declares them, once. */
export function declareFleetMetrics(instruments: Instruments): FleetMetrics {
  const known = new Map<string, { counts: readonly QueueCount[]; until: number }>();
  const show = <L>(level: Level<L>, each: (tenant: string, count: QueueCount) => void) => {
    level.clear();
    for (const [tenant, { counts, until }] of known)
      if (Date.now() < until) for (const count of counts) each(tenant, count);
  };
  const [tenant, queue] = [TENANT, QUEUE];
  instruments.gauge(
    'dpf_queue_jobs',
    'Jobs in a queue by state, shown by one process of the fleet',
    { tenant, queue, state: JOB_STATE },
    (level) =>
      show(level, (owner, { queue, states }) => {
        for (const [state, jobs] of Object.entries(states)) level.set({ tenant: owner, queue, state }, jobs);
      }),
  );
  instruments.gauge(
    'dpf_queue_waiting_jobs',
    'Jobs that wait to run, by class, shown by one process of the fleet',
    { tenant, queue, class: CLASS },
    (level) =>
      show(level, (owner, { queue, classes }) => {
        for (const [name, { waiting }] of Object.entries(classes))
          level.set({ tenant: owner, queue, class: name }, waiting);
      }),
  );
  instruments.gauge(
    'dpf_queue_oldest_waiting_seconds',
    'Age of the oldest job that waits to run, by class; 0 for none; shown by one process of the fleet',
    { tenant, queue, class: CLASS },
    (level) =>
      show(level, (owner, { queue, classes }) => {
        for (const [name, { oldest }] of Object.entries(classes))
          level.set({ tenant: owner, queue, class: name }, oldest);
      }),
  );
  return {
    queues: (owner, counts, freshForMs) => known.set(owner, { counts, until: Date.now() + freshForMs }),
  };
}

/** What is measured of requests to the HTTP door. */
export interface HttpMetrics {
  /** @param route as it is declared (`/v1/searches/:id`), never the address that was asked for; undefined for none */
  answered(method: string, route: string | undefined, status: number, ms: number): void;
}

const REQUEST_SECONDS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 10];

/** Declares them, once. */
export function declareHttpMetrics(instruments: Instruments): HttpMetrics {
  const requests = instruments.counter('dpf_http_requests_total', 'Requests to the HTTP door', {
    method: METHOD,
    route: ROUTE,
    status: STATUS,
  });
  const duration = instruments.histogram(
    'dpf_http_request_duration_seconds',
    'From the request’s head to the end of the answer',
    { method: METHOD, route: ROUTE },
    REQUEST_SECONDS,
  );
  return {
    answered(method, route = 'none', status, ms) {
      requests.inc({ method, route, status: `${Math.floor(status / 100)}xx` });
      duration.observe({ method, route }, ms / 1000);
    },
  };
}

/** What is measured of one tenant's searches that were not let in. */
export interface IntakeMetrics {
  /** A producer turned so many searches away. */
  refused(reason: (typeof REFUSAL)[number], searches: number): void;
}

/** Declares them, once; each tenant has its own series of them. */
export function declareIntakeMetrics(instruments: Instruments): (tenant: string) => IntakeMetrics {
  const refusals = instruments.counter(
    'dpf_searches_refused_total',
    'Searches that `dpf serve` turned away, by why',
    { tenant: TENANT, reason: REFUSAL },
  );
  return (tenant) => {
    // A counter that appears with its first event has grown from nothing to nothing, as Prometheus sees it.
    for (const reason of REFUSAL) refusals.inc({ tenant, reason }, 0);
    return { refused: (reason, searches) => refusals.inc({ tenant, reason }, searches) };
  };
}

/** What is measured of this process and of what it stands on. */
export interface ProcessMetrics {
  /** Whether Redis answered when last asked. */
  redisAnswers(answers: boolean): void;
  /** From now on the lines that this log loses are counted. */
  watchLog(log: { readonly lost: Readonly<Record<string, number>> }): void;
}

/**
 * Of prom-client's own the ones that somebody looks at: what the process uses, since when it runs, how long its event loop
 * is held up. The first of the lag sets all of them.
 */
const KEPT = [
  'process_cpu_seconds_total',
  'process_start_time_seconds',
  'process_resident_memory_bytes',
  'process_open_fds',
  'process_max_fds',
  'nodejs_eventloop_lag_seconds',
  'nodejs_eventloop_lag_mean_seconds',
  'nodejs_eventloop_lag_p99_seconds',
  'nodejs_eventloop_lag_max_seconds',
  'nodejs_heap_size_used_bytes',
  'nodejs_gc_duration_seconds',
  'nodejs_version_info',
];

/** Declares them, once. */
export function declareProcessMetrics(instruments: Instruments): ProcessMetrics {
  const all = new Registry();
  collectDefaultMetrics({ register: all });
  for (const name of KEPT) {
    const metric = all.getSingleMetric(name) as Metric | undefined;
    if (metric !== undefined) instruments.registry.registerMetric(metric);
  }
  const redis = instruments.gauge('dpf_redis_up', '1 if Redis answered this process when last asked', {});
  const counted: Record<string, number> = {};
  let log: { readonly lost: Readonly<Record<string, number>> } | undefined;
  const lost = instruments.counter(
    'dpf_log_lines_lost_total',
    'Log lines that nobody will read: refused or stuck (the stream), repeated (errors only counted)',
    { reason: ['refused', 'stuck', 'repeated'] },
    () => {
      for (const [reason, lines] of Object.entries(log?.lost ?? {})) {
        lost.inc({ reason: reason as 'refused' }, lines - (counted[reason] ?? 0));
        counted[reason] = lines;
      }
    },
  );
  return {
    redisAnswers: (answers) => redis.set({}, answers ? 1 : 0),
    watchLog: (root) => {
      log = root;
    },
  };
}

/** What is measured of one tenant's jobs and of those who work on them. */
export interface QueueMetrics {
  /** A search ended: its outcome, `failed` included, and how long after it was added. */
  searchEnded(outcome: string, searchClass: string, ms: number): void;
  /** A call's job ran: `stored`, `cancelled`, `retried` or `failed`, and how long after it was added its run began. */
  callEnded(result: string, callClass: string, waitedMs: number): void;
  /** A page was stored. */
  collected(products: number, rejected: Readonly<Record<string, number>>): void;
  /** A job whose worker died, or froze for longer than the lock, went back to its queue. */
  stalled(queue: string): void;
  /** A job failed because it took down one worker after another. */
  crashed(queue: string): void;
  /** A job that nobody can read was taken out of its queue. */
  quarantined(queue: string): void;
  /** The sweep brought a lost page or a forgotten search back to an end. */
  settled(what: 'search' | 'page'): void;
  /** Work waited and this worker started none, so its connections were made anew. */
  workerReplaced(): void;
}

const SEARCH_SECONDS = [0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 43_200];
const QUEUE_WAIT_SECONDS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200];

/** Declares them, once; each tenant has its own series of them. */
export function declareQueueMetrics(instruments: Instruments): (tenant: string) => QueueMetrics {
  const tenant = TENANT;
  const counter = instruments.counter.bind(instruments) as Instruments['counter'];
  const searches = counter('dpf_searches_total', 'Searches that ended, by outcome', {
    tenant,
    outcome: SEARCH_OUTCOME,
  });
  const duration = instruments.histogram(
    'dpf_search_duration_seconds',
    'From the moment that a search was added to its end',
    { tenant, class: CLASS },
    SEARCH_SECONDS,
  );
  const calls = counter('dpf_pages_total', 'Runs of page and item jobs, by result', {
    tenant,
    result: CALL_JOB_RESULT,
  });
  const waits = instruments.histogram(
    'dpf_queue_wait_seconds',
    'From the moment that a page or item job was added to the start of its run',
    { tenant, class: CLASS },
    QUEUE_WAIT_SECONDS,
  );
  const products = counter('dpf_products_total', 'Products in the pages that were stored', { tenant });
  const rejections = counter(
    'dpf_listings_rejected_total',
    'Listings that could not become products, by reason',
    { tenant, reason: REJECTION },
  );
  const queue = QUEUE;
  const stalls = counter('dpf_jobs_stalled_total', 'Jobs whose worker died or froze', { tenant, queue });
  const crashes = counter('dpf_jobs_crashed_total', 'Jobs that failed as crashed-worker', { tenant, queue });
  const quarantined = counter('dpf_jobs_quarantined_total', 'Unreadable jobs put aside', { tenant, queue });
  const settled = counter('dpf_jobs_settled_total', 'Orphaned searches and pages that were settled', {
    tenant,
    what: ['search', 'page'],
  });
  const replaced = counter('dpf_worker_replacements_total', 'Workers that were stuck and made anew', {
    tenant,
  });
  return (owner) => {
    const own = { tenant: owner };
    // A counter that appears with its first event has grown from nothing to nothing, as Prometheus sees it.
    for (const outcome of SEARCH_OUTCOME) searches.inc({ ...own, outcome }, 0);
    for (const result of CALL_JOB_RESULT) calls.inc({ ...own, result }, 0);
    for (const reason of REJECTION) rejections.inc({ ...own, reason }, 0);
    products.inc(own, 0);
    replaced.inc(own, 0);
    for (const what of ['search', 'page']) settled.inc({ ...own, what }, 0);
    for (const kind of ['ebay-search', 'ebay-calls']) {
      const name = owner === 'default' ? kind : `${kind}-${owner}`;
      for (const count of [stalls, crashes, quarantined]) count.inc({ ...own, queue: name }, 0);
    }
    return {
      searchEnded(outcome, searchClass, ms) {
        searches.inc({ ...own, outcome });
        duration.observe({ ...own, class: searchClass }, ms / 1000);
      },
      callEnded(result, callClass, waitedMs) {
        calls.inc({ ...own, result });
        waits.observe({ ...own, class: callClass }, waitedMs / 1000);
      },
      collected(count, rejected) {
        products.inc(own, count);
        for (const [reason, times] of Object.entries(rejected)) rejections.inc({ ...own, reason }, times);
      },
      stalled: (name) => stalls.inc({ ...own, queue: name }),
      crashed: (name) => crashes.inc({ ...own, queue: name }),
      quarantined: (name) => quarantined.inc({ ...own, queue: name }),
      settled: (what) => settled.inc({ ...own, what }),
      workerReplaced: () => replaced.inc(own),
    };
  };
}

/** All metrics of one process, in a registry of their own: two services in one process do not collide. */
export interface Metrics {
  registry: Registry;
  /** As they are documented, in order. */
  declared: readonly Declared[];
  auth: AuthMetrics;
  calls: (tenant: string) => CallMetrics;
  queue: (tenant: string) => QueueMetrics;
  intake: (tenant: string) => IntakeMetrics;
  fleet: FleetMetrics;
  config: ConfigMetrics;
  http: HttpMetrics;
  process: ProcessMetrics;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const instruments = new Instruments(registry);
  return {
    registry,
    declared: instruments.declared,
    calls: declareCallMetrics(instruments),
    auth: declareAuthMetrics(instruments),
    queue: declareQueueMetrics(instruments),
    intake: declareIntakeMetrics(instruments),
    fleet: declareFleetMetrics(instruments),
    config: declareConfigMetrics(instruments),
    http: declareHttpMetrics(instruments),
    process: declareProcessMetrics(instruments),
  };
}
