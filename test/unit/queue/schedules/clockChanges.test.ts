import { expect } from 'chai';
import { nextRun } from '../../../../src/queue/schedules/cron.ts';

const HOUR = 3_600_000;

/** Runs after an instant and up to so many hours later, as `MM-DDTHH:MM` in UTC. */
function runs(cron: string, tz: string, after: string, hours: number): string[] {
  const from = Date.parse(after);
  const found: string[] = [];
  for (let at = nextRun({ cron, tz }, from); at !== undefined && at <= from + hours * HOUR; ) {
    found.push(new Date(at).toISOString().slice(5, 16));
    at = nextRun({ cron, tz }, at);
  }
  return found;
}

/** [zone, cron, after this instant, the runs], the last of them at most so many hours later */
type Case = [tz: string, cron: string, after: string, hours: number, runs: string];

const skipped: Case[] = [
  ['America/New_York', '30 2 * * *', '2026-03-07T00:00Z', 72, '03-07T07:30 03-08T07:00 03-09T06:30'],
  ['America/New_York', '15,45 2 * * *', '2026-03-08T00:00Z', 24, '03-08T07:00'],
  ['America/New_York', '30 2,14 * * *', '2026-03-08T00:00Z', 24, '03-08T07:00 03-08T18:30'],
  ['Europe/Berlin', '30 2 * * *', '2026-03-28T00:00Z', 72, '03-28T01:30 03-29T01:00 03-30T00:30'],
  ['America/Santiago', '15 0 * * *', '2026-09-05T00:00Z', 72, '09-05T04:15 09-06T04:00 09-07T03:15'],
  ['America/Santiago', '0 0 * * *', '2026-09-05T00:00Z', 72, '09-05T04:00 09-06T04:00 09-07T03:00'],
  ['Australia/Lord_Howe', '15 2 * * *', '2026-10-02T16:00Z', 72, '10-03T15:30 10-04T15:15 10-05T15:15'],
  ['UTC', '30 2 * * *', '2026-03-08T00:00Z', 48, '03-08T02:30 03-09T02:30'],
];

const repeated: Case[] = [
  ['America/New_York', '30 1 * * *', '2026-10-31T00:00Z', 72, '10-31T05:30 11-01T05:30 11-02T06:30'],
  ['America/New_York', '30 1,14 * * *', '2026-11-01T00:00Z', 24, '11-01T05:30 11-01T19:30'],
  ['Europe/Berlin', '30 2 * * *', '2026-10-24T00:00Z', 72, '10-24T00:30 10-25T00:30 10-26T01:30'],
  ['America/Santiago', '30 23 * * *', '2026-04-04T00:00Z', 72, '04-04T02:30 04-05T02:30 04-06T03:30'],
  ['Australia/Lord_Howe', '45 1 * * *', '2026-04-03T00:00Z', 72, '04-03T14:45 04-04T14:45 04-05T15:15'],
];

const wildcards: Case[] = [
  [
    'America/New_York',
    '0 * * * *',
    '2026-03-08T05:30Z',
    4,
    '03-08T06:00 03-08T07:00 03-08T08:00 03-08T09:00',
  ],
  [
    'America/New_York',
    '0 * * * *',
    '2026-11-01T04:30Z',
    4,
    '11-01T05:00 11-01T06:00 11-01T07:00 11-01T08:00',
  ],
  [
    'Europe/Berlin',
    '*/30 * * * *',
    '2026-03-29T00:10Z',
    2,
    '03-29T00:30 03-29T01:00 03-29T01:30 03-29T02:00',
  ],
  [
    'Europe/Berlin',
    '*/30 * * * *',
    '2026-10-25T00:10Z',
    2,
    '10-25T00:30 10-25T01:00 10-25T01:30 10-25T02:00',
  ],
  ['America/Santiago', '0 * * * *', '2026-09-06T02:30Z', 3, '09-06T03:00 09-06T04:00 09-06T05:00'],
  ['America/Santiago', '0 * * * *', '2026-04-05T01:30Z', 3, '04-05T02:00 04-05T03:00 04-05T04:00'],
  [
    'Australia/Lord_Howe',
    '*/30 * * * *',
    '2026-10-03T14:45Z',
    2,
    '10-03T15:00 10-03T15:30 10-03T16:00 10-03T16:30',
  ],
  [
    'Australia/Lord_Howe',
    '*/30 * * * *',
    '2026-04-04T14:10Z',
    2,
    '04-04T14:30 04-04T15:00 04-04T15:30 04-04T16:00',
  ],
  ['UTC', '0 * * * *', '2026-11-01T04:30Z', 2, '11-01T05:00 11-01T06:00'],
];

describe('schedules across clock changes', () => {
  for (const [title, cases] of [
    ['a fixed time that the clocks skip runs once, at the end of the gap', skipped],
    ['a fixed time that the clocks show twice runs the first time', repeated],
    ['a wildcard keeps its interval', wildcards],
  ] as const)
    for (const [tz, cron, after, hours, expected] of cases)
      it(`${title}: ${cron} in ${tz} after ${after}`, () => {
        expect(runs(cron, tz, after, hours).join(' ')).to.equal(expected);
      });
});
