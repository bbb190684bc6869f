import type { Static } from 'typebox';
import { MARKETPLACE_IDS } from './marketplaces.ts';
import { closed, country, postalCode } from './requestSchema.ts';
import { Type } from './type.ts';

/** Listings of one list at most. */
export const MAX_WATCHED = 20_000;
/** Columns of the caller's own at most, and characters of a name and of a value. */
export const MAX_COLUMNS = 20;
export const MAX_COLUMN_NAME = 40;
export const MAX_COLUMN_VALUE = 200;
/** Columns of a list that is printed as CSV: the listing, and what was last seen of it. The caller's own columns follow. */
export const WATCHED_COLUMNS = [
  'item',
  'state',
  'itemId',
  'price',
  'priceCurrency',
  'shippingCost',
  'shippingCurrency',
  'quantity',
  'quantityMoreThan',
  'lastSeen',
  'nextCheck',
] as const;
/** Seconds: four looks a day. */
export const DEFAULT_WATCH_AT_LEAST = 21_600;
const DAY = 86_400;

/** A watchlist as a caller writes it: what holds for all of its listings. The listings themselves are imported. */
export const WatchlistSchema = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9-]{1,60}$', description: 'stands for the list everywhere' }),
    marketplace: Type.Optional(
      Type.Enum(MARKETPLACE_IDS, { description: 'the site that is asked; default: the configured one' }),
    ),
    atLeastEvery: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 30 * DAY,
        default: DEFAULT_WATCH_AT_LEAST,
        description: 'seconds: the longest time between two looks at a listing; at least atMostEvery',
      }),
    ),
    atMostEvery: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 30 * DAY,
        description:
          'seconds: the least time between two looks at a listing; at least SCHEDULE_MIN_INTERVAL, which is the default',
      }),
    ),
    value: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1000,
        default: 1,
        description: 'how much a change is worth relative to those of other lists and of auto schedules',
      }),
    ),
    quantity: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'true: how many are left is watched too, which takes a call for each listing in each look',
      }),
    ),
    shipTo: Type.Optional(
      Type.Object(
        {
          country: country("the buyer's country"),
          postalCode: Type.Optional(postalCode("the buyer's postal code")),
        },
        { ...closed, description: 'where to, for shipping costs and delivery dates' },
      ),
    ),
    dailyCalls: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description:
          'calls a day that looks need at most once each group has been looked at; default: no limit of its own',
      }),
    ),
  },
  { ...closed, title: 'Watchlist', description: 'listings that are looked at again and again for changes' },
);

/** A watchlist as a caller writes it. */
export type Watchlist = Static<typeof WatchlistSchema>;
