import { expect } from 'chai';
import { withoutAdded } from '../../bench/mapping/added.ts';
import { packPage } from '../../src/results/packing.ts';
import { SITES } from '../../src/simulator/catalogue/marketplaces.ts';
import { LONG } from '../support/long.ts';
import { get, mintToken, SEARCH, useSimulator } from '../support/simulator.ts';
import { checkFields, checkItem, mapped } from './checkedAnswers.ts';
import type { Json } from './fieldMeanings.ts';
import { coverageOfItems } from './itemFields.ts';
import { Coverage } from './passedOn.ts';
import { SUMMARY } from './searchFields.ts';

/** The simulator has what few captured answers have: auctions, converted amounts, costs by place, pick-up only. */
describe("the simulator's answers as products, field by field", () => {
  const simulator = useSimulator({ catalogueScale: 0.1 });
  let token: string;
  before(async () => {
    token = await mintToken(simulator().url);
  });

  const shapes = new Set<string>();
  const coverage = new Coverage(SUMMARY);
  const items: Json[] = [];
  const ask = async (site: string, path: string, buyer?: string): Promise<Json> => {
    const context = buyer && { 'x-ebay-c-enduserctx': `contextualLocation=${encodeURIComponent(buyer)}` };
    const response = await get(simulator().url, path, token, { 'x-ebay-c-marketplace-id': site, ...context });
    expect(response.status).to.equal(200);
    return response.json();
  };
  const note = ({
    marketingPrice,
    priceDisplayCondition,
    unitPrice,
    qualifiedPrograms,
    price,
    shippingOptions = [],
    pickupOptions,
    buyingOptions,
    seller,
  }: Json) => {
    if (price === undefined) shapes.add('auction');
    if (price?.convertedFromValue) shapes.add('converted');
    if (pickupOptions) shapes.add('pick-up');
    if (marketingPrice) shapes.add('discount');
    if (priceDisplayCondition) shapes.add('price on request');
    if (unitPrice) shapes.add('unit price');
    if (qualifiedPrograms) shapes.add('programme');
    if (seller.feedbackPercentage === '0.0') shapes.add('no rating');
    if (buyingOptions.length > 1) shapes.add('several ways to buy');
    for (const { shippingCostType, shippingCost, maxEstimatedDeliveryDate } of shippingOptions) {
      shapes.add(`${shippingCostType} ${shippingCost ? 'with' : 'without'} a cost`);
      if (maxEstimatedDeliveryDate) shapes.add('days of delivery');
    }
  };

  for (const { id } of SITES)
    it(`${id}: searches, with a buyer and without, and items`, async () => {
      const auctions = encodeURIComponent('buyingOptions:{AUCTION|FIXED_PRICE}');
      for (const buyer of [undefined, 'country=US,zip=19406']) {
        const body = await ask(
          id,
          `${SEARCH}?q=phone+case&limit=${LONG ? 80 : 30}&filter=${auctions}`,
          buyer,
        );
        checkFields(body);
        const page = mapped(body);
        if (!page.ok) throw new Error(page.reason);
        for (const [index, item] of body.itemSummaries.entries()) {
          note(item);
          coverage.add(item, page.page.products.find(({ rank }) => rank === index + 1) ?? null);
        }
        for (const { itemHref } of body.itemSummaries.slice(0, LONG ? 8 : 4)) {
          const item = await ask(id, `${new URL(itemHref).pathname}?fieldgroups=PRODUCT`, buyer);
          checkItem(item);
          items.push(item);
        }
      }
    });

  it('searches: each value is passed on, or its path is left out for a reason', () => {
    expect([...coverage.unknown], 'paths of neither table').to.deep.equal([]);
    expect(coverage.share, String(coverage)).to.be.at.least(0.98);
  });

  it('items: each value is passed on, or its path is in a table of reasons', () => {
    const ofItems = coverageOfItems(items);
    expect([...ofItems.unknown], 'paths of no table').to.deep.equal([]);
    expect(ofItems.share, String(ofItems)).to.be.at.least(0.95);
    const sent = (name: string) => items.filter((item) => item[name] !== undefined).length;
    for (const name of ['taxes', 'product', 'primaryProductReviewRating', 'primaryItemGroup'])
      expect(sent(name), name).to.be.above(0);
  });

  it('pages are stored with at most a third more than the fields of release 0.2 take', async () => {
    for (const id of ['EBAY_US', 'EBAY_DE', 'EBAY_AU']) {
      const body = await ask(id, `${SEARCH}?q=phone+case&limit=200&fieldgroups=EXTENDED`);
      const [whole, former] = [body, withoutAdded(body)].map((answer) => {
        const page = mapped(answer);
        if (!page.ok) throw new Error(page.reason);
        return packPage({ ...page.page, calls: 1, latencyMs: 1 }).length;
      }) as [number, number];
      expect(whole / former, id).to.be.within(1, 4 / 3);
    }
  });

  it('have every shape that matters', () => {
    expect([...shapes]).to.include.members([
      ...['discount', 'price on request', 'unit price', 'programme'],
      ...['auction', 'converted', 'pick-up', 'no rating', 'several ways to buy', 'days of delivery'],
      ...['FIXED with a cost', 'CALCULATED with a cost', 'CALCULATED without a cost'],
    ]);
  });
});
