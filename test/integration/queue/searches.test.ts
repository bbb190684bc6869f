import { expect } from 'chai';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('a search through the queue', () => {
  const service = useService();

  it('ends complete with as many different products as were wanted, one call a page', async () => {
    const { summary, searchId } = await service.search({ query: 'phone case', maxItems: 450 });
    expect(summary?.outcome).to.equal('complete');
    expect(summary?.counts.products).to.equal(450);
    expect(summary?.calls).to.equal(3);
    const [first, ...others] = service.calledOffsets();
    expect(first).to.equal(0);
    // Without a pace between them the further pages are under way together.
    expect(others).to.have.members([200, 400]);
    const products = await service.producer.products(searchId);
    expect(new Set(products.map(({ itemId }) => itemId)).size).to.equal(450);
  });

  it('is waited for no longer where the caller cannot take its progress, whatever that error looks like', async () => {
    await service.searches.pause();
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 10 });
    let calls = 0;
    const onProgress = () => {
      calls += 1;
      throw new Error('write EPIPE');
    };
    const error = await service.producer.waitFor(searchId, { timeoutMs: 2000, onProgress }).catch(String);
    expect([error, calls]).to.deep.equal(['Error: write EPIPE', 1]);
    await service.searches.resume();
  });

  it('answers an empty listing as none-found, not as a failure', async () => {
    const { summary, error } = await service.search({ query: 'zzyzx unobtainium' });
    expect(error).to.equal(null);
    expect(summary).to.deep.include({ outcome: 'none-found', calls: 1, pages: 1 });
  });

  it('distinguishes that everything was filtered out from nothing found', async () => {
    const { summary } = await service.search({
      query: 'phone case',
      maxItems: 50,
      maxCalls: 100,
      title: { include: ['quetzalcoatl'] },
    });
    expect(summary).to.deep.include({ outcome: 'filtered-out', stoppedBy: 'end' });
    expect(summary?.counts.filteredOut).to.equal(summary?.lookedAt).and.to.be.greaterThan(0);
  });

  it('calls it partial where nothing fits and the rest of the listing was not looked at', async () => {
    const { summary } = await service.search({
      query: 'phone case',
      maxItems: 50,
      maxCalls: 2,
      title: { include: ['quetzalcoatl'] },
    });
    expect(summary).to.deep.include({ outcome: 'partial', stoppedBy: 'max-calls', pages: 2, calls: 2 });
    expect(summary?.lookedAt).to.be.within(1, 400);
  });

  it('fails with its reason when eBay fails from the first page', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 500 });
    const { summary, error } = await service.search({ query: 'phone case' });
    expect(summary).to.equal(null);
    expect(error?.code).to.equal('ebay-server-error');
  });

  it('finishes as degraded where the request asked for it, and says why', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 500 });
    const { summary } = await service.search({ query: 'phone case', onFailure: 'degrade' });
    expect(summary?.outcome).to.equal('degraded');
    expect(summary?.error).to.include({ code: 'ebay-server-error', page: 1 });
    // What brought nothing was paid for all the same.
    expect(summary?.calls).to.equal(service.calledOffsets().length);
  });

  it('collects from every marketplace and labels the products', async () => {
    const { summary, searchId } = await service.search({
      query: 'phone case',
      marketplaces: ['EBAY_US', 'EBAY_DE'],
      maxItems: 40,
    });
    expect(summary?.outcome).to.equal('complete');
    const products = await service.producer.products(searchId);
    expect(new Set(products.map(({ marketplace }) => marketplace))).to.deep.equal(
      new Set(['EBAY_US', 'EBAY_DE']),
    );
  });

  it('counts the page that failed on its own site, wherever it stands among those of all sites', async () => {
    const { arm } = service.simulator.controls;
    arm({ fault: 'status', status: 400, on: { marketplace: 'EBAY_DE', offset: 200 } });
    arm({ fault: 'status', status: 400, on: { marketplace: 'EBAY_GB' } });
    const { summary } = await service.search({
      query: 'phone case',
      marketplaces: ['EBAY_US', 'EBAY_GB', 'EBAY_DE'],
      maxItems: 1500,
      maxCalls: 9,
    });
    const missing = summary?.missing.map(({ marketplace, page }) => [marketplace, page]);
    expect(missing).to.deep.equal([
      ['EBAY_GB', 1],
      ['EBAY_DE', 2],
    ]);
  });

  it('collects again when a job id is used a second time after removal', async () => {
    const add = () =>
      service.searches.add('search', { query: 'phone case', maxItems: 250 }, { jobId: 'mine' });
    await add();
    await service.producer.waitFor('mine', { timeoutMs: 15_000 });
    await (await service.searches.getJob('mine'))?.remove();
    await add();
    const { summary } = await service.producer.waitFor('mine', { timeoutMs: 15_000 });
    expect(summary?.outcome).to.equal('complete');
    expect(service.calledOffsets()).to.deep.equal([0, 200, 0, 200]);
  });

  it('refuses a wrong request of a foreign job at once, naming every field, and disturbs nothing else', async () => {
    await service.searches.add('search', { quer: 'x', maxItems: 0 }, { jobId: 'wrong', attempts: 50 });
    await service.searches.add('serach', { query: 'x' }, { jobId: 'misnamed' });
    await service.searches.add('search', { v: 7, query: 'x' }, { jobId: 'newer' });
    const codes = await Promise.all(
      ['wrong', 'misnamed'].map(
        async (id) => (await service.producer.waitFor(id, { timeoutMs: 5000 })).error,
      ),
    );
    expect(codes.map((error) => error?.code)).to.deep.equal(['invalid_payload', 'unknown_job_type']);
    expect(codes[0]?.message).to.include('maxItems').and.include('quer');
    const { summary } = await service.search({ query: 'phone case', maxItems: 10 });
    expect(summary?.outcome).to.equal('complete');
    const wrong = await waitFor('the job', () => service.searches.getJob('wrong'));
    expect(wrong.attemptsMade).to.equal(1);
  });
});
