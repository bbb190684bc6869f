import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { startCommand } from '../support/commands.ts';
import { builtProgram } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';

describe('dpf watchlist in a process of its own', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const dpf = (args: string[], input = '') => {
    const env = { PATH: process.env.PATH, REDIS_URL: redis.url };
    const command = [builtProgram(), 'watchlist', ...args];
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { input, env, encoding: 'utf8' });
    return { status, stdout, stderr };
  };

  it('imports what is piped into it, and prints the whole list into a pipe', () => {
    const rows = Array.from({ length: 3000 }, (_, n) => `${110_000_000_000 + n},HUB-${n}`);
    const piped = dpf(['import', '-', '--name', 'supplies'], ['item,sku', ...rows].join('\n'));
    expect(piped.stdout, piped.stderr).to.equal('3,000 lines: 3,000 added\nsupplies has 3,000 listings\n');
    const { stdout } = dpf(['show', 'supplies', '--csv']);
    expect(stdout.trimEnd().split('\r\n')).to.have.length(3001);
  });

  it('ends with 2 when a line is wrong, and names it', async () => {
    const args = ['watchlist', 'import', '-', '--name', 'x'];
    const wrong = startCommand(args, { REDIS_URL: redis.url }, { input: 'item\nnothing\n' });
    expect([await wrong.exit(), wrong.stdout]).to.deep.equal([2, '']);
    expect(wrong.stderr).to.match(/nothing was imported.*\n {2}line 2, item +"nothing" is/);
  });
});
