import { expect } from 'chai';
import { goneDetails, mapDetails } from '../../../src/collector/mapDetails.ts';

const now = new Date('2026-02-03T00:00:00Z');
const stock = (estimatedAvailabilityStatus: unknown) => ({ estimatedAvailabilityStatus });
const aspect = (name: unknown, value: unknown) => ({ type: 'STRING', name, value });

function details(item: object) {
  const mapped = mapDetails({ itemId: 'v1|1001|0', ...item }, now);
  if (mapped === null) throw new Error('no item');
  return mapped.details;
}

/** What an item answer says in place of the search answer. */
function listingNow(item: object) {
  return mapDetails({ itemId: 'v1|1001|0', ...item }, now)?.listing;
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
    const { returns, ...read } = details(item);
    expect(returns).to.include({ accepted: true, days: 30, paidBy: 'BUYER' });
    expect(read).to.deep.include({
      observedAt: now.toISOString(),
      brand: 'Acme',
      mpn: 'H-4',
      gtin: '0751492645032',
      availability: 'in-stock',
      availableQuantity: 7,
      availableQuantityMoreThan: null,
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

  it('mpn and gtin fall back to their aspects', () => {
    const localizedAspects = [aspect('Herstellernummer', 'H-4'), aspect('EAN', '4006381333931')];
    expect(details({ localizedAspects })).to.include({ mpn: 'H-4', gtin: '4006381333931' });
  });

  const NOTHING_STATED = [
    ...[
      'Does not apply',
      'DOES NOT APPLY',
      'Nicht zutreffend',
      'Non applicable',
      'Non applicabile',
      'No aplicable',
    ],
    ...['Niet van toepassing', 'Nie dotyczy', '不适用', '不適用', 'Ne s’applique pas', 'Unknown', 'None'],
    ...['N/A', 'n.a.', '-', '--', '.', '?', '  '],
  ];
  for (const phrase of NOTHING_STATED)
    it(`${JSON.stringify(phrase)} states nothing: no brand, mpn, gtin or aspect`, () => {
      const localizedAspects = [aspect('Material', phrase), aspect('MPN', phrase), aspect('Marke', phrase)];
      expect(details({ brand: phrase, mpn: phrase, gtin: phrase, localizedAspects })).to.deep.include({
        brand: null,
        mpn: null,
        gtin: null,
        aspects: {},
      });
    });

  for (const word of ['NA-12', 'Nonesuch', 'Unbranded', 'C', '7', '德', 'Keiner'])
    it(`${word} states something`, () => {
      expect(details({ brand: word, mpn: word })).to.include({ brand: word, mpn: word });
    });

  it('one digit repeated is no GTIN', () => {
    for (const gtin of ['00000000', '0000000000000', '999999999999'])
      expect(details({ gtin }).gtin).to.equal(null);
  });

  const VALUES: [value: unknown, values: string[]][] = [
    ['DirectX 12 Ultimate, CUDA, OpenCL 2.0', ['DirectX 12 Ultimate', 'CUDA', 'OpenCL 2.0']],
    [
      ['Red', 'Blue', 'Red'],
      ['Red', 'Blue'],
    ],
    ['Red, Does not apply', ['Red']],
    ['Korea, Republic of', ['Korea, Republic of']],
    ['Germany, Korea, Republic of, France', ['Germany', 'Korea, Republic of', 'France']],
    ['Cotton (soft, washed), Wool', ['Cotton (soft, washed)', 'Wool']],
    ['1,5 m', ['1,5 m']],
    ['10,000', ['10,000']],
  ];
  for (const [value, values] of VALUES)
    it(`the aspect ${JSON.stringify(value)} has ${values.length} values`, () => {
      expect(details({ localizedAspects: [aspect('Kind', value)] }).aspects).to.deep.equal({ Kind: values });
    });

  it('a name or number is one value, whatever commas it has', () => {
    const localizedAspects = [aspect('Brand', 'Smith, Jones, Sons'), aspect('MPN', 'A-1, A-2')];
    expect(details({ localizedAspects })).to.include({ brand: 'Smith, Jones, Sons', mpn: 'A-1, A-2' });
  });

  it('keeps at most 200 values of a name, however often it comes', () => {
    const values = (from: number) => Array.from({ length: 50 }, (_, index) => `v${from + index}`);
    const entries = Array.from({ length: 200 }, (_, index) => values(index * 49));
    const localizedAspects = entries.map((value) => aspect('Ports', value));
    const groups = entries.map((localizedValues) => ({
      aspects: [{ localizedName: 'Ports', localizedValues }],
    }));
    const { aspects, catalogue } = details({ localizedAspects, product: { aspectGroups: groups } });
    const first = Array.from({ length: 200 }, (_, index) => `v${index}`);
    expect([aspects, catalogue?.aspects]).to.deep.equal([{ Ports: first }, { Ports: first }]);
  });

  it('has no average of no reviews, and no score that its scale does not have', () => {
    const rating = (primaryProductReviewRating: object) => details({ primaryProductReviewRating }).rating;
    expect(rating({ averageRating: '0.0', reviewCount: 0 })).to.equal(null);
    expect(rating({ averageRating: '4.5', reviewCount: 0 })).to.equal(null);
    const byStars = {};
    expect(rating({ averageRating: '0.0', reviewCount: 7 })).to.deep.equal({
      average: null,
      count: 7,
      byStars,
    });
    expect(rating({ averageRating: '1.0' })).to.deep.equal({ average: 1, count: null, byStars });
    const scores = ['0', '0.0', '0.1', '10', '10.1'].map(
      (repairScore) => details({ repairScore }).repairScore,
    );
    expect(scores).to.deep.equal([null, null, 0.1, 10, null]);
  });

  it('"more than 10" is no unknown quantity', () => {
    const threshold = {
      ...stock('IN_STOCK'),
      availabilityThreshold: 10,
      availabilityThresholdType: 'MORE_THAN',
    };
    const more = { availableQuantity: null, availableQuantityMoreThan: 10 };
    expect(details({ estimatedAvailabilities: [threshold] })).to.deep.include(more);
    const both = { ...threshold, estimatedAvailableQuantity: 12 };
    expect(details({ estimatedAvailabilities: [both] })).to.deep.include({
      availableQuantity: 12,
      availableQuantityMoreThan: null,
    });
    const other = { ...threshold, availabilityThresholdType: 'LESS_THAN' };
    expect(details({ estimatedAvailabilities: [other] }).availableQuantityMoreThan).to.equal(null);
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
    expect(goneDetails(now)).to.deep.equal({ ...details({}), availability: 'gone' });
    expect(goneDetails(now).aspects).to.not.equal(goneDetails(now).aspects);
  });

  const offer = { buyingOptions: ['FIXED_PRICE'], price: { value: '10.00', currency: 'USD' } };
  const delivered = (deliveryOptions: string[]) => ({
    ...offer,
    estimatedAvailabilities: [{ ...stock('IN_STOCK'), deliveryOptions }],
  });

  it('that can only be fetched is not in stock to be sent', () => {
    for (const ways of [
      ['SELLER_ARRANGED_LOCAL_PICKUP'],
      ['IN_STORE_PICKUP', 'SELLER_ARRANGED_LOCAL_PICKUP'],
    ]) {
      expect(details(delivered(ways)).availability).to.equal('pickup-only');
      expect(listingNow(delivered(ways))?.shipping).to.deep.equal({ kind: 'pickup-only', cost: null });
    }
    const pickUp = {
      type: 'PICKUP',
      shippingCostType: 'FIXED',
      shippingCost: { value: '0.00', currency: 'USD' },
    };
    const fetched = { ...delivered([]), shippingOptions: [pickUp] };
    expect(details(fetched).availability).to.equal('pickup-only');
    for (const ways of [
      ['SHIP_TO_HOME', 'SELLER_ARRANGED_LOCAL_PICKUP'],
      ['PICKUP_DROP_OFF'],
      ['DIGITAL_DELIVERY'],
      [],
    ])
      expect(details(delivered(ways)).availability, ways.join()).to.equal('in-stock');
    const unpriced = {
      ...delivered(['IN_STORE_PICKUP']),
      shippingOptions: [{ shippingCostType: 'CALCULATED' }],
    };
    expect(listingNow(unpriced)?.shipping.kind).to.equal('pickup-only');
    expect(details({ ...unpriced, price: undefined }).availability).to.equal('pickup-only');
    const gone = {
      ...offer,
      estimatedAvailabilities: [{ ...stock('OUT_OF_STOCK'), deliveryOptions: ['IN_STORE_PICKUP'] }],
    };
    expect(details(gone).availability).to.equal('out-of-stock');
  });

  it('that names no offer leaves that of the page', () => {
    expect(listingNow({})).to.equal(null);
    expect(listingNow({ ...offer, buyingOptions: undefined })).to.equal(null);
    expect(listingNow({ ...offer, price: undefined })).to.equal(null);
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
