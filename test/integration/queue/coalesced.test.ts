import { expect } from 'chai';
import { PRIORITY } from '../../../src/queue/bullmq/queues.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('identical searches', () => {
  const service = useService({ MIN_API_CALL_INTERVAL: '0.02' });
  const request = { query: 'phone case', maxItems: 650 };
  const oneSearch = [0, 200, 400, 600];
  const ends = (ids: string[]) =>
    Promise.all(ids.map((id) => service.producer.waitFor(id, { timeoutMs: 15_000 })));

  /** One that leads and one that follows it, whose calls wait in a paused queue. */
  async function pair() {
    await service.calls.pause();
    const first = await service.producer.enqueue(request);
    await waitFor('its page', () => service.calls.getJob(`${first.searchId}-r1-p1`));
    const second = await service.producer.enqueue(request);
    await waitFor('the second to follow', async () => {
      const { progress } = await service.producer.get(second.searchId);
      return progress?.leader === first.searchId;
    });
    return { first, second };
  }

  it('are collected once, however they were added, and answer every requester', async () => {
    const added = await service.producer.enqueueMany(Array.from({ length: 10 }, () => ({ ...request })));
    const foreign = await service.searches.addBulk(
      Array.from({ length: 10 }, (_, index) => ({
        name: 'search',
        // Another way to write the same, of another class.
        data: { maxItems: 650, query: 'phone case', priority: 'backfill' },
        opts: { jobId: `foreign-${index}` },
      })),
    );
    const ids = [...added.map(({ searchId }) => searchId), ...foreign.map(({ id }) => id as string)];
    const reports = await ends(ids);
    expect(reports.map(({ summary }) => summary?.outcome)).to.deep.equal(ids.map(() => 'complete'));
    expect(service.calledOffsets().toSorted((a, b) => a - b)).to.deep.equal(oneSearch);
    expect(reports.filter(({ summary }) => summary?.calls === 4)).to.have.length(1);
    for (const id of ids) expect(await service.producer.products(id)).to.have.length(650);
  });

  it('go on for the others when the one that leads is cancelled, which reads as cancelled at once', async () => {
    const { first, second } = await pair();
    expect(await service.producer.cancel(first.searchId)).to.equal(true);
    const ended = await service.producer.get(first.searchId);
    expect([ended.state, ended.summary?.outcome]).to.deep.equal(['done', 'cancelled']);
    await service.calls.resume();
    const [report] = await ends([second.searchId]);
    expect(report?.summary?.outcome).to.equal('complete');
    expect(service.calledOffsets()).to.have.length(4);
    await waitFor('its job to end', async () => (await service.searches.getCompletedCount()) === 2);
    expect(await service.producer.get(first.searchId), 'as it was').to.deep.equal(ended);
    expect((await service.searches.getJob(first.searchId))?.returnvalue).to.deep.equal(ended.summary);
    const { searches } = await service.producer.list();
    const listed = searches.find(({ searchId }) => searchId === first.searchId);
    expect(listed).to.include({ outcome: 'cancelled', calls: 0, products: 0 });
  });

  it('leave the one that was cancelled as it ended for its requester, also when it fails for the others', async () => {
    const fault = service.simulator.controls.arm({ fault: 'status', status: 400 });
    const { first, second } = await pair();
    await service.producer.cancel(first.searchId);
    const ended = await service.producer.get(first.searchId);
    await service.calls.resume();
    const [report] = await ends([second.searchId]);
    expect(report?.error?.code).to.equal('ebay-refused');
    await waitFor('its job to end', async () => (await service.searches.getCompletedCount()) === 1);
    expect(await service.producer.get(first.searchId)).to.deep.equal(ended);
    service.simulator.controls.clear(fault);
  });

  it('hand over when the one that leads fails with trouble that may pass', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 500, count: 5 });
    const added = await service.producer.enqueueMany([request, { ...request }]);
    const reports = await ends(added.map(({ searchId }) => searchId));
    expect(reports.filter(({ error }) => error?.code === 'ebay-server-error')).to.have.length(1);
    expect(reports.filter(({ summary }) => summary?.outcome === 'complete')).to.have.length(1);
  });

  it('share a refusal that would only be repeated', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 400 });
    const added = await service.producer.enqueueMany([request, { ...request }, { ...request }]);
    const reports = await ends(added.map(({ searchId }) => searchId));
    expect(reports.map(({ error }) => error?.code)).to.deep.equal(Array(3).fill('ebay-refused'));
    expect(service.calledOffsets()).to.have.length(1);
  });

  it('answer at once from one that ended within maxAge, and only then', async () => {
    const [first] = await ends([(await service.producer.enqueue(request)).searchId]);
    const [again] = await ends([(await service.producer.enqueue({ ...request, maxAge: 60 })).searchId]);
    expect(again?.summary).to.deep.include({ outcome: 'complete', calls: 0, counts: first?.summary?.counts });
    expect(service.calledOffsets()).to.have.length(4);
    await ends([(await service.producer.enqueue(request)).searchId]);
    expect(service.calledOffsets()).to.have.length(8);
  });

  it('answer at once from one that stopped at its bound, but not from one of which a page failed', async () => {
    const ended = async (asked: object) =>
      (await ends([(await service.producer.enqueue({ ...request, ...asked })).searchId]))[0]?.summary;
    expect(await ended({ maxCalls: 2 })).to.deep.include({ outcome: 'partial', stoppedBy: 'max-calls' });
    const again = await ended({ maxCalls: 2, maxAge: 60 });
    expect(again).to.deep.include({ outcome: 'partial', stoppedBy: 'max-calls', calls: 0 });
    expect(service.calledOffsets()).to.deep.equal([0, 200]);

    const fault = service.simulator.controls.arm({ fault: 'status', status: 400, on: { offset: 200 } });
    expect(await ended({})).to.deep.include({ outcome: 'partial', stoppedBy: null });
    service.simulator.controls.clear(fault);
    expect(await ended({ maxAge: 60 })).to.deep.include({ outcome: 'complete', calls: 4 });
  });

  it('raise the class of the one that leads to the highest of those who wait', async () => {
    const { searchId } = await service.producer.enqueue({ ...request, maxItems: 5000, priority: 'backfill' });
    await waitFor('its first call', () => service.calledOffsets().length > 0);
    // So that pages of it still wait, however late the second search has its turn.
    await service.calls.pause();
    await service.producer.enqueue({ ...request, maxItems: 5000, priority: 'interactive' });
    await waitFor('a page of the higher class', async () => {
      const pages = await service.calls.getJobs(['prioritized', 'active', 'completed'], 0, 50);
      return pages.some(
        (page) => page?.data.search.searchId === searchId && page.priority === PRIORITY.interactive,
      );
    });
    await service.calls.resume();
    await service.producer.cancel(searchId);
  });
});
