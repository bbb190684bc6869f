import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { run } from '../../../src/cli/program.ts';
import { startCommand } from '../../support/commands.ts';
import { storeLearned } from '../../support/learnedPlan.ts';
import { useRedis } from '../../support/redis.ts';
import { useRedisUrl } from '../../support/redisUrl.ts';
import { plainTerminal } from '../../unit/cli/plainTerminal.ts';

describe('dpf plan', () => {
  const redis = useRedis();
  useRedisUrl(() => redis.url);
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'plan-'));
    // Few, so that each schedule gets less than its atMostEvery allows.
    process.env.DAILY_CALL_LIMIT = '600';
  });
  after(() => {
    delete process.env.DAILY_CALL_LIMIT;
    rmSync(folder, { recursive: true });
  });

  async function dpf(...args: string[]) {
    const terminal = plainTerminal();
    const exit = await run(args, terminal);
    return { exit, out: terminal.out.join('\n'), err: terminal.err.join('\n') };
  }
  const json = async (...args: string[]) => JSON.parse((await dpf('plan', ...args, '--json')).out);
  const add = (name: string, ...timing: string[]) => dpf('schedule', 'add', name, '--query', name, ...timing);

  function file(content: unknown): string {
    const path = join(folder, 'add.json');
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  }

  it('says what to do before there is any schedule', async () => {
    const { exit, out, err } = await dpf('plan');
    expect(exit, err).to.equal(0);
    expect(out).to.match(/calls a day +600: 540 for schedules and watchlists, 60 kept/);
    expect(out).to.include('add one with `dpf schedule add NAME --auto');
    const { entries, warnings } = await json();
    expect(entries).to.deep.equal([]);
    expect(warnings.map(({ code }: { code: string }) => code)).to.deep.equal(['nothing-to-plan']);
  });

  it('shows each schedule with what is expected and measured, and what another limit and an addition would bring', async () => {
    await add('clock', '--every', '1800');
    await add('monthly', '--cron', '0 6 1 * *', '--max-items', '600');
    for (const name of ['busy', 'calm', 'fresh'])
      await add(name, '--auto', '--track', name, '--sort', 'newlyListed');
    await dpf('schedule', 'pause', 'fresh');
    await storeLearned(redis.connect(), { busy: 240, calm: 24 });
    const path = file([
      { name: 'more', auto: {}, request: { query: 'more', track: 'more', sort: 'newlyListed' } },
      { name: 'stock', listings: 1000 },
    ]);
    const { exit, out, err } = await dpf('plan', '--calls', '1200', '--add', path);
    expect(exit, err).to.equal(0);
    expect(out).to.match(
      /^busy +busy +\d+ +[\d.]+ min \([\d.]+–[\d.]+\) +60 min, 12 calls a day \([\d,]+ changes\) +at least every 24 h$/m,
    );
    expect(out).to.match(/^clock +clock +48 +15 min +not yet +every 30 minutes$/m);
    expect(out).to.match(/^monthly +monthly +0\.1 +15 days +not yet +at 06:00 on 1 of each month \(UTC\)$/m);
    expect(out).to.match(/^fresh +fresh +– +– +not yet +paused$/m);
    expect(out).to.match(
      /^With 1,200 calls a day, 1,032 are left for automatic looks; mean delay [\d.]+ min → [\d.]+ (min|s)$/m,
    );
    expect(out).to.match(/^stock +1,000 listings +\d+ +.* \* +not yet +at least every 6 h$/m);

    const { entries, calls, add: added, totals } = await json('--calls', '1200', '--add', path);
    expect(entries.map(({ name }: { name: string }) => name)).to.deep.equal([
      'busy',
      'calm',
      'clock',
      'fresh',
      'monthly',
    ]);
    expect(entries[0].measured).to.include({ delay: 3600 });
    expect(entries[0].measured.callsPerDay).to.be.closeTo(12, 0.2);
    expect(entries[0].changesPerDay).to.be.within(220, 250);
    expect(entries[0].delay.expected).to.be.below(entries[1].delay.expected);
    expect(totals.fixed).to.be.closeTo(48 + 3 / 30.4, 0.01);
    expect(calls.meanDelay.after).to.be.below(calls.meanDelay.before);
    expect(added.added).to.have.length(2);
    // Nothing is known of it: half of the known schedules change more often, half of them less.
    expect(added.added[0]).to.include({ name: 'more', assumed: true });
    expect(added.added[0].changesPerDay).to.be.closeTo(entries[1].changesPerDay, 0.1);
    // A look at 1,000 listings takes 100 calls until some have been measured.
    expect(added.added[1]).to.include({ name: 'stock', callsPerLook: 100 });
    expect((await dpf('schedule', 'list')).out).not.to.include('more');
  });

  it('takes a schedule that is there as it would be changed', async () => {
    await add('busy', '--auto', '--track', 'busy', '--sort', 'newlyListed');
    await storeLearned(redis.connect(), { busy: 240 });
    const request = { query: 'busy', track: 'busy', sort: 'newlyListed' };
    const { add: changed } = await json(
      '--add',
      file({ name: 'busy', auto: { atMostEvery: 7200 }, request }),
    );
    expect(changed.entries).to.deep.equal([]);
    expect(changed.added[0]).to.include({ assumed: false, limitedBy: 'atMostEvery' });
    expect(changed.added[0].looksPerDay).to.be.within(11, 12);
  });

  const wrong: Array<[what: string, args: () => string[], said: RegExp]> = [
    [
      'no calls',
      () => ['--calls', '0'],
      /--calls must be a whole number of calls a day from 1 to 1000000; got "0"/,
    ],
    ['calls that are no number', () => ['--calls', 'many'], /--calls must be .* got "many"/],
    [
      'a file that is not there',
      () => ['--add', 'no/such.json'],
      /--add no\/such\.json cannot be read \(ENOENT\)/,
    ],
    ['a file that is not JSON', () => ['--add', file('{"name":')], /add\.json is not JSON: see line 1:9/],
    [
      'a wrong schedule',
      () => ['--add', file({ name: 'x', every: 5, request: { query: '' } })],
      /add\.json every +must be whole seconds from 60[\s\S]*add\.json request\.query/,
    ],
    [
      'a wrong one in a list',
      () => [
        '--add',
        file([
          { name: 'a', listings: 5 },
          { name: 'b', auto: {}, request: { query: 'b' } },
        ]),
      ],
      /add\.json 1\.request\.track +is required with auto/,
    ],
    [
      'a watchlist that is too long',
      () => ['--add', file({ name: 'x', listings: 20_001 })],
      /add\.json listings +must be an integer from 1 to 20000/,
    ],
    ['nothing to add', () => ['--add', file([])], /must be a schedule, a watchlist, or a list/],
    [
      'a file of schedules with other fields',
      () => ['--add', file({ schedules: [], more: 1 })],
      /must be a schedule, a watchlist, or a list/,
    ],
  ];
  it('refuses wrong input by the field’s name, as a wrong use, and changes nothing', async () => {
    for (const [what, args, said] of wrong) {
      const { exit, err, out } = await dpf('plan', ...args());
      expect(exit, what).to.equal(2);
      expect(err, what).to.match(said);
      expect(out, what).to.equal('');
    }
    expect((await dpf('plan', '--tenant', 'nobody')).err).to.include('nobody');
  });

  it('ends with 4 without Redis, but reports a wrong file before it needs one', async () => {
    const nowhere = { REDIS_URL: 'redis://127.0.0.1:1' };
    const plan = startCommand(['plan'], nowhere);
    expect(await plan.exit(), plan.output).to.equal(4);
    const mistaken = startCommand(['plan', '--add', 'package.json'], nowhere);
    expect(await mistaken.exit(), mistaken.output).to.equal(2);
    expect(mistaken.stderr).to.match(/package\.json request +is required here/);
  });

  it('takes the file of schedules as it is', async () => {
    const { add: added } = await json('--add', 'config/schedules.example.json');
    expect(added.added).to.have.length(2);
    expect(added.callsPerDay).to.be.above(0);
  });
});
