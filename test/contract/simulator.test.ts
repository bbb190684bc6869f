import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { expect } from 'chai';
import { SITES } from '../../src/simulator/catalogue/marketplaces.ts';
import { get, mintToken, SEARCH, useSimulator } from '../support/simulator.ts';

const BROWSE = 'buy_browse_v1_oas3.json';
const ANALYTICS = 'developer_analytics_v1_beta_oas3.json';
const folder = process.env.EBAY_OPENAPI;

type Schema = { properties?: object; additionalProperties?: boolean };

/** A document's schema as a validator that also refuses properties which the document lacks. */
function schemaOf(file: string, name: string): ValidateFunction {
  const document = JSON.parse(readFileSync(join(folder ?? '', file), 'utf8')) as {
    components: { schemas: Record<string, Schema> };
  };
  for (const schema of Object.values(document.components.schemas)) {
    if (schema.properties !== undefined) schema.additionalProperties = false;
  }
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, validateSchema: false });
  ajv.addSchema(document, 'ebay');
  return ajv.compile({ $ref: `ebay#/components/schemas/${name}` });
}

function expectValid(validate: ValidateFunction, body: unknown): void {
  expect(validate(body), JSON.stringify(validate.errors?.slice(0, 3))).to.equal(true);
}

describe("the simulator's answers and eBay's OpenAPI documents (folder in EBAY_OPENAPI, skipped without)", () => {
  const simulator = useSimulator({ catalogueScale: 0.1 });
  let token: string;

  before(async function skipWithoutDocuments() {
    if (folder === undefined) return this.skip();
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
  ];
  for (const site of SITES) {
    it(`every search of ${site.id} has only fields of SearchPagedCollection, with their types`, async () => {
      const validate = schemaOf(BROWSE, 'SearchPagedCollection');
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
    const validate = schemaOf(BROWSE, 'Item');
    const headers = { 'x-ebay-c-enduserctx': 'affiliateCampaignId=123' };
    const filter = 'filter=buyingOptions:%7BAUCTION%7CFIXED_PRICE%7D';
    const page = await get(simulator().url, `${SEARCH}?q=phone+case&limit=200&${filter}`, token);
    const { itemSummaries } = (await page.json()) as { itemSummaries: { itemHref: string }[] };
    for (const { itemHref } of itemSummaries) {
      const item = await get('', itemHref, token, headers);
      expect(item.status).to.equal(200);
      expectValid(validate, await item.json());
    }
  });

  it('COMPACT items, items by number and item groups have only fields of theirs', async () => {
    const page = await get(simulator().url, `${SEARCH}?q=phone+case&limit=100`, token);
    type Found = { itemHref: string; legacyItemId: string; itemGroupHref?: string };
    const { itemSummaries } = (await page.json()) as { itemSummaries: Found[] };
    const [item, group] = ['Item', 'ItemGroup'].map((name) => schemaOf(BROWSE, name)) as [
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
    const search = schemaOf(BROWSE, 'SearchPagedCollection');
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
    const found = await post('item_summary/search_by_image?limit=20', { image: 'AAAA' });
    expect(found.itemSummaries).to.have.length(20);
    expectValid(search, found);
    const parts = await get(simulator().url, `${SEARCH}?q=dash+cam&limit=1`, token);
    const [part] = ((await parts.json()) as { itemSummaries: { itemId: string }[] }).itemSummaries;
    const vehicle = ['Year', 'Make', 'Model', 'Trim', 'Engine'].map((name) => ({ name, value: '1' }));
    for (const compatibilityProperties of [vehicle, vehicle.slice(1)]) {
      const path = `item/${encodeURIComponent(part?.itemId ?? '')}/check_compatibility`;
      expectValid(schemaOf(BROWSE, 'CompatibilityResponse'), await post(path, { compatibilityProperties }));
    }
  });

  it('errors and warnings are made as the documents say', async () => {
    const validate = schemaOf(BROWSE, 'Error');
    for (const query of ['', 'q=a&limit=0', 'q=a&offset=10000', 'q=a&limit=7&offset=3']) {
      const response = await get(simulator().url, `${SEARCH}?${query}`, token);
      expect(response.status).to.equal(400);
      const { errors } = (await response.json()) as { errors: unknown[] };
      for (const error of errors) expectValid(validate, error);
    }
  });

  it('the rate limits have only fields of RateLimitsResponse, with their types', async () => {
    const response = await get(simulator().url, '/developer/analytics/v1_beta/rate_limit/', token);
    expectValid(schemaOf(ANALYTICS, 'RateLimitsResponse'), await response.json());
  });
});
