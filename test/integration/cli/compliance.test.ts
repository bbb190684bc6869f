import { expect } from 'chai';
import { Redis } from 'ioredis';
import type { ComplianceReport } from '../../../src/app/compliance.ts';
import { DeletionNotices, NOTHING_ERASED } from '../../../src/fleet/accountDeletion.ts';
import { patientDpf as dpf } from '../../support/patientDpf.ts';
import { type GuardedRedis, type RedisUser, startGuardedRedis } from '../../support/redisUsers.ts';
import { type Pair, serviceEnv, startPair } from '../../support/service.ts';
import { useSimulator } from '../../support/simulator.ts';

const DAY_MS = 24 * 3600 * 1000;

describe('dpf compliance', () => {
  const simulator = useSimulator();
  let guarded: GuardedRedis;
  let admin: Redis;
  let pair: Pair;
  let variable: string | undefined;
  before(async () => {
    variable = process.env.REDIS_URL;
    guarded = await startGuardedRedis();
    admin = new Redis(guarded.urlOf('admin'));
    pair = await startPair(serviceEnv(guarded.urlOf('worker'), simulator().url));
    const request = { query: 'phone case', maxItems: 5, track: 'cases', details: 'full' } as const;
    const { searchId } = await pair.producer.enqueue(request, { idempotencyKey: 'one' });
    await pair.producer.waitFor(searchId, { timeoutMs: 15_000 });
    await pair.stop();
  });
  after(async () => {
    if (variable === undefined) delete process.env.REDIS_URL;
    else process.env.REDIS_URL = variable;
    admin.disconnect();
    await guarded.stop();
  });

  const as = (user: RedisUser, ...args: string[]) => {
    process.env.REDIS_URL = guarded.urlOf(user);
    return dpf('compliance', ...args);
  };
  const report = async () => {
    const { exit, out } = await as('worker', '--json');
    const { kinds, ...rest } = JSON.parse(out) as ComplianceReport;
    return { exit, ...rest, kinds: new Map(kinds.map((each) => [each.kind, each])) };
  };
  const pages = async () => (await admin.keys('{ebay}:pages:*'))[0] as string;

  it('counts what is stored, since when and until when, as the user worker', async () => {
    // As `CoalescedSearches.note` does: it lives as long as results.
    await admin.hset('{ebay}:listed:any', 3, `${Date.now()} s_1@1`);
    await admin.pexpire('{ebay}:listed:any', 21_600_000);
    await admin.acl('LOG', 'RESET');
    const { exit, kinds, outlived, otherKeys } = await report();
    expect({ exit, outlived }).to.deep.equal({ exit: 0, outlived: 0 });
    expect(Object.fromEntries([...kinds].map(([kind, { count }]) => [kind, count]))).to.deep.include({
      ...{ results: 1, jobs: 7, tracks: 10, events: 1, runs: 1, idempotency: 1, quarantine: 0 },
    });
    expect(otherKeys).to.be.above(0);
    const { since, until, limitSeconds } = kinds.get('results') ?? {};
    expect(limitSeconds).to.equal(21_600);
    expect(Date.parse(since ?? '')).to.be.within(Date.now() - 60_000, Date.now());
    expect(Date.parse(until ?? '') - Date.parse(since ?? '')).to.be.within(21_599_000, 21_600_000);
    expect(Date.parse(kinds.get('shared')?.since ?? '')).to.be.within(Date.now() - 60_000, Date.now());
    expect(kinds.get('quarantine')).to.deep.include({ since: null, until: null });
    expect(await admin.acl('LOG')).to.deep.equal([]);
    const { out, err } = await as('worker');
    expect(out)
      .to.match(/listings of tracks +10 +20\d\d-.* UTC +20.* UTC +30 days +0/)
      .and.match(/nothing outlives its limit$/);
    expect(err).to.match(/not looked at: Redis’s files/);
  });

  it('says whether notices of deleted accounts are taken, and what became of them', async () => {
    const notices = new DeletionNotices(admin, '{ebay}');
    const eventDate = new Date().toISOString();
    for (const notificationId of ['one', 'two', 'three'])
      await notices.receive({
        notificationId,
        eventDate,
        username: 'no_longer_here',
        userId: '',
        eiasToken: '',
      });
    for (const notice of await notices.pending())
      if (notice.notificationId !== 'three')
        await notices.finish({
          ...notice,
          erased: { ...NOTHING_ERASED, searches: notice.notificationId === 'two' ? 3 : 0 },
        });
    const { deletions } = await report();
    expect(deletions).to.deep.include({
      missing: ['EBAY_DELETION_TOKEN', 'EBAY_DELETION_URL'],
      ...{ recent: 3, pending: 1 },
    });
    expect(deletions.found.map(({ notificationId }) => notificationId)).to.deep.equal(['two']);
    const { out } = await as('worker');
    expect(out)
      .to.match(/notices are not taken: EBAY_DELETION_TOKEN and EBAY_DELETION_URL not set here/)
      .and.match(/in 30 days: 3, of which 1 are not erased yet/)
      .and.match(/two: came 20.* UTC, erased 20.* UTC: searches 3$/m)
      .and.not.include('no_longer_here');
  });

  it('goes on where another program has replaced keys, and counts those by their lives', async () => {
    const before = await report();
    const lists = ['events:foreign', 'track:default:foreign:v2', 'ebay-calls-foreign:completed'];
    for (const name of ['pages:foreign', 'same:foreign', ...lists])
      await admin.set(`{ebay}:${name}`, 'foo', 'EX', 100);
    const { exit, outlived, kinds } = await report();
    await admin.del(...['pages:foreign', 'same:foreign', ...lists].map((name) => `{ebay}:${name}`));
    expect({ exit, outlived }).to.deep.equal({ exit: 0, outlived: 0 });
    for (const [kind, { count }] of kinds)
      expect(count, kind).to.equal(
        (before.kinds.get(kind)?.count ?? 0) + (['results', 'shared'].includes(kind) ? 1 : 0),
      );
  });

  it('names what outlives its limit, and what to do, and exits with 1', async () => {
    const track = '{ebay}:track:default:cases:v2';
    const [listing = ''] = (await admin.hkeys(track)).filter((field) => field !== 'the track');
    const old = Date.now() - 31 * DAY_MS;
    const remembered = JSON.parse((await admin.hget(track, listing)) as string) as unknown[];
    await admin.hset(track, listing, JSON.stringify(remembered.with(0, old)));
    await admin.xadd('{ebay}:events:old', `${Date.now() - 8 * DAY_MS}-0`, 'data', '{}');
    await admin.xadd('{ebay}:events:old', '*', 'data', '{}');
    await admin.lpush('{ebay}:quarantine', JSON.stringify({ at: new Date(old).toISOString() }));
    await admin.zadd('{ebay}:ebay-calls:completed', Date.now() - DAY_MS, 'forgotten');
    await admin.persist(await pages());
    const [same = ''] = await admin.keys('{ebay}:same:*');
    await admin.hset(same, 'at', old);
    const { exit, outlived, kinds } = await report();
    expect({ exit, outlived }).to.deep.equal({ exit: 1, outlived: 6 });
    for (const kind of ['results', 'tracks', 'events', 'quarantine', 'jobs', 'shared'] as const)
      expect(kinds.get(kind)?.outlived, kind).to.equal(1);
    const { out } = await as('worker');
    expect(out).to.include(
      'listings of tracks: 1 older than 30 days (TRACK_TTL), in {ebay}:track:default:cases:v2',
    );
    expect(out).to.include('What to do: start a worker');
  });

  it('finds nothing any more once a worker has run', async () => {
    const worker = await startPair(
      serviceEnv(guarded.urlOf('worker'), simulator().url, { SWEEP_INTERVAL: '0.1' }),
    );
    let last = await report();
    for (const until = Date.now() + 15_000; last.exit !== 0 && Date.now() < until; ) last = await report();
    await worker.stop();
    expect(last).to.deep.include({ exit: 0, outlived: 0 });
    expect(last.kinds.get('tracks')?.count).to.equal(9);
    expect(await admin.pttl(await pages())).to.be.above(0);
  });

  it('says which user may see it', async () => {
    const { exit, err } = await as('producer');
    expect(exit).to.equal(4);
    expect(err).to.equal(
      'dpf: this user of Redis may not see what is stored: use the user worker of config/redis/users.acl',
    );
  });
});
