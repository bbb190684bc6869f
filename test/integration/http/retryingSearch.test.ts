import { expect } from 'chai';
import { run } from '../../../src/cli/program.ts';
import { useHttpService } from '../../support/httpService.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';
import { plainTerminal } from '../../unit/cli/plainTerminal.ts';

describe('a search whose call failed and is repeated', function () {
  this.timeout(60_000);
  const service = useService({ PAGE_BACKOFF: '8', PAGE_ATTEMPTS: '3' });
  const http = useHttpService({ HTTP_WITHOUT_KEYS: 'true' }, { beside: service });

  it('says why, which attempt is next and until when it has begun; collects again once it is due, and does not forget why; at its end it says nothing of that', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 500, count: 1, on: { offset: 200 } });
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 300 });
    const report = await waitFor('the search to wait', async () => {
      const { json } = await http.call('GET', `/v1/searches/${searchId}`);
      return json.state === 'waiting' ? json : undefined;
    });
    expect(report.progress).to.include({
      ...{ state: 'waiting', reason: 'ebay-server-error', attempt: 2, attempts: 3, pages: 1, of: 2 },
    });
    expect(report.progress.until).to.be.closeTo(Date.now() + 8000, 4000);
    const { text } = await http.call('GET', `/searches/${searchId}/status`);
    expect(text).to.match(/eBay answered with an error, attempt 2 of 3 (in \d+ s|now)/);

    const terminal = plainTerminal();
    const environment = { ...process.env };
    process.env.REDIS_URL = service.config.redis.url;
    try {
      expect(await run(['search', '--get', searchId, '--no-wait'], terminal)).to.equal(0);
    } finally {
      process.env = environment;
    }
    expect(terminal.out[0]).to.match(
      /^s_\w+ is waiting: eBay answered with an error, attempt 2 of 3 at (.+ )?\d\d:\d\d:\d\d .+ · 200 items, page 2 of 2$/,
    );

    service.simulator.controls.configure({ latencyMs: 5000 });
    const { progress } = await waitFor('the second attempt', async () => {
      const next = await service.producer.get(searchId);
      return next.state === 'collecting' ? next : undefined;
    });
    service.simulator.controls.configure({ latencyMs: 0 });
    expect(progress).to.include({
      ...{ state: 'collecting', reason: 'ebay-server-error', attempt: 2, attempts: 3 },
    });
    expect(progress).to.not.have.property('until');

    const { json } = await http.call('GET', `/v1/searches/${searchId}?wait=30`);
    expect(json.summary.outcome).to.equal('complete');
    expect(json.progress).to.deep.equal({ state: 'done', pages: 2, of: 2, products: 300 });
  });
});

describe('the progress of a search that has ended', () => {
  const service = useService({ PAGE_ATTEMPTS: '1', EBAY_QUICK_RETRY_DELAY: '0' }, {}, { isKept: true });

  it('is final where it waited for an identical one', async () => {
    service.simulator.controls.configure({ latencyMs: 1000 });
    const request = { query: 'phone case', maxItems: 200 };
    const first = await service.producer.enqueue(request);
    const second = await service.producer.enqueue(request);
    await waitFor('the second one to wait', async () => {
      const { progress } = await service.producer.get(second.searchId);
      return progress?.reason === 'identical-search';
    });
    service.simulator.controls.configure({ latencyMs: 0 });
    for (const { searchId } of [first, second]) {
      const { progress } = await service.producer.waitFor(searchId, { timeoutMs: 30_000 });
      expect(progress).to.deep.equal({ state: 'done', pages: 1, of: 1, products: 200 });
    }
  });

  it('is final where it failed', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 400 });
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 200 });
    const report = await service.producer.waitFor(searchId, { timeoutMs: 30_000 });
    expect([report.state, report.error?.code]).to.deep.equal(['done', 'ebay-refused']);
    expect(report.progress).to.deep.equal({ state: 'done', pages: 0, of: 0, products: 0 });
  });

  it('is final where it was cancelled', async () => {
    service.simulator.controls.configure({ latencyMs: 500 });
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 2000 });
    await waitFor('a page', async () => (await service.producer.get(searchId)).progress?.pages);
    await service.producer.cancel(searchId);
    service.simulator.controls.configure({ latencyMs: 0 });
    const { progress, summary } = await service.producer.waitFor(searchId, { timeoutMs: 30_000 });
    expect(progress?.state).to.equal('done');
    expect(progress?.pages).to.equal(progress?.of).and.to.equal(summary?.pages);
    expect(progress?.products).to.equal(summary?.counts.products);
  });
});
