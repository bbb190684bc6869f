import { expect } from 'chai';
import {
  type AlertDay,
  dateOf,
  nextDue,
  nextSending,
  releaseNow,
} from '../../../../src/queue/alerts/sendingTimes.ts';

const at = (text: string) => Date.parse(text);
const QUIET = { from: '22:00', to: '07:00' };
const NOON = at('2026-11-29T12:00Z');
/** Of 2026, from the first: the months in which clocks change. */
const DAYS = Array.from({ length: 365 }, (_, day) => day).filter((day) =>
  [2, 3, 9, 10].includes(new Date(Date.UTC(2026, 0, day + 1)).getUTCMonth()),
);
const utc = { tz: 'UTC', dailyCap: 100 };

function nextIn(tz: string, from: string, to: string, instant: string): string {
  const next = nextSending({ tz, quiet: { from, to }, dailyCap: 1 }, null, at(instant));
  return new Date(next).toISOString().replace(':00.000Z', 'Z');
}

describe('the times at which an alert is sent', () => {
  it('are any without quiet hours and digest', () => {
    expect(releaseNow(utc, undefined, NOON)).to.deep.include({
      mayRelease: true,
      left: 100,
      withheld: null,
      nextDue: null,
    });
  });

  it('end where quiet hours begin and begin where these end, over midnight and within a day', () => {
    expect(nextIn('UTC', '22:00', '07:00', '2026-11-29T21:59:59Z')).to.equal('2026-11-29T21:59:59.000Z');
    expect(nextIn('UTC', '22:00', '07:00', '2026-11-29T22:00Z')).to.equal('2026-11-30T07:00Z');
    expect(nextIn('UTC', '22:00', '07:00', '2026-11-30T06:59Z')).to.equal('2026-11-30T07:00Z');
    expect(nextIn('UTC', '22:00', '07:00', '2026-11-30T07:00Z')).to.equal('2026-11-30T07:00Z');
    expect(nextIn('UTC', '12:00', '13:30', '2026-11-30T12:10Z')).to.equal('2026-11-30T13:30Z');
    expect(nextIn('UTC', '12:00', '13:30', '2026-11-30T14:00Z')).to.equal('2026-11-30T14:00Z');
  });

  it('are by the clock of the time zone', () => {
    expect(nextIn('Asia/Kolkata', '22:00', '07:00', '2026-11-29T17:00Z')).to.equal('2026-11-30T01:30Z');
    expect(nextIn('America/Los_Angeles', '22:00', '07:00', '2026-11-30T06:30Z')).to.equal(
      '2026-11-30T15:00Z',
    );
    expect(nextIn('Pacific/Kiritimati', '22:00', '07:00', '2026-11-29T09:00Z')).to.equal('2026-11-29T17:00Z');
  });

  it('move to the end of the gap where the clocks skip the end of quiet hours', () => {
    expect(nextIn('Europe/Berlin', '22:00', '02:30', '2026-03-28T23:00Z')).to.equal('2026-03-29T01:00Z');
    expect(nextIn('America/Los_Angeles', '22:00', '02:30', '2026-03-08T08:00Z')).to.equal(
      '2026-03-08T10:00Z',
    );
    expect(nextIn('Australia/Lord_Howe', '22:00', '02:10', '2026-10-03T15:20Z')).to.equal(
      '2026-10-03T15:30Z',
    );
  });

  it('are not limited by quiet hours that lie within a gap', () => {
    expect(nextIn('Europe/Berlin', '02:10', '02:50', '2026-03-29T00:59Z')).to.equal('2026-03-29T00:59Z');
    expect(nextIn('Europe/Berlin', '02:10', '02:50', '2026-03-29T01:00Z')).to.equal('2026-03-29T01:00Z');
  });

  it('begin once where the clocks show the end of quiet hours twice', () => {
    expect(nextIn('Europe/Berlin', '22:00', '02:30', '2026-10-24T23:00Z')).to.equal('2026-10-25T00:30Z');
    expect(nextIn('Europe/Berlin', '22:00', '02:30', '2026-10-25T01:10Z')).to.equal('2026-10-25T01:10Z');
    expect(nextIn('Australia/Lord_Howe', '22:00', '01:45', '2026-04-04T14:00Z')).to.equal(
      '2026-04-04T14:45Z',
    );
    expect(nextIn('Australia/Lord_Howe', '22:00', '01:45', '2026-04-04T15:10Z')).to.equal(
      '2026-04-04T15:10Z',
    );
  });

  it('come each day, whatever the clocks do, at most a day and an hour after the question', () => {
    for (const tz of ['Europe/Berlin', 'America/Los_Angeles', 'Australia/Lord_Howe', 'Asia/Kolkata']) {
      for (const [from, to] of [
        ['22:00', '07:00'],
        ['02:10', '02:20'],
        ['02:30', '01:30'],
      ] as const) {
        for (const day of DAYS) {
          const now = at('2026-01-01T01:45Z') + day * 86_400_000;
          const next = nextSending({ tz, quiet: { from, to }, dailyCap: 1 }, null, now);
          expect(next).to.be.within(now, now + 25 * 3_600_000);
          // What is due is sent: the same question at that time does not move it once more.
          expect(nextSending({ tz, quiet: { from, to }, dailyCap: 1 }, null, next)).to.equal(next);
        }
      }
    }
  }).timeout(20_000);

  it('are a digest apart, and after that outside quiet hours', () => {
    const digest = { ...utc, digest: 3600 };
    expect(nextSending(digest, null, NOON)).to.equal(NOON);
    expect(nextSending(digest, NOON - 600_000, NOON)).to.equal(NOON + 3_000_000);
    expect(nextSending(digest, NOON - 3_600_000, NOON)).to.equal(NOON);
    const late = at('2026-11-29T21:30Z');
    expect(nextSending({ ...digest, quiet: QUIET }, late, late)).to.equal(at('2026-11-30T07:00Z'));
  });

  it('are at most a digest away where the clock has gone back', () => {
    expect(nextSending({ ...utc, digest: 3600 }, NOON + 1e10, NOON)).to.equal(NOON + 3_600_000);
  });

  it('leave a record alone in quiet hours', () => {
    const day: AlertDay = { date: '2026-11-29', sent: 4, withheld: { drop: 2 }, lastMessage: 1 };
    const night = at('2026-11-30T01:00Z');
    expect(releaseNow({ ...utc, quiet: QUIET }, day, night)).to.deep.include({
      mayRelease: false,
      day,
      withheld: null,
      nextDue: at('2026-11-30T07:00Z'),
    });
  });
});

describe('the daily cap of an alert', () => {
  const day: AlertDay = { date: '2026-11-29', sent: 98, withheld: {}, lastMessage: NOON };

  it('counts by the day of the time zone', () => {
    expect(dateOf('Asia/Kolkata', at('2026-11-29T18:29Z'))).to.equal('2026-11-29');
    expect(dateOf('Asia/Kolkata', at('2026-11-29T18:30Z'))).to.equal('2026-11-30');
    expect(dateOf('America/Los_Angeles', at('2026-11-30T07:59Z'))).to.equal('2026-11-29');
  });

  it('leaves what was not sent, and all of it on the next day', () => {
    expect(releaseNow(utc, day, NOON + 1).left).to.equal(2);
    expect(releaseNow(utc, { ...day, sent: 130 }, NOON + 1).left).to.equal(0);
    const next = releaseNow(utc, day, at('2026-11-30T00:00Z'));
    expect(next).to.deep.include({ left: 100, withheld: null });
    expect(next.day).to.deep.equal({ date: '2026-11-30', sent: 0, withheld: {}, lastMessage: NOON });
  });

  it('has a message about what it withheld when the day is over, outside quiet hours', () => {
    const full = { ...day, sent: 100, withheld: { drop: 7, new: 1 } };
    expect(nextDue(utc, full, NOON)).to.equal(at('2026-11-30T00:00Z'));
    expect(nextDue({ ...utc, quiet: QUIET }, full, NOON)).to.equal(at('2026-11-30T07:00Z'));
    expect(nextDue(utc, day, NOON)).to.equal(null);
    expect(releaseNow(utc, full, NOON + 1)).to.deep.include({ withheld: null, left: 0 });
    const morning = releaseNow({ ...utc, quiet: QUIET }, full, at('2026-11-30T07:00Z'));
    expect(morning).to.deep.include({ mayRelease: true, withheld: { drop: 7, new: 1 }, left: 100 });
    expect(morning.day.withheld).to.deep.equal({});
    expect(releaseNow(utc, morning.day, at('2026-11-30T07:01Z')).withheld).to.equal(null);
  });

  it('stays used where the clock goes back over midnight', () => {
    const used = { ...day, date: '2026-11-30', sent: 100 };
    expect(releaseNow(utc, used, NOON)).to.deep.include({ left: 0, day: used });
  });
});
