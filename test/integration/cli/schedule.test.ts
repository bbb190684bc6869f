import { expect } from 'chai';
import { run } from '../../../src/cli/program.ts';
import { useRedis } from '../../support/redis.ts';
import { useRedisUrl } from '../../support/redisUrl.ts';
import { plainTerminal } from '../../unit/cli/plainTerminal.ts';

describe('dpf schedule', () => {
  const redis = useRedis();
  useRedisUrl(() => redis.url);

  /** Exit code, stdout and stderr of one command. */
  async function dpf(...args: string[]) {
    const terminal = plainTerminal();
    const exit = await run(['schedule', ...args], terminal);
    return { exit, out: terminal.out.join('\n'), err: terminal.err.join('\n') };
  }
  const json = async (...args: string[]) => JSON.parse((await dpf(...args, '--json')).out);

  it('adds, lists, shows, pauses, resumes, runs and removes', async () => {
    const added = await dpf(
      'add',
      'mornings',
      '--cron',
      '30 6 * * 1-5',
      '--tz',
      'Europe/Berlin',
      '--query',
      'drone',
    );
    expect(added.exit, added.err).to.equal(0);
    expect(added.out).to.include('at 06:30 on working days (Europe/Berlin)');
    expect((await dpf('list')).out).to.match(/mornings .*active +code/);
    const [listed] = await json('list');
    expect(listed.request).to.include({ query: 'drone', priority: 'scheduled' });
    expect((await dpf('pause', 'mornings')).out).to.equal('paused mornings');
    expect(await json('show', 'mornings')).to.include({ state: 'paused', next: null });
    expect((await dpf('resume', 'mornings')).out).to.match(/^resumed mornings, next run 2/);
    const { searchId } = await json('run', 'mornings');
    expect((await dpf('run', 'mornings')).out).to.match(/^run_mornings_/);
    expect(searchId).to.match(/^run_mornings_/);
    expect((await dpf('remove', 'mornings')).exit).to.equal(0);
    expect(await json('list')).to.deep.equal([]);
  });

  it('refuses another schedule of a name that is taken, as a wrong use, and replaces it when that is asked for', async () => {
    const add = (...args: string[]) =>
      dpf('add', 'strips', '--every', '3600', '--query', 'led strip', ...args);
    expect((await add()).exit).to.equal(0);
    expect((await add()).exit).to.equal(0);
    const refused = await add('--marketplace', 'EBAY_GB');
    expect(refused.exit).to.equal(2);
    expect(refused.err).to.include('another schedule has the name strips').and.to.include('--replace');
    expect((await json('show', 'strips')).request.marketplaces).to.deep.equal(['EBAY_US']);
    expect((await add('--marketplace', 'EBAY_GB', '--replace')).exit).to.equal(0);
    expect((await json('show', 'strips')).request.marketplaces).to.deep.equal(['EBAY_GB']);
  });

  it('adds one that the planner times, and says what is missing for it', async () => {
    const add = (...args: string[]) => dpf('add', 'news', '--query', 'led strip', ...args);
    const refused = await add('--auto');
    expect(refused.exit).to.equal(2);
    expect(refused.err).to.include('--track').and.to.include('learns from');
    const crossed = await add('--track', 'news', '--at-least-every', '60', '--at-most-every', '90');
    expect(crossed.err).to.match(/^ {2}--at-least-every {2}must not be shorter/m);
    const bounds = ['--at-least-every', '7200', '--value', '2.5', '--daily-calls', '300'];
    expect((await add('--auto', ...bounds, '--track', 'news')).out).to.match(
      /when +when it is worth most, at least every 2 hours\n[\s\S]*at the latest +\d{4}-[\s\S]*at most 300/,
    );
    expect(await json('show', 'news')).to.deep.include({
      auto: { atLeastEvery: 7200, value: 2.5 },
      dailyCalls: 300,
      next: null,
    });
  });

  const wrong: Array<[what: string, args: string[], exit: number, said: RegExp]> = [
    [
      'a wrong schedule',
      ['add', 'x', '--cron', '61 * * * *', '--tz', 'Mars/Phobos', '--query', 'x'],
      2,
      /cron +"61" is no minute[\s\S]*tz +must be an IANA time zone/,
    ],
    ['a misspelt subcommand', ['shwo', 'x'], 2, /did you mean show/],
    ['a schedule that is not there', ['show', 'nobody'], 1, /no schedule "nobody"/],
    ['a file that is not there', ['apply', 'no/such/file.json'], 3, /no\/such\/file\.json cannot be read/],
  ];
  for (const [what, args, code, said] of wrong)
    it(`ends with ${code} for ${what}`, async () => {
      const { exit, err } = await dpf(...args);
      expect(exit, err).to.equal(code);
      expect(err).to.match(said);
    });

  it('applies a file', async () => {
    expect((await dpf('apply', 'config/schedules.example.json')).out).to.match(/^added: .*\nunchanged: 0$/);
    expect((await dpf('apply', 'config/schedules.example.json')).out).to.equal('unchanged: 2');
    expect((await dpf('add', 'new-drones', '--every', '600', '--query', 'x')).err).to.include(
      'SCHEDULES_FILE',
    );
  });
});
