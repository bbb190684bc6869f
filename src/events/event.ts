import type { Static, TProperties, TSchema } from 'typebox';
import { MoneySchema } from '../product/fieldSchemas.ts';
import { MARKETPLACE_IDS } from '../product/marketplaces.ts';
import { PRICE_DISPLAYS, type Product } from '../product/product.ts';
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
  priceDisplay: Type.Optional(
    Type.Enum(PRICE_DISPLAYS, {
      description:
        'eBay lets the price appear only later, so a program must not show it to people; absent: it may be shown',
    }),
  ),
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

/** Of an entry of a watchlist. */
const ofWatchlist = {
  watchlist: Type.String({ description: 'the name of the list' }),
  item: Type.String({
    description:
      'the listing as the list has it: its id, or v1|LISTING|VARIATION where one variation is watched',
  }),
  columns: Type.Record(Type.String(), Type.String(), {
    description: "the caller's own columns of the listing, as they were imported",
  }),
};
const watchedPrice = {
  ...ofWatchlist,
  product: priceChange.product,
  formerTotal: priceChange.formerTotal,
  formerSeenAt: priceChange.formerSeenAt,
};
const left = (description: string) =>
  Type.Object(
    {
      quantity: nullable(Type.Integer({ minimum: 0 }), 'null: eBay names no number'),
      moreThan: nullable(Type.Integer({ minimum: 0 }), 'eBay says only that there are more than so many'),
    },
    { ...closed, description },
  );
const arrival = (description: string) =>
  Type.Object(
    {
      days: Type.Number({ minimum: 0, description: 'from the look to the last day of arrival' }),
      latest: Type.String({ format: 'date-time', description: 'the last day of arrival, UTC' }),
    },
    { ...closed, description },
  );

/** What events have of a listing. */
export function listingOfEvent({ itemId, marketplace, url, priceDisplay }: Product) {
  return { itemId, marketplace, url, ...(priceDisplay && { priceDisplay }) };
}

const itemOnly = { product: Type.Object({ itemId: listing.itemId }, closed) };

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
  'watchlist.price-dropped': event(
    'watchlist.price-dropped',
    'Delivered, a listing of the list costs less than before',
    watchedPrice,
  ),
  'watchlist.price-rose': event(
    'watchlist.price-rose',
    'Delivered, a listing of the list costs more than before',
    watchedPrice,
  ),
  'watchlist.out-of-stock': event(
    'watchlist.out-of-stock',
    'A listing of the list can no longer be bought, and has not ended',
    { ...ofWatchlist, ...itemOnly },
  ),
  'watchlist.quantity-changed': event(
    'watchlist.quantity-changed',
    'Another number is left than before; of lists with `quantity`',
    { ...ofWatchlist, ...itemOnly, from: left('what the look before showed'), to: left('what is left now') },
  ),
  'watchlist.delivery-later': event(
    'watchlist.delivery-later',
    'From order to arrival it takes longer than before by a day or more',
    { ...ofWatchlist, ...itemOnly, from: arrival('as reported last, or seen first'), to: arrival('now') },
  ),
  'watchlist.ended': event(
    'watchlist.ended',
    'A listing of the list has ended, or eBay no longer has it; a call for it said so',
    { ...ofWatchlist, ...itemOnly },
  ),
  'watchlist.returned': event(
    'watchlist.returned',
    'A listing of the list that was sold out, or had ended, can be bought again',
    {
      ...ofWatchlist,
      product: Type.Object({ ...listing, total: totalNow }, closed),
      from: Type.Enum(['out-of-stock', 'ended'], { description: 'what it was before' }),
    },
  ),
};

export type EventType = keyof typeof EVENT_SCHEMAS;
export type EventOf<T extends EventType> = Static<(typeof EVENT_SCHEMAS)[T]>;
export type ServiceEvent = { [T in EventType]: EventOf<T> }[EventType];

export const EVENT_TYPES = Object.keys(EVENT_SCHEMAS) as EventType[];
