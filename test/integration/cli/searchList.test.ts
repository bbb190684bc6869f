import { Queue } from 'bullmq';
import { expect } from 'chai';
import { run } from '../../../src/cli/program.ts';
import { useRedis } from '../../support/redis.ts';
import { useRedisUrl } from '../../support/redisUrl.ts';
import { plainTerminal } from '../../unit/cli/plainTerminal.ts';

describe('dpf search --list', () => {
  const redis = useRedis();
  useRedisUrl(() => redis.url);

  async function dpf(...args: string[]) {
    const terminal = plainTerminal();
    const exit = await run(['search', ...args], terminal);
    return { exit, out: terminal.out.join('\n'), err: terminal.err.join('\n') };
  }

  it('shows what there is as a table and as JSON, goes on by a cursor, and names wrong options', async () => {
    expect((await dpf('--list')).out).to.equal('no searches');
    await dpf('usb c hub', '--no-wait');
    const { out: id } = await dpf('yoga mat', '--no-wait');
    const queue = new Queue('ebay-search', { connection: redis.connect(), prefix: '{ebay}' });
    await queue.add('search', { query: 'desk \u001b[2J lamp' });
    await queue.close();
    const all = await dpf('--list');
    expect(all.exit, all.err).to.equal(0);
    expect(all.out).to.match(/^State +Age +Search +Asked by +Calls +Products +Id\n/);
    expect(all.out).to.match(new RegExp(`queued +\\d+ s +yoga mat +dpf +– +– +${id}`));
    expect(all.out).to.include('another program').and.not.include('\u001b[2J');
    const first = await dpf('--list', '--limit', '2', '--json');
    const { searches, next } = JSON.parse(first.out);
    expect(searches.map(({ title }: { title: string }) => title)[1]).to.equal('yoga mat');
    const rest = await dpf('--list', '--cursor', next, '--caller', 'cli', '--since', '2h');
    expect(rest.out).to.include('usb c hub').and.not.include('yoga');
    expect((await dpf('--list', '--state', 'failed')).out).to.equal('no searches');
    expect(await dpf('--list', '--since', 'yesterday')).to.include({ exit: 2 });
    expect((await dpf('--list', '--since', 'yesterday')).err).to.match(/since.*must be an age/);
    expect((await dpf('lamp', '--list')).err).to.include('--text finds searches by their words');
    expect((await dpf('lamp', '--state', 'queued')).err).to.include('--state needs --list');
  });
});
