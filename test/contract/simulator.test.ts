import { Ajv, type ValidateFunction } from 'ajv';
import { expect } from 'chai';
import { SITES } from '../../src/simulator/catalogue/marketplaces.ts';
import { get, mintToken, SEARCH, useSimulator } from '../support/simulator.ts';
import { type Document, type Documents, EBAYS, OWN } from './documents.ts';

/** A schema as a validator. Where the document names every field, it refuses others. */
function schemaIn({ isWhole }: Documents, document: Document, name: string): ValidateFunction {
  const own = structuredClone(document);
  if (isWhole)
    for (const schema of Object.values(own.components.schemas))
      if (schema.properties !== undefined) schema.additionalProperties = false;
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, validateSchema: false });
  ajv.addSchema(own, 'ebay');
  return ajv.compile({ $ref: `ebay#/components/schemas/${name}` });
}

function expectValid(validate: ValidateFunction, body: unknown): void {
  expect(validate(body), JSON.stringify(validate.errors?.slice(0, 3))).to.equal(true);
}

// eBay's documents have all of the list: where they are at hand, they say more.
if (EBAYS === undefined)
  describe('the simulator’s answers and our own list of eBay’s fields', () => testAnswers(OWN));

describe('the simulator’s answers and eBay’s OpenAPI documents', () => {
  if (EBAYS === undefined) it('agree (skipped: set EBAY_OPENAPI to the folder of the documents)');
  else testAnswers(EBAYS);
});

function testAnswers(documents: Documents): void {
  const { browse, analytics } = documents;
  const schemaOf = (name: string, document = browse) => schemaIn(documents, document, name);
  // A market whose first month is over.
  const market = { start: Date.now() - 30 * 86_400_000, shops: [{ listings: 60, changesPerDay: 20 }] };
  const simulator = useSimulator({ catalogueScale: 0.1, market });
  let token: string;

  before(async () => {
    token = await mintToken(simulator().url);
  });

  const searches = [
    'q=usb+charger&limit=200',
    'q=usb+charger&limit=200&offset=200&fieldgroups=EXTENDED',
    'q=phone+case&limit=100&filter=buyingOptions:%7BAUCTION%7D',
    'q=trading+card&limit=200&fieldgroups=FULL&sort=price',
    'q=qqqq',
    'q=yoga&sort=relevance&filter=nonsense:1',
    'q=yoga+mat&sort=distance&filter=deliveryCountry:US,deliveryPostalCode:XYZ',
    'q=phone+case&filter=pickupCountry:US,pickupPostalCode:19406,pickupRadius:40,pickupRadiusUnit:mi',
    'q=dash+cam&category_ids=6000&compatibility_filter=Year:2018;Make:BMW',
  ];
  for (const site of SITES) {
    it(`every search of ${site.id} has only fields of SearchPagedCollection, with their types`, async () => {
      const validate = schemaOf('SearchPagedCollection');
      const headers = {
        'x-ebay-c-marketplace-id': site.id,
        'x-ebay-c-enduserctx': 'affiliateCampaignId=123,contextualLocation=country%3DUS%2Czip%3D19406',
      };
      for (const query of searches) {
        const response = await get(simulator().url, `${SEARCH}?${query}`, token, headers);
        expect(response.status).to.equal(200);
        expectValid(validate, await response.json());
      }
    });
  }

  it('every item has only fields of Item, with their types', async () => {
    const validate = schemaOf('Item');
    const headers = { 'x-ebay-c-enduserctx': 'affiliateCampaignId=123' };
    const filter = 'filter=buyingOptions:%7BAUCTION%7CFIXED_PRICE%7D';
    const page = await get(simulator().url, `${SEARCH}?q=phone+case&limit=200&${filter}`, token);
    const { itemSummaries } = (await page.json()) as { itemSummaries: { itemHref: string }[] };
    for (const { itemHref } of itemSummaries) {
      const item = await get('', `${itemHref}?fieldgroups=PRODUCT`, token, headers);
      expect(item.status).to.equal(200);
      expectValid(validate, await item.json());
    }
  });

  it('COMPACT items, items by number and item groups have only fields of theirs', async () => {
    const page = await get(simulator().url, `${SEARCH}?q=phone+case&limit=100`, token);
    type Found = { itemHref: string; legacyItemId: string; itemGroupHref?: string };
    const { itemSummaries } = (await page.json()) as { itemSummaries: Found[] };
    const [item, group] = ['Item', 'ItemGroup'].map((name) => schemaOf(name)) as [
      ValidateFunction,
      ValidateFunction,
    ];
    for (const { itemHref, legacyItemId, itemGroupHref } of itemSummaries) {
      expectValid(item, await (await get('', `${itemHref}?fieldgroups=COMPACT`, token)).json());
      const byNumber = `${simulator().url}/buy/browse/v1/item/get_item_by_legacy_id?legacy_item_id=${legacyItemId}`;
      const answer = await get('', itemGroupHref ?? byNumber, token);
      expect(answer.status).to.equal(200);
      expectValid(itemGroupHref === undefined ? item : group, await answer.json());
    }
    expect(itemSummaries.filter(({ itemGroupHref }) => itemGroupHref).length).to.be.above(0);
  });

  it('searches by image, corrected searches and compatibility have only fields of theirs', async () => {
    const search = schemaOf('SearchPagedCollection');
    const corrected = await get(simulator().url, `${SEARCH}?q=yogaa+mat&auto_correct=KEYWORD`, token);
    const body = (await corrected.json()) as { autoCorrections?: object };
    expect(body).to.have.property('autoCorrections');
    expectValid(search, body);
    const post = async (path: string, sent: object) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const url = `${simulator().url}/buy/browse/v1/${path}`;
      const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(sent) });
      expect(response.status).to.equal(200);
      return (await response.json()) as { itemSummaries?: object[] };
    };
    const found = await post('item_summary/search_by_image?limit=20', { image: 'iVBORw0KGgo=' });
    expect(found.itemSummaries).to.have.length(20);
    expectValid(search, found);
    const parts = await get(simulator().url, `${SEARCH}?q=dash+cam&limit=1`, token);
    const [part] = ((await parts.json()) as { itemSummaries: { itemId: string }[] }).itemSummaries;
    const vehicle = ['Year', 'Make', 'Model', 'Trim', 'Engine'].map((name) => ({ name, value: '1' }));
    for (const compatibilityProperties of [vehicle, vehicle.slice(1)]) {
      const path = `item/${encodeURIComponent(part?.itemId ?? '')}/check_compatibility`;
      expectValid(schemaOf('CompatibilityResponse'), await post(path, { compatibilityProperties }));
    }
  });

  it('listings of a market have only fields of theirs: live, sold out, ended and returned ones', async () => {
    const { controls, url } = simulator();
    const shop = `${SEARCH}?category_ids=${controls.market.listings()[0]?.categoryId}&filter=sellers:{seller_4000}`;
    for (const query of ['limit=100', 'limit=100&sort=newlyListed&fieldgroups=EXTENDED']) {
      const page = await get(url, `${shop}&${query}`, token);
      const body = (await page.json()) as { total: number };
      expect(body.total).to.be.above(10);
      expectValid(schemaOf('SearchPagedCollection'), body);
    }
    const validate = schemaOf('Item');
    const events = controls.market.trace();
    for (const kind of ['listed', 'price', 'stock', 'sold-out', 'restocked', 'ended', 'returned']) {
      const itemId = events.findLast((event) => event.kind === kind)?.itemId;
      if (itemId === undefined) continue;
      const item = await get(url, `/buy/browse/v1/item/${encodeURIComponent(itemId)}`, token);
      if (item.status === 200) expectValid(validate, await item.json());
      else expect([kind, item.status]).to.deep.equal(['ended', 404]);
    }
  });

  it('errors and warnings are made as the documents say', async () => {
    const validate = schemaOf('Error');
    for (const query of ['', 'q=a&limit=0', 'q=a&offset=10000', 'q=a&limit=7&offset=3']) {
      const response = await get(simulator().url, `${SEARCH}?${query}`, token);
      expect(response.status).to.equal(400);
      const { errors } = (await response.json()) as { errors: unknown[] };
      for (const error of errors) expectValid(validate, error);
    }
  });

  it('the rate limits have only fields of RateLimitsResponse, with their types', async () => {
    const response = await get(simulator().url, '/developer/analytics/v1_beta/rate_limit/', token);
    expectValid(schemaOf('RateLimitsResponse', analytics), await response.json());
  });
}
