import { expect } from 'chai';
import { get, mintToken, SEARCH, useSimulator } from '../../support/simulator.ts';

interface Summary {
  itemId: string;
  itemHref: string;
  itemWebUrl: string;
  image?: { imageUrl: string };
  price?: { value: string };
  currentBidPrice?: { value: string };
}

describe('item/{id}, pictures and pages of the simulator', () => {
  const simulator = useSimulator();
  let token: string;
  let summary: Summary;
  const search = async (query: string) => {
    const response = await get(simulator().url, `${SEARCH}?${query}`, token);
    const { itemSummaries } = (await response.json()) as { itemSummaries: Summary[] };
    return itemSummaries;
  };
  const item = async (id: string) => {
    const response = await get(simulator().url, `/buy/browse/v1/item/${encodeURIComponent(id)}`, token);
    return { status: response.status, body: await response.json() };
  };
  before(async () => {
    token = await mintToken(simulator().url);
    [summary] = (await search('q=yoga+mat&limit=1')) as [Summary];
  });

  it('adds what a search leaves out: aspects, return terms, availability and what was sold', async () => {
    const { status, body } = await item(summary.itemId);
    expect(status).to.equal(200);
    expect(body).to.include({ itemId: summary.itemId });
    expect(body).to.have.nested.property('localizedAspects[0].name', 'Brand');
    expect(body).to.have.nested.property('returnTerms.returnsAccepted').that.is.a('boolean');
    expect(body)
      .to.have.nested.property('estimatedAvailabilities[0].estimatedSoldQuantity')
      .that.is.a('number');
  });

  it("copies a pure auction's bid into the price, which a search leaves out", async () => {
    const auctions = await search('q=phone+case&limit=50&filter=buyingOptions:{AUCTION}');
    const pure = auctions.find(({ price }) => price === undefined);
    expect(pure).to.be.an('object');
    const { body } = await item(pure?.itemId ?? '');
    expect(body).to.have.nested.property('price.value', pure?.currentBidPrice?.value);
  });

  it('refuses an id that leads nowhere with 404/11001 and one that is malformed with 400/11012', async () => {
    for (const id of ['v1|123456789012|0', summary.itemId.replace(/\d+$/, '77')]) {
      const { status, body } = await item(id);
      expect(status).to.equal(404);
      expect(body).to.have.nested.property('errors[0].errorId', 11001);
    }
    const { status, body } = await item('12');
    expect(status).to.equal(400);
    expect(body).to.have.nested.property('errors[0].errorId', 11012);
  });

  it('shows a picture small in a search and large in its thumbnail and its item, as eBay does', async () => {
    const [found] = await search('q=yoga+mat&limit=1');
    const { body } = await item(summary.itemId);
    const picture = found?.image?.imageUrl ?? '';
    expect(picture).to.match(/\/s-l225\.svg$/);
    const large = (body as Summary).image?.imageUrl ?? '';
    expect(large.replace(/s-l(1600|1200|960|500)/, 's-l225'))
      .to.equal(picture)
      .and.not.equal(large);
    expect(found).to.have.nested.property('thumbnailImages[0].imageUrl', large);
  });

  it('has listings that can only be fetched, in a search and as an item, and days of delivery', async () => {
    const found = await search('q=phone+case&limit=200');
    const fetched = found.filter((listing) => 'pickupOptions' in listing);
    expect(fetched.length).to.be.within(1, 20);
    for (const listing of fetched) expect(listing).to.not.have.property('shippingOptions');
    const { body } = await item(fetched[0]?.itemId ?? '');
    expect(body).to.have.nested.property(
      'estimatedAvailabilities[0].deliveryOptions[0]',
      'SELLER_ARRANGED_LOCAL_PICKUP',
    );
    const dated = found.filter((listing) => JSON.stringify(listing).includes('maxEstimatedDeliveryDate'));
    expect(dated.length).to.be.within(30, 80);
  });

  it('serves the pictures and the pages that its items point to', async () => {
    const picture = await fetch(summary.image?.imageUrl ?? '');
    expect(picture.headers.get('content-type')).to.equal('image/svg+xml');
    expect(await picture.text()).to.match(/^<svg .*<\/svg>$/s);
    const page = await fetch(summary.itemWebUrl);
    expect(page.status).to.equal(200);
    expect(await page.text()).to.include('Simulated listing');
  });
});
