import { expect } from 'chai';
import fc from 'fast-check';
import {
  readBidding,
  readCoupons,
  readPaymentMethods,
  readRegions,
  readReturns,
  readServices,
  readShippingTo,
  readTaxes,
} from '../../../src/collector/saleTerms.ts';
import type { ProductDetails } from '../../../src/product/product.ts';

type Service = ProductDetails['shippingServices'][number];

const money = (value: string, currency = 'USD') => ({ value, currency });

/** An invented way of shipping in the shape of an item answer. */
function option(service: string, cost: object | null, days: [first?: number, last?: number] = [], more = {}) {
  const day = (of: number | undefined) => of && `2026-03-${String(of).padStart(2, '0')}T08:00:00.000Z`;
  return {
    shippingServiceCode: service,
    shippingCostType: cost === null ? 'CALCULATED' : 'FIXED',
    ...(cost && { shippingCost: cost }),
    minEstimatedDeliveryDate: day(days[0]),
    maxEstimatedDeliveryDate: day(days[1]),
    ...more,
  };
}

const named = (services: Service[], mark: 'cheapest' | 'fastest') =>
  services.filter((service) => service[mark]).map(({ service }) => service);

describe('the shipping services of an item', () => {
  it('are all there, each with its own cost, dates and terms', () => {
    const full = option('Parcel', money('3.10'), [9, 13], {
      shippingCarrierCode: 'Post',
      type: 'Standard Shipping',
      additionalShippingCostPerUnit: money('1.10'),
      importCharges: money('4.20'),
      quantityUsedForEstimate: 1,
      cutOffDateUsedForEstimate: '2026-03-02T18:00:00.000Z',
      fulfilledThrough: 'GLOBAL_SHIPPING',
    });
    expect(readServices([full, option('Letter', null)], 'USD')).to.deep.equal([
      {
        service: 'Parcel',
        carrier: 'Post',
        type: 'Standard Shipping',
        kind: 'fixed',
        cost: money('3.10'),
        converted: null,
        costPerAdditionalUnit: money('1.10'),
        importCharges: money('4.20'),
        quantity: 1,
        earliest: '2026-03-09T08:00:00.000Z',
        latest: '2026-03-13T08:00:00.000Z',
        orderBefore: '2026-03-02T18:00:00.000Z',
        program: 'GLOBAL_SHIPPING',
        cheapest: true,
        fastest: true,
      },
      {
        service: 'Letter',
        carrier: null,
        type: null,
        kind: 'calculated',
        cost: null,
        converted: null,
        costPerAdditionalUnit: null,
        importCharges: null,
        quantity: null,
        earliest: null,
        latest: null,
        orderBefore: null,
        program: null,
        cheapest: false,
        fastest: false,
      },
    ]);
  });

  const CHEAPEST: [what: string, options: object[], cheapest: string[]][] = [
    ['the least figure', [option('A', money('10.00')), option('B', money('9.00'))], ['B']],
    ['the first of two', [option('A', money('9.00')), option('B', money('9.00'))], ['A']],
    ['a free one', [option('A', money('1.00')), option('B', money('0.00'))], ['B']],
    ['a known cost beside an unknown one', [option('A', null), option('B', money('50.00'))], ['B']],
    ['none, where no cost is known', [option('A', null), option('B', null)], []],
    [
      'one in the currency of the price, whatever the figure in another',
      [option('A', money('1.00', 'GBP')), option('B', money('9.00'))],
      ['B'],
    ],
    [
      'none of two other currencies',
      [option('A', money('1.00', 'GBP')), option('B', money('9.00', 'JPY'))],
      [],
    ],
    ['of one other currency', [option('A', money('9.00', 'GBP')), option('B', money('8.00', 'GBP'))], ['B']],
    [
      'none that is to be fetched',
      [option('A', money('0.00'), [], { type: 'PICKUP' }), option('B', money('5.00'))],
      ['B'],
    ],
  ];
  for (const [what, options, cheapest] of CHEAPEST)
    it(`cheapest is ${what}`, () => {
      expect(named(readServices(options, 'USD'), 'cheapest')).to.deep.equal(cheapest);
    });

  const FASTEST: [what: string, options: object[], fastest: string[]][] = [
    ['the earliest last day', [option('A', null, [1, 9]), option('B', null, [5, 8])], ['B']],
    [
      'of equal last days the earlier first one',
      [option('A', null, [5, 9]), option('B', null, [4, 9])],
      ['B'],
    ],
    [
      'of equal days the cheaper one',
      [option('A', money('2.00'), [4, 9]), option('B', money('1.00'), [4, 9])],
      ['B'],
    ],
    ['never one without a last day', [option('A', null, [1]), option('B', null, [5, 9])], ['B']],
    ['none, where no last day is known', [option('A', null, [1]), option('B', null)], []],
  ];
  for (const [what, options, fastest] of FASTEST)
    it(`fastest is ${what}`, () => {
      expect(named(readServices(options, 'USD'), 'fastest')).to.deep.equal(fastest);
    });

  it('are sent to the place that eBay names', () => {
    const place = { shipToLocationUsedForEstimate: { country: 'DE', postalCode: '10115' } };
    expect(readShippingTo([option('A', null), option('B', null, [], place)])).to.deep.equal({
      country: 'DE',
      postalCode: '10115',
    });
    expect(readShippingTo([option('A', null)])).to.equal(null);
  });

  it('at most one is cheapest and one fastest, and the cheapest has a cost, whatever the options are', () => {
    const cost = fc.option(
      fc.record({
        value: fc.constantFrom('0.00', '1.00', '2.50', 'x'),
        currency: fc.constantFrom('USD', 'GBP', 'JPY'),
      }),
    );
    const any = fc
      .tuple(cost, fc.option(fc.integer({ min: 1, max: 28 })))
      .map(([amount, last]) => option('X', amount, [undefined, last ?? undefined]));
    fc.assert(
      fc.property(fc.array(fc.oneof(any, fc.jsonValue())), (options) => {
        const services = readServices(options, 'USD');
        expect(named(services, 'cheapest').length).to.be.at.most(1);
        expect(named(services, 'fastest').length).to.be.at.most(1);
        for (const { cheapest, cost } of services) if (cheapest) expect(cost).to.not.equal(null);
      }),
    );
  });
});

describe('the taxes of an item', () => {
  const tax = (id: string, change: object = {}) => ({
    taxJurisdiction: { taxJurisdictionId: id, region: { regionName: id, regionType: 'STATE_OR_PROVINCE' } },
    taxType: 'STATE_SALES_TAX',
    includedInPrice: false,
    shippingAndHandlingTaxed: true,
    ...change,
  });

  it('of equal terms stand together, with each of their regions', () => {
    const taxes = readTaxes([tax('AL'), tax('CA', { taxPercentage: '7.25' }), tax('AK'), null, {}]);
    expect(taxes.map(({ percent, regions }) => [percent, regions.map(({ id }) => id)])).to.deep.equal([
      [null, ['AL', 'AK']],
      [7.25, ['CA']],
    ]);
    expect(taxes[0]).to.include({ type: 'STATE_SALES_TAX', includedInPrice: false, shippingTaxed: true });
    expect(taxes[0]?.collectedByEbay).to.equal(null);
  });

  it('have no rate that is none', () => {
    for (const taxPercentage of ['-1', '101', 'x', null])
      expect(readTaxes([tax('AL', { taxPercentage })])[0]?.percent).to.equal(null);
  });
});

describe('other terms of an item', () => {
  it('regions need an id or a name: a part of real answers has no ids', () => {
    const sent = [{ regionName: 'United Kingdom', regionType: 'COUNTRY' }, { regionType: 'COUNTRY' }, 5];
    expect(readRegions(sent)).to.deep.equal([{ id: null, name: 'United Kingdom', type: 'COUNTRY' }]);
  });

  it('a return period of months is no number of days', () => {
    const terms = { returnsAccepted: true, returnPeriod: { value: 1, unit: 'MONTH' } };
    expect(readReturns(terms)).to.deep.include({ days: null, period: { value: 1, unit: 'MONTH' } });
    expect(readReturns({ refundMethod: 'MONEY_BACK' })).to.equal(null);
  });

  it('terms of a coupon that lead elsewhere are no link', () => {
    const coupon = { redemptionCode: 'X', termsWebUrl: 'https://example.com/terms' };
    expect(readCoupons([coupon], undefined)[0]).to.include({ code: 'X', termsUrl: null });
    expect(readCoupons([{}, { termsWebUrl: 'javascript:alert(1)' }], undefined)).to.deep.equal([]);
  });

  it('payment methods and bids that say nothing are left out', () => {
    expect(readPaymentMethods([{}, { paymentMethodType: 'WALLET' }])).to.deep.equal([
      { type: 'WALLET', brands: [], instructions: [] },
    ]);
    expect(readBidding({})).to.equal(null);
    expect(readBidding({ reservePriceMet: false })).to.deep.include({ reserveMet: false });
  });
});
