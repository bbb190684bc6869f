import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { openEbay } from '../../../src/app/client.ts';
import { run } from '../../../src/cli/program.ts';
import { pacificDay } from '../../../src/ebay/pacificDay.ts';
import type { CategoryNames } from '../../../src/ebay/taxonomy.ts';
import { Failure } from '../../../src/failures.ts';
import { kindOf } from '../../../src/fleet/retention.ts';
import { waitForRedis } from '../../../src/redis/connection.ts';
import { LogRoot } from '../../../src/telemetry/logRoot.ts';
import { testConfig } from '../../support/config.ts';
import { useHttpService } from '../../support/httpService.ts';
import { QUICK, serviceEnv } from '../../support/service.ts';
import { useSimulator } from '../../support/simulator.ts';
import { plainTerminal } from '../../unit/cli/plainTerminal.ts';

const HUBS = {
  id: '44995',
  name: 'USB Hubs',
  path: ['Computers/Tablets & Networking', 'USB Hubs'],
};

describe('names of categories', () => {
  const http = useHttpService();
  const simulator = useSimulator();
  const opened: Array<{ close(): void }> = [];
  afterEach(() => {
    for (const each of opened.splice(0)) each.close();
  });

  const redisUrl = () => `redis://127.0.0.1:${http.redis.options.port}`;
  const env = (own: Record<string, string> = {}) =>
    serviceEnv(redisUrl(), simulator().url, { ...QUICK, ...own });

  /** As another process has them: on a connection of its own. */
  async function open({ tenant = 'default', ...own }: Record<string, string> = {}) {
    const log = new LogRoot({ level: 'error', levels: '', format: 'json' }, new PassThrough().resume());
    const ebay = openEbay(testConfig(env(own)), log, { tenant });
    opened.push(ebay);
    await waitForRedis(ebay.redis, redisUrl(), 2000);
    return ebay;
  }

  async function names(own?: Record<string, string>): Promise<CategoryNames> {
    return (await open(own)).categories;
  }

  async function refusal(lookup: Promise<unknown>): Promise<Failure> {
    const failure = await lookup.catch((error: unknown) => error);
    if (!(failure instanceof Failure)) throw new Error(`no failure: ${JSON.stringify(failure)}`);
    return failure;
  }

  /** The count of the day of a tenant, with no end: a process that stops between two commands must not leave that. */
  async function countedCalls(made: number, tenant = 'default'): Promise<string> {
    const [seconds] = await http.redis.time();
    const key = `{ebay}:categories:sandbox:calls:${tenant}:${pacificDay(Number(seconds) * 1000)}`;
    await http.redis.set(key, made);
    return key;
  }

  const calls = () =>
    simulator()
      .controls.log({ kind: 'taxonomy' })
      .map(({ path }) => path.split('/').at(-1));
  const browseCalls = () => simulator().controls.log({ kind: 'search' }).length;

  /** All that is stored is older by this much. */
  async function age(redis: Redis, seconds: number): Promise<void> {
    for (const key of await redis.keys('{ebay}:categories:*:EBAY_*')) {
      const kept = JSON.parse((await redis.get(key)) ?? '');
      await redis.set(key, JSON.stringify({ ...kept, at: kept.at - seconds * 1000 }), 'KEEPTTL');
    }
  }

  it('are read once for two processes that ask at the same time, with no Browse call', async () => {
    const [one, two] = await Promise.all(
      (await Promise.all([names(), names()])).map((each, at) =>
        each.suggested('EBAY_US', at === 0 ? 'USB hub' : ' usb  HUB '),
      ),
    );
    expect(one).to.deep.equal(two);
    expect(one?.categories[0]).to.deep.equal(HUBS);
    expect(calls()).to.deep.equal(['get_default_category_tree_id', 'get_category_suggestions']);
    expect(browseCalls()).to.equal(0);
    // What a suggestion says of ids is known too.
    const named = await (await names()).named('EBAY_US', HUBS.id);
    expect(named.categories).to.deep.equal([HUBS]);
    expect(calls()).to.have.length(2);
  });

  it('are read by id, the path level by level, and an id that is none is known as that', async () => {
    expect((await (await names()).named('EBAY_DE', HUBS.id)).categories).to.deep.equal([HUBS]);
    expect(calls()).to.deep.equal([
      'get_default_category_tree_id',
      ...Array<string>(2).fill('get_category_subtree'),
    ]);
    for (let times = 0; times < 2; times += 1)
      expect((await (await names()).named('EBAY_DE', '999')).categories).to.deep.equal([]);
    expect(calls()).to.have.length(4);
  });

  it('are read again once they are old, and end in Redis after as long again', async () => {
    const ttl = { CATEGORY_NAMES_TTL: '1000' };
    await (await names(ttl)).suggested('EBAY_US', 'usb hub');
    await age(http.redis, 990);
    const before = await (await names(ttl)).suggested('EBAY_US', 'usb hub');
    expect(calls()).to.have.length(2);
    await age(http.redis, 20);
    const after = await (await names(ttl)).suggested('EBAY_US', 'usb hub');
    expect(calls()).to.have.length(4);
    expect(Date.parse(after.observedAt)).to.be.above(Date.parse(before.observedAt));
    for (const key of await http.redis.keys('{ebay}:categories:*:EBAY_*'))
      expect(await http.redis.pttl(key), key).to.be.within(1_990_000, 2_000_000);
    for (const key of await http.redis.keys('{ebay}:categories:*')) {
      const isName = key.includes(':EBAY_');
      expect(kindOf(key.replace('{ebay}:', '')), key).to.equal(isName ? 'categories' : undefined);
      expect(await http.redis.pttl(key), key).not.to.equal(-1);
    }
  });

  it('are the old ones while eBay fails, which is asked once a minute then', async () => {
    const first = await (await names()).suggested('EBAY_US', 'usb hub');
    await age(http.redis, 20 * 24 * 3600);
    simulator().controls.arm({ fault: 'status', status: 500, on: { endpoint: 'taxonomy' } });
    for (let times = 0; times < 3; times += 1) {
      const old = await (await names()).suggested('EBAY_US', 'usb hub');
      expect(old.categories).to.deep.equal(first.categories);
      expect(Date.parse(first.observedAt) - Date.parse(old.observedAt)).to.equal(20 * 24 * 3_600_000);
    }
    expect(calls()).to.have.length(3);
    const unknown = await refusal((await names()).suggested('EBAY_US', 'desk lamp'));
    expect([unknown.code, calls().length]).to.deep.equal(['ebay-throttled', 3]);
  });

  it('cost no token request where eBay refuses the token, whose other calls go on', async () => {
    const ebay = await open();
    simulator().controls.arm({
      fault: 'expired-token',
      revoke: false,
      on: { endpoint: 'taxonomy' },
      count: 9,
    });
    const codes: string[] = [];
    for (let at = 0; at < 5; at += 1) {
      await http.redis.del('{ebay}:categories:sandbox:failed:default');
      codes.push((await refusal(ebay.categories.suggested('EBAY_US', `words ${at}`))).code);
    }
    expect(codes).to.deep.equal(Array(5).fill('token-refused'));
    expect(simulator().controls.log({ kind: 'token' })).to.have.length(1);
    expect(await ebay.auth.status()).to.deep.include({ source: 'redis', coolDown: null, refusedInARow: 0 });
  });

  for (const [what, fault] of [
    ['a refused token', { fault: 'expired-token', revoke: false }],
    ['403', { fault: 'status', status: 403 }],
    ['404 of a proxy', { fault: 'status', status: 404, body: '{}' }],
    ['429', { fault: 'rate-limited' }],
  ] as const)
    it(`are not asked for by one tenant for a minute after ${what}, and are by another`, async () => {
      const [one, other] = await Promise.all([names(), names({ tenant: 'other' })]);
      simulator().controls.arm({ ...fault, on: { endpoint: 'taxonomy' }, count: 1 });
      await refusal(one.named('EBAY_US', HUBS.id));
      const again = await refusal(one.named('EBAY_US', HUBS.id));
      expect([again.code, calls().length]).to.deep.equal(['ebay-throttled', 1]);
      expect((again.detail.until ?? 0) - Date.now()).to.be.within(50_000, 60_000);
      expect((await other.named('EBAY_US', HUBS.id)).categories).to.deep.equal([HUBS]);
    });

  it('have a bound of calls a day for each tenant, which keeps no other from asking', async () => {
    const key = await countedCalls(499);
    const [one, other] = await Promise.all([names(), names({ tenant: 'other' })]);
    // One is left: the tree, and not what it is asked.
    for (const words of ['usb hub', 'desk lamp']) {
      const refused = await refusal(one.suggested('EBAY_US', words));
      expect(refused.code).to.equal('ebay-throttled');
      expect(refused.message).to.include('500 calls of the day');
      expect(refused.detail.until).to.be.above(Date.now());
    }
    expect(calls()).to.deep.equal(['get_default_category_tree_id']);
    expect(Number(await http.redis.get(key))).to.equal(501);
    expect(await http.redis.pttl(key)).to.be.within(1, 51 * 3_600_000);
    expect((await other.suggested('EBAY_US', 'usb hub')).categories[0]).to.deep.equal(HUBS);
  });

  it('are those of their own environment: the sandbox answers with filler text', async () => {
    await (await names()).suggested('EBAY_US', 'usb hub');
    await (await names({ EBAY_ENVIRONMENT: 'production' })).suggested('EBAY_US', 'usb hub');
    expect(calls()).to.have.length(4);
  });

  it('are read again where something else is in their place', async () => {
    const first = await (await names()).suggested('EBAY_US', 'usb hub');
    const keys = await http.redis.keys('{ebay}:categories:*:EBAY_*');
    for (const [at, key] of keys.entries()) {
      await http.redis.del(key);
      if (at % 2 === 0) await http.redis.hset(key, 'at', '1');
      else await http.redis.set(key, ['x', '[]', '{"at":"1"}'][at % 3] as string);
    }
    expect((await (await names()).suggested('EBAY_US', 'usb hub')).categories).to.deep.equal(
      first.categories,
    );
    expect(calls()).to.have.length(4);
  });

  it('are waited for in line, by twenty callers of a process at most', async () => {
    const categories = await names();
    await http.redis.set('{ebay}:categories:sandbox:call', '1');
    const first = categories.suggested('EBAY_US', 'words 0');
    const all = Array.from({ length: 30 }, (_, at) => categories.suggested('EBAY_US', `words ${at}`));
    const settled = Promise.allSettled([first, ...all]);
    const busy = await Promise.all(all.slice(19).map(refusal));
    expect(busy.map(({ code }) => code)).to.deep.equal(Array(11).fill('ebay-throttled'));
    await http.redis.del('{ebay}:categories:sandbox:call');
    const ends = (await settled).map(({ status }) => status);
    expect(ends.filter((status) => status === 'fulfilled')).to.have.length(20);
    // `words 0` is asked for by two of them.
    const asked = simulator()
      .controls.log({ kind: 'taxonomy' })
      .flatMap(({ query }) => query.q ?? []);
    expect(asked).to.deep.equal(Array.from({ length: 19 }, (_, at) => `words ${at}`));
  });

  it('are answered over HTTP; a server without a keyset knows what others have read, and says what to do', async () => {
    const ask = (query: string) => http.call('GET', `/v1/categories?${query}`);
    const unknown = await ask('q=usb+hub');
    expect(unknown.status).to.equal(503);
    expect(unknown.json.errors[0]).to.include({ code: 'credential-refused' });
    expect(unknown.json.detail).to.include('EBAY_CLIENT_ID');
    await (await names()).suggested('EBAY_US', 'usb hub');
    const known = await ask('q=usb+hub');
    expect(known.status).to.equal(200);
    expect(known.json).to.include({ marketplace: 'EBAY_US' });
    expect(known.json.categories[0]).to.deep.equal(HUBS);
    expect((await ask(`id=${HUBS.id}`)).json.categories).to.deep.equal([HUBS]);
    for (const wrong of ['', 'q=a&id=1', 'id=x', 'q=a&marketplace=EBAY_XX', 'q=%20'])
      expect((await ask(wrong)).status, wrong).to.equal(400);
  });

  it('are suggested by dpf facets --suggest', async () => {
    const former = { ...process.env };
    Object.assign(process.env, env());
    try {
      const terminal = plainTerminal();
      expect(await run(['facets', 'usb hub', '--suggest'], terminal), terminal.err.join()).to.equal(0);
      expect(terminal.out.join('\n')).to.match(
        /^EBAY_US .*\nComputers\/Tablets & Networking > USB Hubs +--category 44995\n/,
      );
      expect(browseCalls()).to.equal(0);
    } finally {
      for (const name of Object.keys(env())) delete process.env[name];
      Object.assign(process.env, former);
    }
  });
});
