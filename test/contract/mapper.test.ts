import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { type Documents, EBAYS, OWN, type Property } from './documents.ts';

const WIRE = new URL('../../src/ebay/wire.ts', import.meta.url);

/** Wire interface → the document's schema of the same thing. */
const SCHEMAS: [name: string, schema: string][] = [
  ['WireAmount', 'ConvertedAmount'],
  ['WireOwnAmount', 'Amount'],
  ['WireImage', 'Image'],
  ['WireCategory', 'Category'],
  ['WireShippingOption', 'ShippingOptionSummary'],
  ['WireSeller', 'Seller'],
  ['WireSeller', 'SellerDetail'],
  ['WireLocation', 'ItemLocationImpl'],
  ['WireLocation', 'Address'],
  ['WireMarketingPrice', 'MarketingPrice'],
  ['WirePickupOption', 'PickupOptionSummary'],
  ['WireDistance', 'TargetLocation'],
  ['WireCompatibilityProperty', 'CompatibilityProperty'],
  ['WireItemShippingOption', 'ShippingOption'],
  ['WireListing', 'ItemSummary'],
  ['WireListing', 'Item'],
  ['WireItemSummary', 'ItemSummary'],
  ['WireError', 'Error'],
  ['WireErrorParameter', 'ErrorParameter'],
  ['WireSearchPage', 'SearchPagedCollection'],
  ['WireAutoCorrections', 'AutoCorrections'],
  ['WireRefinement', 'Refinement'],
  ['WireAspectDistribution', 'AspectDistribution'],
  ['WireAspectValueDistribution', 'AspectValueDistribution'],
  ['WireCategoryDistribution', 'CategoryDistribution'],
  ['WireConditionDistribution', 'ConditionDistribution'],
  ['WireBuyingOptionDistribution', 'BuyingOptionDistribution'],
  ['WireReturnTerms', 'ItemReturnTerms'],
  ['WireAvailability', 'EstimatedAvailability'],
  ['WireAspect', 'TypedNameValue'],
  ['WireItem', 'Item'],
  ['WireItemGroup', 'ItemGroupSummary'],
  ['WireItemGroupAnswer', 'ItemGroup'],
  ['WireShipToPlace', 'ShipToLocation'],
  ['WireDuration', 'TimeDuration'],
  ['WireShipToRegion', 'ShipToRegion'],
  ['WireShipToLocations', 'ShipToLocations'],
  ['WireTax', 'Taxes'],
  ['WireTaxJurisdiction', 'TaxJurisdiction'],
  ['WireTaxRegion', 'Region'],
  ['WirePaymentMethod', 'PaymentMethod'],
  ['WirePaymentBrand', 'PaymentMethodBrand'],
  ['WireCoupon', 'AvailableCoupon'],
  ['WireCouponConstraint', 'CouponConstraint'],
  ['WireAddon', 'AddonService'],
  ['WireReviewRating', 'ReviewRating'],
  ['WireRatingCount', 'RatingHistogram'],
  ['WireConditionDescriptor', 'ConditionDescriptor'],
  ['WireConditionValue', 'ConditionDescriptorValue'],
  ['WireLabels', 'HazardousMaterialsLabels'],
  ['WireLabels', 'ProductSafetyLabels'],
  ['WireHazardLabels', 'HazardousMaterialsLabels'],
  ['WireLabelStatement', 'HazardStatement'],
  ['WireLabelStatement', 'ProductSafetyLabelStatement'],
  ['WirePictogram', 'HazardPictogram'],
  ['WirePictogram', 'ProductSafetyLabelPictogram'],
  ['WireCatalogueProduct', 'Product'],
  ['WireProductIdentities', 'AdditionalProductIdentity'],
  ['WireProductIdentity', 'ProductIdentity'],
  ['WireAspectGroup', 'AspectGroup'],
  ['WireCatalogueAspect', 'Aspect'],
];

/** The fields of `getRateLimits` that the quota is read from. */
const RATE_LIMITS: [schema: string, fields: Record<string, string>][] = [
  ['RateLimitsResponse', { rateLimits: 'array' }],
  ['RateLimit', { apiName: 'string', resources: 'array' }],
  ['Resource', { name: 'string', rates: 'array' }],
  ['Rate', { limit: 'integer', remaining: 'integer', reset: 'string' }],
];

const TYPES: Record<string, string[]> = {
  string: ['string'],
  number: ['integer', 'number'],
  boolean: ['boolean'],
};

/** Of which no field of a listing comes. */
const UNCHECKED = ['WireErrorBody'];

/** Top-level fields of an interface in the source text, with their declared types. */
function fieldsOf(source: string, name: string): [field: string, type: string][] {
  const body = new RegExp(`interface ${name} (?:extends \\w+ )?\\{\\n([\\s\\S]*?)\\n\\}`).exec(source)?.[1];
  if (body === undefined) throw new Error(`wire.ts has no ${name}`);
  return [...body.matchAll(/^ {2}(\w+)\?: (.+?)[;{]?$/gm)].map(([, field = '', type = '']) => [field, type]);
}

describe('the types of eBay’s answers', () => {
  it('are all held against its documents', () => {
    const declared = [...readFileSync(WIRE, 'utf8').matchAll(/interface (\w+)/g)].map(([, name]) => name);
    const checked = SCHEMAS.map(([name]) => name);
    expect(declared.filter((name) => !checked.includes(name ?? ''))).to.deep.equal(UNCHECKED);
  });
});

describe('our own list of eBay’s fields', () => testDocuments(OWN));

describe('eBay’s OpenAPI documents', () => {
  if (EBAYS === undefined) {
    it('are kept to (skipped: set EBAY_OPENAPI to the folder of the documents)');
    return;
  }
  testDocuments(EBAYS);

  it('have all of our own list, with the same types', () => {
    for (const api of ['browse', 'analytics'] as const)
      for (const [name, { properties }] of Object.entries(OWN[api].components.schemas))
        for (const [field, { type }] of Object.entries(properties)) {
          const known = EBAYS?.[api].components.schemas[name]?.properties[field];
          expect(known, `${name}.${field}`).to.not.equal(undefined);
          if (type !== undefined) expect(known?.type, `${name}.${field}`).to.equal(type);
        }
  });
});

function testDocuments({ browse, analytics }: Documents): void {
  const source = readFileSync(WIRE, 'utf8');

  it('have every field that the quota is read from, with its type', () => {
    const { schemas } = analytics.components;
    for (const [schema, fields] of RATE_LIMITS)
      for (const [field, type] of Object.entries(fields))
        expect(schemas[schema]?.properties[field]?.type, `${schema}.${field}`).to.equal(type);
  });

  for (const [name, schema] of SCHEMAS) {
    it(`have every field of ${name} in ${schema}, with its type`, () => {
      const properties = browse.components.schemas[schema]?.properties ?? {};
      const declared = fieldsOf(source, name);
      expect(declared).to.not.have.length(0);
      for (const [field, type] of declared) {
        const property = properties[field];
        expect(property, `${schema}.${field}`).to.not.equal(undefined);
        if (property !== undefined) expectType(type, property, `${schema}.${field}`);
      }
    });
  }
}

/** @param type as wire.ts writes it: `string`, `WireAmount`, a list of one of them, or a type of its own. */
function expectType(type: string, property: Property, name: string): void {
  if (type.endsWith('[]')) {
    expect(property.type, name).to.equal('array');
    expectType(type.slice(0, -2), property.items ?? {}, `${name}[]`);
  } else if (TYPES[type] !== undefined) expect(property.type, name).to.be.oneOf(TYPES[type]);
  else if (type.startsWith('Wire')) {
    const documented = SCHEMAS.filter(([wire]) => wire === type).map(([, schema]) => schema);
    expect(property.$ref?.split('/').at(-1), name).to.be.oneOf(documented);
  }
}
