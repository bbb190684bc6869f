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

  it('serves the pictures and the pages that its items point to', async () => {
    const picture = await fetch(summary.image?.imageUrl ?? '');
    expect(picture.headers.get('content-type')).to.equal('image/svg+xml');
    expect(await picture.text()).to.match(/^<svg .*<\/svg>$/s);
    const page = await fetch(summary.itemWebUrl);
    expect(page.status).to.equal(200);
    expect(await page.text()).to.include('Simulated listing');
  });
});
