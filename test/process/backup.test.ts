import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { useBackups } from '../support/backups.ts';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcpProxy.ts';
import { waitFor } from '../support/waitFor.ts';

/** Several rounds of reading and of writing, and more than a pipe holds. */
const LISTINGS = 4000;
const KEY = '{ebay}:track:default:cases:v2';

describe('dpf backup and dpf restore in processes of their own', function () {
  this.timeout(60_000);
  const server = useRedis();
  const { dpf: start } = useProcesses();
  const { at, folder, dpf: here } = useBackups(() => server.url);
  let proxy: TcpProxy;
  let redis: Redis;
  beforeEach(async () => {
    proxy = await startTcpProxy(Number(new URL(server.url).port));
    redis = server.connect();
    await fill(LISTINGS);
  });
  afterEach(() => proxy.close());

  async function fill(listings: number) {
    const began = Date.now() - 1000;
    const state = { version: 1, request: 'r', ignored: '', began, since: began, lastWhole: null };
    await redis.hset(KEY, 'the track', JSON.stringify(state));
    for (let n = 0; n < listings; n += 1000) {
      const fields = Array.from({ length: 1000 }, (_, k) => [
        String(n + k),
        JSON.stringify([began, `v1|${n + k}|0`, 1, 'USD', 0, ['0', 'EBAY_US', '12.50', '4.00']]),
      ]);
      await redis.hset(KEY, fields.flat());
    }
    await redis.pexpire(KEY, 3_600_000);
  }

  const dpf = (...args: string[]) => start(args, { REDIS_URL: server.url });
  /** Its Redis gives no answer from the first command on that holds this text. */
  const dpfStuckAt = (command: string, ...args: string[]) => {
    proxy.keepAnswersAfter = command;
    const env = { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, REDIS_COMMAND_TIMEOUT: '60' };
    return start(args, env);
  };
  const calls = async (command: string) =>
    Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await redis.info('commandstats'))?.[1] ?? 0);

  it('prints a backup that another program can read and that restores, and what it did on stderr', async () => {
    const backup = dpf('backup');
    expect(await backup.exit(), backup.stderr).to.equal(0);
    expect(backup.stderr).to.match(/^saved 0 keys, 0 schedules, 1 track \(4,000 listings\)/);
    expect(backup.stdout.trimEnd().split('\n')).to.have.length(LISTINGS + 3);
    writeFileSync(at('saved'), backup.stdout);
    await redis.flushall();
    const restore = dpf('restore', at('saved'));
    expect(await restore.exit(), restore.stderr).to.equal(0);
    expect(restore.stdout).to.include('tracks     1 restored (4,000 listings)');
    expect(await redis.hlen(KEY)).to.equal(LISTINGS + 1);
  });

  it('an interrupted backup leaves the file that was there, and nothing else', async () => {
    writeFileSync(at('kept'), 'an earlier one');
    const before = readdirSync(folder).sort();
    const scans = await calls('hscan');
    const backup = dpfStuckAt('hscan', 'backup', at('kept'));
    await waitFor('the listings to be asked for', async () => (await calls('hscan')) > scans);
    backup.signal('SIGINT');
    expect(await backup.exit(), backup.output).to.equal(130);
    expect(backup.stderr).to.include('no backup was written');
    expect(readdirSync(folder).sort()).to.deep.equal(before);
    expect(readFileSync(at('kept'), 'utf8')).to.equal('an earlier one');
    const again = await here('backup', at('kept'));
    expect(again.exit, again.err).to.equal(0);
    expect(statSync(at('kept')).mode & 0o777).to.equal(0o600);
  });

  for (const [what, signal, exit] of [
    ['interrupted', 'SIGINT', 130],
    ['killed', 'SIGKILL', null],
  ] as const)
    it(`a restore that is ${what} shows no half track, and the next one completes it`, async () => {
      expect((await here('backup', at('saved'))).exit).to.equal(0);
      await redis.flushall();
      const restore = dpfStuckAt('restoring', 'restore', at('saved'));
      // A process starts slowly on a busy machine.
      const [copy] = await waitFor(
        'the first listings',
        async () => {
          const copies = await redis.keys('{ebay}:restoring:*');
          return copies.length > 0 ? copies : undefined;
        },
        45_000,
      );
      restore.signal(signal);
      expect(await restore.exit(), restore.output).to.equal(exit);
      expect(await redis.exists(KEY)).to.equal(0);
      // Where the process could not delete its copy, Redis does.
      if ((await redis.exists(copy as string)) === 1)
        expect(await redis.pttl(copy as string)).to.be.within(1, 3_600_000);
      const again = await here('restore', at('saved'));
      expect(again.exit, again.err).to.equal(0);
      expect(await redis.hlen(KEY)).to.equal(LISTINGS + 1);
    });

  it('ends without a message where the reader of its output has gone', async () => {
    const backup = dpf('backup');
    backup.hangUp();
    expect(await backup.exit()).to.equal(0);
  });
});
