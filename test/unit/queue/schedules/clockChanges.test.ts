import { expect } from 'chai';
import fc from 'fast-check';
import { type Cron, nextRun, parseCron } from '../../../../src/queue/schedules/cron.ts';

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;

function runs(cron: string, tz: string, from: number, until: number): string[] {
  const found: string[] = [];
  let at = nextRun({ cron: parseCron(cron), tz }, from);
  while (at !== undefined && at <= until) {
    found.push(new Date(at).toISOString().slice(0, 16));
    at = nextRun({ cron: parseCron(cron), tz }, at);
  }
  return found;
}

/** [zone, cron, day of the change in UTC, the runs from a day before it to a day after it] */
const changes: Array<[what: string, tz: string, cron: string, noon: string, runs: string[]]> = [
  ...spring('America/New_York', '2026-03-08', ['03-07T07:30', '03-08T07:00', '03-09T06:30']),
  ...autumn('America/New_York', '30 1 * * *', '2026-11-01', ['10-31T05:30', '11-01T05:30', '11-02T06:30']),
  ...spring('Europe/Berlin', '2026-03-29', ['03-28T01:30', '03-29T01:00', '03-30T00:30']),
  ...autumn('Europe/Berlin', '30 2 * * *', '2026-10-25', ['10-24T00:30', '10-25T00:30', '10-26T01:30']),
  ...spring('Australia/Sydney', '2026-10-04', ['10-03T16:00', '10-04T15:30', '10-05T15:30']),
  ...autumn('Australia/Sydney', '30 2 * * *', '2026-04-05', ['04-04T15:30', '04-05T16:30', '04-06T16:30']),
];

function spring(tz: string, day: string, expected: string[]): typeof changes {
  return [['skips 02:30: runs at 03:00', tz, '30 2 * * *', `${day}T12:00Z`, expected]];
}

function autumn(tz: string, cron: string, day: string, expected: string[]): typeof changes {
  return [['shows the time twice: runs the first time', tz, cron, `${day}T12:00Z`, expected]];
}

describe('schedules across clock changes', () => {
  for (const [what, tz, cron, noon, expected] of changes)
    it(`${tz} ${what}`, () => {
      const first = Date.parse(`${noon.slice(0, 4)}-${expected[0]}Z`);
      expect(runs(cron, tz, first - 1, first + 2.2 * DAY).map((text) => text.slice(5))).to.deep.equal(
        expected,
      );
    });

  it('makes one run of several times that one jump skips', () => {
    const from = Date.parse('2026-03-08T05:00Z');
    expect(runs('*/15 2 * * *', 'America/New_York', from, from + 12 * 60 * MINUTE)).to.deep.equal([
      '2026-03-08T07:00',
    ]);
  });

  it('runs on the day of the change also where midnight is skipped, and where clocks move half an hour', () => {
    const santiago = Date.parse('2026-09-06T00:00Z');
    expect(runs('15 0 * * *', 'America/Santiago', santiago, santiago + DAY)).to.deep.equal([
      '2026-09-06T04:00',
    ]);
    const lordHowe = Date.parse('2026-10-03T12:00Z');
    expect(runs('15 2 * * *', 'Australia/Lord_Howe', lordHowe, lordHowe + DAY / 2)).to.deep.equal([
      '2026-10-03T15:30',
    ]);
  });

  it('runs when the clocks first show a scheduled time or a later one: the same as watching them minute by minute', () => {
    const zones = [
      'America/New_York',
      'Europe/Berlin',
      'Australia/Sydney',
      'Australia/Lord_Howe',
      'Africa/Cairo',
    ];
    const days = [
      '2026-03-08',
      '2026-11-01',
      '2026-03-29',
      '2026-10-25',
      '2026-04-05',
      '2026-10-04',
      '2026-04-24',
    ];
    const cron = fc.constantFrom(
      '30 2 * * *',
      '*/25 1-3 * * *',
      '0 * * * *',
      '59 1,2 * * 0',
      '15 0 L,5,8,25 * *',
    );
    const property = fc.property(
      fc.constantFrom(...zones),
      fc.constantFrom(...days),
      cron,
      (tz, day, text) => {
        const from = Date.parse(`${day}T00:00Z`) - DAY;
        expect(runs(text, tz, from, from + 2 * DAY)).to.deep.equal(
          watched(parseCron(text), tz, from, from + 2 * DAY),
        );
      },
    );
    fc.assert(property, { numRuns: 25 });
  });
});

/** The rule without any arithmetic on zones: a run is where the clocks come to show a scheduled time for the first time. */
function watched(cron: Cron, tz: string, from: number, until: number): string[] {
  const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: tz, dateStyle: 'short', timeStyle: 'short' });
  const shown = (instant: number) => Date.parse(`${clock.format(instant).replace(' ', 'T')}Z`);
  const found: string[] = [];
  let latest = shown(from - DAY / 2);
  for (let instant = from - DAY / 2; instant <= until; instant += MINUTE) {
    const local = shown(instant);
    let due = false;
    for (let time = latest + MINUTE; time <= local; time += MINUTE) due ||= isScheduled(cron, new Date(time));
    latest = Math.max(latest, local);
    if (due && instant > from) found.push(new Date(instant).toISOString().slice(0, 16));
  }
  return found;
}

function isScheduled({ minutes, hours, days, lastDay, weekdays, by }: Cron, time: Date): boolean {
  const tomorrow = new Date(+time + DAY).getUTCDate();
  const day = by === 'weekday' ? weekdays.includes(time.getUTCDay()) : days.includes(time.getUTCDate());
  return (
    minutes.includes(time.getUTCMinutes()) &&
    hours.includes(time.getUTCHours()) &&
    (day || (lastDay && tomorrow === 1))
  );
}
