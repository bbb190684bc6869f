import type { Static } from 'typebox';
import { closed } from './requestSchema.ts';
import { Type } from './type.ts';

const number = (description: string) => Type.Number({ minimum: 0, description });
const text = (description: string) => Type.String({ description });
const orNull = <Schema extends ReturnType<typeof Type.Object | typeof Type.Number | typeof Type.Integer>>(
  schema: Schema,
  description: string,
) => Type.Union([schema, Type.Null()], { description });

const name = text('name of the schedule or watchlist');
const kind = Type.Enum(['schedule', 'watchlist'], { description: 'what has the name' });

const Delay = Type.Object(
  {
    expected: number('seconds, the mean over all changes'),
    low: number('seconds; it lies between low and high with 90 % probability, by what is known of the rates'),
    high: number('seconds'),
  },
  closed,
);

const Measured = Type.Object(
  {
    delay: orNull(
      Type.Number({ minimum: 0 }),
      'mean delay, seconds; null before a change whose time is known',
    ),
    changes: Type.Integer({ minimum: 0, description: 'how many changes the delay rests on' }),
    found: orNull(
      Type.Integer({ minimum: 0 }),
      'how many changes were found, those without a known time included; null without a track',
    ),
    callsPerDay: number('calls to eBay a day'),
    since: Type.String({ format: 'date-time', description: 'when the measurement began' }),
  },
  closed,
);

const Guarantee = Type.Object(
  {
    every: number('longest time between two looks, seconds: `atLeastEvery`'),
    callsPerDay: number('calls a day that this needs'),
    fits: Type.Boolean({ description: 'false: the calls of the day are too few to keep it' }),
  },
  closed,
);

const EntrySchema = Type.Object(
  {
    name,
    kind,
    timing: Type.Enum(['cron', 'every', 'auto'], { description: 'what decides on its looks' }),
    what: text('what is looked at, in words'),
    when: text('when it is looked at, in words'),
    state: Type.Enum(['active', 'paused', 'done'], { description: 'only an active one costs calls' }),
    value: number('what one change is worth, relative to others'),
    callsPerDay: number('expected calls to eBay a day'),
    looksPerDay: number('expected looks a day; of a watchlist: whole rounds'),
    callsPerLook: number('calls of a look, as measured; before the first look as estimated'),
    changesPerDay: orNull(Type.Number({ minimum: 0 }), 'expected changes a day; null where nothing is known'),
    assumed: Type.Boolean({
      description: 'true: nothing is known of it yet, and it is taken to change as often as the others do',
    }),
    delay: orNull(
      Delay,
      'from a seller’s change, as eBay’s search shows it, to our event; null where it is not looked at',
    ),
    measured: orNull(Measured, 'the same as it was in the last days; null where nothing is known yet'),
    guarantee: orNull(Guarantee, 'null where the clock alone decides'),
    limitedBy: Type.Union([Type.Enum(['atMostEvery', 'atLeastEvery']), Type.Null()], {
      description: 'the bound that decides on its delay; null: its worth decides',
    }),
  },
  closed,
);

const Shift = Type.Object(
  {
    before: orNull(Type.Number({ minimum: 0 }), 'seconds'),
    after: orNull(Type.Number({ minimum: 0 }), 'seconds'),
  },
  { ...closed, description: 'expected mean delay' },
);

const Shifts = Type.Array(Type.Object({ name, kind, delay: Shift }, closed), {
  description: 'auto schedules and watchlists, those that change most first',
});

const Totals = Type.Object(
  {
    limit: number('calls a day that eBay allows'),
    scheduled: number(
      'of them, what scheduled searches may use: SCHEDULED_SHARE, and at most the budget of the tenant',
    ),
    interactive: number('of them, what is kept for interactive searches'),
    fixed: number('calls a day that schedules with cron or every need'),
    auto: number('calls a day that are left for auto schedules and watchlists'),
    guaranteed: number('calls a day that their guarantees need'),
    planned: number('calls a day that they are expected to make'),
    used: number('calls used today, by all searches'),
    reset: Type.String({ format: 'date-time', description: 'when the day of calls ends' }),
    meanDelay: orNull(
      Type.Number({ minimum: 0 }),
      'expected delay of all auto schedules and watchlists, seconds, weighted by changes and their value',
    ),
  },
  closed,
);

const WarningSchema = Type.Object(
  {
    code: Type.Enum([
      'guarantees-do-not-fit',
      'fixed-do-not-fit',
      'finds-nothing',
      'bound-by-at-most-every',
      'daily-calls-of-plan',
      'nothing-to-plan',
      'index-lag',
    ]),
    names: Type.Array(Type.String(), { description: 'schedules and watchlists that it is about' }),
    message: text('what is so, and what to do'),
  },
  closed,
);

const Candidate = Type.Object(
  {
    name,
    kind,
    callsPerDay: number('calls a day that it takes'),
    valuePerCall: number('value of the changes that a call of it finds'),
    others: { ...Shift, description: 'expected mean delay of the others, with it and without it' },
  },
  closed,
);

/** What is expected of the schedules and watchlists of a tenant, and what is known of them. Durations are in seconds. */
export const PlanReportSchema = Type.Object(
  {
    at: Type.String({ format: 'date-time', description: 'when it was made, by Redis’s clock' }),
    totals: Totals,
    entries: Type.Array(EntrySchema, { description: 'schedules, then watchlists, each by name' }),
    warnings: Type.Array(WarningSchema),
    drop: Type.Array(Candidate, {
      description: 'what to drop first where calls are short: least value per call; at most three',
    }),
    calls: Type.Optional(
      Type.Object(
        {
          limit: number('the other limit a day'),
          auto: number('calls a day that it leaves for auto schedules and watchlists'),
          meanDelay: Shift,
          entries: Shifts,
        },
        { ...closed, description: 'what another daily limit would bring' },
      ),
    ),
    add: Type.Optional(
      Type.Object(
        {
          added: Type.Array(EntrySchema),
          callsPerDay: number('calls a day of all that are added'),
          fits: Type.Boolean({ description: 'whether all guarantees can be kept with them' }),
          meanDelay: { ...Shift, description: 'expected mean delay of those that are there already' },
          entries: Shifts,
        },
        {
          ...closed,
          description: 'what new schedules or watchlists would cost, and what they take from the others',
        },
      ),
    ),
  },
  { ...closed, title: 'PlanReport' },
);

export type PlanReport = Static<typeof PlanReportSchema>;
export type PlanEntry = Static<typeof EntrySchema>;
export type PlanWarning = Static<typeof WarningSchema>;
