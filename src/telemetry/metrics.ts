import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import { packageVersion } from '../config/config.ts';
import { FAILURE_CODES } from '../failures.ts';

/** All values that a label may have, or the pattern of names that an operator gives. */
export type Values = readonly string[] | RegExp;

type Labels = Readonly<Record<string, Values>>;

const tenant = /^[a-z0-9-]{1,40}$/;
const queue = /^ebay-(search|calls|alerts)(-[a-z0-9-]{1,40})?$/;
/** As it is declared, with the names of parameters; `none` for an unknown path. */
const route = /^(none|\/[a-zA-Z0-9/:._*-]{0,80})$/;
const method = 'GET HEAD POST PUT PATCH DELETE OPTIONS'.split(' ');
const endpoint = ['search', 'item', 'legacy-item', 'item-group', 'bulk-items'];
const CLASS = ['interactive', 'scheduled', 'backfill'];
const CONDITION = 'new gone back-in-stock stock-below price-below drop rise lowest'.split(' ');
const CHANNEL_KIND = ['webhook', 'discord', 'slack', 'telegram', 'ntfy', 'email', 'unknown'];
const CLOSED_REASON = ['quota', 'pause', 'circuit'];

/** The label `reason` of these metrics was `because` in version 0.1; they carry both until the next release. */
const reasons = (reason: string[]) => ({ reason, because: reason });

const counter = <const L extends Labels>(help: string, labels: L) =>
  ({ kind: 'counter', help, labels }) as const;
const gauge = <const L extends Labels>(help: string, labels: L) => ({ kind: 'gauge', help, labels }) as const;
/** @param buckets upper bounds, s */
const histogram = <const L extends Labels>(help: string, labels: L, buckets: number[]) =>
  ({ kind: 'histogram', help, labels, buckets }) as const;

/** Every metric, with all values that its labels may have. docs/metrics.md is made from it. */
export const METRICS = {
  dpf_ebay_calls_total: counter('HTTP attempts to eBay, by endpoint and outcome', {
    tenant,
    endpoint,
    outcome: ['ok', ...FAILURE_CODES],
  }),
  dpf_ebay_call_duration_seconds: histogram(
    'From the granted slot to the answer that was read',
    { tenant, endpoint },
    [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10],
  ),
  dpf_gate_wait_seconds: histogram(
    'How long attempts waited in a worker for their slot',
    { tenant, class: CLASS },
    [0.01, 0.1, 0.5, 1, 2, 5, 10, 30],
  ),
  dpf_gate_refusals_total: counter(
    'Attempts that the gate refused, by reason; budget: searches and attempts beyond a budget, refused before the gate',
    {
      tenant,
      ...reasons([...CLOSED_REASON, 'share', 'redis', 'budget']),
    },
  ),
  dpf_quota_remaining: gauge('Browse calls left in the quota day', { tenant }),
  dpf_quota_limit: gauge('Browse calls of the quota day', { tenant }),
  dpf_quota_reset_timestamp_seconds: gauge('When the quota day ends', { tenant }),
  dpf_gate_interval_seconds: gauge('Least time between two calls of the fleet', { tenant }),
  dpf_circuit_state: gauge('0 closed, 0.5 half-open, 1 open', { tenant }),
  dpf_gate_closed: gauge('1 while no call is admitted, by reason', { tenant, ...reasons(CLOSED_REASON) }),
  dpf_token_expiry_seconds: gauge('Seconds until the token stops being used', { tenant }),
  dpf_token_served_total: counter('Tokens handed to callers, by where they came from', {
    tenant,
    source: ['redis', 'memory', 'mint'],
  }),
  dpf_token_cache_misses_total: counter('Reads of the token cache that gave no token, by reason', {
    tenant,
    reason: ['absent', 'garbage', 'undecryptable', 'unsealed', 'foreign', 'expired', 'silent'],
  }),
  dpf_token_mints_total: counter('Token requests to eBay, by why they were made and result', {
    tenant,
    reason: ['missing', 'refused', 'forced', 'ahead'],
    result:
      'ok invalid_client unauthorized_client invalid_scope unsupported_grant_type throttled server-error timeout unreachable bad-answer'.split(
        ' ',
      ),
  }),
  dpf_token_mint_seconds: histogram(
    'Duration of token requests',
    { tenant },
    [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
  ),
  dpf_token_waits_total: counter("Times that this process waited for another's token request", { tenant }),
  dpf_token_credential_refused: gauge('1 while eBay refuses the credential, as this process knows it', {
    tenant,
  }),
  dpf_searches_total: counter('Searches that ended, by outcome; bounded: partial, and no call failed', {
    tenant,
    outcome: 'complete none-found filtered-out partial bounded degraded cancelled skipped failed'.split(' '),
  }),
  dpf_search_duration_seconds: histogram(
    'From the moment that a search was added to its end',
    { tenant, class: CLASS },
    [0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 43_200],
  ),
  dpf_searches_coalesced_total: counter('Searches that took the result of an identical one', { tenant }),
  dpf_calls_avoided_total: counter(
    'Calls that searches did not make, because an identical search, pages or answers for items were there',
    { tenant },
  ),
  dpf_pages_total: counter('Runs of page and item jobs, by result; reused: the answer was there', {
    tenant,
    result: ['stored', 'reused', 'cancelled', 'ended', 'astray', 'retried', 'failed'],
  }),
  dpf_queue_wait_seconds: histogram(
    'From the moment that a page or item job was added to the start of its run',
    { tenant, class: CLASS },
    [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200],
  ),
  dpf_products_total: counter('Products in the pages and item answers that were stored', { tenant }),
  dpf_listings_rejected_total: counter('Listings that could not become products, by reason', {
    tenant,
    reason: ['not-an-object', 'no-item-id', 'no-title', 'no-price', 'bad-price'],
  }),
  dpf_jobs_stalled_total: counter('Jobs whose worker died or froze', { tenant, queue }),
  dpf_jobs_crashed_total: counter('Jobs that failed as crashed-worker', { tenant, queue }),
  dpf_jobs_quarantined_total: counter('Jobs and schedulers of other programs that were put aside', {
    tenant,
    queue,
  }),
  dpf_jobs_settled_total: counter('Orphaned searches and pages that were settled', {
    tenant,
    what: ['search', 'page'],
  }),
  dpf_alerts_found_total: counter('Alerts that searches and looks have found, by condition', {
    tenant,
    condition: CONDITION,
  }),
  dpf_alerts_withheld_total: counter(
    'Alerts that the daily cap of their definition kept back, by condition',
    {
      tenant,
      condition: CONDITION,
    },
  ),
  dpf_alert_deliveries_total: counter(
    'Attempts to deliver a message of alerts, by kind of channel; postponed: it is tried again; failed: it was given up',
    { tenant, kind: CHANNEL_KIND, outcome: ['delivered', 'postponed', 'failed'] },
  ),
  dpf_alert_delivery_seconds: histogram(
    'From the moment that a message of alerts was made to its delivery',
    { tenant },
    [0.1, 0.2, 0.5, 1, 2, 5, 10, 60, 300, 1800, 7200, 86_400],
  ),
  dpf_alert_messages: gauge(
    'Messages of alerts that wait, and that were given up and are kept, shown by one process of the fleet',
    { tenant, state: ['waiting', 'failed'] },
  ),
  dpf_alert_oldest_waiting_seconds: gauge(
    'Age of the oldest message of alerts that waits for its delivery; 0 for none, shown by one process of the fleet',
    { tenant },
  ),
  dpf_alert_channels: gauge('Channels by state, shown by one process of the fleet', {
    tenant,
    state: ['ok', 'paused'],
  }),
  dpf_worker_replacements_total: counter('Stalled workers that were restarted', { tenant }),
  dpf_searches_refused_total: counter('Searches that `dpf serve` refused, by reason', {
    tenant,
    ...reasons(['invalid', 'backlog', 'memory', 'budget', 'redis']),
  }),
  dpf_queue_jobs: gauge('Jobs in a queue by state, shown by one process of the fleet', {
    tenant,
    queue,
    state: ['waiting', 'active', 'delayed', 'waiting-children'],
  }),
  dpf_queue_waiting_jobs: gauge('Jobs that wait to run, by class, shown by one process of the fleet', {
    tenant,
    queue,
    class: CLASS,
  }),
  dpf_queue_oldest_waiting_seconds: gauge(
    'Age of the oldest job that waits to run, by class; 0 for none, shown by one process of the fleet',
    { tenant, queue, class: CLASS },
  ),
  dpf_schedules: gauge(
    'Schedules by state, shown by one process of the fleet; missing: declared or stored, but no run follows',
    { tenant, state: ['active', 'paused', 'done', 'missing'] },
  ),
  dpf_schedule_overdue_seconds: gauge(
    'How late the run is that waits longest for a worker; 0 for none, shown by one process of the fleet',
    { tenant },
  ),
  dpf_plan_looks_total: counter('Looks that the planner began, by what was looked at', {
    tenant,
    kind: ['schedule', 'watch', 'shared'],
  }),
  dpf_plan_guarantees_missed_total: counter('Looks that began later than `atLeastEvery` wants', { tenant }),
  dpf_plan_change_delay_seconds: histogram(
    'From a change whose time eBay states to the look of the planner that showed it',
    { tenant },
    [60, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400],
  ),
  dpf_plan_expected_delay_seconds: gauge(
    'The same as the planner expects it, the mean of all that it looks at; shown by the process that plans',
    { tenant },
  ),
  dpf_plan_calls_left: gauge(
    'Calls that are left for looks of the planner until its day ends; shown by the process that plans',
    { tenant },
  ),
  dpf_redis_losses_total: counter('Times that this process restored what Redis had lost', {}),
  dpf_redis_loss_unacknowledged: gauge('1 while nobody has acknowledged that Redis lost its data', {}),
  dpf_redis_data_since_timestamp_seconds: gauge(
    'When the fleet began to use the data of this Redis; it survives a loss that a process saw',
    {},
  ),
  dpf_config_version: gauge('Version of the fleet’s configuration that this process runs', {}),
  dpf_config_changes_total: counter('Changes of the configuration while this process ran, by result', {
    result: ['applied', 'refused'],
  }),
  dpf_http_requests_total: counter('Requests to the HTTP API', {
    method,
    route,
    status: ['1xx', '2xx', '3xx', '4xx', '5xx'],
  }),
  dpf_http_request_duration_seconds: histogram(
    'From the request’s head to the end of the answer',
    { method, route },
    [0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 10],
  ),
  dpf_build_info: gauge('1; the release of this service that the process runs, and of Node', {
    version: /^\d+\.\d+\.\d+[\w.+-]{0,40}$/,
    node: /^\d+\.\d+\.\d+[\w.+-]{0,40}$/,
  }),
  dpf_redis_up: gauge('1 if Redis answered this process when last asked', {}),
  dpf_log_lines_lost_total: counter(
    'Log lines that were not written: refused or stuck (the stream), repeated (errors only counted)',
    reasons(['refused', 'stuck', 'repeated']),
  ),
};

type Declared = typeof METRICS;
type Name<Kind> = { [N in keyof Declared]: Declared[N]['kind'] extends Kind ? N : never }[keyof Declared];
type LabelsOf<N extends keyof Declared> = {
  [Label in Exclude<keyof Declared[N]['labels'], 'because'>]: string;
};

/** All metrics of one process, in a registry of their own: two services in one process do not collide. */
export type Metrics = ReturnType<typeof createMetrics>;

/** `calls`, `auth`, `queue` and `intake` give one tenant's part. */
export function createMetrics() {
  const record = new Recorder();
  return {
    registry: record.registry,
    calls: (owner: string) => callMetrics(record, owner),
    auth: authMetrics(record),
    queue: (owner: string) => queueMetrics(record, owner),
    intake: (owner: string) => intakeMetrics(record, owner),
    fleet: fleetMetrics(record),
    schedules: scheduleMetrics(record),
    config: configMetrics(record),
    http: httpMetrics(record),
    process: processMetrics(record),
  };
}

/**
 * Records by a metric's name. A value that its label does not have becomes `other`: neither a search nor an id nor a secret
 * can become a label or create series without limit.
 */
class Recorder {
  readonly registry = new Registry();
  /** Brings a metric up to date before each scrape. */
  readonly collect: { [N in keyof Declared]?: () => void } = {};

  constructor() {
    for (const [name, { kind, help, labels, ...buckets }] of Object.entries(METRICS)) {
      const collect = () => this.collect[name as keyof Declared]?.();
      const Kind = { counter: Counter, gauge: Gauge, histogram: Histogram }[kind];
      new Kind({
        name,
        help,
        labelNames: Object.keys(labels),
        registers: [this.registry],
        collect,
        ...buckets,
      });
    }
  }

  add<N extends Name<'counter'>>(name: N, labels: LabelsOf<N>, by = 1): void {
    this.#metric<Counter>(name).inc(this.#bounded(name, labels), by);
  }

  set<N extends Name<'gauge'>>(name: N, labels: LabelsOf<N>, value: number): void {
    this.#metric<Gauge>(name).set(this.#bounded(name, labels), value);
  }

  /** Removes every series: an unknown value must not be shown. */
  clear(...names: Array<Name<'gauge'>>): void {
    for (const name of names) this.#metric<Gauge>(name).reset();
  }

  observe<N extends Name<'histogram'>>(name: N, labels: LabelsOf<N>, ms: number): void {
    this.#metric<Histogram>(name).observe(this.#bounded(name, labels), ms / 1000);
  }

  /**
   * Series begin with zero: Prometheus sees no growth in one that appears with its first event.
   * @param labels each label that is missing here has all its values
   */
  begin(labels: Readonly<Record<string, string>>, ...names: Array<Name<'counter' | 'histogram'>>): void {
    for (const name of names) {
      let series: Array<Record<string, string>> = [{}];
      for (const [label, values] of Object.entries<Values>(METRICS[name].labels)) {
        const wanted = labels[label] === undefined ? (values as readonly string[]) : [labels[label]];
        if (label !== 'because')
          series = series.flatMap((begun) => wanted.map((value) => ({ ...begun, [label]: value })));
      }
      const metric = this.#metric<Counter | Histogram>(name);
      for (const each of series) {
        const bounded = this.#bounded(name, each);
        if (metric instanceof Histogram) metric.zero(bounded);
        else metric.inc(bounded, 0);
      }
    }
  }

  #metric<M>(name: string): M {
    return this.registry.getSingleMetric(name) as M;
  }

  #bounded(name: keyof Declared, given: Readonly<Record<string, string>>): Record<string, string> {
    const bounded: Record<string, string> = {};
    for (const [label, values] of Object.entries<Values>(METRICS[name].labels)) {
      const value = String(given[label === 'because' ? 'reason' : label]);
      const isDeclared = values instanceof RegExp ? values.test(value) : values.includes(value);
      bounded[label] = isDeclared ? value : 'other';
    }
    return bounded;
  }
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

const CIRCUIT_NUMBER = { closed: 0, 'half-open': 0.5, open: 1 };

/** One tenant's calls to eBay and the gate before them. */
export type CallMetrics = ReturnType<typeof callMetrics>;

function callMetrics(record: Recorder, tenant: string) {
  record.begin({ tenant, endpoint: 'search' }, 'dpf_ebay_calls_total', 'dpf_gate_refusals_total');
  return {
    /** One HTTP attempt. @param outcome `ok` or a failure's code */
    called(endpoint: string, outcome: string, durationMs: number): void {
      record.add('dpf_ebay_calls_total', { tenant, endpoint, outcome });
      record.observe('dpf_ebay_call_duration_seconds', { tenant, endpoint }, durationMs);
    },
    /** An attempt got its slot after this long. */
    waited: (callClass: string, ms: number) =>
      record.observe('dpf_gate_wait_seconds', { tenant, class: callClass }, ms),
    refused: (reason: string) => record.add('dpf_gate_refusals_total', { tenant, reason }),
    gate({ remaining, limit, reset, intervalMs, circuit, closed }: GateFigures): void {
      record.set('dpf_quota_remaining', { tenant }, remaining);
      record.set('dpf_quota_limit', { tenant }, limit);
      record.set('dpf_quota_reset_timestamp_seconds', { tenant }, reset / 1000);
      record.set('dpf_gate_interval_seconds', { tenant }, intervalMs / 1000);
      record.set('dpf_circuit_state', { tenant }, CIRCUIT_NUMBER[circuit]);
      for (const reason of CLOSED_REASON)
        record.set('dpf_gate_closed', { tenant, reason }, closed?.reason === reason ? 1 : 0);
    },
  };
}

/** How one tenant's tokens are obtained. */
export type AuthMetrics = ReturnType<ReturnType<typeof authMetrics>>;

function authMetrics(record: Recorder) {
  const expiries = new Map<string, number>();
  record.collect.dpf_token_expiry_seconds = () => {
    for (const [tenant, at] of expiries)
      record.set('dpf_token_expiry_seconds', { tenant }, Math.max(0, (at - Date.now()) / 1000));
  };
  return (tenant: string) => {
    record.begin({ tenant }, 'dpf_token_served_total', 'dpf_token_mint_seconds');
    record.begin({ tenant, reason: 'absent' }, 'dpf_token_cache_misses_total');
    record.begin({ tenant, reason: 'missing' }, 'dpf_token_mints_total');
    record.begin({ tenant, reason: 'refused', result: 'ok' }, 'dpf_token_mints_total');
    record.set('dpf_token_credential_refused', { tenant }, 0);
    return {
      served: (source: string) => record.add('dpf_token_served_total', { tenant, source }),
      missed: (reason: string) => record.add('dpf_token_cache_misses_total', { tenant, reason }),
      minted(reason: string, result: string, ms: number): void {
        record.add('dpf_token_mints_total', { tenant, reason, result });
        record.observe('dpf_token_mint_seconds', { tenant }, ms);
      },
      waited: () => record.add('dpf_token_waits_total', { tenant }),
      credentialRefused: (isRefused: boolean) =>
        record.set('dpf_token_credential_refused', { tenant }, isRefused ? 1 : 0),
      /** When the token stops being used, ms since the epoch. */
      expiresAt: (at: number) => void expiries.set(tenant, at),
    };
  };
}

/** One tenant's jobs and workers. */
export type QueueMetrics = ReturnType<typeof queueMetrics>;

function queueMetrics(record: Recorder, tenant: string) {
  for (const kind of ['ebay-search', 'ebay-calls', 'ebay-alerts'])
    record.begin(
      { tenant, queue: tenant === 'default' ? kind : `${kind}-${tenant}` },
      'dpf_searches_total',
      'dpf_searches_coalesced_total',
      'dpf_calls_avoided_total',
      'dpf_pages_total',
      'dpf_products_total',
      'dpf_listings_rejected_total',
      'dpf_jobs_stalled_total',
      'dpf_jobs_crashed_total',
      'dpf_jobs_quarantined_total',
      'dpf_jobs_settled_total',
      'dpf_alert_deliveries_total',
      'dpf_alert_delivery_seconds',
      'dpf_worker_replacements_total',
    );
  return {
    /** @param outcome `failed` included @param ms since it was added */
    searchEnded(outcome: string, searchClass: string, ms: number): void {
      record.add('dpf_searches_total', { tenant, outcome });
      record.observe('dpf_search_duration_seconds', { tenant, class: searchClass }, ms);
    },
    /** A search took the result of an identical one, which had made so many calls. */
    coalesced(calls: number): void {
      record.add('dpf_searches_coalesced_total', { tenant });
      record.add('dpf_calls_avoided_total', { tenant }, calls);
    },
    /** A search took so many pages, or answers for items, that others had called for. */
    reused(calls: number): void {
      record.add('dpf_calls_avoided_total', { tenant }, calls);
    },
    /** A page or item job ran. @param waitedMs from when it was added to the start of its run */
    callEnded(result: string, callClass: string, waitedMs: number): void {
      record.add('dpf_pages_total', { tenant, result });
      record.observe('dpf_queue_wait_seconds', { tenant, class: callClass }, waitedMs);
    },
    /** A page, or an item whose answer is products of its own, was answered. */
    collected(products: number, rejected: Readonly<Record<string, number>>): void {
      record.add('dpf_products_total', { tenant }, products);
      for (const [reason, times] of Object.entries(rejected))
        record.add('dpf_listings_rejected_total', { tenant, reason }, times);
    },
    /** A condition of an alert was met. */
    alertFound: (condition: string) => record.add('dpf_alerts_found_total', { tenant, condition }),
    /** The daily cap of an alert kept back so many. */
    alertsWithheld: (condition: string, alerts: number) =>
      record.add('dpf_alerts_withheld_total', { tenant, condition }, alerts),
    /** A job whose worker died, or froze for longer than the lock, went back to its queue. */
    stalled: (queue: string) => record.add('dpf_jobs_stalled_total', { tenant, queue }),
    /** A job failed because it crashed one worker after another. */
    crashed: (queue: string) => record.add('dpf_jobs_crashed_total', { tenant, queue }),
    /** An unreadable job was removed from its queue. */
    quarantined: (queue: string) => record.add('dpf_jobs_quarantined_total', { tenant, queue }),
    /** The sweep ended a lost page or a stuck search. */
    settled: (what: 'search' | 'page') => record.add('dpf_jobs_settled_total', { tenant, what }),
    /** An attempt to deliver a message of alerts. @param ms since it was made, where it has arrived */
    delivery(kind: string, outcome: 'delivered' | 'postponed' | 'failed', ms?: number): void {
      record.add('dpf_alert_deliveries_total', { tenant, kind, outcome });
      if (ms !== undefined) record.observe('dpf_alert_delivery_seconds', { tenant }, ms);
    },
    /** This worker started no job while jobs waited, and was restarted. */
    workerReplaced: () => record.add('dpf_worker_replacements_total', { tenant }),
  };
}

/** One tenant's searches that were refused. */
function intakeMetrics(record: Recorder, tenant: string) {
  record.begin({ tenant }, 'dpf_searches_refused_total');
  return {
    refused: (reason: 'invalid' | 'backlog' | 'memory' | 'budget' | 'redis', searches: number) =>
      record.add('dpf_searches_refused_total', { tenant, reason }, searches),
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

/** Channels of a tenant, and messages of alerts, as one process of the fleet counted them. */
export interface AlertFigures {
  waiting: number;
  failed: number;
  /** Age of the oldest message that waits; 0: none waits. */
  oldestMs: number;
  /** State → channels. */
  channels: Readonly<Record<string, number>>;
}

/** Figures of the whole fleet. Only the process that holds the lease shows them, and only while they are fresh. */
export type FleetMetrics = ReturnType<typeof fleetMetrics>;

function fleetMetrics(record: Recorder) {
  const known = new Map<string, { counts: readonly QueueCount[]; until: number }>();
  // The first of the three sets all of them.
  record.collect.dpf_queue_jobs = () => {
    record.clear('dpf_queue_jobs', 'dpf_queue_waiting_jobs', 'dpf_queue_oldest_waiting_seconds');
    const fresh = [...known].filter(([, { until }]) => performance.now() < until);
    for (const [tenant, { counts }] of fresh)
      for (const { queue, states, classes } of counts) {
        for (const [state, jobs] of Object.entries(states))
          record.set('dpf_queue_jobs', { tenant, queue, state }, jobs);
        for (const [name, { waiting, oldest }] of Object.entries(classes)) {
          record.set('dpf_queue_waiting_jobs', { tenant, queue, class: name }, waiting);
          record.set('dpf_queue_oldest_waiting_seconds', { tenant, queue, class: name }, oldest);
        }
      }
  };
  const alerts = new Map<string, { figures: AlertFigures; until: number }>();
  // The first of the three sets all of them.
  record.collect.dpf_alert_messages = () => {
    record.clear('dpf_alert_messages', 'dpf_alert_oldest_waiting_seconds', 'dpf_alert_channels');
    for (const [tenant, { figures, until }] of alerts) {
      if (performance.now() >= until) continue;
      for (const state of ['waiting', 'failed'] as const)
        record.set('dpf_alert_messages', { tenant, state }, figures[state]);
      record.set('dpf_alert_oldest_waiting_seconds', { tenant }, figures.oldestMs / 1000);
      for (const [state, count] of Object.entries(figures.channels))
        record.set('dpf_alert_channels', { tenant, state }, count);
    }
  };
  const plans = new Map<string, { delayMs: number | undefined; calls: number; until: number }>();
  record.collect.dpf_plan_expected_delay_seconds = () => {
    record.clear('dpf_plan_expected_delay_seconds', 'dpf_plan_calls_left');
    for (const [tenant, { delayMs, calls, until }] of plans) {
      if (performance.now() >= until) continue;
      if (delayMs !== undefined) record.set('dpf_plan_expected_delay_seconds', { tenant }, delayMs / 1000);
      record.set('dpf_plan_calls_left', { tenant }, calls);
    }
  };
  return {
    queues(tenant: string, counts: readonly QueueCount[], freshForMs: number): void {
      known.set(tenant, { counts, until: performance.now() + freshForMs });
    },
    alerts: (tenant: string, figures: AlertFigures, freshForMs: number) =>
      void alerts.set(tenant, { figures, until: performance.now() + freshForMs }),
    /** What the planner of a tenant does. */
    plan: (tenant: string, freshForMs: number) => ({
      begun: (kind: string) => record.add('dpf_plan_looks_total', { tenant, kind }),
      /** A look began later than its guarantee. */
      missed: () => record.add('dpf_plan_guarantees_missed_total', { tenant }),
      /** Of changes that a look has shown, ms. */
      delays(all: readonly number[]): void {
        for (const ms of all) record.observe('dpf_plan_change_delay_seconds', { tenant }, ms);
      },
      /** @param figures mean delay that is expected, ms, once it is known; calls that are left */
      planned(figures: { delayMs: number | undefined; calls: number }): void {
        plans.set(tenant, { ...figures, until: performance.now() + freshForMs });
      },
    }),
  };
}

/** The schedules of the whole fleet, shown by one process likewise. */
export type ScheduleMetrics = ReturnType<typeof scheduleMetrics>;

/** Tenant → how many schedules are in which state, and how late their most overdue run is, s. */
type ScheduleFigures = ReadonlyMap<string, { states: Readonly<Record<string, number>>; overdue: number }>;

function scheduleMetrics(record: Recorder) {
  let shown: ScheduleFigures = new Map();
  let until = 0;
  // The first of the two sets both.
  record.collect.dpf_schedules = () => {
    record.clear('dpf_schedules', 'dpf_schedule_overdue_seconds');
    for (const [tenant, { states, overdue }] of performance.now() < until ? shown : []) {
      for (const [state, count] of Object.entries(states))
        record.set('dpf_schedules', { tenant, state }, count);
      record.set('dpf_schedule_overdue_seconds', { tenant }, overdue);
    }
  };
  return {
    counted(figures: ScheduleFigures, freshForMs: number): void {
      shown = figures;
      until = performance.now() + freshForMs;
    },
  };
}

/** Changes of this process's configuration, and of the data of Redis that it belongs to. */
export type ConfigMetrics = ReturnType<typeof configMetrics>;

function configMetrics(record: Recorder) {
  record.begin({}, 'dpf_redis_losses_total');
  return {
    /** This process restored what Redis had lost. */
    dataLost: () => record.add('dpf_redis_losses_total', {}),
    /** @param since ms since the epoch @param isLost whether a loss is not acknowledged */
    data(since: number, isLost: boolean): void {
      record.set('dpf_redis_data_since_timestamp_seconds', {}, since / 1000);
      record.set('dpf_redis_loss_unacknowledged', {}, isLost ? 1 : 0);
    },
    /** @param version 0: nothing was ever published */
    runs: (version: number) => record.set('dpf_config_version', {}, version),
    changed: (result: 'applied' | 'refused') => record.add('dpf_config_changes_total', { result }),
  };
}

/** Requests to the HTTP API. */
export type HttpMetrics = ReturnType<typeof httpMetrics>;

function httpMetrics(record: Recorder) {
  return {
    /** @param route as it is declared (`/v1/searches/:id`), never the requested path; undefined for none */
    answered(method: string, route = 'none', status: number, ms: number): void {
      record.add('dpf_http_requests_total', { method, route, status: `${Math.floor(status / 100)}xx` });
      record.observe('dpf_http_request_duration_seconds', { method, route }, ms);
    },
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

/** This process, its log and its Redis. */
function processMetrics(record: Recorder) {
  record.set('dpf_build_info', { version: packageVersion(), node: process.versions.node }, 1);
  return {
    redisAnswers: (answers: boolean) => record.set('dpf_redis_up', {}, answers ? 1 : 0),
    /** Shows Node's own metrics, and counts the lines that this log loses. @param log its lost lines by reason: `LogRoot` */
    watchLog(log: { readonly lost: Readonly<Record<string, number>> }): void {
      const all = new Registry();
      collectDefaultMetrics({ register: all });
      for (const name of KEPT) {
        const metric = all.getSingleMetric(name) as Metric | undefined;
        if (metric !== undefined) record.registry.registerMetric(metric);
      }
      const counted: Record<string, number> = {};
      record.collect.dpf_log_lines_lost_total = () => {
        for (const [reason, lines] of Object.entries(log.lost)) {
          record.add('dpf_log_lines_lost_total', { reason }, lines - (counted[reason] ?? 0));
          counted[reason] = lines;
        }
      };
    },
  };
}
