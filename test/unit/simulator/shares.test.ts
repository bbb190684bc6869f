import { expect } from 'chai';
import { get, mintToken, SEARCH, useSimulator } from '../../support/simulator.ts';

interface Shipping {
  shippingServiceCode?: string;
  shippingCost?: { value: string };
  maxEstimatedDeliveryDate?: string;
}

interface Shown {
  itemHref: string;
  image?: { imageUrl: string };
  thumbnailImages?: { imageUrl: string }[];
  price?: { convertedFromValue?: string };
  seller: { feedbackPercentage: string; feedbackScore: number };
  buyingOptions: string[];
  listingMarketplaceId?: string;
  marketingPrice?: object;
  priorityListing: boolean;
  pickupOptions?: object[];
  shippingOptions?: Shipping[];
}

const sizeOf = (image?: { imageUrl: string }) => /s-l(\d+)/.exec(image?.imageUrl ?? '')?.[1];
const hasTwoSizes = ({ image, thumbnailImages: [large] = [] }: Shown) =>
  image !== undefined && large !== undefined && sizeOf(image) !== sizeOf(large);

/** Shares in percent, of 1,812 distinct real items (auctions: of 9 pure ones; services: of 7 items). */
const OF_SEARCHES: [what: string, percent: number, has: (item: Shown) => boolean][] = [
  ['days of delivery', 28, ({ shippingOptions: [option] = [] }) => Boolean(option?.maxEstimatedDeliveryDate)],
  ['no shipping options', 4.8, ({ shippingOptions }) => shippingOptions === undefined],
  ['pick-up alone', 4.1, (item) => item.pickupOptions !== undefined && item.shippingOptions === undefined],
  ['pictures of two sizes', 96, hasTwoSizes],
  ['a marketing price', 12, ({ marketingPrice }) => marketingPrice !== undefined],
  ['a paid place', 17, ({ priorityListing }) => priorityListing],
  ['no recent feedback', 4.5, ({ seller }) => seller.feedbackPercentage === '0.0'],
  [
    'no recent feedback and a positive score',
    2.25,
    ({ seller }) => seller.feedbackPercentage === '0.0' && seller.feedbackScore > 0,
  ],
  ['another site', 1.5, ({ listingMarketplaceId: site = 'EBAY_US' }) => site !== 'EBAY_US'],
  ['a site', 94, ({ listingMarketplaceId }) => listingMarketplaceId !== undefined],
  ['a converted price', 8, ({ price }) => price?.convertedFromValue !== undefined],
];

describe("shares of the simulator's items against those of real ones", () => {
  const simulator = useSimulator({ catalogueScale: 1, today: new Date('2026-02-16T00:00:00Z') });
  let token: string;
  const items: Shown[] = [];
  const auctions: Shown[] = [];
  const search = async (query: string) => {
    const response = await get(simulator().url, `${SEARCH}?limit=200&${query}`, token);
    return ((await response.json()) as { itemSummaries: Shown[] }).itemSummaries;
  };
  before(async () => {
    token = await mintToken(simulator().url);
    for (const q of ['phone+case', 'yoga+mat', 'usb+charger', 'vintage+camera', 'dash+cam'])
      for (let offset = 0; offset < 1000; offset += 200)
        items.push(...(await search(`q=${q}&offset=${offset}`)));
    for (const q of ['usb+charger', 'phone+case', 'trading+card'])
      auctions.push(...(await search(`q=${q}&filter=buyingOptions:{AUCTION}`)));
  });
  const percentOf = (all: Shown[], has: (item: Shown) => boolean) =>
    (100 * all.filter(has).length) / all.length;

  for (const [what, percent, has] of OF_SEARCHES) {
    it(`${percent} % of the items of searches have ${what}`, () => {
      expect(items).to.have.length(5000);
      // Seed and day are fixed, so the figure is always the same: this is the distance that counts as equal.
      expect(percentOf(items, has)).to.be.closeTo(percent, Math.max(0.4, percent / 20));
    });
  }

  it('7 of 9 pure auctions take offers', () => {
    const pure = auctions.filter(({ buyingOptions }) => !buyingOptions.includes('FIXED_PRICE'));
    expect(pure.length).to.be.above(300);
    const percent = percentOf(pure, ({ buyingOptions }) => buyingOptions.includes('BEST_OFFER'));
    expect(percent).to.be.closeTo(77.8, 4);
  });

  it('2 of 7 items name several shipping services, the cheapest first', async () => {
    const shippable = items.filter(({ shippingOptions }) => shippingOptions !== undefined).slice(0, 300);
    const several: Shipping[][] = [];
    for (const { itemHref } of shippable) {
      const { shippingOptions = [] } = (await (await get('', itemHref, token)).json()) as Shown;
      if (shippingOptions.length > 1) several.push(shippingOptions);
    }
    expect((100 * several.length) / shippable.length).to.be.closeTo(28.6, 4);
    for (const options of several) {
      const codes = new Set(options.map(({ shippingServiceCode }) => shippingServiceCode));
      expect(codes.size).to.equal(options.length);
      const costs = options.map(({ shippingCost }) => Number(shippingCost?.value ?? 0));
      expect(costs).to.deep.equal([...costs].sort((a, b) => a - b));
    }
  });
});
