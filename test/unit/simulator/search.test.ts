import { expect } from 'chai';
import { REAL_LIFE } from '../../../src/simulator/search/search.ts';
import { get, mintToken, SEARCH, useSimulator } from '../../support/simulator.ts';

interface Page {
  total: number;
  next?: string;
  itemSummaries?: {
    itemId: string;
    title: string;
    price?: { value: string; currency: string };
    distanceFromPickupLocation?: { value: string; unitOfMeasure: string };
    compatibilityMatch?: string;
    compatibilityProperties?: { name: string; value: string }[];
  }[];
  warnings?: { errorId: number }[];
  errors?: { errorId: number }[];
  autoCorrections?: { q: string };
}

describe('item_summary/search of the simulator', () => {
  const simulator = useSimulator();
  let token: string;
  before(async () => {
    token = await mintToken(simulator().url);
  });
  const ask = async (query: string, headers: Record<string, string> = {}) => {
    const response = await get(simulator().url, `${SEARCH}?${query}`, token, headers);
    return { status: response.status, page: (await response.json()) as Page };
  };

  const refusals: [query: string, status: number, errorId: number, rule: string][] = [
    ['limit=10', 400, 12001, 'a search without keywords, category, epid or gtin'],
    ['q=mat&limit=0', 400, 12006, 'a limit of 0'],
    ['q=mat&limit=201', 400, 12006, 'a limit above 200'],
    ['q=mat&limit=ten', 400, 12007, 'a limit that is no integer'],
    ['q=mat&offset=-50', 400, 12004, 'a negative offset'],
    ['q=mat&offset=1.5', 400, 12005, 'an offset that is no integer'],
    ['q=mat&limit=200&offset=100', 400, 12515, 'an offset that is no multiple of the limit'],
    ['q=mat&limit=200&offset=10000', 400, 12029, 'an offset beyond the first 10,000 listings'],
    ['category_ids=888,293&q=mat', 400, 12030, 'several categories'],
    ['category_ids=888', 409, 12013, 'a top-level category alone'],
    ['q=m&filter=searchInDescription:true', 400, 12516, 'one character searched in descriptions'],
    ['q=mat&filter=itemLocationCountry:US,itemLocationRegion:ASIA', 400, 12517, 'two location filters'],
    [`q=mat&filter=sellers:{${'x|'.repeat(250)}x}`, 400, 12032, 'more than 250 sellers'],
    ['q=usb*', 400, 12001, 'a wildcard'],
    [
      'q=mat&sort=endingSoonest&filter=buyingOptions:{FIXED_PRICE}',
      400,
      12034,
      'the end of what has none as the order',
    ],
    ['q=mat&auto_correct=ALL', 400, 12027, 'an unknown auto_correct'],
    ['category_ids=888&filter=searchInDescription:true', 400, 12516, 'descriptions without keywords'],
    [`charity_ids=${'530196605,'.repeat(21)}`, 400, 12025, 'more than 20 charities'],
    [
      'q=mat&filter=qualifiedPrograms:{AUTHENTICITY_GUARANTEE},deliveryCountry:US',
      400,
      12033,
      'a guarantee without the place of delivery',
    ],
    ['q=mat&filter=qualifiedPrograms:{EBAY_PLUS}', 400, 12512, 'a programme that EBAY_US lacks'],
    ['q=mat&sort=price&filter=priorityListing:true', 409, 12514, 'promoted listings in another order'],
    ['q=mat&filter=itemLocationRegion:ATLANTIS', 400, 12518, 'an unknown region'],
    ['q=cam&compatibility_filter=Year:2018', 400, 12504, 'a vehicle without a category'],
    ['q=cam&category_ids=888&compatibility_filter=Year:2018', 400, 12506, 'a vehicle in another category'],
    ['q=cam&category_ids=6000&compatibility_filter=Wheels:4', 400, 12505, 'an unknown property of vehicles'],
    ['category_ids=6000&filter=charityOnly:true&compatibility_filter=Year:1', 400, 12503, 'a vehicle alone'],
  ];
  for (const [query, status, errorId, rule] of refusals) {
    it(`refuses ${rule} with ${errorId}`, async () => {
      const answer = await ask(query);
      expect(answer.status).to.equal(status);
      expect(answer.page.errors?.map((error) => error.errorId)).to.deep.equal([errorId]);
    });
  }

  const warned: [query: string, errorIds: number[], ignored: string][] = [
    ['sort=relevance', [12008], 'an unknown sort'],
    ['filter=price:[1..9]', [12012], 'a price without its currency'],
    ['filter=priceCurrency:USD', [12002, 12012], 'a currency without a price'],
    ['filter=colour:red', [12002], 'a filter that does not exist'],
    ['filter=conditions:{SHINY}', [12002], 'a condition that does not exist'],
    ['filter=sellers:{nobody_at_all}', [12003], 'a seller that does not exist'],
    ['filter=deliveryPostalCode:19406', [12011], 'a postal code without its country'],
    [
      'filter=deliveryPostalCode:XYZ,deliveryCountry:US',
      [12015],
      'a postal code that its country does not have',
    ],
    ['sort=distance', [12010], 'the distance from an unknown place'],
    ['filter=sellerAccountTypes:{BUSINESS}', [12014], 'seller types on EBAY_US'],
    ['filter=pickupCountry:US', [12010], 'a part of the pickup filters'],
    [
      'filter=pickupCountry:US,pickupPostalCode:XYZ,pickupRadius:9,pickupRadiusUnit:mi',
      [12010],
      'pickup at a place that is none',
    ],
    ['filter=paymentMethods:{GOLD}', [12002], 'an unknown way to pay'],
    ['filter=qualifiedPrograms:{SPACE}', [12002], 'an unknown programme'],
    ['filter=deliveryOptions:{PIGEON}', [12002], 'an unknown way of delivery'],
    ['filter=guaranteedDeliveryInDays:3', [12002], 'a filter that is retired'],
    ['charity_ids=nobody', [12024], 'a charity that is none'],
    ['compatibility_filter=Year', [12502], 'a malformed vehicle'],
    ['category_ids=999999999', [12009], 'a category that does not exist'],
    ['aspect_filter=Color:{Red}', [12017], 'an aspect without its category'],
    ['fieldgroups=EVERYTHING', [12016], 'an unknown fieldgroup'],
  ];
  for (const [query, errorIds, ignored] of warned) {
    it(`answers 200 with warning ${errorIds.join(' and ')} for ${ignored}, and ignores it`, async () => {
      // What can be sent to the US is not what a wrong postal code leaves out.
      const country = query.includes('deliveryCountry:US') ? '&filter=deliveryCountry:US' : '';
      const plain = await ask(`q=yoga+mat${country}`);
      const answer = await ask(`q=yoga+mat&${query}`);
      expect(answer.status).to.equal(200);
      expect(answer.page.warnings?.map((warning) => warning.errorId)).to.deep.equal(errorIds);
      expect(answer.page.total).to.equal(plain.page.total);
    });
  }

  it('accepts the postal codes and orders that eBay does', async () => {
    for (const query of [
      'filter=deliveryPostalCode:19406,deliveryCountry:US',
      'filter=deliveryPostalCode:SW1A 1AA,deliveryCountry:GB',
      'filter=deliveryPostalCode:90210,deliveryCountry:JP',
      'sort=endingSoonest&filter=buyingOptions:{AUCTION|FIXED_PRICE}',
      'sort=distance&filter=pickupCountry:US,pickupPostalCode:19406,pickupRadius:10,pickupRadiusUnit:mi',
    ]) {
      const { status, page } = await ask(`q=phone+case&${query}`);
      expect(status, query).to.equal(200);
      expect(page, query).to.include.keys('itemSummaries').and.not.have.any.keys('warnings');
    }
  });

  it('corrects a word that no title holds when asked to, on the sites that offer it', async () => {
    const { page: wrong } = await ask('q=yogaa+mat');
    expect(wrong).to.include({ total: 0 }).and.not.have.any.keys('autoCorrections');
    const { page: corrected } = await ask('q=yogaa+mat&auto_correct=KEYWORD');
    expect(corrected.autoCorrections).to.deep.equal({ q: 'yoga mat' });
    expect(corrected.total).to.equal((await ask('q=yoga+mat')).page.total);
    const { page: right } = await ask('q=yoga+mat&auto_correct=KEYWORD');
    expect(right).to.not.have.any.keys('autoCorrections');
    const refused = await ask('q=yogaa+mat&auto_correct=KEYWORD', { 'x-ebay-c-marketplace-id': 'EBAY_NL' });
    expect([refused.status, refused.page.errors?.[0]?.errorId]).to.deep.equal([400, 12028]);
  });

  it('finds less with each filter, never what the filter leaves out', async () => {
    const part = 'q=dash+cam&category_ids=6000';
    const all = (await ask('q=phone+case')).page.total;
    for (const filter of [
      'filter=pickupCountry:US,pickupPostalCode:19406,pickupRadius:10,pickupRadiusUnit:mi',
      'filter=deliveryOptions:{SELLER_ARRANGED_LOCAL_PICKUP}',
      'filter=itemLocationRegion:ASIA',
      'filter=charityOnly:true',
      'filter=priorityListing:true',
      'filter=qualifiedPrograms:{AUTHENTICITY_GUARANTEE},deliveryCountry:US,deliveryPostalCode:19406',
      'charity_ids=53-0196605',
    ]) {
      const { page } = await ask(`q=phone+case&${filter}`);
      expect(page, filter).to.not.have.any.keys('warnings', 'errors');
      expect(page.total, filter).to.be.within(1, all - 1);
    }
    const parts = (await ask(part)).page.total;
    const fitting = (await ask(`${part}&compatibility_filter=Year:2018;Make:BMW`)).page.total;
    expect(fitting).to.be.within(1, parts - 1);
  });

  it('says how far each item is that can be fetched near a place, and sorts by it', async () => {
    const near = 'filter=pickupCountry:US,pickupPostalCode:19406,pickupRadius:40,pickupRadiusUnit:mi';
    const { page } = await ask(`q=phone+case&sort=distance&limit=200&${near}`);
    const distances = (page.itemSummaries ?? []).map(({ distanceFromPickupLocation: from }) => from);
    expect(distances.length).to.be.above(5);
    expect(distances.map((from) => from?.unitOfMeasure))
      .to.include('mi')
      .and.not.include(undefined);
    const miles = distances.map((from) => Number(from?.value));
    expect(miles).to.deep.equal(miles.toSorted((a, b) => a - b));
    expect(Math.max(...miles)).to.be.at.most(40);
    const { page: plain } = await ask('q=phone+case&limit=200');
    for (const item of plain.itemSummaries ?? [])
      expect(item).to.not.have.any.keys('distanceFromPickupLocation');
  });

  it('says of parts for a vehicle which properties fit', async () => {
    const { page } = await ask('q=dash+cam&category_ids=6000&compatibility_filter=Year:2018;Make:BMW');
    for (const item of page.itemSummaries ?? []) {
      expect(item.compatibilityMatch).to.be.oneOf(['EXACT', 'POSSIBLE']);
      const stated = item.compatibilityProperties?.map(({ name, value }) => `${name} ${value}`);
      expect(stated).to.deep.equal(['Year 2018', 'Make BMW']);
    }
    expect(page.itemSummaries).to.not.have.length(0);
  });

  it('refuses charities on sites without them', async () => {
    const { status, page } = await ask('q=mat&charity_ids=530196605', {
      'x-ebay-c-marketplace-id': 'EBAY_DE',
    });
    expect([status, page.errors?.[0]?.errorId]).to.deep.equal([400, 12026]);
  });

  it('leaves itemSummaries out when nothing is found', async () => {
    const { status, page } = await ask('q=unfindable');
    expect(status).to.equal(200);
    expect(page).to.include({ total: 0 }).and.not.have.any.keys('itemSummaries', 'next');
  });

  it('answers from EBAY_US for a missing or misspelt marketplace, and 409/12019 for one without search', async () => {
    const currency = async (id: string) => {
      const { page } = await ask('q=yoga+mat&limit=1', { 'x-ebay-c-marketplace-id': id });
      return page.itemSummaries?.[0]?.price?.currency;
    };
    expect(await currency('EBAY_ELSEWHERE')).to.equal('USD');
    expect(await currency('EBAY_GB')).to.equal('GBP');
    const { status, page } = await ask('q=yoga+mat', { 'x-ebay-c-marketplace-id': 'EBAY_JP' });
    expect([status, page.errors?.[0]?.errorId]).to.deep.equal([409, 12019]);
  });

  it('reads a space as AND and parentheses as OR', async () => {
    const titles = async (q: string) => {
      const { page } = await ask(`q=${encodeURIComponent(q)}&limit=200`);
      return (page.itemSummaries ?? []).map(({ title }) => title.toLowerCase());
    };
    const cork = await titles('cork yoga mat');
    expect(cork.length).to.be.above(0);
    for (const title of cork) expect(title).to.match(/cork/).and.match(/yoga/).and.match(/mat/);
    const either = await titles('(theremin, astrolabe)');
    expect(either.some((title) => title.includes('theremin'))).to.equal(true);
    expect(either.some((title) => title.includes('astrolabe'))).to.equal(true);
  });

  it('leads by next through every listing exactly once when pages are steady', async () => {
    const seen: string[] = [];
    let next: string | undefined = `${simulator().url}${SEARCH}?q=yoga+mat&limit=50`;
    let total = 0;
    while (next !== undefined) {
      const page = (await (await get('', next, token)).json()) as Page;
      seen.push(...(page.itemSummaries ?? []).map(({ itemId }) => itemId));
      ({ next, total } = page);
    }
    expect(seen).to.have.length(total);
    expect(new Set(seen)).to.have.property('size', total);
  });

  it('repeats items across pages and lets the total drift in real life, yet leaves 450 of 600 distinct', async () => {
    simulator().controls.configure({ unsteady: { ...REAL_LIFE, repeats: 1, drift: 1 } });
    const pages = await Promise.all(
      [0, 200, 400].map((offset) => ask(`q=phone+case&limit=200&offset=${offset}`)),
    );
    simulator().controls.configure({ unsteady: { repeats: 0, shortPages: 0, drift: 0 } });
    const ids = pages.flatMap(({ page }) => (page.itemSummaries ?? []).map(({ itemId }) => itemId));
    expect(new Set(ids).size).to.be.below(ids.length).and.at.least(450);
    expect(new Set(pages.map(({ page }) => page.total)).size).to.be.above(1);
  });
});
