import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { openProducer } from '../../../src/app/producer.ts';
import { startWorkerApp, type WorkerApp } from '../../../src/app/worker.ts';
import type { SearchProducer } from '../../../src/queue/producer.ts';
import { LogRoot } from '../../../src/telemetry/logRoot.ts';
import { testConfig } from '../../support/config.ts';
import { useRedis } from '../../support/redis.ts';
import { serviceEnv } from '../../support/service.ts';
import { useSimulator } from '../../support/simulator.ts';

describe('the log lines of a search', () => {
  const redis = useRedis();
  const simulator = useSimulator();
  let worker: WorkerApp;
  let producer: SearchProducer;
  let written = '';
  beforeEach(async () => {
    const stream = new PassThrough().setEncoding('utf8');
    written = '';
    stream.on('data', (text: string) => {
      written += text;
    });
    const levels = { LOG_LEVEL: 'info', LOG_LEVELS: 'gate=debug', LOG_FORMAT: 'json' };
    const env = { MIN_API_CALL_INTERVAL: '0', PAGE_ATTEMPTS: '1', EBAY_QUICK_RETRY_DELAY: '0', ...levels };
    const config = testConfig(serviceEnv(redis.url, simulator().url, env));
    const log = new LogRoot(config.log, stream);
    worker = await startWorkerApp(config, log);
    producer = openProducer(config, { log });
    await producer.ready();
  });
  afterEach(async () => {
    await producer.close();
    await worker.stop();
  });

  const allLines = () =>
    written
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  /** Searches to the end; the lines with this search's id. */
  async function linesOf(request: Parameters<SearchProducer['enqueue']>[0]) {
    const { searchId } = await producer.enqueue(request);
    await producer.waitFor(searchId, { timeoutMs: 15_000 });
    return { searchId, lines: allLines().filter((line) => line.searchId === searchId) };
  }

  it('are one for its start and one for its end, and all name it alike', async () => {
    simulator().controls.arm({ fault: 'odd-items', items: 3 });
    const { searchId, lines } = await linesOf({ query: 'phone case', maxItems: 390 });
    const ids = { tenant: 'default', searchId, run: 1 };
    expect(lines.map(({ message }) => message)).to.have.ordered.members([
      'search started',
      'listings skipped',
      'listings skipped',
      'search ended',
    ]);
    for (const line of lines) expect(line).to.include(ids);
    expect(lines[1]).to.include({ component: 'collector', page: 1, jobId: `${searchId}-r1-p1` });
    expect(lines[3]).to.include({ level: 'info', outcome: 'complete', calls: 2, jobId: searchId });
    expect(lines[3]?.products).to.be.above(300);
  });

  it('are one more for each call, with what it waited for, where the gate’s level is debug', async () => {
    await linesOf({ query: 'phone case', maxItems: 400, priority: 'backfill' });
    const calls = allLines().filter(({ component, level }) => component === 'gate' && level === 'debug');
    expect(calls).to.have.length(2);
    for (const call of calls) {
      expect(call).to.include({ message: 'call admitted', class: 'backfill' });
      expect(call.waitedMs).to.be.a('number');
    }
  });

  it('say of a search that failed the same, and why', async () => {
    simulator().controls.arm({ fault: 'status', status: 400, errorId: 12_001 });
    const { searchId, lines } = await linesOf({ query: 'phone case' });
    expect(lines.map(({ message }) => message)).to.deep.equal([
      'search started',
      'page failed',
      'search ended',
    ]);
    for (const line of lines) expect(line).to.include({ tenant: 'default', searchId, run: 1 });
    expect(lines[1]).to.include({ page: 1, code: 'ebay-refused' });
    expect(lines[2]).to.include({ level: 'warn', outcome: 'failed', code: 'ebay-refused' });
  });
});
