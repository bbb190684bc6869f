import { expect } from 'chai';
import { openProducer } from '../../../src/app/producer.ts';
import { withValues } from '../../../src/config/config.ts';
import type { Product } from '../../../src/product/product.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

describe("a search with the caller's own costs", () => {
  const service = useService({ COSTS: JSON.stringify({ currency: 'USD', handling: '0.50' }) });
  const pages = () => service.simulator.controls.log({ kind: 'search' }).map(({ query }) => query.limit);

  it('goes on until enough products leave the margin, and asks for 200 at a time', async () => {
    const costs = { currency: 'USD', resalePrice: 8, marketplaceFee: { percent: 13.25 } };
    const wanted = { query: 'phone case', maxItems: 60 };
    const plain = await service.search({ ...wanted, costs });
    expect(pages()).to.deep.equal(['120']);
    const [first] = await service.producer.products(plain.searchId);
    expect(first?.landed?.currency).to.equal('USD');
    // Another price to sell for is computed from the pages that are there.
    const other = { ...wanted, maxAge: 600, costs: { ...costs, resalePrice: 99 } };
    const { searchId: again } = await service.search(other);
    const resales = (await service.producer.products(again)).flatMap(({ margin }) => margin?.resale ?? []);
    expect(new Set(resales)).to.deep.equal(new Set(['99.00']));
    expect(pages()).to.have.length(1);

    const { searchId, summary } = await service.search({
      ...wanted,
      costs: { ...costs, minMarginPercent: 20 },
    });
    const asked = pages().slice(1);
    expect(asked.length).to.be.greaterThan(1);
    expect(new Set(asked)).to.deep.equal(new Set(['200']));
    expect([summary?.outcome, summary?.stoppedBy]).to.deep.equal(['complete', 'wanted']);
    const products = await service.producer.products(searchId);
    expect(products).to.have.length(60);
    for (const { margin } of products) expect(margin?.percent).to.be.at.least(20);
    const { filteredOut, filteredOutBy = {} } = summary?.counts ?? {};
    const { margin: low = 0, 'margin-unknown': unknown = 0 } = filteredOutBy;
    expect([low, unknown].every((count) => count > 0)).to.equal(true);
    expect(low + unknown).to.equal(filteredOut);
  });

  it('has those of the tenant where it names none, computed from the newer shipping of the details', async () => {
    const { searchId } = await service.search({ query: 'phone case', maxItems: 3, details: 'full' });
    const products = await service.producer.products(searchId);
    expect(products).to.have.length(3);
    for (const { price, shipping, landed, margin } of products) {
      expect(landed?.parts).to.deep.equal({
        item: price?.value,
        shipping: shipping.cost?.value ?? null,
        handling: '0.50',
      });
      expect(margin).to.equal(undefined);
    }
    expect((await service.producer.request(searchId))?.costs).to.deep.equal({
      currency: 'USD',
      handling: '0.5',
    });
  });

  it('has them from the worker also where the program that adds and reads it knows none', async () => {
    const elsewhere = openProducer(withValues(service.config, { search: { costs: '' } }));
    await elsewhere.ready();
    const { searchId } = await elsewhere.enqueue({ query: 'phone case', maxItems: 2 });
    await elsewhere.waitFor(searchId, { timeoutMs: 15_000 });
    const parts: Product[] = [];
    for await (const part of elsewhere.productParts(searchId)) parts.push(...part);
    expect(parts).to.have.length(2);
    for (const { landed } of parts) expect(landed?.parts.handling).to.equal('0.50');
    expect(await elsewhere.products(searchId)).to.deep.equal(parts);
    await elsewhere.close();
  });

  it('has no affiliate links without a campaign, and a reference for them is refused by its name', async () => {
    const { error } = await service.search({ query: 'phone case', maxItems: 2, reference: 'watch-7' });
    expect(error?.code).to.equal('invalid_payload');
    expect(error?.message).to.match(/^reference: .*EBAY_AFFILIATE_CAMPAIGN_ID/);
    expect(service.simulator.controls.log({ kind: 'search' })).to.deep.equal([]);
    const { searchId } = await service.search({ query: 'phone case', maxItems: 2 });
    for (const product of await service.producer.products(searchId))
      expect(product).to.not.have.property('affiliateUrl');
    expect(service.simulator.controls.log({ kind: 'search' })[0]?.context).to.equal(null);

    // A tenant's declaration says at once that it has no campaign.
    const shop = openProducer(service.config, { tenant: 'shop' });
    const refused = await shop
      .enqueue({ query: 'phone case', reference: 'watch-7' })
      .catch((thrown) => thrown);
    await shop.close();
    expect([refused.code, refused.detail.errors[0].path]).to.deep.equal(['invalid_request', 'reference']);
  });
});

describe('searches that ask for the same', () => {
  let campaign: string;
  const service = useService(
    {
      COSTS: JSON.stringify({ currency: 'USD', handling: '0.50' }),
      EBAY_AFFILIATE_CAMPAIGN_ID: '5338123456',
    },
    {},
    {
      adapt: (context) => ({
        ...context,
        get affiliateCampaignId() {
          return campaign;
        },
      }),
    },
  );
  beforeEach(() => {
    campaign = '5338123456';
  });

  it('know each other also where the program that cancels them has no costs and no campaign', async () => {
    const settings = { search: { costs: '' }, ebay: { affiliateCampaignId: '' } };
    const elsewhere = openProducer(withValues(service.config, settings));
    await elsewhere.ready();
    await service.calls.pause();
    const request = { query: 'phone case', maxItems: 250 };
    const { searchId: first } = await elsewhere.enqueue(request);
    const page = () => service.calls.getJob(`${first}-r1-p1`);
    await waitFor('its page', page);
    const { searchId: second } = await elsewhere.enqueue(request);
    await waitFor('the second to follow', async () => {
      return (await elsewhere.get(second)).progress?.leader === first;
    });
    expect(await elsewhere.cancel(first)).to.equal(true);
    expect(await page()).to.not.equal(undefined);
    expect(await elsewhere.cancel(second)).to.equal(true);
    await waitFor(
      'the first to end',
      async () => (await service.searches.getJobState(first)) === 'completed',
    );
    expect(await page()).to.equal(undefined);
    await elsewhere.close();
  });

  it('share pages only with the same affiliate links', async () => {
    const calls = async (request: object) => {
      service.simulator.controls.clearLog();
      await service.search({ query: 'phone case', maxAge: 60, ...request });
      return service.calledOffsets().length;
    };
    expect([
      await calls({ maxItems: 9 }),
      await calls({ maxItems: 9 }),
      await calls({ maxItems: 8 }),
    ]).to.deep.equal([1, 0, 0]);
    campaign = '5338999999';
    expect([await calls({ maxItems: 8 }), await calls({ maxItems: 8 })]).to.deep.equal([1, 0]);
    campaign = '5338123456';
    expect(await calls({ maxItems: 9 })).to.equal(0);
  });

  it('are read as they were collected, also where no price of the default marketplace has a rate', async () => {
    const job = await service.searches.add('search', { query: 'phone case', maxItems: 2 });
    const searchId = job.id as string;
    await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
    const elsewhere = openProducer(withValues(service.config, { ebay: { marketplace: 'EBAY_DE' } }));
    await elsewhere.ready();
    expect(await elsewhere.products(searchId)).to.deep.equal(await service.producer.products(searchId));
    expect(await elsewhere.products(searchId)).to.have.length(2);
    expect((await elsewhere.request(searchId))?.marketplaces).to.deep.equal(['EBAY_US']);
    await elsewhere.close();
  });
});

describe('affiliate links', () => {
  const on = useService({ EBAY_AFFILIATE_CAMPAIGN_ID: '5338123456' });

  it('come with the campaign, and the reference of a request goes along with each call', async () => {
    const { searchId } = await on.search({
      query: 'phone case',
      maxItems: 2,
      details: 'full',
      shipTo: { country: 'US', postalCode: '19406' },
      reference: 'watch-7',
    });
    const sent = on.simulator.controls.log().flatMap(({ context }) => context ?? []);
    expect(sent).to.have.length(3);
    const header =
      'contextualLocation=country%3DUS%2Czip%3D19406,affiliateCampaignId=5338123456,affiliateReferenceId=watch-7';
    expect(new Set(sent)).to.deep.equal(new Set([header]));
    for (const { url, affiliateUrl } of await on.producer.products(searchId)) {
      expect(affiliateUrl).to.include('campid=5338123456');
      expect(url).to.not.include('campid');
    }

    // eBay's programme does not cover this site.
    const elsewhere = await on.search({ query: 'phone case', maxItems: 2, marketplaces: ['EBAY_SG'] });
    for (const product of await on.producer.products(elsewhere.searchId))
      expect(product).to.not.have.property('affiliateUrl');
  });
});
