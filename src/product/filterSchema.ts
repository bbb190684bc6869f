import Type from 'typebox';
import { closed, country, postalCode } from './fieldTypes.ts';

/** eBay refuses more names in one filter (12032). */
export const MAX_SELLERS = 250;

const flag = (description: string) => Type.Boolean({ description });

// None of the characters that structure eBay's filter grammar.
const sellerName = Type.String({ pattern: '^[^\\s,:{}\\[\\]|\\\\]{1,64}$' });
const sellerNames = (description: string) =>
  Type.Array(sellerName, { minItems: 1, maxItems: MAX_SELLERS, uniqueItems: true, description });

const amount = (description: string) =>
  Type.Union(
    [
      Type.Number({ minimum: 0, maximum: 999_999_999.999 }),
      Type.String({ pattern: '^(0|[1-9][0-9]{0,8})(\\.[0-9]{1,3})?$' }),
    ],
    { description: `${description}, a JSON number or a decimal string, at most three decimals` },
  );

const Price = Type.Object(
  {
    min: Type.Optional(amount('lowest price')),
    max: Type.Optional(amount('highest price')),
    currency: Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217; eBay needs it beside a price' }),
  },
  { ...closed, description: 'item price without shipping; min or max or both' },
);

const oneOf = <Value extends string>(values: Value[], description: string) =>
  Type.Array(Type.Enum(values), { minItems: 1, maxItems: values.length, uniqueItems: true, description });

// Braces, pipes and colons are grammar in aspect_filter; only the pipe has a documented escape.
const ASPECT_TEXT = '^[^{}\\[\\]\\\\\\u0000-\\u001f]{1,100}$';
const ASPECT_NAME = '^[^,:|{}\\[\\]\\\\\\u0000-\\u001f]{1,100}$';

/** The filters that eBay itself applies. */
export const FilterSchema = Type.Object(
  {
    price: Type.Optional(Price),
    conditions: Type.Optional(
      oneOf(['NEW', 'USED', 'UNSPECIFIED'], 'broad conditions; not together with conditionIds'),
    ),
    conditionIds: Type.Optional(
      Type.Array(Type.String({ pattern: '^[0-9]{4}$' }), {
        minItems: 1,
        maxItems: 20,
        uniqueItems: true,
        description: "eBay's condition ids, the same in all languages, such as 1000 (new) or 3000 (used)",
      }),
    ),
    buyingOptions: Type.Optional(
      oneOf(
        ['FIXED_PRICE', 'AUCTION', 'BEST_OFFER', 'CLASSIFIED_AD'],
        'without it eBay answers only listings that offer FIXED_PRICE',
      ),
    ),
    deliveryCountry: Type.Optional(country('only what ships to this country')),
    deliveryPostalCode: Type.Optional(postalCode('needs deliveryCountry')),
    itemLocationCountry: Type.Optional(country('only what is located in this country')),
    freeShipping: Type.Optional(flag('true: only free shipping')),
    returnsAccepted: Type.Optional(flag('true: only what can be returned')),
    sellers: Type.Optional(sellerNames('only these sellers')),
    excludeSellers: Type.Optional(sellerNames('none of these sellers')),
    sellerAccountTypes: Type.Optional(
      oneOf(['BUSINESS', 'INDIVIDUAL'], 'only on AT BE CH DE ES FR GB IE IT PL; eBay ignores it elsewhere'),
    ),
    searchInDescription: Type.Optional(
      flag('true: also search descriptions; the query needs two characters'),
    ),
    aspects: Type.Optional(
      Type.Record(
        Type.String({ pattern: ASPECT_NAME }),
        Type.Array(Type.String({ pattern: ASPECT_TEXT }), { minItems: 1, maxItems: 50, uniqueItems: true }),
        {
          ...closed,
          minProperties: 1,
          maxProperties: 20,
          description: 'item aspects, such as {"Color": ["Red", "Blue"]}; needs a category id',
        },
      ),
    ),
  },
  {
    ...closed,
    description: "filters that eBay applies; one that it ignores comes back in the summary's warnings",
  },
);
