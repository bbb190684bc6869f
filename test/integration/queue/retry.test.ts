import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import { expect } from 'chai';
import fastify from 'fastify';
import { run } from '../../../src/cli/program.ts';
import type { SearchRequest } from '../../../src/product/requestSchema.ts';
import type { SearchReport } from '../../../src/queue/searchReader.ts';
import { useService } from '../../support/service.ts';
import { resultsKey, StoredJobs } from '../../support/storedJobs.ts';
import { waitFor } from '../../support/waitFor.ts';
import { plainTerminal } from '../../unit/cli/plainTerminal.ts';

describe('retrying a search of which one page failed', () => {
  const service = useService({ PAGE_ATTEMPTS: '1', EBAY_QUICK_RETRY_DELAY: '0' });

  /** A search of three pages whose last one failed. */
  async function partial(): Promise<string> {
    const fault = service.simulator.controls.arm({ fault: 'status', status: 500, on: { offset: 400 } });
    const { summary, searchId } = await service.search({ query: 'phone case', maxItems: 600 });
    expect(summary?.outcome).to.equal('partial');
    expect(summary?.error).to.deep.include({ code: 'ebay-server-error', page: 3, retryable: true });
    expect(await service.producer.products(searchId)).to.have.length(400);
    service.simulator.controls.clear(fault);
    service.simulator.controls.clearLog();
    return searchId;
  }

  async function completeAgain(searchId: string): Promise<void> {
    await waitFor('the second run’s end', async () => {
      const { summary } = await service.producer.get(searchId);
      return summary?.outcome === 'complete';
    });
    expect(service.calledOffsets()).to.deep.equal([400]);
    expect(await service.producer.products(searchId)).to.have.length(600);
    const { summary } = await service.producer.get(searchId);
    expect(summary, 'the failed call counts too').to.include({ calls: 4, pages: 3 });
  }

  it('calls only for that page, from code', async () => {
    const searchId = await partial();
    expect(await service.producer.retry(searchId)).to.equal(true);
    await completeAgain(searchId);
  });

  it('calls only for that page, from the command line', async () => {
    const searchId = await partial();
    const environment = { ...process.env };
    process.env.REDIS_URL = service.config.redis.url;
    try {
      expect(await run(['search', '--retry', searchId, '--json'], plainTerminal())).to.equal(0);
    } finally {
      process.env = environment;
    }
    await completeAgain(searchId);
  });

  /** What the buttons of Bull Board's page send. */
  async function retryOnBoard(queue: string, jobId: string): Promise<void> {
    const server = fastify();
    const serverAdapter = new FastifyAdapter();
    const queues = [service.searches, service.calls].map((each) => new BullMQAdapter(each));
    createBullBoard({ queues, serverAdapter });
    await server.register(serverAdapter.registerPlugin());
    const url = `/api/queues/${queue}/${jobId}/retry`;
    const { statusCode } = await server.inject({ method: 'PUT', url });
    await server.close();
    expect(statusCode).to.equal(204);
  }

  it('calls only for that page where the search is retried on the dashboard', async () => {
    const searchId = await partial();
    await retryOnBoard('ebay-search', searchId);
    await completeAgain(searchId);
  });

  it('calls only for that page where the page itself is retried on the dashboard, which resumes the search', async () => {
    const searchId = await partial();
    const [page] = await service.calls.getFailed(0, 0);
    await retryOnBoard('ebay-calls', page?.id as string);
    await completeAgain(searchId);
  });

  /** Two identical searches at once; the second one takes the result of the first. */
  async function shared(request: SearchRequest): Promise<{ first: string; second: string }> {
    await service.calls.pause();
    const [first, second] = (await service.producer.enqueueMany([request, { ...request }])).map(
      ({ searchId }) => searchId,
    ) as [string, string];
    const leader = await waitFor('one to wait for the other', async () => {
      const reports = await Promise.all([first, second].map((id) => service.producer.get(id)));
      return reports.flatMap(({ progress }) => progress?.leader ?? [])[0];
    });
    await service.calls.resume();
    for (const id of [first, second]) await service.producer.waitFor(id, { timeoutMs: 15_000 });
    return leader === first ? { first, second } : { first: second, second: first };
  }

  async function again(searchId: string): Promise<SearchReport> {
    expect(await service.producer.retry(searchId)).to.equal(true);
    return service.producer.waitFor(searchId, { timeoutMs: 15_000 });
  }

  it('calls only for that page where an identical search has collected the others', async () => {
    const { controls } = service.simulator;
    const fault = controls.arm({ fault: 'status', status: 500, on: { offset: 400 } });
    const { second } = await shared({ query: 'phone case', maxItems: 600 });
    expect((await service.producer.get(second)).summary).to.include({ outcome: 'partial', calls: 0 });
    controls.clear(fault);
    const refusal = controls.arm({ fault: 'status', status: 400 });
    expect((await again(second)).summary).to.include({ outcome: 'partial', calls: 1 });
    expect(await service.producer.products(second)).to.have.length(400);
    controls.clear(refusal);
    controls.clearLog();
    expect((await again(second)).summary).to.include({ outcome: 'complete', calls: 2, pages: 3 });
    expect(service.calledOffsets()).to.deep.equal([400]);
    expect(await service.producer.products(second)).to.have.length(600);
  });

  it('calls for nothing where the identical search was retried first and has all of it', async () => {
    const fault = service.simulator.controls.arm({ fault: 'status', status: 500, on: { offset: 400 } });
    const { first, second } = await shared({ query: 'phone case', maxItems: 600 });
    service.simulator.controls.clear(fault);
    expect((await again(first)).summary?.outcome).to.equal('complete');
    service.simulator.controls.clearLog();
    expect((await again(second)).summary).to.include({ outcome: 'complete', calls: 0, pages: 3 });
    expect(service.calledOffsets()).to.deep.equal([]);
    expect(await service.producer.products(second)).to.have.length(600);
  });

  it('starts over where the result of the identical search has expired', async () => {
    const { first, second } = await shared({ query: 'phone case', maxItems: 300 });
    const stored = new StoredJobs(service.config.redis.url);
    await stored.redis.del(await resultsKey(service.searches, first));
    stored.close();
    expect((await again(second)).summary).to.include({ outcome: 'complete', calls: 2 });
    expect(await service.producer.products(second)).to.have.length(300);
  });

  it('keeps the marks of a track that an identical search was compared with, and reports them once', async () => {
    const request = { query: 'led strip', maxItems: 100, track: 'strips' };
    const before = await service.search(request);
    const listed = await service.producer.products(before.searchId);
    const [cheaper] = listed.filter(({ total, converted, auction }) => total && !converted && !auction);
    const { itemId = '', price } = cheaper ?? {};
    service.simulator.controls.changeListing(itemId, { price: (Number(price?.value) * 0.8).toFixed(2) });
    const { second } = await shared(request);
    const stored = new StoredJobs(service.config.redis.url);
    const events = () => stored.redis.xrange('{ebay}:events', '-', '+');
    const mark = async () =>
      (await service.producer.products(second)).find((product) => product.itemId === itemId)?.mark;
    const [marked, count] = [await mark(), (await events()).length];
    expect((await again(second)).summary).to.include({ outcome: 'complete', calls: 0 });
    expect([marked, await mark()]).to.deep.equal(['price-dropped', 'price-dropped']);
    expect(await events(), 'its own end alone').to.have.length(count + 1);
    stored.close();
  });

  it('starts a failed search once more', async () => {
    const fault = service.simulator.controls.arm({ fault: 'status', status: 500 });
    const { error, searchId } = await service.search({ query: 'phone case', maxItems: 50 });
    expect(error?.code).to.equal('ebay-server-error');
    service.simulator.controls.clear(fault);
    await service.producer.retry(searchId);
    await waitFor(
      'the end',
      async () => (await service.producer.get(searchId)).summary?.outcome === 'complete',
    );
  });

  it('leaves a search alone that still runs, and knows none that is not there', async () => {
    service.simulator.controls.arm({ fault: 'hang' });
    const { searchId } = await service.producer.enqueue({ query: 'phone case' });
    await waitFor('the call', () => service.calledOffsets().length > 0);
    expect(await service.producer.retry(searchId)).to.equal(false);
    const refusal = await service.producer.retry('s_nowhere').catch((error) => error);
    expect(refusal).to.deep.include({ code: 'search_not_found' });
  });
});
