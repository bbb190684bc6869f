import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import { expect } from 'chai';
import fastify from 'fastify';
import { run } from '../../../src/cli/program.ts';
import { useService } from '../../support/service.ts';
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
