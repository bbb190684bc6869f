import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import type { SearchProducer } from '../../src/queue/producer.ts';
import { LogRoot } from '../../src/telemetry/logRoot.ts';
import { testConfig } from '../support/config.ts';
import { buildNextRelease, type NextRelease } from '../support/nextRelease.ts';
import { type RunningProcess, useProcesses } from '../support/processes.ts';
import { serviceEnv } from '../support/service.ts';
import { waitFor } from '../support/waitFor.ts';
import { useWorkerProcesses } from '../support/workerProcesses.ts';

const QUERY = 'phone case';
const ENV = { MIN_API_CALL_INTERVAL: '0.01', NEWER_VERSION_DELAY: '0.05', LOG_FORMAT: 'json' };

describe('two releases on one queue, of which the next one writes newer job data', function () {
  this.timeout(120_000);
  const service = useWorkerProcesses(ENV);
  const { node } = useProcesses();
  let next: NextRelease;
  let nextProducer: SearchProducer;
  let asked: number;
  before(async () => {
    next = await buildNextRelease();
  });
  after(() => next.remove());
  beforeEach(async () => {
    asked = 0;
    const config = testConfig(serviceEnv(service.redisUrl, service.simulator.url, ENV));
    const log = new LogRoot({ level: 'error', levels: '', format: 'json' }, new PassThrough().resume());
    nextProducer = next.openProducer(config, { log });
    await nextProducer.ready();
  });
  afterEach(() => nextProducer.close());

  /** Two pages; the price limit, which excludes nothing, tells one search from another. */
  function request() {
    asked += 1;
    return { maxItems: 210, filters: { price: { max: String(1_000_000 + asked), currency: 'USD' } } };
  }

  /** Adds `count` searches, every other one by plain BullMQ. */
  async function add(count: number, producer: SearchProducer, plain: object): Promise<string[]> {
    const ids = [];
    for (let index = 0; index < count; index++) {
      if (index % 2 === 0) ids.push((await producer.enqueue({ query: QUERY, ...request() })).searchId);
      else ids.push((await service.searches.add('search', { ...plain, ...request() })).id as string);
    }
    return ids;
  }
  const addFirst = (count: number) => add(count, service.producer, { query: QUERY });
  const addSecond = (count: number) => add(count, nextProducer, { v: 2, terms: QUERY });

  /** Waits for their ends; gives the products of each. */
  async function ends(producer: SearchProducer, ids: string[]): Promise<string[][]> {
    const found = [];
    for (const id of ids) {
      const { summary, error } = await producer.waitFor(id, { timeoutMs: 60_000 });
      expect(error, id).to.equal(null);
      expect(summary).to.deep.include({ outcome: 'complete', pages: 2, calls: 2, missing: [] });
      found.push((await producer.products(id)).map(({ itemId }) => itemId));
    }
    return found;
  }

  async function startNext(): Promise<RunningProcess> {
    const env = serviceEnv(service.redisUrl, service.simulator.url, ENV);
    const worker = node([next.main, 'worker'], env);
    await worker.waitForLine(/worker started/);
    return worker;
  }

  it('misreads no job in a rolling upgrade, whichever took it, and makes no call twice', async () => {
    const older = await service.startWorker();
    const first = await addFirst(3);
    const second = await addSecond(3);
    const products = await ends(service.producer, first);
    await waitFor('all newer searches to be put aside by the older worker', async () => {
      const reports = await Promise.all(second.map((id) => service.producer.get(id)));
      return reports.every(({ progress }) => progress?.reason === 'newer-version');
    });

    const newer = await startNext();
    const [both, bothSecond] = await Promise.all([addFirst(3), addSecond(3)]);
    second.push(...bothSecond);
    products.push(...(await ends(nextProducer, second)), ...(await ends(service.producer, both)));

    expect(await older.stop()).to.equal(0);
    const last = await addFirst(1);
    products.push(...(await ends(service.producer, last)));

    first.push(...both, ...last);
    expect(products).to.have.length(asked);
    expect(new Set(products[0])).to.have.property('size', 210);
    for (const each of products) expect(each).to.deep.equal(products[0]);

    const calls = service.simulator.controls.log({ kind: 'search' });
    const calledFor = calls.map(({ query }) => `${query.filter} ${query.offset}`);
    expect(calledFor).to.have.length(2 * asked);
    expect(new Set(calledFor)).to.have.property('size', 2 * asked);

    const silent = await service.producer.products(second[0] as string).catch((error) => error);
    expect(silent, 'products that an older program cannot read').to.include({
      code: 'unknown_payload_version',
    });

    expect(await service.searches.getFailedCount()).to.equal(0);
    expect(await service.calls.getFailedCount()).to.equal(0);
    const pages = (await service.calls.getCompleted(0, 100)).map(({ data, returnvalue }) => ({
      v: data.v as number,
      by: returnvalue.by === undefined ? 'this release' : 'next release',
    }));
    expect(pages).to.have.length(2 * asked);
    expect(pages).to.deep.include({ v: 2, by: 'this release' });
    expect(pages).to.deep.include({ v: 4, by: 'next release' });
    expect(pages).not.to.deep.include({ v: 4, by: 'this release' });
    expect(endedIn(older)).to.include.members(first.slice(0, 3));
    expect(endedIn(older).filter((id) => second.includes(id))).to.deep.equal([]);
    expect(endedIn(newer)).to.include.members([...second, ...last]);
  });
});

/** The searches that a worker's log says it has ended. */
function endedIn({ output }: RunningProcess): string[] {
  const lines = output.split('\n').filter((line) => line.includes('search ended'));
  return lines.map((line) => (JSON.parse(line) as { searchId: string }).searchId);
}
