import { expect } from 'chai';
import { SITES } from '../../src/simulator/catalogue/marketplaces.ts';
import { get, mintToken, SEARCH, useSimulator } from '../support/simulator.ts';
import { checkFields, checkItem } from './checkedAnswers.ts';
import type { Json } from './fieldMeanings.ts';

/** The simulator has what few captured answers have: auctions, converted amounts, costs by place, pick-up only. */
describe("the simulator's answers as products, field by field", () => {
  const simulator = useSimulator({ catalogueScale: 0.1 });
  let token: string;
  before(async () => {
    token = await mintToken(simulator().url);
  });

  const shapes = new Set<string>();
  const ask = async (site: string, path: string, buyer?: string): Promise<Json> => {
    const context = buyer && { 'x-ebay-c-enduserctx': `contextualLocation=${encodeURIComponent(buyer)}` };
    const response = await get(simulator().url, path, token, { 'x-ebay-c-marketplace-id': site, ...context });
    expect(response.status).to.equal(200);
    return response.json();
  };
  const note = ({ price, shippingOptions = [], pickupOptions, buyingOptions, seller }: Json) => {
    if (price === undefined) shapes.add('auction');
    if (price?.convertedFromValue) shapes.add('converted');
    if (pickupOptions) shapes.add('pick-up');
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
        const body = await ask(id, `${SEARCH}?q=phone+case&limit=80&filter=${auctions}`, buyer);
        checkFields(body);
        for (const item of body.itemSummaries) note(item);
        for (const { itemHref } of body.itemSummaries.slice(0, 8))
          checkItem(await ask(id, new URL(itemHref).pathname, buyer));
      }
    });

  it('have every shape that matters', () => {
    expect([...shapes]).to.include.members([
      ...['auction', 'converted', 'pick-up', 'no rating', 'several ways to buy', 'days of delivery'],
      ...['FIXED with a cost', 'CALCULATED with a cost', 'CALCULATED without a cost'],
    ]);
  });
});
