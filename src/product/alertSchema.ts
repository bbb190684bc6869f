import type { Static } from 'typebox';
import { closed, SearchRequestSchema } from './requestSchema.ts';
import { Type } from './type.ts';

/** Seconds: a day. */
export const DEFAULT_REARM = 86_400;
/** Alerts of one name a day. */
export const DEFAULT_DAILY_CAP = 100;

export const ALERT_CONDITIONS = [
  'new',
  'gone',
  'back-in-stock',
  'stock-below',
  'price-below',
  'drop',
  'rise',
  'lowest',
] as const;
export type AlertCondition = (typeof ALERT_CONDITIONS)[number];

const amount = (description: string) => Type.String({ pattern: '^[0-9]{1,9}(\\.[0-9]{1,3})?$', description });
const currency = Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217, such as USD' });
const basis = Type.Optional(
  Type.Enum(['delivered', 'item'], {
    default: 'delivered',
    description:
      'delivered: price and shipping; item: the price alone. A price that is not known meets no condition',
  }),
);
const change = {
  percent: Type.Optional(
    Type.Number({ exclusiveMinimum: 0, maximum: 100_000, description: 'least change in per cent' }),
  ),
  amount: Type.Optional(amount('least change, with currency')),
  currency: Type.Optional(currency),
  basis,
};

/** One condition. An alert is sent when any of its conditions is met. */
export const ConditionSchema = Type.Union([
  Type.Object(
    {
      on: Type.Literal('new'),
      relisted: Type.Optional(
        Type.Boolean({
          default: false,
          description: 'true: also a listing whose title and picture were seen before in another one',
        }),
      ),
    },
    { ...closed, description: 'the track has not seen the listing before' },
  ),
  Type.Object(
    { on: Type.Literal('gone') },
    { ...closed, description: 'the listing has ended, or a search of all of the listings no longer has it' },
  ),
  Type.Object(
    { on: Type.Literal('back-in-stock') },
    { ...closed, description: 'what was sold out, ended or gone can be bought again' },
  ),
  Type.Object(
    { on: Type.Literal('stock-below'), quantity: Type.Integer({ minimum: 1, maximum: 1_000_000 }) },
    {
      ...closed,
      description: 'fewer are left; needs item answers: a search with details, or a watchlist with quantity',
    },
  ),
  Type.Object(
    { on: Type.Literal('price-below'), price: amount('below this'), currency, basis },
    { ...closed, description: 'the price falls below an amount, or a new listing is below it' },
  ),
  Type.Object(
    { on: Type.Literal('drop'), ...change },
    {
      ...closed,
      description:
        'the price falls by percent, or by amount, since it was highest or was alerted last; with neither: by 1 % and by 0.10',
    },
  ),
  Type.Object(
    { on: Type.Literal('rise'), ...change },
    { ...closed, description: 'the price rises by as much since it was lowest or was alerted last' },
  ),
  Type.Object(
    {
      on: Type.Literal('lowest'),
      of: Type.Optional(
        Type.Enum(['listing', 'all'], {
          description:
            'listing: lower than this listing was seen before; all: lower than everything that the track has seen. Default: all; ' +
            'of a watchlist: listing',
        }),
      ),
      basis,
    },
    { ...closed, description: 'the lowest price within the time that the track remembers (TRACK_TTL)' },
  ),
]);
export type Condition = Static<typeof ConditionSchema>;

const name = (description: string) => Type.String({ pattern: '^[a-z0-9-]{1,60}$', description });
const clock = (description: string) =>
  Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', description });

/** What is sent to which channels, as a caller writes it. */
export const AlertSchema = Type.Object(
  {
    name: name('stands for the alert everywhere'),
    track: Type.Optional(
      Type.String({ pattern: '^[a-z0-9-]{1,40}$', description: 'every search of this track' }),
    ),
    schedule: Type.Optional(name('the runs of this schedule; its request needs a track')),
    watchlist: Type.Optional(name('the listings of this watchlist')),
    when: Type.Array(ConditionSchema, { minItems: 1, maxItems: 10, description: 'any of these is enough' }),
    title: SearchRequestSchema.properties.title,
    seller: SearchRequestSchema.properties.seller,
    conditionIds: Type.Optional(
      Type.Array(Type.String({ pattern: '^[0-9]{4}$' }), {
        minItems: 1,
        maxItems: 20,
        uniqueItems: true,
        description: 'only listings of these conditions, such as 1000 (new)',
      }),
    ),
    channels: Type.Optional(
      Type.Array(name('of a channel'), {
        minItems: 1,
        maxItems: 20,
        uniqueItems: true,
        description: 'where it is sent; default: every channel of the tenant',
      }),
    ),
    rearm: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 31_536_000,
        default: DEFAULT_REARM,
        description:
          'seconds: for so long no second alert of the same condition follows for the same listing; a further drop or rise by ' +
          'the whole amount is an alert all the same',
      }),
    ),
    tz: Type.Optional(
      Type.String({
        default: 'UTC',
        description: 'IANA time zone of quiet hours and of the day of dailyCap, such as Europe/Berlin',
      }),
    ),
    quiet: Type.Optional(
      Type.Object(
        { from: clock('such as 22:00'), to: clock('such as 07:00; at this time what was held is sent') },
        { ...closed, description: 'nothing is sent between these times of the day; it is held, not lost' },
      ),
    ),
    digest: Type.Optional(
      Type.Integer({
        minimum: 60,
        maximum: 604_800,
        description: 'seconds: at most one message in so long, with all that happened; default: at once',
      }),
    ),
    dailyCap: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        default: DEFAULT_DAILY_CAP,
        description:
          'alerts a day; what comes on top is counted, and a message at the end of the day says so',
      }),
    ),
  },
  {
    ...closed,
    title: 'Alert',
    description: 'needs exactly one of track, schedule and watchlist',
  },
);

/** An alert as a caller writes it. */
export type Alert = Static<typeof AlertSchema>;
