import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import { FAILURE_CODES } from '../failures.ts';

/** All values that a label may have, or the pattern of names that an operator gives. */
export type Values = readonly string[] | RegExp;

/** A metric as it is documented. */
export interface Declared {
  name: string;
  kind: 'counter' | 'gauge' | 'histogram';
  help: string;
  labels: Readonly<Record<string, Values>>;
}

type Labels<L> = { [Name in keyof L]: string };

interface Count<L> {
  inc(labels: Labels<L>, by?: number): void;
}
export interface Level<L> {
  set(labels: Labels<L>, value: number): void;
  /** Removes every series: an unknown value must not be shown. */
  clear(): void;
}
export interface Timing<L> {
  observe(labels: Labels<L>, seconds: number): void;
  /** Shows the series with zero, so that its first event counts as growth. */
  begin(labels: Labels<L>): void;
}

/** Stands for a value that is none of the label's. */
const OTHER = 'other';

/** Version 0.1 called the label `reason` of these `because`; they carry both until the next release. */
const FORMERLY_BECAUSE = [
  'dpf_gate_refusals_total',
  'dpf_gate_closed',
  'dpf_searches_refused_total',
  'dpf_log_lines_lost_total',
];

/**
 * Declares metrics, each with all values that its labels may have: another value becomes `other`. So neither a search nor
 * an id nor a secret can become a label or create series without limit.
 */
export class Instruments {
  readonly registry: Registry;
  readonly declared: Declared[] = [];

  constructor(registry: Registry) {
    this.registry = registry;
  }

  /** @param collect brings it up to date before each scrape */
  readonly counter = <const L extends Record<string, Values>>(
    name: string,
    help: string,
    labels: L,
    collect?: () => void,
  ): Count<L> => {
    const { bounded, ...declared } = this.#declare('counter', name, help, labels);
    const metric = new Counter({ ...declared, ...(collect ? { collect } : {}) });
    return { inc: (values, by = 1) => metric.inc(bounded(values), by) };
  };

  /** @param collect brings it up to date before each scrape */
  readonly gauge = <const L extends Record<string, Values>>(
    name: string,
    help: string,
    labels: L,
    collect?: (level: Level<L>) => void,
  ): Level<L> => {
    const { bounded, ...declared } = this.#declare('gauge', name, help, labels);
    const metric = new Gauge({ ...declared, ...(collect ? { collect: () => collect(level) } : {}) });
    const level: Level<L> = {
      set: (values, value) => metric.set(bounded(values), value),
      clear: () => metric.reset(),
    };
    return level;
  };

  readonly histogram = <const L extends Record<string, Values>>(
    name: string,
    help: string,
    labels: L,
    buckets: number[],
  ): Timing<L> => {
    const { bounded, ...declared } = this.#declare('histogram', name, help, labels);
    const metric = new Histogram({ ...declared, buckets });
    return {
      observe: (values, seconds) => metric.observe(bounded(values), seconds),
      begin: (values) => metric.zero(bounded(values)),
    };
  };

  #declare(kind: Declared['kind'], name: string, help: string, ownLabels: Record<string, Values>) {
    const both = FORMERLY_BECAUSE.includes(name) && ownLabels.reason !== undefined;
    const labels = both ? { ...ownLabels, because: ownLabels.reason as Values } : ownLabels;
    this.declared.push({ name, kind, help, labels });
    const checked = (values: Record<string, unknown>) =>
      Object.entries(labels).map(([label, allowed]) => {
        const value = String(values[both && label === 'because' ? 'reason' : label]);
        const fits = allowed instanceof RegExp ? allowed.test(value) : allowed.includes(value);
        return { label, value: fits ? value : OTHER, fits };
      });
    const names = Object.keys(ownLabels);
    // A call observes a dozen series, always the same ones.
    const known = new Map<string, Record<string, string>>();
    const bounded = (values: Record<string, unknown>): Record<string, string> => {
      const key = names.map((label) => values[label]).join(' ');
      const found = known.get(key);
      if (found !== undefined) return found;
      const entries = checked(values);
      const own = Object.fromEntries(entries.map(({ label, value }) => [label, value]));
      if (entries.every(({ fits }) => fits)) known.set(key, own);
      return own;
    };
    return { name, help, labelNames: Object.keys(labels), registers: [this.registry], bounded };
  }
}

export const TENANT = /^[a-z0-9-]{1,40}$/;
export const QUEUE = /^ebay-(search|calls)(-[a-z0-9-]{1,40})?$/;
const CLASS = ['interactive', 'scheduled', 'backfill'] as const;
const ENDPOINT = ['search', 'item'] as const;
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
const CALL_JOB_RESULT = ['stored', 'cancelled', 'retried', 'failed'] as const;
const CLOSED_REASON = ['quota', 'pause', 'circuit'] as const;
const GATE_REFUSAL = [...CLOSED_REASON, 'share', 'redis'] as const;
/** Why a producer refuses a search. */
const REFUSAL = ['invalid', 'backlog', 'memory', 'redis'] as const;
const REJECTION = ['not-an-object', 'no-item-id', 'no-title', 'no-price', 'bad-price', 'bad-url'] as const;
const JOB_STATE = ['waiting', 'active', 'delayed', 'waiting-children'] as const;
const TOKEN_SOURCE = ['redis', 'memory', 'mint'] as const;
const TOKEN_MISS = ['absent', 'garbage', 'undecryptable', 'foreign', 'expired', 'silent'] as const;
const MINT_REASON = ['missing', 'refused', 'forced', 'ahead'] as const;
const MINT_RESULT = [
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
/** A route as it is declared, with the names of parameters; `none` for an unknown path. */
export const ROUTE = /^(none|\/[a-zA-Z0-9/:._*-]{0,80})$/;
export const STATUS = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;

/** How tokens are obtained. Every metric has a `tenant` label. */
export interface AuthMetrics {
  served: Count<{ tenant: unknown; source: unknown }>;
  misses: Count<{ tenant: unknown; reason: unknown }>;
  mints: Count<{ tenant: unknown; reason: unknown; result: unknown }>;
  mintSeconds: Timing<{ tenant: unknown }>;
  waits: Count<{ tenant: unknown }>;
  credentialRefused: Level<{ tenant: unknown }>;
  /** When the tenant's token stops being used, ms since the epoch; shown as the seconds until then. */
  expiresAt(tenant: string, at: number): void;
  /** Shows the tenant's counters from zero on. */
  begin(tenant: string): void;
}

const MINT_SECONDS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

export function declareAuthMetrics({ counter, gauge, histogram }: Instruments): AuthMetrics {
  const tenant = TENANT;
  const expiries = new Map<string, number>();
  gauge('dpf_token_expiry_seconds', 'Seconds until the token stops being used', { tenant }, (level) => {
    for (const [owner, at] of expiries) level.set({ tenant: owner }, Math.max(0, (at - Date.now()) / 1000));
  });
  const metrics = {
    served: counter('dpf_token_served_total', 'Tokens handed to callers, by where they came from', {
      tenant,
      source: TOKEN_SOURCE,
    }),
    misses: counter(
      'dpf_token_cache_misses_total',
      'Reads of the token cache that gave no token, by reason',
      {
        tenant,
        reason: TOKEN_MISS,
      },
    ),
    mints: counter('dpf_token_mints_total', 'Token requests to eBay, by why they were made and result', {
      tenant,
      reason: MINT_REASON,
      result: MINT_RESULT,
    }),
    mintSeconds: histogram('dpf_token_mint_seconds', 'Duration of token requests', { tenant }, MINT_SECONDS),
    waits: counter('dpf_token_waits_total', "Times that this process waited for another's token request", {
      tenant,
    }),
    credentialRefused: gauge(
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

/** The gate as last read. Instants in ms since the epoch. */
interface GateFigures {
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

/** One tenant's calls to eBay and the gate before them. */
export type CallMetrics = ReturnType<ReturnType<typeof declareCallMetrics>>;

export function declareCallMetrics({ counter, gauge, histogram }: Instruments) {
  const tenant = TENANT;
  const calls = counter('dpf_ebay_calls_total', 'HTTP attempts to eBay, by endpoint and outcome', {
    tenant,
    endpoint: ENDPOINT,
    outcome: CALL_OUTCOME,
  });
  const duration = histogram(
    'dpf_ebay_call_duration_seconds',
    'From the granted slot to the answer that was read',
    { tenant, endpoint: ENDPOINT },
    CALL_SECONDS,
  );
  const waits = histogram(
    'dpf_gate_wait_seconds',
    'How long attempts waited in a worker for their slot',
    { tenant, class: CLASS },
    GATE_WAIT_SECONDS,
  );
  const refusals = counter('dpf_gate_refusals_total', 'Attempts that the gate refused, by reason', {
    tenant,
    reason: GATE_REFUSAL,
  });
  const ofTenant = (name: string, help: string) => gauge(name, help, { tenant });
  const remaining = ofTenant('dpf_quota_remaining', 'Browse calls left in the quota day');
  const limit = ofTenant('dpf_quota_limit', 'Browse calls of the quota day');
  const reset = ofTenant('dpf_quota_reset_timestamp_seconds', 'When the quota day ends');
  const interval = ofTenant('dpf_gate_interval_seconds', 'Least time between two calls of the fleet');
  const circuit = ofTenant('dpf_circuit_state', '0 closed, 0.5 half-open, 1 open');
  const closed = gauge('dpf_gate_closed', '1 while no call is admitted, by reason', {
    tenant,
    reason: CLOSED_REASON,
  });
  return (owner: string) => {
    const own = { tenant: owner };
    for (const outcome of CALL_OUTCOME) calls.inc({ ...own, endpoint: 'search', outcome }, 0);
    for (const reason of GATE_REFUSAL) refusals.inc({ ...own, reason }, 0);
    return {
      /** One HTTP attempt. @param outcome `ok` or a failure's code */
      called(endpoint: string, outcome: string, durationMs: number): void {
        calls.inc({ ...own, endpoint, outcome });
        duration.observe({ ...own, endpoint }, durationMs / 1000);
      },
      /** An attempt got its slot after this long. */
      waited(callClass: string, ms: number): void {
        waits.observe({ ...own, class: callClass }, ms / 1000);
      },
      refused(reason: string): void {
        refusals.inc({ ...own, reason });
      },
      gate(state: GateFigures): void {
        remaining.set(own, state.remaining);
        limit.set(own, state.limit);
        reset.set(own, state.reset / 1000);
        interval.set(own, state.intervalMs / 1000);
        circuit.set(own, CIRCUIT_NUMBER[state.circuit]);
        for (const reason of CLOSED_REASON)
          closed.set({ ...own, reason }, state.closed?.reason === reason ? 1 : 0);
      },
    };
  };
}

/** Changes of this process's configuration. */
export type ConfigMetrics = ReturnType<typeof declareConfigMetrics>;

function declareConfigMetrics({ counter, gauge }: Instruments) {
  const version = gauge(
    'dpf_config_version',
    'Version of the fleet’s configuration that this process runs',
    {},
  );
  const changes = counter(
    'dpf_config_changes_total',
    'Changes of the configuration while this process ran, by result',
    { result: ['applied', 'refused'] },
  );
  return {
    /** @param number 0: nothing was ever published */
    runs: (number: number): void => version.set({}, number),
    changed: (result: 'applied' | 'refused'): void => changes.inc({ result }),
  };
}

/** What one queue of a tenant holds, as one process of the fleet counted it. */
export interface QueueCount {
  queue: string;
  /** State → jobs. */
  states: Readonly<Record<string, number>>;
  /** Class → jobs that wait to run, and the age of the oldest of them, seconds; 0 where none waits. */
  classes: Readonly<Record<string, { waiting: number; oldest: number }>>;
}

/** Figures of the whole fleet. Only the process that holds the lease shows them, and only while they are fresh. */
export type FleetMetrics = ReturnType<typeof declareFleetMetrics>;

function declareFleetMetrics({ gauge }: Instruments) {
  const known = new Map<string, { counts: readonly QueueCount[]; until: number }>();
  const fleetGauge = <const L extends Record<string, Values>>(
    name: string,
    help: string,
    labels: L,
    seriesOf: (count: QueueCount) => Array<[own: Labels<L>, value: number]>,
  ) =>
    gauge(
      name,
      `${help}, shown by one process of the fleet`,
      { tenant: TENANT, queue: QUEUE, ...labels },
      (level) => {
        level.clear();
        for (const [tenant, { counts, until }] of known)
          if (Date.now() < until)
            for (const count of counts)
              for (const [own, value] of seriesOf(count))
                level.set({ tenant, queue: count.queue, ...own } as Parameters<typeof level.set>[0], value);
      },
    );
  fleetGauge('dpf_queue_jobs', 'Jobs in a queue by state', { state: JOB_STATE }, ({ states }) =>
    Object.entries(states).map(([state, jobs]) => [{ state }, jobs]),
  );
  fleetGauge('dpf_queue_waiting_jobs', 'Jobs that wait to run, by class', { class: CLASS }, ({ classes }) =>
    Object.entries(classes).map(([name, { waiting }]) => [{ class: name }, waiting]),
  );
  fleetGauge(
    'dpf_queue_oldest_waiting_seconds',
    'Age of the oldest job that waits to run, by class; 0 for none',
    { class: CLASS },
    ({ classes }) => Object.entries(classes).map(([name, { oldest }]) => [{ class: name }, oldest]),
  );
  return {
    queues(owner: string, counts: readonly QueueCount[], freshForMs: number): void {
      known.set(owner, { counts, until: Date.now() + freshForMs });
    },
  };
}

const REQUEST_SECONDS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 10];

/** Requests to the HTTP API. */
export type HttpMetrics = ReturnType<typeof declareHttpMetrics>;

function declareHttpMetrics({ counter, histogram }: Instruments) {
  const requests = counter('dpf_http_requests_total', 'Requests to the HTTP API', {
    method: METHOD,
    route: ROUTE,
    status: STATUS,
  });
  const duration = histogram(
    'dpf_http_request_duration_seconds',
    'From the request’s head to the end of the answer',
    { method: METHOD, route: ROUTE },
    REQUEST_SECONDS,
  );
  return {
    /** @param route as it is declared (`/v1/searches/:id`), never the requested path; undefined for none */
    answered(method: string, route = 'none', status: number, ms: number): void {
      requests.inc({ method, route, status: `${Math.floor(status / 100)}xx` });
      duration.observe({ method, route }, ms / 1000);
    },
  };
}

/** One tenant's searches that were refused. */
function declareIntakeMetrics({ counter }: Instruments) {
  const refusals = counter('dpf_searches_refused_total', 'Searches that `dpf serve` refused, by reason', {
    tenant: TENANT,
    reason: REFUSAL,
  });
  return (tenant: string) => {
    for (const reason of REFUSAL) refusals.inc({ tenant, reason }, 0);
    return {
      refused(reason: (typeof REFUSAL)[number], searches: number): void {
        refusals.inc({ tenant, reason }, searches);
      },
    };
  };
}

/** The metrics of prom-client that are shown. The first of the event loop lag sets all of them. */
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

/** Something that counts the log lines it lost, by reason: `LogRoot`. */
interface LossyLog {
  readonly lost: Readonly<Record<string, number>>;
}

/** This process, its log and its Redis. */
function declareProcessMetrics({ registry, counter, gauge }: Instruments) {
  const all = new Registry();
  collectDefaultMetrics({ register: all });
  for (const name of KEPT) {
    const metric = all.getSingleMetric(name) as Metric | undefined;
    if (metric !== undefined) registry.registerMetric(metric);
  }
  const redis = gauge('dpf_redis_up', '1 if Redis answered this process when last asked', {});
  const counted: Record<string, number> = {};
  let log: LossyLog | undefined;
  const lost = counter(
    'dpf_log_lines_lost_total',
    'Log lines that were not written: refused or stuck (the stream), repeated (errors only counted)',
    { reason: ['refused', 'stuck', 'repeated'] },
    () => {
      for (const [reason, lines] of Object.entries(log?.lost ?? {})) {
        lost.inc({ reason }, lines - (counted[reason] ?? 0));
        counted[reason] = lines;
      }
    },
  );
  return {
    redisAnswers: (answers: boolean): void => redis.set({}, answers ? 1 : 0),
    /** From now on the lines that this log loses are counted. */
    watchLog(root: LossyLog): void {
      log = root;
    },
  };
}

const SEARCH_SECONDS = [0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 43_200];
const QUEUE_WAIT_SECONDS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200];

/** One tenant's jobs and workers. */
export type QueueMetrics = ReturnType<ReturnType<typeof declareQueueMetrics>>;

function declareQueueMetrics({ counter, histogram }: Instruments) {
  const tenant = TENANT;
  const queue = QUEUE;
  const searches = counter('dpf_searches_total', 'Searches that ended, by outcome', {
    tenant,
    outcome: SEARCH_OUTCOME,
  });
  const duration = histogram(
    'dpf_search_duration_seconds',
    'From the moment that a search was added to its end',
    { tenant, class: CLASS },
    SEARCH_SECONDS,
  );
  const calls = counter('dpf_pages_total', 'Runs of page and item jobs, by result', {
    tenant,
    result: CALL_JOB_RESULT,
  });
  const waits = histogram(
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
  const stalls = counter('dpf_jobs_stalled_total', 'Jobs whose worker died or froze', { tenant, queue });
  const crashes = counter('dpf_jobs_crashed_total', 'Jobs that failed as crashed-worker', { tenant, queue });
  const quarantined = counter('dpf_jobs_quarantined_total', 'Unreadable jobs put aside', { tenant, queue });
  const settled = counter('dpf_jobs_settled_total', 'Orphaned searches and pages that were settled', {
    tenant,
    what: ['search', 'page'],
  });
  const replaced = counter('dpf_worker_replacements_total', 'Stalled workers that were restarted', {
    tenant,
  });
  return (owner: string) => {
    const own = { tenant: owner };
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
      /** @param outcome `failed` included @param ms since it was added */
      searchEnded(outcome: string, searchClass: string, ms: number): void {
        searches.inc({ ...own, outcome });
        duration.observe({ ...own, class: searchClass }, ms / 1000);
      },
      /** A page or item job ran. @param waitedMs from when it was added to the start of its run */
      callEnded(result: string, callClass: string, waitedMs: number): void {
        calls.inc({ ...own, result });
        waits.observe({ ...own, class: callClass }, waitedMs / 1000);
      },
      /** A page was stored. */
      collected(count: number, rejected: Readonly<Record<string, number>>): void {
        products.inc(own, count);
        for (const [reason, times] of Object.entries(rejected)) rejections.inc({ ...own, reason }, times);
      },
      /** A job whose worker died, or froze for longer than the lock, went back to its queue. */
      stalled: (name: string): void => stalls.inc({ ...own, queue: name }),
      /** A job failed because it crashed one worker after another. */
      crashed: (name: string): void => crashes.inc({ ...own, queue: name }),
      /** An unreadable job was removed from its queue. */
      quarantined: (name: string): void => quarantined.inc({ ...own, queue: name }),
      /** The sweep ended a lost page or a stuck search. */
      settled: (what: 'search' | 'page'): void => settled.inc({ ...own, what }),
      /** This worker started no job while jobs waited, and was restarted. */
      workerReplaced: (): void => replaced.inc(own),
    };
  };
}

/** All metrics of one process, in a registry of their own: two services in one process do not collide. */
export type Metrics = ReturnType<typeof createMetrics>;

/**
 * Each declaration is made once. The functions of `calls`, `queue` and `intake` give one tenant's series, which begin with
 * zero: Prometheus sees no growth in a counter that appears with its first event.
 */
export function createMetrics() {
  const registry = new Registry();
  const instruments = new Instruments(registry);
  return {
    registry,
    /** As they are documented, in order. */
    declared: instruments.declared as readonly Declared[],
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
