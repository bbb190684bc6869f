import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { Queue } from 'bullmq';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { openProducer } from '../../../src/app/producer.ts';
import { startWorkerApp, type WorkerApp } from '../../../src/app/worker.ts';
import { kindOf } from '../../../src/fleet/retention.ts';
import type { SearchProducer } from '../../../src/queue/producer.ts';
import type { EmbeddedRedis } from '../../../src/redis/embedded.ts';
import { LogRoot } from '../../../src/telemetry/logRoot.ts';
import { filePlaces, type Places, redisPlaces } from '../../support/canaries.ts';
import { testConfig } from '../../support/config.ts';
import { connectTo, startTestRedis } from '../../support/redis.ts';
import { QUICK, serviceEnv } from '../../support/service.ts';
import { useSimulator } from '../../support/simulator.ts';
import { waitFor } from '../../support/waitFor.ts';

const LIMIT_S = 2;
/** Every limit of data that eBay answered, scaled. Runs are kept for a deadline longer and hold what callers asked for. */
const LIMITS = {
  RESULTS_TTL: `${LIMIT_S}`,
  TRACK_TTL: `${LIMIT_S}`,
  EVENTS_MAX_AGE: `${LIMIT_S}`,
  EVENT_COOLDOWN: `${LIMIT_S}`,
  QUARANTINE_TTL: `${LIMIT_S}`,
  SEARCH_DEADLINE: '60',
};
/** As a file of Redis that a person can read, and that Redis writes anew only when it is asked to. */
const READABLE = [
  '--aof-use-rdb-preamble',
  'no',
  '--rdbcompression',
  'no',
  '--auto-aof-rewrite-percentage',
  '0',
];
/** In titles, and a price before and after it changed. */
const WORDS: Record<string, 'title' | 'price'> = {
  quillfeather: 'title',
  '7431.57': 'price',
  '7219.86': 'price',
};

describe('data of listings, searched with tracks, details, failures and foreign jobs', function () {
  this.timeout(60_000);
  const simulator = useSimulator();
  let folder: string;
  let server: EmbeddedRedis;
  let redis: Redis;
  let worker: WorkerApp | undefined;
  let producer: SearchProducer;
  let log: string;
  /** Item ids of the listings. */
  let ids: string[];
  /** What was found while it was there: `KIND title`, `KIND price`, `KIND id`. */
  let seen: Set<string>;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dpf-retention-'));
    server = await startTestRedis(['--dir', folder, '--appendonly', 'yes', ...READABLE]);
    redis = connectTo(server.url);
    log = '';
    seen = new Set();
    ids = ['7431.57', '812.40', '99.10'].map((price, index) =>
      simulator().controls.addListing({ title: `Quillfeather zzyzxlamp ${index}`, price }),
    );
  });
  afterEach(async () => {
    await producer.close();
    await worker?.stop();
    redis.disconnect();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
    for (const id of ids.slice(0, 2)) simulator().controls.removeListing(id);
  });

  async function start(limits: Record<string, string>): Promise<void> {
    const env = { ...QUICK, ...limits, SWEEP_INTERVAL: '0.1', LOG_LEVEL: 'debug', PAGE_ATTEMPTS: '1' };
    const config = testConfig(serviceEnv(server.url, simulator().url, env));
    const stream = new PassThrough();
    stream.on('data', (chunk) => {
      log += String(chunk);
    });
    worker = await startWorkerApp(config, new LogRoot({ ...config.log, format: 'json' }, stream));
    producer = openProducer(config, { log: new LogRoot(config.log, new PassThrough().resume()) });
    await producer.ready();
  }

  /** Where titles, prices and ids of the listings are. */
  function sightings(places: Places): Array<{ place: string; what: 'title' | 'price' | 'id' }> {
    const marks = [...Object.entries(WORDS), ...ids.map((id) => [id.split('|')[1] as string, 'id'] as const)];
    return [...places].flatMap(([place, content]) => {
      const text = (typeof content === 'string' ? content : content.toString('latin1')).toLowerCase();
      return marks.flatMap(([mark, what]) => (text.includes(mark) ? [{ place, what }] : []));
    });
  }

  async function inRedis(from = redis) {
    const names = (await from.keys('*')).map((key) => [`Redis ${key} name`, key] as const);
    return sightings(new Map([...(await redisPlaces(from)), ...names]));
  }

  const keyOf = (place: string) => place.replace(/^Redis /, '').replace(/( name|\[\d+\]( unpacked)?)$/, '');
  const kindAt = (place: string) => {
    const name = keyOf(place).replace('{ebay}:', '');
    return kindOf(name) ?? (/^ebay-(search|calls):/.test(name) ? 'jobs' : name);
  };
  /** Notes what is there now. */
  async function look(): Promise<void> {
    for (const { place, what } of await inRedis()) seen.add(`${kindAt(place)} ${what}`);
  }

  async function search(request: object): Promise<string> {
    const base = { query: 'zzyzxlamp', maxItems: 10, details: 'full', track: 'lamps' } as const;
    const { searchId } = await producer.enqueue(
      { ...base, ...request },
      { idempotencyKey: `key ${Math.random()}` },
    );
    await producer.waitFor(searchId, { timeoutMs: 20_000 });
    await look();
    return searchId;
  }

  /** Everything that stores something: a track, price events, what is gone, failures, shared results, foreign jobs. */
  async function collect(): Promise<void> {
    const { controls } = simulator();
    await search({});
    controls.changeListing(ids[0] as string, { price: '7219.86' });
    const said = {
      errors: [{ errorId: 11_002, domain: 'API_BROWSE', category: 'REQUEST', message: `No item ${ids[1]}` }],
    };
    controls.arm({
      fault: 'status',
      status: 400,
      body: JSON.stringify(said),
      on: { endpoint: 'item' },
      count: 1,
    });
    // So that the failure is not that of the listing whose price has changed, the only one that would be asked for again.
    const first = await search({ detailsMaxAge: 0 });
    controls.removeListing(ids[2] as string);
    await search({});
    await search({ maxAge: 60 });
    await search({ maxAge: 60, track: 'others' });
    const [calls, searches] = ['ebay-calls', 'ebay-search'].map(
      (name) => new Queue(name, { connection: redis, prefix: '{ebay}' }),
    ) as [Queue, Queue];
    await (await searches.getJob(first))?.log(`someone wrote of quillfeather ${ids[0]}`);
    await calls.add(
      'page',
      { kind: 'item', itemId: ids[0], title: 'Quillfeather' },
      { jobId: 'x'.repeat(300) },
    );
    await waitFor('the quarantine', () => redis.exists('{ebay}:quarantine'));
    const event = JSON.stringify({ product: { itemId: ids[0], total: { value: '7219.86' } } });
    await redis.xadd('{ebay}:events:refused', '*', 'data', event);
    await look();
    await Promise.all([calls.close(), searches.close()]);
  }

  const timeOfRedis = async () => Number((await redis.time())[0]) * 1000;

  it('is gone by its limit: from Redis, from its file once that is rewritten, and never in the log but for ids', async () => {
    await start(LIMITS);
    await collect();
    const limit = (await timeOfRedis()) + LIMIT_S * 1000 + 1000;
    for (const kind of [
      'results',
      'items',
      'tracks',
      'events',
      'jobs',
      'jobEvents',
      'quarantine',
      'shared',
      'cooldowns',
    ])
      expect(
        [...seen].some((each) => each.startsWith(`${kind} `)),
        `${kind} in ${[...seen]}`,
      ).to.equal(true);
    expect(sightings(filePlaces(join(folder, 'appendonlydir'))), 'the file before').not.to.deep.equal([]);
    await waitFor('the limit', async () => (await timeOfRedis()) >= limit);

    await waitFor('all of it to be gone', async () => (await inRedis()).length === 0);

    await redis.bgrewriteaof();
    await waitFor('the rewritten file', async () =>
      /aof_rewrite_in_progress:0.*aof_rewrite_scheduled:0.*aof_last_bgrewrite_status:ok/s.test(
        await redis.info('persistence'),
      ),
    );
    await waitFor('one file', () => filePlaces(join(folder, 'appendonlydir')).size === 3);
    expect(sightings(filePlaces(join(folder, 'appendonlydir')))).to.deep.equal([]);
    // What is packed can be read in a Redis only.
    const copy = mkdtempSync(join(tmpdir(), 'dpf-retention-'));
    cpSync(folder, copy, { recursive: true });
    const second = await startTestRedis(['--dir', copy, '--appendonly', 'yes']);
    const reader = connectTo(second.url);
    expect(await reader.dbsize()).to.be.above(0);
    expect(await inRedis(reader)).to.deep.equal([]);
    reader.disconnect();
    await second.stop();
    rmSync(copy, { recursive: true, force: true });

    expect(log).to.include('search ended');
    // A call that failed names its item, and eBay's message stands beside it.
    const lines = log.split('\n').flatMap((line) => sightings(new Map([[line, line]])));
    for (const { place, what } of lines) expect(what, place).to.equal('id');
    expect(lines.filter(({ place }) => !place.includes('"item failed"'))).to.deep.equal([]);
  });

  it('has an end of its own in Redis where no worker runs, but for ids in ended jobs, and obeys a lowered limit', async () => {
    const long = Object.keys(LIMITS).map((name) => [name, '3600']);
    await start(Object.fromEntries(long));
    await collect();
    const rounds = ['ebay-calls:events', 'ebay-search:events', 'events:refused'];
    await waitFor('a round', async () => {
      const lives = await Promise.all(rounds.map((name) => redis.pttl(`{ebay}:${name}`)));
      return lives.every((life) => life > 0);
    });
    await producer.close();
    await worker?.stop();
    const kept = await inRedis();
    expect(kept).not.to.deep.equal([]);
    for (const { place, what } of kept)
      if (kindAt(place) !== 'jobs') expect(await redis.pttl(keyOf(place)), place).to.be.within(1, 3_600_000);
      else expect(what, place).not.to.equal('price');

    const limit = (await timeOfRedis()) + LIMIT_S * 1000 + 1000;
    await start(LIMITS);
    await waitFor('the limit', async () => (await timeOfRedis()) >= limit);
    // A round of the sweep may be late on a busy machine; the limits before were an hour and more.
    await waitFor('all of it to be gone', async () => (await inRedis()).length === 0);
  });
});
