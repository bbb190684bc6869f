import { expect } from 'chai';
import { get, mintToken, SEARCH, useSimulator } from '../../support/simulator.ts';

interface Item {
  itemId: string;
  price?: { value: string; currency: string };
  currentBidPrice?: { value: string };
  buyingOptions: string[];
  conditionId: string;
  condition: string;
  seller: { username: string };
  itemLocation: { country: string };
  itemCreationDate: string;
  shippingOptions?: { shippingCostType: string; shippingCost?: { value: string } }[];
}

describe('filters and sorting of the simulator', () => {
  const simulator = useSimulator({ catalogueScale: 0.3 });
  let token: string;
  before(async () => {
    token = await mintToken(simulator().url);
  });
  const items = async (query: string, headers: Record<string, string> = {}): Promise<Item[]> => {
    const response = await get(simulator().url, `${SEARCH}?q=phone+case&limit=200&${query}`, token, headers);
    const { itemSummaries } = (await response.json()) as { itemSummaries: Item[] };
    expect(itemSummaries).to.be.an('array').that.is.not.empty;
    return itemSummaries;
  };
  const money = (item: Item) => Number(item.price?.value);
  const cents = (text = '0') => Math.round(Number(text) * 100);

  it('shows only what can be bought at once unless auctions are asked for', async () => {
    for (const item of await items('')) expect(item.buyingOptions).to.include('FIXED_PRICE');
    for (const item of await items('filter=buyingOptions:{AUCTION}')) {
      expect(item.buyingOptions).to.include('AUCTION');
      expect(item).to.have.nested.property('currentBidPrice.value');
      if (!item.buyingOptions.includes('FIXED_PRICE')) expect(item).to.not.have.property('price');
    }
  });

  it('keeps to a price range', async () => {
    for (const item of await items('filter=price:[8..12],priceCurrency:USD')) {
      expect(money(item)).to.be.within(8, 12);
    }
  });

  it('keeps to conditions, named or by id', async () => {
    for (const item of await items('filter=conditionIds:{3000|7000}')) {
      expect(['3000', '7000']).to.include(item.conditionId);
    }
    for (const item of await items('filter=conditions:{NEW}')) {
      expect(['1000', '1500']).to.include(item.conditionId);
    }
  });

  it('keeps to free shipping, which a calculated price never is', async () => {
    for (const item of await items('filter=maxDeliveryCost:0')) {
      expect(item.shippingOptions?.[0]?.shippingCost?.value).to.equal('0.00');
    }
  });

  it('keeps to a country, to sellers, and away from sellers', async () => {
    for (const item of await items('filter=itemLocationCountry:CN')) {
      expect(item.itemLocation.country).to.equal('CN');
    }
    const [{ seller }] = (await items('')) as [Item];
    for (const item of await items(`filter=sellers:{${seller.username}}`)) {
      expect(item.seller).to.deep.equal(seller);
    }
    for (const item of await items(`filter=excludeSellers:{${seller.username}}`)) {
      expect(item.seller.username).to.not.equal(seller.username);
    }
  });

  it('keeps to an aspect within its category', async () => {
    const all = await items('category_ids=20349');
    const red = await items('category_ids=20349&aspect_filter=categoryId:20349,Color:{Red}&limit=200');
    expect(red.map(({ itemId }) => itemId)).to.not.deep.equal(all.map(({ itemId }) => itemId));
  });

  it('sorts by price, by falling price and by age', async () => {
    const delivered = (item: Item) => {
      const option = item.shippingOptions?.[0];
      return (
        cents(item.price?.value) +
        (option?.shippingCostType === 'FIXED' ? cents(option.shippingCost?.value) : 0)
      );
    };
    const rising = (await items('sort=price')).map(delivered);
    expect(rising).to.deep.equal([...rising].sort((a, b) => a - b));
    const falling = (await items('sort=-price')).map(delivered);
    expect(falling).to.deep.equal([...falling].sort((a, b) => b - a));
    const dates = (await items('sort=newlyListed')).map(({ itemCreationDate }) => itemCreationDate);
    expect(dates).to.deep.equal([...dates].sort().reverse());
  });

  it('prices calculated shipping only for a buyer whose place is known', async () => {
    const calculated = (all: Item[]) =>
      all.flatMap(({ shippingOptions = [] }) =>
        shippingOptions.filter((o) => o.shippingCostType === 'CALCULATED'),
      );
    const unknown = calculated(await items(''));
    expect(unknown.length).to.be.above(0);
    for (const option of unknown) expect(option).to.not.have.property('shippingCost');
    const context = { 'x-ebay-c-enduserctx': 'contextualLocation=country%3DUS%2Czip%3D19406' };
    for (const option of calculated(await items('', context))) {
      expect(Number(option.shippingCost?.value)).to.be.above(0);
    }
  });

  it("writes conditions in the language of the listing's site", async () => {
    const german = await items('filter=conditionIds:{3000}', { 'x-ebay-c-marketplace-id': 'EBAY_DE' });
    expect(german[0]).to.include({ condition: 'Gebraucht' });
  });
});
