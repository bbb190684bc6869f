import { expect } from 'chai';
import { useService } from '../../support/service.ts';

describe("the request's own conditions", () => {
  const service = useService();
  const query = { query: 'phone case', maxItems: 200 } as const;
  const found = async (request: object) => {
    const { summary, searchId } = await service.search({ ...query, ...request });
    return { counts: summary?.counts, products: await service.producer.products(searchId) };
  };

  it('leave out what can only be picked up, and count it as that', async () => {
    const all = await found({});
    const fetched = all.products.filter(({ shipping }) => shipping.kind === 'pickup-only');
    expect(fetched.length).to.be.greaterThan(0);
    for (const { total, shipping } of fetched) expect([total, shipping.cost]).to.deep.equal([null, null]);

    const sent = await found({ excludePickupOnly: true });
    expect(sent.products.filter(({ shipping }) => shipping.kind === 'pickup-only')).to.deep.equal([]);
    expect(sent.counts?.filteredOutBy?.['pickup-only']).to.equal(sent.counts?.filteredOut).and.be.at.least(1);
  });

  it('say with details too that what can only be picked up is not in stock to be sent', async () => {
    const { products } = await found({ maxItems: 60, details: 'full' });
    const fetched = products.filter(({ shipping }) => shipping.kind === 'pickup-only');
    expect(fetched.length).to.be.greaterThan(0);
    for (const { details } of fetched)
      expect(details?.availability).to.be.oneOf(['pickup-only', 'out-of-stock', 'ended']);
    for (const { details, shipping } of products)
      if (shipping.kind !== 'pickup-only') expect(details?.availability).to.not.equal('pickup-only');
  });

  it('drop sellers without a known rating, and count them apart from bad ones', async () => {
    const all = await found({});
    const unknown = all.products.filter(({ seller }) => seller.feedbackPercentage === null);
    expect(unknown.length).to.be.greaterThan(0);
    for (const { seller } of unknown) expect(seller.feedbackScore).to.be.at.least(0);

    const { counts, products } = await found({ seller: { minFeedbackPercentage: 97 } });
    for (const { seller } of products) expect(seller.feedbackPercentage).to.be.at.least(97);
    const { 'seller-rating': bad = 0, 'seller-rating-unknown': unrated = 0 } = counts?.filteredOutBy ?? {};
    expect(bad).to.be.greaterThan(0);
    expect(unrated).to.be.greaterThan(0);
    expect(bad + unrated).to.equal(counts?.filteredOut);
  });
});
