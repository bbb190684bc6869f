import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { openEbay } from '../../../src/app/client.ts';
import { run } from '../../../src/cli/program.ts';
import { pacificDay } from '../../../src/ebay/pacificDay.ts';
import type { CategoryNames } from '../../../src/ebay/taxonomy.ts';
import { Failure } from '../../../src/failures.ts';
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
  async function names(own: Record<string, string> = {}): Promise<CategoryNames> {
    const log = new LogRoot({ level: 'error', levels: '', format: 'json' }, new PassThrough().resume());
    const ebay = openEbay(testConfig(env(own)), log);
    opened.push(ebay);
    await waitForRedis(ebay.redis, redisUrl(), 2000);
    return ebay.categories;
  }

  const calls = () =>
    simulator()
      .controls.log({ kind: 'taxonomy' })
      .map(({ path }) => path.split('/').at(-1));
  const browseCalls = () => simulator().controls.log({ kind: 'search' }).length;

  /** All that is stored is older by this much. */
  async function age(redis: Redis, seconds: number): Promise<void> {
    for (const key of await redis.keys('{ebay}:categories:EBAY_*')) {
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
    for (const key of await http.redis.keys('{ebay}:categories:EBAY_*'))
      expect(await http.redis.pttl(key), key).to.be.within(1_990_000, 2_000_000);
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
    const unknown = await (await names()).suggested('EBAY_US', 'desk lamp').catch((error: Failure) => error);
    if (!(unknown instanceof Failure)) throw new Error('it is known');
    expect([unknown.code, calls().length]).to.deep.equal(['ebay-throttled', 3]);
  });

  it('come with a new token after a refused one', async () => {
    simulator().controls.arm({ fault: 'expired-token', on: { endpoint: 'taxonomy' }, count: 1 });
    const { categories } = await (await names()).suggested('EBAY_US', 'usb hub');
    expect(categories[0]).to.deep.equal(HUBS);
    expect(calls()).to.have.length(3);
  });

  it('have a bound of calls a day of their own', async () => {
    const [seconds] = await http.redis.time();
    const day = pacificDay(Number(seconds) * 1000);
    await http.redis.set(`{ebay}:categories:calls:default:${day}`, 999);
    // One is left: the tree, and not what it is asked.
    const refused = await (await names()).suggested('EBAY_US', 'usb hub').catch((error: Failure) => error);
    if (!(refused instanceof Failure)) throw new Error('a call was made');
    expect(refused).to.include({ code: 'ebay-throttled' });
    expect(refused.message).to.include('1000 calls of the day');
    expect(calls()).to.deep.equal(['get_default_category_tree_id']);
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
