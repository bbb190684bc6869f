import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { METRICS_PAGE, withMetricsTable } from '../../../scripts/metricsTable.ts';
import { ALERT_CONDITIONS } from '../../../src/product/alertSchema.ts';
import { CHANNEL_KINDS } from '../../../src/product/channelSchema.ts';
import { OUTCOMES } from '../../../src/product/summary.ts';
import { createMetrics, METRICS, type Metrics, type Values } from '../../../src/telemetry/metrics.ts';

/** Sets every metric, with texts that `word` gives. */
function setAll(metrics: Metrics, word: () => string): void {
  const tenant = 'default';
  const calls = metrics.calls(tenant);
  calls.called(word(), word(), 5);
  calls.waited(word(), 5);
  calls.refused(word());
  const closed = { reason: word() };
  calls.gate({ remaining: 1, limit: 2, reset: 3, intervalMs: 1000, circuit: 'open', closed });
  const auth = metrics.auth(tenant);
  auth.served(word());
  auth.missed(word());
  auth.minted(word(), word(), 100);
  auth.waited();
  auth.credentialRefused(true);
  auth.expiresAt(Date.now());
  const queue = metrics.queue(tenant);
  queue.searchEnded(word(), word(), 5);
  queue.callEnded(word(), word(), 5);
  queue.coalesced(3);
  queue.collected(3, { [word()]: 2 });
  queue.stalled(word());
  queue.crashed(word());
  queue.quarantined(word());
  queue.settled(word() as 'page');
  queue.workerReplaced();
  metrics.intake(tenant).refused(word() as 'backlog', 1);
  const classes = { [word()]: { waiting: 1, oldest: 2 } };
  metrics.fleet.queues(tenant, [{ queue: word(), states: { [word()]: 1 }, classes }], 60_000);
  metrics.http.answered(word(), word(), 200, 5);
  metrics.process.redisAnswers(true);
  metrics.process.watchLog({ lost: { refused: 1 } });
}

/** Every label of ours in this text: metric, label, value. */
function labelsIn(text: string): Array<[metric: string, label: string, value: string]> {
  return [...text.matchAll(/^(dpf_\w+?)(?:_bucket|_sum|_count)?\{(.*)\} \S+$/gm)].flatMap(
    ([, metric = '', labels = '']) =>
      [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
        ([, label = '', value = '']) => [metric, label, value] as [string, string, string],
      ),
  );
}

function isBounded([metric, label, value]: [string, string, string]): boolean {
  if (label === 'le' || value === 'other') return true;
  const { labels } = METRICS[metric as keyof typeof METRICS];
  const values = (labels as Record<string, Values>)[label];
  return values instanceof RegExp ? values.test(value) : (values?.includes(value) ?? false);
}

describe('the metrics', () => {
  it('have no label but those declared, whatever their values are: no query, no id, no secret', async () => {
    const words = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(
        'usb c hub',
        's_6f1d8fe3cf9a4b2b9a1c',
        'v^1.1#i^1#p^3',
        'PRD-c27f09ab4e1d',
        'v1|2938|0',
        'ok',
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(words), async (stream) => {
        const metrics = createMetrics();
        setAll(metrics, () => String(stream.next().value));
        const labels = labelsIn(await metrics.registry.metrics());
        expect(labels).to.have.length.above(50);
        expect(labels.filter((label) => !isBounded(label))).to.deep.equal([]);
      }),
      { numRuns: 30 },
    );
  });

  it('name every outcome that a search may have', () => {
    expect(METRICS.dpf_searches_total.labels.outcome).to.have.members([...OUTCOMES, 'bounded']);
  });

  it('have every condition of alerts and every kind of channel', () => {
    expect(METRICS.dpf_alerts_found_total.labels.condition).to.have.members([...ALERT_CONDITIONS]);
    expect(METRICS.dpf_alert_deliveries_total.labels.kind).to.have.members([...CHANNEL_KINDS, 'unknown']);
  });

  it('carry the former label `because` beside `reason` where version 0.1 had it, with the same value', async () => {
    const metrics = createMetrics();
    setAll(metrics, () => 'quota');
    metrics.intake('default').refused('memory', 2);
    const text = await metrics.registry.metrics();
    const both = text.match(/^.*because=.*$/gm) ?? [];
    for (const line of both) {
      const [, reason] = /\breason="(\w+)"/.exec(line) ?? [];
      expect(line).to.include(`because="${reason}"`);
    }
    expect([...new Set(both.map((line) => line.replace(/\{.*/, '')))].sort()).to.deep.equal([
      'dpf_gate_closed',
      'dpf_gate_refusals_total',
      'dpf_log_lines_lost_total',
      'dpf_searches_refused_total',
    ]);
    expect(text).to.include(
      'dpf_searches_refused_total{tenant="default",reason="memory",because="memory"} 2',
    );
  });

  it('have a series for each tenant', async () => {
    const { calls, registry } = createMetrics();
    for (const tenant of ['default', 'toys']) calls(tenant).called('search', 'ok', 5);
    expect(await registry.getSingleMetricAsString('dpf_ebay_calls_total'))
      .to.include('{tenant="default",endpoint="search",outcome="ok"} 1')
      .and.include('{tenant="toys",endpoint="search",outcome="ok"} 1');
  });

  it('show the fleet’s figures only while they are fresh', async () => {
    const { fleet, registry } = createMetrics();
    const counts = [{ queue: 'ebay-calls', states: { waiting: 3 }, classes: {} }];
    fleet.queues('default', counts, 60_000);
    expect(await registry.metrics()).to.match(/^dpf_queue_jobs\{.*state="waiting"\} 3$/m);
    fleet.queues('default', counts, 0);
    expect(await registry.metrics()).to.not.match(/^dpf_queue_jobs\{/m);
  });

  it('are the table of docs/metrics.md (else run scripts/metricsTable.ts)', () => {
    const page = readFileSync(METRICS_PAGE, 'utf8');
    expect(page).to.equal(withMetricsTable(page));
  });

  it('pass promtool', async function () {
    const metrics = createMetrics();
    setAll(metrics, () => 'ok');
    const input = await metrics.registry.metrics();
    const { error, status, stderr, stdout } = spawnSync('promtool', ['check', 'metrics'], {
      input,
      encoding: 'utf8',
    });
    if (error !== undefined) return this.skip(); // promtool is part of Debian's package prometheus.
    expect(stdout + stderr).to.equal('');
    expect(status).to.equal(0);
  });
});
