import type { Static } from 'typebox';
import { ALERT_CONDITIONS } from './alertSchema.ts';
import { MoneySchema, nullable } from './fieldSchemas.ts';
import { MARKETPLACE_IDS } from './marketplaces.ts';
import { closed } from './requestSchema.ts';
import { Type } from './type.ts';

const instant = (description: string) => Type.String({ format: 'date-time', description });

/** One condition that one listing has met. */
export const HitSchema = Type.Object(
  {
    id: Type.String({
      pattern: '^[0-9a-f]{32}$',
      description: 'identifies it: the same id twice is the same alert twice',
    }),
    on: Type.Enum(ALERT_CONDITIONS, { description: 'the condition that was met' }),
    at: instant('when eBay answered so, UTC'),
    searchId: Type.String({
      description: 'the search that saw it; its products are read by it while they are kept',
    }),
    itemId: Type.String({ description: "eBay's RESTful id, v1|LEGACY|VARIATION" }),
    marketplace: nullable(Type.Enum(MARKETPLACE_IDS), { description: 'null: the listing is gone' }),
    url: nullable(Type.String(), {
      description: "the listing's page, by an affiliate link where one is set",
    }),
    basis: nullable(Type.Enum(['delivered', 'item']), {
      description: 'what from and to are; null: no price',
    }),
    from: nullable(MoneySchema, {
      description: 'the price before; null: there was none, or it is not known',
    }),
    to: nullable(MoneySchema, { description: 'the price now' }),
    fromSeenAt: nullable(instant('when from was seen last'), {}),
    quantity: nullable(Type.Integer({ minimum: 0 }), {
      description: 'how many are left, where eBay says so',
    }),
    priceDisplay: nullable(Type.Enum(['ON_REQUEST', 'IN_CART']), {
      description: 'not null: eBay lets the price appear only later, so a message to people must not show it',
    }),
    columns: Type.Optional(
      Type.Record(Type.String(), Type.String(), { description: "the caller's own columns, of a watchlist" }),
    ),
    title: nullable(Type.String(), {
      description: 'null six hours after eBay answered: it is not kept for longer',
    }),
    image: nullable(Type.String(), { description: 'address of the main picture; null as title' }),
    condition: nullable(Type.String(), { description: 'such as Open box; null as title' }),
  },
  { ...closed, title: 'Hit' },
);
export type Hit = Static<typeof HitSchema>;

/**
 * What a channel receives. `alert`: hits, one or (digest, and channels for people) several. `baseline`: the first look of a
 * new alert found so many listings that meet it already; hits has at most three of them. `withheld`: the daily cap kept back
 * what `withheld` counts. `test`: a person wants to see whether the channel works.
 */
export const AlertMessageSchema = Type.Object(
  {
    v: Type.Literal(1),
    id: Type.String({
      pattern: '^[0-9a-f]{32}$',
      description:
        'of a single hit its id, else made of the ids of its hits: the same id twice is the same message twice',
    }),
    kind: Type.Enum(['alert', 'baseline', 'withheld', 'test']),
    at: instant('when it was made, UTC'),
    tenant: Type.String(),
    alert: Type.String({ description: 'name of the alert; empty for a test' }),
    track: nullable(Type.String(), {}),
    schedule: nullable(Type.String(), {}),
    watchlist: nullable(Type.String(), {}),
    hits: Type.Array(HitSchema, { maxItems: 500 }),
    matching: Type.Integer({
      minimum: 0,
      description: 'of a baseline: listings that meet a condition already',
    }),
    withheld: Type.Record(Type.String(), Type.Integer({ minimum: 1 }), {
      description: 'condition → alerts that the daily cap kept back; empty in other kinds',
    }),
  },
  { ...closed, title: 'Alert message' },
);
export type AlertMessage = Static<typeof AlertMessageSchema>;
