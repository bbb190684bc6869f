import type { TSchema } from 'typebox';
import { AlertSchema } from '../../product/alertSchema.ts';
import { CHANNEL_KINDS } from '../../product/channelSchema.ts';
import { ScheduleSchema } from '../../product/scheduleSchema.ts';
import { SearchSummarySchema } from '../../product/summary.ts';
import { Type } from '../../product/type.ts';
import { WatchlistSchema } from '../../product/watchlistSchema.ts';
import { WATCH_STATES } from '../../queue/watch/watchlists/watchlists.ts';

const instant = (description: string) => Type.String({ format: 'date-time', description });
const nullable = <Schema extends TSchema>(schema: Schema, description: string) =>
  Type.Union([schema, Type.Null()], { description });

const integer = (description: string) => Type.Integer({ description });
const text = (description: string) => Type.String({ description });

export const SearchId = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 200, description: 'searchId of the answer that accepted it' }),
});

export const SearchAdded = Type.Object({ searchId: text('id of the search') });

const budget = {
  kind: Type.Enum(['key', 'tenant', 'schedule'], { description: 'whose it is' }),
  name: text('the id of the API key, the name of the tenant or of the schedule'),
  limit: integer('calls a day'),
  used: integer('calls made today'),
  reserved: integer('calls that accepted searches have not made yet'),
  left: Type.Integer(),
  reset: instant('when the day ends'),
};

export const SearchEstimate = Type.Object({
  calls: Type.Object(
    { pages: Type.Integer(), details: Type.Integer(), total: Type.Integer(), atMost: Type.Integer() },
    {
      description:
        'calls to eBay: pages and details in total where the listings hold enough and everything fits; atMost: where items ' +
        'are repeated or do not fit',
    },
  ),
  class: text('interactive, scheduled or backfill'),
  remaining: integer('calls that this class has left today'),
  shareOfRemaining: nullable(Type.Number(), 'what part of them it needs; null when nothing is left'),
  reset: instant('when the day’s calls are available again'),
  budget: nullable(
    Type.Object(budget),
    'of the budgets that it would be charged to the one with the least left; null: none',
  ),
  ahead: integer('calls that are queued before it'),
  earliestFinish: instant('at the present pace and queue'),
});

/** Version 0.1 wrote `because`; the release after this one drops it. */
const formerReason = Type.String({ deprecated: true, description: 'the former name of reason' });

const Progress = Type.Object({
  state: Type.Enum(['collecting', 'waiting', 'done'], { description: 'done: the counts are final' }),
  pages: integer('pages collected'),
  of: integer('pages known to be needed: more where items are repeated or do not fit'),
  products: integer('so far'),
  calls: Type.Optional(integer('so far, failed ones included; of a search that is under way')),
  details: Type.Optional(Type.Object({ there: Type.Integer(), of: Type.Integer() })),
  reason: Type.Optional(
    text('why it waits, or a call is repeated: quota, pause, circuit, ebay-server-error, …'),
  ),
  because: Type.Optional(formerReason),
  until: Type.Optional(integer('until when at the latest, ms since the epoch')),
  attempt: Type.Optional(integer('where a call failed and is repeated: the number of its next attempt')),
  attempts: Type.Optional(integer('of how many')),
});

export const SearchState = Type.Object({
  searchId: Type.String(),
  state: Type.Enum(['queued', 'collecting', 'waiting', 'done']),
  progress: nullable(Progress, 'once it has begun'),
  summary: nullable(SearchSummarySchema, 'of one that is done and did not fail'),
  error: nullable(
    Type.Object({ code: Type.String(), message: Type.String() }),
    'of one that failed: a closed code and what happened',
  ),
  estimate: nullable(SearchEstimate, 'what it still needs; null when it is done'),
});

/** Every error, as `application/problem+json`. */
export const ProblemSchema = Type.Object(
  {
    type: text('urn:dropship-product-finder: and the code of the first error'),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    instance: text('the path that was called'),
    errors: Type.Array(
      Type.Object({
        path: text('where in the request, such as filters.price.min; empty for the whole'),
        code: text('what, for programs'),
        message: text('what is allowed, for people'),
      }),
    ),
    searchId: Type.Optional(text('the search that it is about')),
    budget: Type.Optional(
      Type.Object(
        { ...budget, needed: integer('calls that were asked of it') },
        { description: 'of budget_exceeded: the budget that does not allow it' },
      ),
    ),
    traceId: Type.Optional(
      text('of the request, where the server is traced: find its spans and log lines by it'),
    ),
  },
  { title: 'Problem' },
);

const Closed = nullable(
  Type.Object({ reason: Type.String(), because: Type.Optional(formerReason), until: instant('') }),
  'set while no call may be made',
);
const Class = Type.Object({
  upTo: integer('of the day’s calls, what this class may use up to'),
  remaining: Type.Integer(),
  closed: Closed,
});

export const Quota = Type.Object({
  limit: integer('Browse calls a day'),
  used: Type.Integer(),
  remaining: Type.Integer(),
  reset: instant('when the day ends'),
  interval: Type.Number({ description: 'seconds between two calls of the fleet' }),
  closed: Closed,
  circuit: text('closed: eBay answers'),
  classes: Type.Object({ interactive: Class, scheduled: Class, backfill: Class }),
});

const RunSchema = Type.Object({
  searchId: Type.String(),
  at: instant('when it began'),
  outcome: nullable(Type.String(), 'null until it has ended'),
});

const { request: _request, ...asWritten } = ScheduleSchema.properties;

export const ScheduleState = Type.Object({
  ...asWritten,
  when: text('in words'),
  state: Type.Enum(['active', 'paused', 'done']),
  source: Type.Enum(['file', 'code'], { description: 'file: managed by SCHEDULES_FILE' }),
  via: Type.Optional(
    Type.Enum(['page', 'http', 'cli', 'mcp', 'library'], {
      description: 'of code: through what it was added, or changed last',
    }),
  ),
  next: nullable(instant(''), 'the next run; of auto, what the planner expects'),
  latest: Type.Optional(
    nullable(instant(''), 'of auto: when the next run begins at the latest; null where none follows'),
  ),
  runs: Type.Integer(),
  lastRuns: Type.Array(RunSchema, { description: 'latest first, at most ten' }),
  request: Type.Object({}, { additionalProperties: true, description: 'what it searches' }),
});

export const WatchlistState = Type.Object({
  ...WatchlistSchema.properties,
  state: Type.Enum(['active', 'paused']),
  createdAt: instant(''),
  entries: integer('listings'),
  counts: Type.Object(Object.fromEntries(WATCH_STATES.map((state) => [state, Type.Integer()])), {
    description: 'listings in each state',
  }),
  groups: Type.Object(
    {
      searches: integer('searches by sellers and category'),
      bySearch: integer('listings that are seen by them'),
      byItem: integer('listings that take a call each'),
      unknown: integer('listings of which it is not known yet'),
    },
    { description: 'how the listings are looked at' },
  ),
  callsPerLook: Type.Number({ description: 'calls that one look at every listing takes' }),
  callsPerDay: Type.Number({ description: 'the same in a day, with atLeastEvery' }),
  lastLook: nullable(
    instant(''),
    'since when every listing has been looked at: the earliest lastSeen; null while one waits',
  ),
  nextCheck: nullable(instant(''), 'when the next look at one of them is due at the latest'),
});

const Amount = nullable(
  Type.Object({ value: text('decimal number'), currency: text('ISO 4217') }),
  'in the listing’s own currency, as reported last',
);

export const WatchedPageSchema = Type.Object({
  entries: Type.Array(
    Type.Object({
      item: text('id of the listing, or of the item where one variation is watched'),
      columns: Type.Record(Type.String(), Type.String(), { description: 'your own columns' }),
      state: Type.Enum([...WATCH_STATES], { description: 'waiting: for the first look' }),
      itemId: nullable(Type.String(), 'eBay’s id of the item that was seen last'),
      price: Amount,
      shipping: Amount,
      quantity: nullable(Type.Integer(), ''),
      quantityMoreThan: nullable(Type.Integer(), 'the listing says only that there are more'),
      lastSeen: nullable(instant(''), 'when a look saw it last'),
      nextCheck: nullable(instant(''), 'when the next look is due at the latest'),
    }),
  ),
  next: nullable(Type.String(), 'cursor of the next page'),
});

const ImportProblem = Type.Object({
  line: integer('of csv the line, of a list the place; from 1; 0: all of it'),
  column: nullable(Type.String(), ''),
  message: Type.String(),
});

export const ImportDone = Type.Object({
  lines: integer('lines, or entries, that were read'),
  added: Type.Integer(),
  changed: integer('they were there and have other columns now'),
  unchanged: Type.Integer(),
  removed: Type.Integer(),
  absent: integer('to be removed, but not in the list'),
  duplicates: integer('named before in the same import; the last one counts'),
  skipped: Type.Array(ImportProblem, { description: 'wrong and left out, with skipWrong; at most 100' }),
  entries: integer('listings of the list now'),
});

export const AlertState = Type.Object({
  ...AlertSchema.properties,
  state: Type.Enum(['active', 'paused']),
  createdAt: instant(''),
  lastHit: nullable(instant(''), 'when a condition was last met that is in a message'),
  sentToday: integer('alerts in messages of the alert’s present day'),
  withheldToday: integer('alerts that dailyCap kept back'),
  pending: integer('alerts that wait: quiet hours, digest, or no channel'),
  nextDue: nullable(instant(''), 'when the next message may go'),
  note: nullable(Type.String(), 'what keeps it from working, or was dropped'),
});

export const ChannelState = Type.Object({
  name: Type.String(),
  kind: Type.Enum([...CHANNEL_KINDS]),
  host: text('of its address; of e-mail the domains of the addresses'),
  createdAt: instant(''),
  state: Type.Enum(['ok', 'paused'], { description: 'paused: nothing is sent before pausedUntil' }),
  pausedUntil: nullable(instant(''), ''),
  lastError: nullable(Type.String(), 'why the last try failed'),
  lastDelivered: nullable(instant(''), ''),
  waiting: integer('messages that wait'),
  failed: integer('messages that could not be delivered'),
  formerSecretUntil: nullable(instant(''), 'until when the former secret of a webhook signs too'),
});

export const ChannelTested = Type.Object({
  delivered: Type.Boolean(),
  error: nullable(Type.String(), 'why not'),
});

export const FailedMessages = Type.Object({
  messages: Type.Array(
    Type.Object({
      channel: Type.String(),
      id: Type.String(),
      kind: Type.String(),
      alert: Type.String(),
      items: Type.Array(Type.String(), { description: 'item ids of its hits' }),
      at: instant('when it was given up'),
      error: Type.String(),
      attempts: integer('refusals of the receiver'),
    }),
  ),
});
