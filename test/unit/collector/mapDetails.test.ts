import { expect } from 'chai';
import { goneDetails, mapDetails } from '../../../src/collector/mapItem.ts';

const now = new Date('2026-02-03T00:00:00Z');
const stock = (estimatedAvailabilityStatus: unknown) => ({ estimatedAvailabilityStatus });
const aspect = (name: unknown, value: unknown) => ({ type: 'STRING', name, value });

function details(item: object) {
  const mapped = mapDetails({ itemId: 'v1|1001|0', ...item }, now);
  if (mapped === null) throw new Error('no item');
  return mapped;
}

describe('an item answer', () => {
  it('becomes details', () => {
    const item = {
      brand: 'Acme',
      mpn: 'H-4',
      gtin: '0751492645032',
      returnTerms: {
        returnsAccepted: true,
        returnPeriod: { value: 30, unit: 'CALENDAR_DAY' },
        returnShippingCostPayer: 'BUYER',
      },
      estimatedAvailabilities: [
        { ...stock('IN_STOCK'), estimatedAvailableQuantity: 7, estimatedSoldQuantity: 3 },
      ],
      localizedAspects: [aspect('Color', 'Red'), aspect('Ports', '4'), aspect('Color', 'Blue')],
    };
    expect(details(item)).to.deep.equal({
      brand: 'Acme',
      mpn: 'H-4',
      gtin: '0751492645032',
      returns: { accepted: true, days: 30, paidBy: 'BUYER' },
      availability: 'in-stock',
      availableQuantity: 7,
      estimatedSoldQuantity: 3,
      aspects: { Color: ['Red', 'Blue'], Ports: ['4'] },
    });
  });

  it('brand falls back to the brand aspect and then to the manufacturer', () => {
    const made = aspect('Hersteller', 'Maker');
    expect(details({ localizedAspects: [made, aspect('Marke', 'Acme')] }).brand).to.equal('Acme');
    expect(details({ localizedAspects: [made] }).brand).to.equal('Maker');
    expect(details({ brand: 'Does not apply', localizedAspects: [made] }).brand).to.equal('Maker');
  });

  it('a GTIN is a number, not the phrase that there is none', () => {
    expect(details({ gtin: 'Does not apply' }).gtin).to.equal(null);
    expect(details({ gtin: '080442957X' }).gtin).to.equal('080442957X');
  });

  const AVAILABLE: [availability: string, item: object][] = [
    ['in-stock', { estimatedAvailabilities: [stock('OUT_OF_STOCK'), stock('IN_STOCK')] }],
    ['limited', { estimatedAvailabilities: [stock('LIMITED_STOCK')] }],
    ['out-of-stock', { estimatedAvailabilities: [stock('OUT_OF_STOCK')] }],
    ['ended', { itemEndDate: '2026-02-02T23:59:59.000Z', estimatedAvailabilities: [stock('IN_STOCK')] }],
    ['in-stock', { itemEndDate: '2026-02-03T00:00:01.000Z', estimatedAvailabilities: [stock('IN_STOCK')] }],
    ['unknown', { estimatedAvailabilities: 'none' }],
  ];
  for (const [availability, item] of AVAILABLE) {
    it(`${JSON.stringify(item)} is ${availability}`, () => {
      expect(details(item).availability).to.equal(availability);
    });
  }

  it('with nothing in it has details that are all unknown, and a gone item is marked', () => {
    expect(goneDetails()).to.deep.equal({ ...details({}), availability: 'gone' });
    expect(goneDetails().aspects).to.not.equal(goneDetails().aspects);
  });

  it('of odd fields keeps what can be read', () => {
    const odd = {
      brand: {},
      mpn: ['x'],
      gtin: 5,
      returnTerms: { returnsAccepted: 'yes' },
      estimatedAvailabilities: [null, { estimatedSoldQuantity: -1 }],
      localizedAspects: [
        null,
        aspect('__proto__', 'x'),
        aspect('', 'x'),
        aspect('Size', null),
        aspect('Voltage', 12),
      ],
    };
    expect(details(odd)).to.deep.equal({ ...details({}), aspects: { Voltage: ['12'] } });
  });

  for (const body of [null, 'x', [], {}, { errors: [{ errorId: 11001 }] }]) {
    it(`${JSON.stringify(body)} is no item`, () => {
      expect(mapDetails(body, now)).to.equal(null);
    });
  }
});
