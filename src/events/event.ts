import type { Static, TProperties, TSchema } from 'typebox';
import { MoneySchema } from '../product/fieldSchemas.ts';
import { MARKETPLACE_IDS } from '../product/marketplaces.ts';
import { closed } from '../product/requestSchema.ts';
import { OUTCOMES } from '../product/summary.ts';
import { Type } from '../product/type.ts';

const nullable = <Schema extends TSchema>(schema: Schema, description?: string) =>
  Type.Union([schema, Type.Null()], description === undefined ? {} : { description });
const count = (description?: string) =>
  Type.Integer({ minimum: 0, ...(description === undefined ? {} : { description }) });
const money = (description: string) => Type.Object(MoneySchema.properties, { ...closed, description });

/** What every event has. */
const base = {
  v: Type.Literal(1),
  id: Type.String({
    pattern: '^[0-9a-f]{32}$',
    description: 'identifies the event: the same id twice is the same event twice',
  }),
  at: Type.String({ format: 'date-time', description: 'when it happened or was seen, UTC' }),
  tenant: Type.String(),
  searchId: Type.String({
    description: "the search job's id; its products are read by it while they are kept",
  }),
  schedule: nullable(Type.String(), 'the schedule that the search is a run of'),
};

const query = nullable(Type.String(), 'the keywords that were searched');

const TrackSchema = Type.Object(
  {
    name: Type.String(),
    firstRun: Type.Boolean({ description: 'there was nothing to compare with: no product event follows' }),
    note: Type.Optional(
      Type.String({ description: 'why nothing was compared although the name had been used before' }),
    ),
    new: count(),
    priceDropped: count(),
    priceRose: count(),
    gone: count(),
  },
  {
    ...closed,
    description:
      'what the comparison found, products in their cool-down included; null without one: no track, nothing found, ' +
      'or answered by an identical search, which has it in its own event',
  },
);

/** Of a search that has ended with a summary. */
const ended = {
  query,
  counts: Type.Object({ found: count('what eBay claims'), products: count('products delivered') }, closed),
  calls: count('calls to eBay that it made'),
  pages: count('answers that are there'),
  missing: count('parts that could not be fetched; the summary says which and why'),
  warnings: count('what eBay ignored in the request; the summary says what'),
  track: nullable(TrackSchema),
  expiresAt: nullable(Type.String({ format: 'date-time' }), 'until when the products can be read'),
};

const COMPLETED = OUTCOMES.filter((outcome) => !['cancelled', 'skipped', 'failed'].includes(outcome));

const listing = {
  itemId: Type.String({ description: "eBay's RESTful id, v1|LEGACY|VARIATION" }),
  marketplace: Type.Enum(MARKETPLACE_IDS),
  url: Type.String(),
};
const ofTrack = { track: Type.String({ description: 'the name under which it was compared' }) };
const totalNow = nullable(money('price and shipping'), 'null when one of them is not known');
const priceChange = {
  ...ofTrack,
  product: Type.Object({ ...listing, total: money('delivered price now') }, closed),
  formerTotal: money('the delivered price that was reported last, at the exchange rate of now'),
  formerSeenAt: Type.Optional(
    Type.String({ format: 'date-time', description: 'when formerTotal was last seen' }),
  ),
};

function event<T extends string, F extends TProperties>(type: T, description: string, fields: F) {
  const about = { ...closed, title: type, description };
  return Type.Object({ type: Type.Literal(type), ...base, ...fields }, about);
}

/** All events, by type. Listings are identified, not described: eBay's texts and pictures are not kept here. */
export const EVENT_SCHEMAS = {
  'search.completed': event('search.completed', 'A search ended with what there is', {
    outcome: Type.Enum(COMPLETED),
    ...ended,
  }),
  'search.failed': event('search.failed', 'A search ended without anything', {
    query,
    error: Type.Object(
      {
        code: Type.String({ description: 'one of the closed failure codes' }),
        message: Type.String(),
        retryable: Type.Boolean({ description: 'whether the same request may succeed later' }),
      },
      closed,
    ),
  }),
  'search.cancelled': event('search.cancelled', 'A search ended on request, with what was there', ended),
  'search.skipped': event('search.skipped', 'A scheduled run did not start: the one before was busy', {
    query,
  }),
  'product.new': event('product.new', 'The track had not seen this listing before', {
    ...ofTrack,
    product: Type.Object({ ...listing, total: totalNow }, closed),
  }),
  'product.price-dropped': event(
    'product.price-dropped',
    'Delivered, it costs less than before',
    priceChange,
  ),
  'product.price-rose': event('product.price-rose', 'Delivered, it costs more than before', priceChange),
  'product.gone': event(
    'product.gone',
    'Two searches of the whole listing, and only the first had it; of a listing with variations the item id seen last',
    {
      ...ofTrack,
      product: Type.Object({ itemId: listing.itemId }, closed),
    },
  ),
};

export type EventType = keyof typeof EVENT_SCHEMAS;
export type EventOf<T extends EventType> = Static<(typeof EVENT_SCHEMAS)[T]>;
export type ServiceEvent = { [T in EventType]: EventOf<T> }[EventType];

export const EVENT_TYPES = Object.keys(EVENT_SCHEMAS) as EventType[];
