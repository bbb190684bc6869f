import { expect } from 'chai';
import { MAX_IMAGE_LENGTH } from '../../../src/product/requestSchema.ts';
import { useHttpService } from '../../support/httpService.ts';
import { useService } from '../../support/service.ts';
import { get, mintToken } from '../../support/simulator.ts';
import { waitFor } from '../../support/waitFor.ts';

/** A drawing of the simulator's own kind, and so large that a request can hold no larger one. */
function largestPicture(title: string): string {
  const svg = `<svg><title>${title}</title>`;
  return Buffer.from(svg.padEnd((MAX_IMAGE_LENGTH * 3) / 4)).toString('base64');
}

describe('a search for something else than keywords', () => {
  const service = useService();
  const http = useHttpService({}, { beside: service });

  it('finds what looks like a picture, page by page, and its job alone holds the picture', async () => {
    const image = largestPicture('Phone Case');
    const request = { image, maxItems: 250 };
    const estimate = await http.call('POST', '/v1/estimates', request);
    expect(estimate.json.calls).to.deep.include({ pages: 2, total: 2 });
    const added = await http.call('POST', '/v1/searches', request);
    expect(added.status, added.text).to.equal(202);
    const { searchId } = added.json;
    const report = await service.producer.waitFor(searchId);
    expect(report.summary).to.deep.include({ outcome: 'complete', calls: 2 });
    const log = service.simulator.controls.log({ kind: 'image-search' });
    expect(log.map(({ query }) => query.offset)).to.deep.equal(['0', '200']);
    const { products } = (await http.call('GET', `/v1/searches/${searchId}/products?limit=5`)).json;
    for (const { title } of products) expect(title).to.match(/phone case/i);

    const pages = await service.calls.getJobs();
    expect(pages.map(({ name }) => name)).to.have.members([
      'page 1: a picture (EBAY_US)',
      'page 2: a picture (EBAY_US)',
    ]);
    const holders: string[] = [];
    for (const key of await http.redis.keys('*'))
      if (((await http.redis.memory('USAGE', key, 'SAMPLES', 0)) ?? 0) > MAX_IMAGE_LENGTH) holders.push(key);
    expect(holders).to.deep.equal([service.searches.toKey(searchId)]);
    expect(http.logged).to.not.include(image.slice(0, 40));
    const shown = await http.call('GET', `/v1/searches/${searchId}`);
    expect(shown.text).to.not.include(image.slice(0, 40));
  });

  it('asks with its picture again for a page that failed', async () => {
    const fault = service.simulator.controls.arm({ fault: 'status', status: 400, on: { offset: 200 } });
    const image = largestPicture('Phone Case');
    const { searchId, summary } = await service.search({ image, maxItems: 250 });
    expect(summary?.missing.map(({ page }) => page)).to.deep.equal([2]);
    service.simulator.controls.clear(fault);
    expect(await service.producer.retry(searchId)).to.equal(true);
    await waitFor('the second run’s end', async () => {
      const report = await service.producer.get(searchId);
      return report.summary?.outcome === 'complete';
    });
    const products = await service.producer.products(searchId);
    expect(products).to.have.length(250);
    for (const { title } of products) expect(title).to.match(/phone case/i);
  });

  it('is not made twice for the same picture at the same time', async () => {
    const request = { image: largestPicture('Yoga Mat'), maxItems: 10, maxAge: 60 };
    const [one, other] = await Promise.all([service.search(request), service.search(request)]);
    expect([one?.summary?.outcome, other?.summary?.outcome]).to.deep.equal(['complete', 'complete']);
    expect(service.simulator.controls.log({ kind: 'image-search' })).to.have.length(1);
  });

  it('finds the offers of a product by its code, on every marketplace that has some', async () => {
    const { url } = service.simulator;
    const token = await mintToken(url);
    const [product] = (
      await service.producer.products((await service.search({ query: 'phone case' })).searchId)
    )
      .slice(0, 50)
      .filter(({ epid }) => epid !== null);
    const found = await service.search({ epid: product?.epid ?? '', marketplaces: ['EBAY_US', 'EBAY_GB'] });
    const offers = await service.producer.products(found.searchId);
    expect(offers.length).to.be.above(0);
    for (const { epid } of offers) expect(epid).to.equal(product?.epid);
    const path = `/buy/browse/v1/item/${encodeURIComponent(offers[0]?.itemId ?? '')}`;
    expect(((await (await get(url, path, token)).json()) as { epid: string }).epid).to.equal(product?.epid);
    const sent = service.simulator.controls.log({ kind: 'search' }).slice(1);
    expect(sent.map(({ query, marketplace }) => [marketplace, query.epid, query.q])).to.deep.equal([
      ['EBAY_US', product?.epid, undefined],
      ['EBAY_GB', product?.epid, undefined],
    ]);
  });
});
