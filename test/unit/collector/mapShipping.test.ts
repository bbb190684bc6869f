import { expect } from 'chai';
import { mapShipping } from '../../../src/collector/mapItem.ts';

const option = (shippingCostType: unknown, value?: string, currency = 'USD') => ({
  shippingCostType,
  ...(value === undefined ? {} : { shippingCost: { value, currency } }),
});
const dollars = (value: string) => ({ value, currency: 'USD' });

describe('shipping', () => {
  const CASES: [what: string, options: unknown, kind: string, cost: object | null][] = [
    ['a fixed cost', [option('FIXED', '3.00')], 'fixed', dollars('3.00')],
    ['a fixed zero', [option('FIXED', '0.00')], 'free', dollars('0.00')],
    ['a calculated cost', [option('CALCULATED', '7.10')], 'calculated', dollars('7.10')],
    ['calculated without a cost', [option('CALCULATED')], 'calculated', null],
    ['a calculated zero, which is doubtful', [option('CALCULATED', '0.00')], 'calculated', null],
    ['no options: unknown is never free', undefined, 'unknown', null],
    ['an empty list', [], 'unknown', null],
    ['a fixed option without a cost', [option('FIXED')], 'unknown', null],
    ['a zero of unknown kind', [option(undefined, '0.00')], 'unknown', null],
    ['a cost of unknown kind', [option('NOT_SPECIFIED', '2.00')], 'fixed', dollars('2.00')],
    ['a cost that is no number', [option('FIXED', 'NaN')], 'unknown', null],
    ['what is no list', { shippingCostType: 'FIXED' }, 'unknown', null],
    ['a list of nonsense', [null, 5, 'FREE', []], 'unknown', null],
    [
      'the cheapest usable option',
      [option('FIXED', '9.00'), option('CALCULATED', '4.00'), option('CALCULATED', '0.00')],
      'calculated',
      dollars('4.00'),
    ],
    [
      '10.00 beside 9.00, compared as numbers',
      [option('FIXED', '10.00'), option('FIXED', '9.00')],
      'fixed',
      dollars('9.00'),
    ],
    [
      "an option in the price's currency before a lower figure in another",
      [option('FIXED', '1.00', 'GBP'), option('FIXED', '2.00')],
      'fixed',
      dollars('2.00'),
    ],
    ['another currency alone', [option('FIXED', '1.00', 'GBP')], 'fixed', { value: '1.00', currency: 'GBP' }],
  ];
  for (const [what, options, kind, cost] of CASES) {
    it(`reads ${what}`, () => {
      expect(mapShipping(options, false, 'USD')).to.deep.equal({ shipping: { kind, cost }, delivery: null });
    });
  }

  it('keeps the cost in the listing’s own currency where eBay converted it', () => {
    const shippingCost = {
      value: '2.50',
      currency: 'USD',
      convertedFromValue: '2.00',
      convertedFromCurrency: 'GBP',
    };
    for (const shippingCostType of ['FIXED', 'CALCULATED', 'NOT_SPECIFIED'])
      expect(mapShipping([{ shippingCostType, shippingCost }], false, 'USD').shipping).to.deep.include({
        cost: dollars('2.50'),
        converted: { value: '2.00', currency: 'GBP' },
      });
  });

  const pickUp = { type: 'PICKUP', shippingCostType: 'FIXED', shippingCost: dollars('0.00') };
  const none = { kind: 'pickup-only', cost: null };

  it('is pick-up only where the buyer can fetch the item and no option is named', () => {
    expect(mapShipping(undefined, true, 'USD').shipping).to.deep.equal(none);
    expect(mapShipping([], true, 'USD').shipping).to.deep.equal(none);
    expect(mapShipping([option('CALCULATED')], true, 'USD').shipping.kind).to.equal('calculated');
  });

  it('is not free where the free option is to fetch the item', () => {
    for (const type of ['PICKUP', 'Local Pickup', 'Pick up'])
      expect(mapShipping([{ ...pickUp, type }], false, 'USD').shipping).to.deep.equal(none);
    const both = mapShipping(
      [pickUp, { ...option('FIXED', '4.00'), type: 'Standard Shipping' }],
      false,
      'USD',
    );
    expect(both.shipping).to.deep.equal({ kind: 'fixed', cost: dollars('4.00') });
  });

  it('delivers when the option delivers that it names', () => {
    const [soon, late] = ['2026-02-05T08:00:00.000Z', '2026-02-09T08:00:00.000Z'];
    const quick = {
      ...option('FIXED', '9.00'),
      minEstimatedDeliveryDate: soon,
      maxEstimatedDeliveryDate: soon,
    };
    const cheap = { ...option('FIXED', '1.00'), maxEstimatedDeliveryDate: late };
    expect(mapShipping([quick, cheap], false, 'USD').delivery).to.deep.equal({
      earliest: null,
      latest: late,
    });
    expect(mapShipping([quick], false, 'USD').delivery).to.deep.equal({ earliest: soon, latest: soon });
    expect(
      mapShipping([{ ...quick, minEstimatedDeliveryDate: 'soon' }], false, 'USD').delivery,
    ).to.deep.equal({
      earliest: null,
      latest: soon,
    });
  });
});
