import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { ApiKeys } from '../../../src/http/auth/apiKeys.ts';
import { PersonalStore } from '../../../src/http/page/personal.ts';
import { Alerts } from '../../../src/queue/alerts/alerts.ts';
import { nodesOf } from '../../../src/redis/nodes.ts';
import { useBackups } from '../../support/backups.ts';
import { connectTo, useRedis } from '../../support/redis.ts';
import { type GuardedRedis, startGuardedRedis } from '../../support/redisUsers.ts';

const LISTINGS = 1500;

/** A key, two schedules, and a track that needs several commands. */
async function fill(redis: Redis, dpf: (...args: string[]) => Promise<{ exit: number; err: string }>) {
  const keys = new ApiKeys(redis, '{ebay}');
  const { record } = await keys.add({ name: 'x', tenant: 'default', roles: ['read'], expiresAt: null });
  await new PersonalStore(redis, '{ebay}', record).save('v1|110000000001|0', { favourite: true }, Date.now());
  for (const name of ['one', 'two']) {
    const added = await dpf('schedule', 'add', name, '--every', '3600', '--query', 'drone');
    expect(added.exit, added.err).to.equal(0);
  }
  const began = Date.now() - 1000;
  const state = { version: 1, request: 'r', ignored: '', began, since: began, lastWhole: null };
  const fields = Array.from({ length: LISTINGS }, (_, n) => [
    ...[String(n), JSON.stringify([began, `v1|${n}|0`, 1, 'USD', 0, ['0', 'EBAY_US', '12.50', '4.00']])],
  ]);
  const key = '{ebay}:track:default:cases:v2';
  await redis.hset(key, 'the track', JSON.stringify(state), ...fields.flat());
  await redis.pexpire(key, 3_600_000);
  const channel = { kind: 'webhook', host: 'h.example', createdAt: 1, sealed: '{}' };
  await redis.hset('{ebay}:channels:default', 'hook', JSON.stringify(channel));
  const alerts = new Alerts({ redis, prefix: '{ebay}', tenant: 'default', deadlineMs: 5000 });
  await alerts.put({ name: 'drops', track: 'cases', when: [{ on: 'drop' }] });
}

const RESTORED = [
  'keys       1 restored',
  'schedules  2 restored',
  'watchlists 0 restored',
  'channels   1 restored',
  'alerts     1 restored',
  'people     1 restored',
  'tracks     1 restored (1,500 listings)',
];

describe('a backup of a Cluster', function () {
  this.timeout(60_000);
  const server = useRedis('cluster');
  const { dpf, at } = useBackups(() => server.url);

  it('finds what is on any of its nodes, and is put back there', async () => {
    const redis = server.connect();
    await fill(redis, dpf);
    const saved = await dpf('backup', at('saved'));
    expect(saved.exit, saved.err).to.equal(0);
    expect(saved.out).to.include('saved 1 key, 2 schedules, 1 track (1,500 listings), 1 channel, 1 alert');
    await Promise.all(nodesOf(redis).map((node) => node.flushall()));
    const restored = await dpf('restore', at('saved'));
    expect(restored.exit, restored.err).to.equal(0);
    expect(restored.out.split('\n').slice(0, RESTORED.length)).to.deep.equal(RESTORED);
    expect(await redis.hlen('{ebay}:track:default:cases:v2')).to.equal(LISTINGS + 1);
  });
});

describe('a backup with the users of config/redis/users.acl', () => {
  let server: GuardedRedis;
  let admin: Redis;
  let user: 'worker' | 'producer' | 'backup' | 'token-reader' = 'worker';
  before(async () => {
    server = await startGuardedRedis();
    admin = connectTo(server.urlOf('admin'));
  });
  after(async () => {
    admin.disconnect();
    await server.stop();
  });
  const { dpf, at } = useBackups(() => server.urlOf(user));
  const as = (name: typeof user, ...args: string[]) => {
    user = name;
    return dpf(...args);
  };

  it('is made by the user backup, who writes nothing, and put back by worker or producer', async () => {
    await fill(admin, (...args) => as('producer', ...args));
    await admin.set('ebay:access_token', 'x');
    const saved = await as('backup', 'backup', at('saved'));
    expect(saved.exit, saved.err).to.equal(0);
    for (const name of ['producer', 'worker'] as const) {
      await admin.flushall();
      const restored = await as(name, 'restore', at('saved'));
      expect(restored.exit, restored.err).to.equal(0);
      expect(restored.out.split('\n').slice(0, RESTORED.length)).to.deep.equal(RESTORED);
    }
    expect(await admin.acl('LOG')).to.deep.equal([]);
    await admin.flushall();
    const refused = await as('backup', 'restore', at('saved'));
    expect(refused.exit).to.equal(4);
    expect(await admin.dbsize()).to.equal(0);
    // A worker may do it too: it lists the names of all keys to end what is too old.
    for (const name of ['producer', 'token-reader'] as const) {
      const { exit, err } = await as(name, 'backup', at('other'));
      expect(exit).to.equal(4);
      expect(err).to.include('use the user backup of config/redis/users.acl');
    }
  });
});
