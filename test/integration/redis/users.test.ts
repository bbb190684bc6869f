import { expect } from 'chai';
import { Redis } from 'ioredis';
import { examine } from '../../../src/app/doctor.ts';
import { startServeApp } from '../../../src/app/serve.ts';
import { quietLog } from '../../../src/cli/commandSetup.ts';
import { ApiKeys } from '../../../src/http/auth/apiKeys.ts';
import { testConfig } from '../../support/config.ts';
import { type GuardedRedis, type RedisUser, startGuardedRedis } from '../../support/redisUsers.ts';
import { type Pair, serviceEnv, startPair } from '../../support/service.ts';
import { useSimulator } from '../../support/simulator.ts';
import { Visitor } from '../../support/visitor.ts';

const TOKEN = 'ebay:access_token';

/** What none of our users may do, each as a command. */
const FORBIDDEN: string[][] = [
  ['FLUSHALL'],
  ['FLUSHDB'],
  ['KEYS', '*'],
  ['SCAN', '0'],
  ['RANDOMKEY'],
  ['DBSIZE'],
  ['SWAPDB', '0', '1'],
  ['CONFIG', 'GET', '*'],
  ['CONFIG', 'SET', 'dir', '/tmp'],
  ['CONFIG', 'REWRITE'],
  ['ACL', 'LIST'],
  ['ACL', 'SETUSER', 'worker', '+@all'],
  ['CLIENT', 'KILL', 'ID', '1'],
  ['CLIENT', 'LIST'],
  ['CLIENT', 'PAUSE', '1000'],
  ['MONITOR'],
  ['DEBUG', 'SLEEP', '0'],
  ['SHUTDOWN', 'NOSAVE'],
  ['REPLICAOF', '127.0.0.1', '1'],
  ['MIGRATE', '127.0.0.1', '1', '{ebay}:x', '0', '10'],
  ['RESTORE', '{ebay}:x', '0', 'x'],
  ['DUMP', '{ebay}:meta'],
  ['MODULE', 'LIST'],
  ['SCRIPT', 'FLUSH'],
  ['FUNCTION', 'LIST'],
  ['SAVE'],
  ['BGREWRITEAOF'],
  ['SLOWLOG', 'GET'],
  ['PUBLISH', 'x', 'y'],
  ['SUBSCRIBE', 'x'],
  ['SORT', '{ebay}:x', 'BY', 'other:*', 'GET', 'other:*'],
  ['COPY', '{ebay}:x', 'other'],
  ['GET', 'other'],
  ['EVAL', "return redis.call('GET', 'other')", '0'],
];

/** Redis 7.0 says it in its own words where a script reaches for a key. */
const REFUSED = /NOPERM|No permissions|can't access at least one of the keys|DEBUG command not allowed/i;

describe('the users of config/redis/users.acl', () => {
  const simulator = useSimulator();
  let redis: GuardedRedis;
  let admin: Redis;
  before(async () => {
    redis = await startGuardedRedis();
    admin = new Redis(redis.urlOf('admin'));
  });
  after(async () => {
    admin.disconnect();
    await redis.stop();
  });

  const withUser = async <T>(user: RedisUser, use: (connection: Redis) => Promise<T>): Promise<T> => {
    const connection = new Redis(redis.urlOf(user), { maxRetriesPerRequest: 0 });
    try {
      return await use(connection);
    } finally {
      connection.disconnect();
    }
  };

  describe('in a whole service', () => {
    let service: Pair;
    before(async () => {
      const envOf = (user: RedisUser) =>
        serviceEnv(redis.urlOf(user), simulator().url, { SWEEP_INTERVAL: '0.1' });
      service = await startPair(envOf('worker'), envOf('producer'));
    });
    after(() => service.stop());

    it('are refused nothing that it does', async () => {
      const { producer } = service;
      await admin.acl('LOG', 'RESET');
      const request = { query: 'phone case', maxItems: 3, details: 'full', track: 'cases' } as const;
      const { searchId } = await producer.enqueue(request);
      const { summary } = await producer.waitFor(searchId, { timeoutMs: 15_000 });
      expect(summary?.outcome).to.equal('complete');
      expect(await producer.products(searchId)).to.have.length(3);
      expect(await producer.retry(searchId)).to.equal(true);
      await producer.waitFor(searchId, { timeoutMs: 15_000 });
      expect(await producer.cancel(searchId)).to.equal(false);
      expect((await producer.estimate(request)).calls).to.include({ total: 4 });
      const timing = { every: 3600, request: { query: 'drone' } };
      await producer.schedule.add({ name: 'hourly', ...timing });
      await producer.schedule.runNow('hourly');
      expect(await producer.schedule.list()).to.have.length(1);
      await producer.schedule.remove('hourly');
      expect(await admin.acl('LOG')).to.deep.equal([]);
    });

    it('are refused nothing that the doctor asks', async () => {
      await admin.acl('LOG', 'RESET');
      const config = testConfig(serviceEnv(redis.urlOf('worker'), simulator().url));
      const found: string[] = [];
      for await (const { check, state } of examine(config, { log: quietLog() }))
        found.push(`${check} ${state}`);
      expect(found).to.include('queues ok').and.include('worker ok');
      expect(await admin.acl('LOG')).to.deep.equal([]);
    });

    it('are refused nothing that serve does: API, page, dashboard, sessions and streams', async () => {
      const url = redis.urlOf('producer');
      const keys = new ApiKeys(admin, '{ebay}');
      const roles = ['enqueue', 'read', 'schedule', 'operate'] as const;
      const { key } = await keys.add({ name: 'all', tenant: 'default', roles, expiresAt: null });
      const { searchId } = await service.producer.enqueue({ query: 'lamp', maxItems: 3, track: 'lamps' });
      await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
      await service.producer.schedule.add({ name: 'daily', every: 86_400, request: { query: 'mug' } });
      await admin.acl('LOG', 'RESET');
      const app = await startServeApp(testConfig({ REDIS_URL: url, HTTP_PORT: '0' }), quietLog());
      try {
        const visitor = new Visitor({ app });
        await visitor.signIn(key);
        const queue = '/admin/queues/api/queues/ebay-search';
        for (const path of [
          ...[
            '/',
            '/searches',
            '/searches?outcome=failed',
            '/watching',
            '/news',
            '/alerts',
            '/plan',
            '/saved',
          ],
          `/searches/${searchId}`,
          `/searches/${searchId}/products.csv`,
          '/admin/queues/api/queues?activeQueue=ebay-search&status=completed',
          `${queue}/${searchId}`,
          `${queue}/${searchId}/logs`,
          `${queue}/${searchId}/flow`,
          `${queue}/metrics`,
        ])
          expect((await visitor.ask(path)).status, path).to.equal(200);
        const headers = { authorization: `Bearer ${key}`, accept: 'application/json' };
        for (const path of [
          '/metrics',
          '/readyz',
          '/v1/quota',
          '/v1/schedules/daily',
          '/v1/searches',
          `/v1/searches/${searchId}`,
          `/v1/searches/${searchId}/events`,
          `/v1/searches/${searchId}/products`,
        ])
          expect((await visitor.ask(path, { headers })).status, path).to.equal(200);
        expect((await visitor.signOut({ everywhere: '1' })).status).to.equal(303);
        expect(await visitor.isIn()).to.deep.equal({ page: false, dashboard: false });
      } finally {
        await app.stop();
      }
      // The dashboard leaves out the workers, which it would find in the list of all clients.
      const refused = ((await admin.acl('LOG')) as string[][]).map(
        (entry) => entry[entry.indexOf('object') + 1],
      );
      expect(refused.filter((each) => each !== 'client|list')).to.deep.equal([]);
    });

    it('let a token reader read the fleet’s token, and change nothing', async () => {
      await withUser('token-reader', async (reader) => {
        const { access_token } = JSON.parse((await reader.get(TOKEN)) as string);
        expect(access_token).to.be.a('string');
        for (const command of [
          ['SET', TOKEN, 'x'],
          ['DEL', TOKEN],
          ['GET', '{ebay}:ebay-search:meta'],
        ])
          expect(await refusal(reader, command), command.join(' ')).to.match(/^NOPERM/);
      });
    });

    it('keep the token from producers', async () => {
      await withUser('producer', async (connection) => {
        expect(await refusal(connection, ['GET', TOKEN])).to.match(/^NOPERM/);
        const script = `return redis.call('GET', '${TOKEN}')`;
        expect(await refusal(connection, ['EVAL', script, '0'])).to.match(REFUSED);
      });
    });
  });

  it('let a backup look at names and at what is saved, not at the token or a job, and change nothing', async () => {
    await withUser('backup', async (connection) => {
      expect(await refusal(connection, ['SCAN', '0'])).to.equal('it was done');
      expect(await refusal(connection, ['HGETALL', '{ebay}:api-keys'])).to.equal('it was done');
      for (const command of [
        ['GET', TOKEN],
        ['HGETALL', '{ebay}:ebay-search:1'],
        ['HGETALL', '{ebay}:session:page:x'],
        ['HSET', '{ebay}:api-keys', 'x', 'y'],
        ['DEL', '{ebay}:track:default:x:v2'],
        ['EVAL', 'return 1', '0'],
      ])
        expect(await refusal(connection, command), command.join(' ')).to.match(/^NOPERM/);
    });
  });

  /** They look for what has outlived its limit, and for what is to be saved. */
  const seesNames: RedisUser[] = ['worker', 'backup'];
  const forbidden = (user: RedisUser) =>
    FORBIDDEN.filter(([name]) => name !== 'SCAN' || !seesNames.includes(user));
  for (const user of ['worker', 'producer', 'backup', 'token-reader'] as const)
    it(`refuse ${forbidden(user).length} of ${forbidden(user).length} things that a ${user} has no business with`, async () => {
      const done: string[] = [];
      for (const command of forbidden(user))
        await withUser(user, async (connection) => {
          const message = await refusal(connection, command);
          if (!REFUSED.test(message)) done.push(`${command.join(' ')}: ${message}`);
        });
      expect(done).to.deep.equal([]);
    });

  it('let nobody in without a password', async () => {
    const { port } = new URL(redis.urlOf('worker'));
    const stranger = new Redis(Number(port), {
      maxRetriesPerRequest: 0,
      enableReadyCheck: false,
      disableClientInfo: true,
    });
    stranger.on('error', () => undefined);
    expect(await refusal(stranger, ['PING'])).to.match(/NOAUTH/);
    stranger.disconnect();
  });
});

function refusal(connection: Redis, [name = '', ...args]: string[]): Promise<string> {
  return connection.call(name, ...args).then(
    () => 'it was done',
    (error: Error) => error.message,
  );
}
