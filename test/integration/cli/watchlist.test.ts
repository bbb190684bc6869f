import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { run } from '../../../src/cli/program.ts';
import { useRedis } from '../../support/redis.ts';
import { useRedisUrl } from '../../support/redisUrl.ts';
import { plainTerminal } from '../../unit/cli/plainTerminal.ts';

describe('dpf watchlist', () => {
  const redis = useRedis();
  useRedisUrl(() => redis.url);
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'dpf-watchlist-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function dpf(...args: string[]) {
    const terminal = plainTerminal();
    const exit = await run(['watchlist', ...args], terminal);
    return { exit, out: terminal.out.join('\n'), err: terminal.err.join('\n') };
  }
  const json = async (...args: string[]) => JSON.parse((await dpf(...args, '--json')).out);
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const listings = 'item,sku\n110000000001,HUB-1\n110000000002,HUB-2\n110000000003,HUB-3\n';

  it('imports, lists, shows, changes, pauses, resumes and removes', async () => {
    const path = file('listings.csv', listings);
    const added = await dpf(
      'import',
      path,
      '--name',
      'supplies',
      '--at-least-every',
      '7200',
      '--ship-to',
      'US:19406',
    );
    expect(added, added.err).to.deep.equal({
      exit: 0,
      out: '3 lines: 3 added\nsupplies has 3 listings',
      err: '',
    });
    expect((await dpf('import', path, '--name', 'supplies')).out).to.include('3 lines: 3 unchanged');
    expect((await dpf('list')).out).to.match(/^supplies +EBAY_US +3 +3 +0 +0 +0 +\d+ +active$/m);
    const shown = (await dpf('show', 'supplies')).out;
    expect(shown)
      .to.match(/^ships to +US 19406$/m)
      .and.to.match(/^110000000001 +not looked at yet .*HUB-1$/m);
    expect(await json('show', 'supplies')).to.have.nested.property('listings[2].columns.sku', 'HUB-3');
    expect((await dpf('show', 'supplies', '--csv')).out).to.match(
      /^item,state,.*,sku\r\n110000000001,waiting,.*HUB-1\r\n/,
    );
    expect((await dpf('show', 'supplies', '--state', 'ended', '--csv')).out).to.not.include('110000000001');
    expect((await dpf('show', 'supplies', '--limit-rows', '1')).out).to.match(/… and more/);
    // What is printed is imported again, without what was seen.
    const printed = file('printed.csv', (await dpf('show', 'supplies', '--csv')).out);
    expect((await dpf('import', printed, '--name', 'supplies', '--replace')).out).to.include(
      '3 lines: 3 unchanged',
    );
    expect(await json('change', 'supplies', '--value', '3')).to.include({
      value: 3,
      atLeastEvery: 7200,
      entries: 3,
    });
    expect((await dpf('pause', 'supplies')).out).to.equal('paused supplies');
    expect((await dpf('resume', 'supplies')).out).to.equal('resumed supplies');
    const one = file('one.csv', '110000000001\n');
    expect((await dpf('import', one, '--name', 'supplies', '--remove')).out).to.include('1 removed');
    expect((await dpf('import', one, '--name', 'supplies', '--replace', '--dry-run')).out).to.include(
      '1 added, 2 removed\nsupplies would have 1 listing',
    );
    expect((await dpf('remove', 'supplies')).out).to.equal('removed supplies');
    expect(await dpf('list')).to.deep.equal({ exit: 0, out: 'no watchlists', err: '' });
  });

  it('names each wrong line, stores nothing, and leaves the lines out on request', async () => {
    const path = file('wrong.csv', `${listings}not a listing,HUB-4\n,HUB-5\n`);
    const refused = await dpf('import', path, '--name', 'supplies');
    expect(refused.exit).to.equal(2);
    expect(refused.err).to.match(
      /^dpf: nothing was imported, because .*wrong\.csv is wrong; --skip-wrong imports the rest:$/m,
    );
    expect(refused.err)
      .to.match(/^ {2}line 5, item {2}.*not a listing/m)
      .and.to.match(/^ {2}line 6, item {2}names no listing$/m);
    expect((await dpf('show', 'supplies')).exit).to.equal(1);
    const taken = await dpf('import', path, '--name', 'supplies', '--skip-wrong');
    expect(taken.exit).to.equal(5);
    expect(taken.out).to.include('5 lines: 3 added, 2 left out');
    expect(taken.err).to.match(/^left out line 5, item: /m);
    // A file that cannot be read replaces no list by nothing.
    const open = file('open.csv', `${listings}"110000000004,HUB-4\n`);
    const unread = await dpf('import', open, '--name', 'supplies', '--skip-wrong', '--replace');
    expect(unread.exit).to.equal(2);
    expect(unread.err).to.match(
      /^dpf: nothing was imported, because .*open\.csv is wrong:\n {2}file {2}is no CSV/,
    );
    const headless = await dpf(
      'import',
      file('headless.csv', 'a,b\n1,2\n'),
      '--name',
      'supplies',
      '--skip-wrong',
      '--replace',
    );
    expect(headless.err).to.include('no column names the listings');
    expect(await json('show', 'supplies')).to.include({ entries: 3 });
  });

  it('says what is wrong with an option, a name, a file and a list that is not there', async () => {
    const path = file('listings.csv', listings);
    const option = await dpf('import', path, '--name', 'supplies', '--at-least-every', '10');
    expect([option.exit, option.err]).to.satisfy(
      ([exit, err]: [number, string]) => exit === 2 && /--at-least-every +must be at least 60/.test(err),
    );
    expect((await dpf('import', path, '--name', 'My list')).err).to.match(
      /--name {2}must be 1 to 60 of the characters a-z, 0-9 and hyphen/,
    );
    const missing = await dpf('import', join(folder, 'none.csv'), '--name', 'supplies');
    expect([missing.exit, missing.err]).to.deep.equal([
      2,
      `dpf: ${join(folder, 'none.csv')}: there is no such file`,
    ]);
    const nobody = await dpf('show', 'nobody');
    expect([nobody.exit, nobody.err]).to.deep.equal([1, 'dpf: there is no watchlist nobody']);
    expect((await dpf('change', 'supplies')).err).to.include('name an option to change');
    expect(await json('list')).to.deep.equal([]);
  });
});
