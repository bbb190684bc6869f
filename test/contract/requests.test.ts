import { expect } from 'chai';
import fc from 'fast-check';
import { EbayProductCollector } from '../../src/collector/collector.ts';
import { searchCall } from '../../src/collector/query.ts';
import { MARKETPLACE_IDS } from '../../src/product/marketplaces.ts';
import { parseSearchRequest } from '../../src/product/parseRequest.ts';
import type { NormalRequest } from '../../src/product/requestSchema.ts';
import { siteFor } from '../../src/simulator/catalogue/marketplaces.ts';
import { isPicture } from '../../src/simulator/pictures.ts';
import { readQuery } from '../../src/simulator/search/query.ts';
import { testConfig } from '../support/config.ts';
import { TestTokens } from '../support/ebayClient.ts';
import { recordingBrowse, type Sent } from '../support/recordingBrowse.ts';
import { get, mintToken, SEARCH, useSimulator } from '../support/simulator.ts';
import { type Documents, EBAYS, OWN } from './documents.ts';
import { CASES, fieldsOf, PICTURE } from './requestCases.ts';

const DEFAULTS = { marketplace: 'EBAY_US' };
const BASE = '/buy/browse/v1';

function parsed(input: unknown): NormalRequest {
  const result = parseSearchRequest(input, DEFAULTS);
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.request;
}

/** A request with a value of a wrong type at a path. */
function spoilt(request: object, path: string): object {
  const copy = structuredClone(request) as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop() as string;
  let at = copy;
  for (const name of names) {
    at[name] ??= {};
    at = at[name] as Record<string, unknown>;
  }
  at[last] = null;
  return copy;
}

describe('every field of a request, and eBay', () => {
  it('has a case for each, and for nothing else', () => {
    expect(Object.keys(CASES).sort()).to.deep.equal(fieldsOf().sort());
  });

  describe('is refused before a call, with its name', () => {
    for (const [path, { valid, invalid = [] }] of Object.entries(CASES))
      it(path, () => {
        const [first] = valid as [object];
        for (const [request, at = path] of [[spoilt(first, path)], ...invalid] as typeof invalid) {
          const written = JSON.parse(JSON.stringify(request).replace(/\{\w+\}/g, '110000000000'));
          const result = parseSearchRequest(written, DEFAULTS);
          const paths = result.ok ? [] : result.errors.map((error) => error.path);
          expect(paths, JSON.stringify(request)).to.deep.equal([at]);
        }
      });
  });

  describe('is sent as our own list of eBay’s fields says, and answered without a warning', () =>
    testSent(OWN));

  describe('is sent as eBay’s OpenAPI document says', () => {
    if (EBAYS === undefined) it('does so (skipped: set EBAY_OPENAPI to the folder of the documents)');
    else testNames(EBAYS);
  });

  it('no request that is accepted is refused by the simulator, whatever its fields are', () => {
    let accepted = 0;
    fc.assert(
      fc.property(anyRequest, (input) => {
        const result = parseSearchRequest(input, DEFAULTS);
        if (!result.ok) return;
        accepted += 1;
        for (const marketplace of result.request.marketplaces) expectAnswered(result.request, marketplace);
      }),
      { numRuns: 1500 },
    );
    expect(accepted).to.be.above(300);
  });
});

/** What the service sends for a request: its first page, and a call of each kind that asks for items. */
async function sentFor(request: NormalRequest): Promise<Sent[]> {
  const { browse, sent } = recordingBrowse();
  const collector = new EbayProductCollector({ browse, affiliateCampaignId: '5338123456' });
  const [marketplace = 'EBAY_US'] = request.marketplaces;
  const common = { request, marketplace, class: 'interactive' } as const;
  const items = ['v1|110000000000|0', 'listing:110000000000', 'group:110000000000'];
  await Promise.allSettled([
    ...(request.items === undefined ? [collector.collectPage({ ...common, offset: 0, limit: 200 })] : []),
    ...items.map((itemId) => collector.collectItem({ ...common, itemId })),
  ]);
  expect(sent).to.have.length(request.items === undefined ? 4 : 3);
  return sent;
}

/** Each valid request as it leaves, against the parameters of a document. */
function testNames({ browse }: Documents): void {
  for (const [path, { valid }] of Object.entries(CASES))
    it(path, async () => {
      for (const written of valid) {
        const request = parsed(JSON.parse(JSON.stringify(written).replace(/\{\w+\}/g, '110000000000')));
        for (const { template, path: called, method, params = {}, headers = {}, body } of await sentFor(
          request,
        )) {
          expect(called).to.match(new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`));
          const parameters = browse.paths[template.slice(BASE.length)]?.[method]?.parameters ?? [];
          for (const [place, values] of Object.entries({ query: params, header: headers }))
            for (const [name, value] of Object.entries(values)) {
              const schema = parameters.find((each) => each.in === place && each.name === name)?.schema;
              expect(schema?.type, `${method} ${template}, ${place} ${name}`).to.equal('string');
              expect(value).to.match(new RegExp(schema?.pattern ?? ''));
            }
          if (body === undefined) continue;
          expect(Object.keys(JSON.parse(body))).to.deep.equal(['image']);
          expect(browse.components.schemas.SearchByImageRequest?.properties.image?.type).to.equal('string');
        }
      }
    });
}

/** Each valid request as the service sends it, to the simulator. */
function testSent(documents: Documents): void {
  testNames(documents);
  const simulator = useSimulator();
  let collector: EbayProductCollector;
  let [single, group] = ['', ''];

  before(async () => {
    const { url } = simulator();
    const token = await mintToken(url);
    collector = EbayProductCollector.standalone({
      config: testConfig({ EBAY_API_URL: url, MIN_API_CALL_INTERVAL: '0' }),
      tokens: new TestTokens(async () => token),
    });
    type Found = { itemSummaries: Array<{ legacyItemId: string; itemGroupHref?: string }> };
    const body = (await (await get(url, `${SEARCH}?q=phone+case&limit=100`, token)).json()) as Found;
    const listing = (isGroup: boolean) =>
      body.itemSummaries.find(({ itemGroupHref }) => (itemGroupHref !== undefined) === isGroup);
    [single, group] = [listing(false)?.legacyItemId ?? '', listing(true)?.legacyItemId ?? ''];
  });

  it('all of them: each call of a valid request is answered with 200, each search without a warning', async () => {
    for (const [path, { valid }] of Object.entries(CASES))
      for (const written of valid) {
        const text = JSON.stringify(written).replaceAll('{item}', single).replaceAll('{group}', group);
        const request = parsed({
          maxItems: 5,
          maxCalls: 2,
          ...JSON.parse(text),
          ...(text.includes('items') && { maxCalls: undefined }),
        });
        simulator().controls.clearLog();
        const { warnings, missing } = await collector.collect(request);
        expect(warnings, `${path} ${text}`).to.deep.equal([]);
        expect(missing, `${path} ${text}`).to.deep.equal([]);
        const log = simulator()
          .controls.log()
          .filter(({ path: called }) => called.startsWith(BASE));
        expect(log.length, path).to.be.above(0);
        for (const { path: called, query, method } of log) {
          const template = Object.keys(documents.browse.paths).find((known) =>
            new RegExp(`^${BASE}${known.replace(/\{\w+\}/g, '[^/]+')}$`).test(called),
          );
          const { get: read, post } = documents.browse.paths[template ?? ''] ?? {};
          const names = ((method === 'GET' ? read : post)?.parameters ?? []).map(({ name }) => name);
          expect(names, `${method} ${called}`).to.include.members(Object.keys(query));
        }
      }
  });
}

/** By the simulator's own reading of a search; an accepted picture is one to it. */
function expectAnswered(request: NormalRequest, marketplace: NormalRequest['marketplaces'][number]): void {
  const site = siteFor(marketplace);
  const { params, image } = searchCall(request, { marketplace, offset: 0, limit: 200 });
  if (site === null) throw new Error(`${marketplace} has no search`);
  if (image !== undefined) {
    expect(isPicture(image)).to.equal(true);
    expect(['US', 'DE', 'GB', 'AU']).to.include(site.country);
  }
  const asked = readQuery(new URLSearchParams(params), site, image === undefined ? null : 'phone case');
  const refusal = 'status' in asked ? `${asked.status} ${asked.body}` : '';
  expect(refusal, JSON.stringify(request)).to.equal('');
}

/** Rarely there, so that many requests have few fields and fit. */
const rare = <Value>(values: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 11, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: values });
const some = <Value>(...values: Value[]) => rare(fc.constantFrom(...values));
const few = <Value>(...values: Value[]) => rare(fc.subarray(values, { minLength: 1 }));

const country = fc.constantFrom('US', 'GB', 'DE', 'JP', 'ZZ');
const postalCode = fc.constantFrom('19406', 'SW1A 1AA', '10115', 'XYZ');
const day = fc.constantFrom('2026-01-31', '2026-02-30', '2025-01-01T10:00Z', '2027-05-05T05:05:05.555Z');
const period = rare(fc.record({ from: day, to: day }, { requiredKeys: [] }));
const place = fc.record({ country, postalCode }, { requiredKeys: ['country'] });

const anyFilters = fc.record({
  price: rare(
    fc.record(
      { min: fc.nat(9), max: fc.nat(9), currency: fc.constant('USD') },
      { requiredKeys: ['currency'] },
    ),
  ),
  conditions: few('NEW', 'USED'),
  conditionIds: few('1000', '3000'),
  buyingOptions: few('FIXED_PRICE', 'AUCTION'),
  deliveryCountry: rare(country),
  deliveryPostalCode: rare(postalCode),
  deliveryOptions: few('SHIP_TO_HOME', 'SELLER_ARRANGED_LOCAL_PICKUP'),
  pickup: rare(
    fc.record(
      { country, postalCode, radius: fc.nat(9), unit: fc.constantFrom('mi', 'km') },
      { requiredKeys: ['country', 'postalCode', 'unit'] },
    ),
  ),
  itemLocationCountry: rare(country),
  itemLocationRegion: some('ASIA', 'WORLDWIDE', 'BORDER_COUNTRIES'),
  itemStartDate: period,
  itemEndDate: period,
  bidCount: rare(fc.record({ min: fc.nat(5), max: fc.nat(5) }, { requiredKeys: [] })),
  excludeCategoryIds: few('220', '20349'),
  paymentMethods: few('PAYPAL', 'CREDIT_CARD'),
  qualifiedPrograms: few('AUTHENTICITY_GUARANTEE', 'EBAY_PLUS', 'EBAY_REFURBISHED'),
  charityOnly: rare(fc.boolean()),
  charityIds: few('53-0196605', '530196605', '1000'),
  priorityListing: rare(fc.boolean()),
  freeShipping: rare(fc.boolean()),
  returnsAccepted: rare(fc.boolean()),
  sellers: few('seller_0001', 'nobody'),
  excludeSellers: few('seller_0002'),
  sellerAccountTypes: few('BUSINESS', 'INDIVIDUAL'),
  searchInDescription: rare(fc.boolean()),
  aspects: rare(
    fc.dictionary(fc.constantFrom('Color', 'Brand', 'Größe'), fc.constant(['Black', 'a|b']), { minKeys: 1 }),
  ),
  // Which properties describe a vehicle, and which categories hold parts, is eBay's knowledge.
  compatibility: rare(
    fc.dictionary(fc.constantFrom('Year', 'Make'), fc.constantFrom('2018', 'BMW'), { minKeys: 1 }),
  ),
});

const anyRequest = fc.record({
  query: fc.option(fc.constantFrom('phone case', 'a', '(dash, cam)', 'usb*'), { nil: undefined }),
  gtin: some('4006381333931', '123456789'),
  epid: some('15032'),
  image: some(PICTURE, btoa('a text')),
  categoryIds: fc.option(fc.constant(['38641']), { nil: undefined }),
  marketplaces: rare(fc.subarray(MARKETPLACE_IDS, { minLength: 1, maxLength: 3 })),
  sort: some('price', '-price', 'newlyListed', 'endingSoonest', 'distance'),
  filters: anyFilters,
  shipTo: rare(place),
  facets: rare(fc.boolean()),
  autoCorrect: rare(fc.boolean()),
  language: some('fr-CA', 'nl-BE'),
});
