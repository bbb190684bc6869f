import type { Static, TSchema } from 'typebox';
import { MARKETPLACE_IDS } from './marketplaces.ts';
import { closed } from './requestSchema.ts';
import { Type } from './type.ts';

const text = (maxLength: number, description?: string) =>
  Type.String({ minLength: 1, maxLength, ...(description === undefined ? {} : { description }) });
const nullable = <Schema extends TSchema>(schema: Schema, description?: string) =>
  Type.Union([schema, Type.Null()], description === undefined ? {} : { description });
const instant = (description: string) => nullable(Type.String({ format: 'date-time' }), description);
const count = (description?: string) => nullable(Type.Integer({ minimum: 0 }), description);

export const MoneySchema = Type.Object(
  {
    value: Type.String({
      pattern: '^[0-9]+(\\.[0-9]+)?$',
      description: "decimal string with the currency's usual decimals",
    }),
    currency: Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217' }),
  },
  closed,
);

const ShippingSchema = Type.Object(
  {
    kind: Type.Enum(['free', 'fixed', 'calculated', 'unknown'], {
      description: 'calculated: depends on the buyer, who names a place with shipTo; unknown is never free',
    }),
    cost: nullable(MoneySchema, 'null when eBay names no usable amount'),
    converted: Type.Optional(
      Type.Object(MoneySchema.properties, {
        ...closed,
        description: "the cost in the listing's own currency, where eBay converted it",
      }),
    ),
  },
  { ...closed, description: 'the cheapest usable option' },
);

const AuctionSchema = Type.Object(
  { currentBid: nullable(MoneySchema), bidCount: count(), endsAt: instant('UTC') },
  closed,
);

const DetailsSchema = Type.Object(
  {
    brand: nullable(text(200)),
    mpn: nullable(text(200), "manufacturer's part number"),
    gtin: nullable(text(50)),
    returns: nullable(
      Type.Object(
        {
          accepted: Type.Boolean(),
          days: count('length of the return period in days'),
          paidBy: nullable(Type.Enum(['BUYER', 'SELLER']), 'who pays the way back'),
        },
        closed,
      ),
    ),
    availability: Type.Enum(['in-stock', 'limited', 'out-of-stock', 'ended', 'gone', 'unknown'], {
      description: 'ended: its end date had passed; gone: eBay no longer has the item',
    }),
    availableQuantity: count(),
    estimatedSoldQuantity: count(),
    aspects: Type.Record(Type.String(), Type.Array(Type.String()), {
      description: "item aspects in the listing's language, name → values",
    }),
  },
  { ...closed, description: 'from a call of its own for each item; with details: full' },
);

/** One listing (or one variation of it) as eBay described it at `observedAt`. */
export const ProductSchema = Type.Object(
  {
    itemId: text(100, "eBay's RESTful id, v1|LEGACY|VARIATION"),
    legacyItemId: nullable(text(50)),
    marketplace: Type.Enum(MARKETPLACE_IDS, { description: 'the site that was searched' }),
    title: text(300),
    url: text(4096, "the listing's page; the affiliate link where that is the only one"),
    images: Type.Array(text(2048), { description: 'unique, main image first' }),
    price: nullable(MoneySchema, 'null for a pure auction, which has only bids'),
    shipping: ShippingSchema,
    total: nullable(MoneySchema, 'price and shipping; null unless both are known, in one currency'),
    converted: nullable(MoneySchema, "the price in the listing's own currency, where eBay converted it"),
    auction: nullable(AuctionSchema, 'null unless it can be bid on'),
    condition: nullable(text(100), "text in the listing's language"),
    conditionId: nullable(text(20), 'the same in all languages'),
    buyingOptions: Type.Array(text(40)),
    seller: Type.Object(
      {
        feedbackPercentage: nullable(Type.Number({ minimum: 0, maximum: 100 })),
        feedbackScore: nullable(Type.Integer()),
        topRated: nullable(Type.Boolean(), "eBay's top-rated buying experience"),
      },
      { ...closed, description: 'figures only: names are not stored' },
    ),
    location: Type.Object(
      {
        country: nullable(text(2)),
        city: nullable(text(100)),
        postalCode: nullable(text(20), 'masked by eBay, such as 432**'),
      },
      closed,
    ),
    categoryIds: Type.Array(text(20), { description: 'unique, leaf first' }),
    epid: nullable(text(50), "eBay's catalogue product id"),
    group: nullable(
      Type.Object({ id: nullable(text(50)), type: nullable(text(50)) }, closed),
      'the listing with variations that this item is one of',
    ),
    listedAt: instant('when first listed, UTC'),
    observedAt: Type.String({ format: 'date-time', description: 'when eBay answered, UTC' }),
    rank: Type.Integer({ minimum: 1, description: "place in eBay's order on this marketplace, from 1" }),
    mark: Type.Optional(
      Type.Enum(['new', 'price-dropped', 'price-rose', 'same'], {
        description:
          'with track, against the last sight of it under that name: its total in the same currency, ' +
          '`same` also where one of the two is unknown; absent until one search of the name was complete',
      }),
    ),
    formerTotal: Type.Optional(
      Type.Object(MoneySchema.properties, {
        ...closed,
        description: 'with mark price-dropped or price-rose: the total at the last sight under that name',
      }),
    ),
    details: Type.Optional(DetailsSchema),
  },
  { ...closed, title: 'Product' },
);

export type Product = Static<typeof ProductSchema>;
export type Mark = NonNullable<Product['mark']>;
export type ProductDetails = Static<typeof DetailsSchema>;
export type Shipping = Static<typeof ShippingSchema>;
export type Auction = Static<typeof AuctionSchema>;
