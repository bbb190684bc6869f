import { expect } from 'chai';
import { parseSchedule } from '../../../../src/queue/schedules/definition.ts';

const circumstances = {
  tenant: 'default',
  marketplace: 'EBAY_US',
  minInterval: 60,
  now: Date.parse('2026-05-01T00:00:00Z'),
};
const request = { query: 'phone case' };
const read = (schedule: unknown) => parseSchedule(schedule, circumstances);
const tracked = { ...request, track: 'mine' };
const codes = (schedule: unknown) => {
  const parsed = read(schedule);
  return parsed.ok ? [] : parsed.errors.map(({ path, code }) => `${path} ${code}`);
};

describe('reading a schedule', () => {
  it('fills in defaults: UTC, and the class `scheduled` for its searches', () => {
    const parsed = read({ name: 'mine', cron: ' 0  9 * * * ', request, end: '2027-01-01T01:00:00+01:00' });
    expect(parsed.ok && parsed.definition).to.deep.include({
      cron: '0 9 * * *',
      tz: 'UTC',
      end: '2027-01-01T00:00:00.000Z',
    });
    expect(parsed.ok && parsed.definition.request).to.include({ priority: 'scheduled', maxItems: 200 });
  });

  it('leaves a class that the request names', () => {
    const parsed = read({ name: 'mine', every: 60, request: { ...request, priority: 'backfill' } });
    expect(parsed.ok && parsed.definition.request.priority).to.equal('backfill');
  });

  it('fills in the bounds of auto, but not the least time, which is a setting', () => {
    const auto = (written: object) => {
      const parsed = read({ name: 'mine', auto: written, request: tracked });
      return parsed.ok ? parsed.definition.auto : parsed.errors;
    };
    expect(auto({})).to.deep.equal({ atLeastEvery: 86_400, value: 1 });
    expect(auto({ atMostEvery: 100_000, value: 0.5 })).to.deep.equal({
      atLeastEvery: 100_000,
      atMostEvery: 100_000,
      value: 0.5,
    });
  });

  it('is itself a schedule once it was read', () => {
    const written = { name: 'mine', auto: { atMostEvery: 90 }, dailyCalls: 300, limit: 5, request: tracked };
    const parsed = read(written);
    const definition = parsed.ok ? parsed.definition : undefined;
    expect(definition).to.include({ dailyCalls: 300, limit: 5 });
    expect(read(definition)).to.deep.equal(parsed);
  });

  const wrong: Array<[what: string, fields: object, expected: string[]]> = [
    ['a minute that no clock shows', { cron: '61 * * * *' }, ['cron invalid_cron']],
    ['six fields', { cron: '* * * * * *' }, ['cron invalid_cron']],
    ['an impossible date', { cron: '0 0 30 2 *' }, ['cron invalid_cron']],
    ['an empty cron', { cron: '' }, ['cron invalid_cron']],
    ['every 0', { every: 0 }, ['every interval_too_short']],
    ['every −5', { every: -5 }, ['every interval_too_short']],
    ['every 59 s', { every: 59 }, ['every interval_too_short']],
    ['every 60.5 s', { every: 60.5 }, ['every invalid_interval']],
    ['every as text', { every: '60' }, ['every invalid_interval']],
    ['a zone on Mars', { cron: '0 0 * * *', tz: 'Mars/Phobos' }, ['tz unknown_timezone']],
    ['a zone without clocks', { every: 60, tz: 'Europe/Berlin' }, ['tz timezone_without_cron']],
    ['cron and every', { cron: '0 0 * * *', every: 60 }, ['cron cron_or_every']],
    ['neither', {}, ['cron cron_or_every']],
    ['every and auto', { every: 60, auto: {}, request: tracked }, ['cron cron_or_every']],
    ['auto without a track', { auto: {} }, ['request.track auto_without_track']],
    ['auto that is true', { auto: true, request: tracked }, ['auto invalid_auto']],
    ['auto with a field of its own', { auto: { often: 1 }, request: tracked }, ['auto.often unknown_field']],
    [
      'auto every 59 s at most',
      { auto: { atMostEvery: 59 }, request: tracked },
      ['auto.atMostEvery interval_too_short'],
    ],
    [
      'a guarantee of more than a year',
      { auto: { atLeastEvery: 31_536_001 }, request: tracked },
      ['auto.atLeastEvery invalid_interval'],
    ],
    [
      'a guarantee as text',
      { auto: { atLeastEvery: 'daily' }, request: tracked },
      ['auto.atLeastEvery invalid_interval'],
    ],
    [
      'a guarantee that is shorter than the least time',
      { auto: { atLeastEvery: 3600, atMostEvery: 7200 }, request: tracked },
      ['auto.atLeastEvery guarantee_too_short'],
    ],
    ['a value of 0', { auto: { value: 0 }, request: tracked }, ['auto.value value_range']],
    ['a value of 1,001', { auto: { value: 1001 }, request: tracked }, ['auto.value value_range']],
    ['a zone for auto', { auto: {}, tz: 'UTC', request: tracked }, ['tz timezone_without_cron']],
    ['no call a day', { every: 60, dailyCalls: 0 }, ['dailyCalls daily_calls_range']],
    ['half a call a day', { every: 60, dailyCalls: 0.5 }, ['dailyCalls daily_calls_range']],
    ['an end that is past', { every: 60, end: '2026-04-30T00:00:00Z' }, ['end end_in_the_past']],
    [
      'an end before the start',
      { every: 60, start: '2026-06-02T00:00:00Z', end: '2026-06-01T00:00:00Z' },
      ['end end_before_start'],
    ],
    ['an end before the first run', { cron: '0 0 1 1 *', end: '2026-06-01T00:00:00Z' }, ['end never_runs']],
    [
      'a day and an hour that do not exist',
      { every: 60, start: '2026-11-31T00:00:00Z', end: '2027-02-28T24:00:00Z' },
      ['start invalid_date', 'end invalid_date'],
    ],
    ['a time of no zone', { every: 60, start: '2026-06-02T00:00:00' }, ['start invalid_date']],
    ['limit 0', { every: 60, limit: 0 }, ['limit limit_range']],
    ['a name in capitals', { name: 'Mine', every: 60 }, ['name invalid_name']],
    ['a name of 61', { name: 'a'.repeat(61), every: 60 }, ['name invalid_name']],
    ['an unknown field', { every: 60, evry: 1 }, ['evry unknown_field']],
    ['a wrong request', { every: 60, request: { query: '' } }, ['request.query q_required']],
    [
      'somebody else’s tenant',
      { every: 60, request: { ...request, tenant: 'other' } },
      ['request.tenant invalid_tenant'],
    ],
  ];
  for (const [what, fields, expected] of wrong)
    it(`refuses ${what}`, () => {
      expect(codes({ name: 'mine', request, ...fields })).to.deep.equal(expected);
    });

  it('refuses a cron that runs closer together than the least interval', () => {
    const parsed = parseSchedule(
      { name: 'mine', cron: '*/5 * * * *', request },
      { ...circumstances, minInterval: 600 },
    );
    expect(parsed.ok ? [] : parsed.errors.map(({ code }) => code)).to.deep.equal(['interval_too_short']);
  });

  it('names everything that is wrong at once', () => {
    expect(codes({ name: '', every: 1, limit: -1, request: { maxItems: 0 } })).to.have.members([
      'name invalid_name',
      'every interval_too_short',
      'limit limit_range',
      'request.maxItems max_items_range',
      'request.query q_required',
    ]);
    for (const odd of [null, 1, 'x', [], { __proto__: null, request: 5 }])
      expect(read(odd).ok).to.equal(false);
  });
});
