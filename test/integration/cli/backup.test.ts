import { existsSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import sinon from 'sinon';
import { run } from '../../../src/cli/program.ts';
import { FleetStore } from '../../../src/fleet/fleetStore.ts';
import { ApiKeys } from '../../../src/http/auth/apiKeys.ts';
import { PersonalStore } from '../../../src/http/page/personal.ts';
import { Alerts } from '../../../src/queue/alerts/alerts.ts';
import { ScheduleStore } from '../../../src/queue/schedules/store.ts';
import { SavedTracks } from '../../../src/results/savedTracks.ts';
import { contentOf, useBackups } from '../../support/backups.ts';
import { useRedis } from '../../support/redis.ts';
import { openSchedules } from '../../support/schedules.ts';
import { plainTerminal } from '../../unit/cli/plainTerminal.ts';

const DAY_MS = 24 * 3600 * 1000;
const FILE = 'saved.ndjson';
/** What a backup saves. */
const SAVED = ['{ebay}:api-keys', '{ebay}:config', '{ebay}:personal:', '{ebay}:schedule', '{ebay}:track:'];

describe('dpf backup and dpf restore', () => {
  const server = useRedis();
  const { dpf, withEnv, at, folder, records, lines, write } = useBackups(() => server.url);
  const redis = () => server.connect();

  const seen = (lastSeen: number, id = '1') => [
    ...[lastSeen, `v1|${id}|0`, 1, 'USD', 0],
    ['0', 'EBAY_US', '12.50', '4.00'],
    ['0', 'EBAY_US item', '12.50', null],
  ];

  async function addTrack(name: string, { listings = 3, tenant = 'default', ttlMs = 30 * DAY_MS } = {}) {
    const began = Date.now() - 1000;
    const state = { version: 4, request: 'f'.repeat(32), ignored: '', began, since: began, lastWhole: began };
    const key = `{ebay}:track:${tenant}:${name}:v2`;
    const fields = Array.from({ length: listings }, (_, n) => [
      `10${n}`,
      JSON.stringify(seen(began, `10${n}`)),
    ]);
    await redis().hset(key, 'the track', JSON.stringify(state), ...fields.flat());
    await redis().pexpire(key, ttlMs);
    return key;
  }

  /** Something of each kind. From the second time on it is put back as it was stored. */
  async function fill() {
    const admin = redis();
    const { made, stored } = filled ?? { made: await make(), stored: undefined };
    if (stored !== undefined)
      await Promise.all(stored.map(([key, ttlMs, dump]) => admin.restore(key, ttlMs, dump)));
    else {
      const keys = await admin.keys('*');
      const dumpOf = async (key: string): Promise<[string, number, Buffer]> => [
        key,
        Math.max(0, await admin.pttl(key)),
        (await admin.dumpBuffer(key)) as Buffer,
      ];
      filled = { made, stored: await Promise.all(keys.map(dumpOf)) };
    }
    return made;
  }
  let filled: { made: { key: string; id: string }; stored: Array<[string, number, Buffer]> } | undefined;

  async function make() {
    const keys = new ApiKeys(redis(), '{ebay}');
    const { key, record } = await keys.add({
      name: 'reports',
      tenant: 'default',
      roles: ['read'],
      expiresAt: null,
    });
    await keys.noteUse(record.id);
    const person = new PersonalStore(redis(), '{ebay}', record);
    await person.save('v1|110000000001|0', { favourite: true, note: 'ask', site: 'EBAY_GB' }, Date.now());
    await person.setNewsReadUntil('5-1');
    await keys.add({
      ...{ name: 'shop', tenant: 'shop', roles: ['enqueue'], expiresAt: Date.now() + DAY_MS },
      dailyCalls: 40,
    });
    const added = await dpf(
      ...['tenants', 'add', 'shop', '--client-id-env', 'SHOP_ID', '--client-secret-env', 'SHOP_SECRET'],
    );
    expect(added.exit, added.err).to.equal(0);
    write('config.json', JSON.stringify({ pace: { minApiCallInterval: 2 }, tenants: { file: TENANT } }));
    expect((await dpf('config', 'apply', at('config.json'))).exit).to.equal(0);
    for (const args of [
      ['mornings', '--cron', '30 6 * * 1-5', '--tz', 'Europe/Berlin'],
      ['hourly', '--every', '3600', '--limit', '10'],
      ['paused', '--every', '7200'],
      ['of-shop', '--every', '3600', '--tenant', 'shop'],
    ])
      expect((await dpf('schedule', 'add', ...args, '--query', 'drone')).exit).to.equal(0);
    expect((await dpf('schedule', 'pause', 'paused')).exit).to.equal(0);
    const store = new ScheduleStore(redis(), '{ebay}', 'default');
    const run = { schedule: 'hourly', searchId: 'repeat:hourly:1', at: Date.now() - 5000, byHand: false };
    for (let n = 0; n < 4; n += 1)
      await store.noteRun({ ...run, searchId: `repeat:hourly:${n}`, at: run.at + n }, 'complete');
    await store.noteRun({ ...run, searchId: 'repeat:hourly:4', at: run.at + 4 }, null);
    await addTrack('cases');
    await addTrack('drones', { listings: 1200, tenant: 'shop' });
    return { key, id: record.id };
  }
  const TENANT = { clientIdEnv: 'FILE_ID', clientSecretEnv: 'FILE_SECRET' };

  it('brings watchlists back with their listings and own columns, and none twice', async () => {
    const list = async (...args: string[]) => JSON.parse((await dpf('watchlist', ...args, '--json')).out);
    const ids = Array.from({ length: 1200 }, (_, n) => String(110_000_000_000 + n));
    write('list.csv', ['item,sku', ...ids.map((id, n) => `${id},S-${n}`)].join('\n'));
    const imported = await dpf('watchlist', 'import', at('list.csv'), '--name', 'supplies', '--value', '3');
    expect(imported.exit, imported.err).to.equal(0);
    expect((await dpf('watchlist', 'pause', 'supplies')).exit).to.equal(0);
    const saved = await dpf('backup', at(FILE));
    expect(saved.out).to.include('1 watchlist (1,200 listings)');
    const before = await redis().hgetall('{ebay}:watch-entries:default:supplies');
    await redis().flushall();
    const restored = await dpf('restore', at(FILE));
    expect(restored.out, restored.err).to.match(/watchlists +1 restored \(1,200 listings\)/);
    expect(await redis().hgetall('{ebay}:watch-entries:default:supplies')).to.deep.equal(before);
    const report = await list('show', 'supplies');
    expect(report).to.deep.include({ name: 'supplies', state: 'paused', value: 3, entries: 1200 });
    // A try that was killed leaves a part.
    await redis().hdel('{ebay}:watch-entries:default:supplies', ...ids.slice(0, 500));
    expect((await dpf('restore', at(FILE))).out).to.match(/watchlists +1 restored/);
    expect(await redis().hgetall('{ebay}:watch-entries:default:supplies')).to.deep.equal(before);
    expect((await dpf('restore', at(FILE))).out).to.match(/watchlists +0 restored, 1 there already/);
  });

  it('brings channels back as they were stored, and alerts with their pause, each to begin with a first look', async () => {
    const channel = { kind: 'webhook', host: 'h.example', createdAt: 1, sealed: 'a.b.c' };
    const own = JSON.stringify(channel);
    await redis().hset('{ebay}:channels:shop', 'hook', own, 'broken', 'not JSON');
    const place = { redis: redis(), prefix: '{ebay}', tenant: 'shop', deadlineMs: 5000 };
    const alerts = new Alerts(place);
    await alerts.put({ name: 'drops', track: 't', when: [{ on: 'drop' }], channels: ['hook'] });
    await alerts.pause('drops');
    const before = await alerts.get('drops');
    const bornBefore = JSON.parse((await redis().hget('{ebay}:alerts:shop', 'drops')) ?? '').born;
    const saved = await dpf('backup', at(FILE));
    expect(saved.out).to.include('1 channel, 1 alert, ');
    expect(saved.err).to.include('channel broken cannot be read');
    await redis().flushall();
    const restored = await dpf('restore', at(FILE));
    expect(restored.out, restored.err).to.match(/channels +1 restored\nalerts +1 restored/);
    expect(await redis().hgetall('{ebay}:channels:shop')).to.deep.equal({ hook: own });
    expect(await alerts.get('drops')).to.deep.equal(before);
    // Ids of hits follow from it.
    expect(JSON.parse((await redis().hget('{ebay}:alerts:shop', 'drops')) ?? '').born).to.not.equal(
      bornBefore,
    );
    await alerts.resume('drops');
    const again = await dpf('restore', at(FILE));
    expect(again.out).to.match(/channels +0 restored, 1 there already\nalerts +0 restored, 1 there already/);
    expect((await dpf('restore', at(FILE), '--overwrite', '--dry-run')).out).to.match(
      /alerts +1 would be restored/,
    );
    expect(await alerts.get('drops')).to.include({ state: 'active' });
    await dpf('restore', at(FILE), '--overwrite');
    expect(await alerts.get('drops')).to.include({ state: 'paused' });
  });

  it('saves what only Redis knows in a file of lines that one can read, and nothing that is secret or passes', async () => {
    const { key, id } = await fill();
    await redis().set('ebay:access_token', '{"access_token": "v^1.1#canary"}');
    await redis().hset('{ebay}:ebay-search:s_1', 'data', 'a job');
    await redis().hset('{ebay}:pages:default:s_1:1', 'page', 'a result');
    const saved = await dpf('backup', at(FILE));
    expect(saved, saved.err).to.deep.include({ exit: 0, err: '' });
    expect(saved.out).to.equal(
      'saved 2 keys, 4 schedules, 2 tracks (1,203 listings), favourites and notes of 1 API key, 1 tenant, ' +
        `2 parts of the configuration in ${at(FILE)}`,
    );
    const all = records(FILE);
    expect(all[0]).to.deep.include({ kind: 'header', format: 'dpf-backup', form: 1, prefix: '{ebay}' });
    const parts = { settings: 2, tenants: 1, keys: 2, schedules: 4, tracks: 2, listings: 1203 };
    const counts = { ...parts, watchlists: 0, watched: 0, channels: 0, alerts: 0, people: 1 };
    expect(all[0].counts).to.deep.equal(counts);
    expect(all.at(-1)).to.deep.equal({ kind: 'end', counts });
    expect(all.filter(({ kind }) => kind === 'listing')).to.have.length(1203);
    const hourly = all.find(({ definition }) => definition?.name === 'hourly');
    expect(hourly.runs.count).to.equal(5);
    expect(hourly.runs.last.map(({ outcome }: { outcome: string }) => outcome)).to.deep.equal(
      Array(4).fill('complete'),
    );
    const text = lines(FILE).join('\n');
    expect(text).to.include(id);
    for (const secret of [key, key.slice(-43), 'canary', 'a job', 'a result'])
      expect(text).to.not.include(secret);
    expect(statSync(at(FILE)).mode & 0o777).to.equal(0o600);
  });

  it('puts all of it back into an empty Redis, and the second time finds it all there', async () => {
    await fill();
    const before = await contentOf(redis(), ...SAVED);
    expect((await dpf('backup', at(FILE))).exit).to.equal(0);
    await redis().flushall();
    const restored = await dpf('restore', at(FILE));
    expect(restored.exit, restored.err).to.equal(0);
    expect(restored.out.split('\n')).to.deep.equal([
      'keys       2 restored',
      'schedules  4 restored',
      'watchlists 0 restored',
      'channels   0 restored',
      'alerts     0 restored',
      'people     1 restored',
      'tracks     2 restored (1,203 listings)',
      'tenants    1 restored',
      'settings   2 restored',
    ]);
    const after = await contentOf(redis(), ...SAVED);
    expect(Object.keys(after)).to.deep.equal(Object.keys(before));
    for (const key of Object.keys(before).filter((name) => /api-keys|personal|track|schedules/.test(name)))
      expect(after[key], key).to.deep.equal(before[key]);
    const [was, is] = [before, after].map((content) => content['{ebay}:config'] as Record<string, string>);
    expect(is?.document).to.deep.equal(was?.document);
    expect(Number(is?.version)).to.be.greaterThan(Number(was?.version));
    const { schedules, queue } = openSchedules(redis());
    const [hourly, mornings, paused] = await schedules.list();
    expect(hourly).to.include({ name: 'hourly', runs: 5, state: 'active' });
    expect(mornings).to.include({ name: 'mornings', state: 'active' });
    expect(paused).to.include({ name: 'paused', state: 'paused', next: null });
    expect((await queue.getJobScheduler('hourly'))?.limit).to.equal(5);
    expect(await queue.getJobCounts('wait', 'prioritized', 'delayed')).to.include({ wait: 0, delayed: 2 });
    await queue.close();
    const again = await dpf('restore', at(FILE));
    expect(again.exit).to.equal(0);
    expect(again.out).to.match(/^keys +0 restored, 2 there already\n/);
    expect(again.out).to.include('tracks     0 restored, 2 there already');
    expect(again.err).to.include('left as they are: tracks default/cases, shop/drones');
    expect(await contentOf(redis(), ...SAVED)).to.deep.equal(after);
    expect(await redis().keys('{ebay}:restoring:*')).to.deep.equal([]);
  });

  it('writes only what is missing; --overwrite replaces; --dry-run changes nothing', async () => {
    await fill();
    expect((await dpf('backup', at(FILE))).exit).to.equal(0);
    const full = await contentOf(redis(), ...SAVED);
    await dpf('schedule', 'add', 'hourly', '--every', '1800', '--query', 'other', '--replace');
    await dpf('schedule', 'remove', 'mornings');
    await dpf('tenants', 'add', 'shop', '--client-id-env', 'OTHER', '--client-secret-env', 'SHOP_SECRET');
    await redis().hset('{ebay}:track:default:cases:v2', '999', JSON.stringify(seen(Date.now(), '999')));
    await redis().del('{ebay}:track:shop:drones:v2');
    const [id] = await redis().hkeys('{ebay}:api-keys');
    await redis().hdel('{ebay}:api-keys', id as string);
    const changed = await contentOf(redis(), '{ebay}:');

    const dry = await dpf('restore', at(FILE), '--dry-run', '--json');
    expect(dry.exit, dry.err).to.equal(0);
    expect(await contentOf(redis(), '{ebay}:')).to.deep.equal(changed);
    const restored = await dpf('restore', at(FILE), '--json');
    const report = JSON.parse(restored.out);
    expect({ ...report, dryRun: true }).to.deep.equal(JSON.parse(dry.out));
    expect(report.schedules.restored).to.deep.equal(['default/mornings']);
    expect(report.tracks).to.deep.include({
      restored: ['shop/drones'],
      left: ['default/cases'],
      listings: 1200,
    });
    expect(report.tenants).to.deep.equal({ restored: [], left: ['shop'] });
    expect(report.keys.restored).to.have.length(1);
    const { schedules, queue } = openSchedules(redis());
    expect((await schedules.get('hourly')).every).to.equal(1800);

    const replaced = JSON.parse((await dpf('restore', at(FILE), '--overwrite', '--json')).out);
    expect(replaced.schedules.restored).to.have.length(4);
    expect((await schedules.get('hourly')).every).to.equal(3600);
    await queue.close();
    const after = await contentOf(redis(), ...SAVED);
    for (const key of ['{ebay}:api-keys', '{ebay}:track:default:cases:v2', '{ebay}:schedules:default'])
      expect(after[key], key).to.deep.equal(full[key]);
    const { document } = await new FleetStore(redis(), '{ebay}').read();
    expect(document.added).to.deep.equal({
      shop: { clientIdEnv: 'SHOP_ID', clientSecretEnv: 'SHOP_SECRET' },
    });
  });

  it('gives a schedule that a file brought back the number of runs that it had', async () => {
    await fill();
    expect((await dpf('backup', at(FILE))).exit).to.equal(0);
    await redis().flushall();
    await dpf('schedule', 'add', 'hourly', '--every', '3600', '--limit', '10', '--query', 'drone');
    expect(JSON.parse((await dpf('restore', at(FILE), '--json')).out).schedules.left).to.deep.equal([]);
    const { schedules, queue } = openSchedules(redis());
    expect(await schedules.get('hourly')).to.include({ runs: 5, state: 'active' });
    expect((await queue.getJobScheduler('hourly'))?.limit).to.equal(5);
    await queue.close();
  });

  it('goes on where a restore was killed between a record and its scheduler', async () => {
    await fill();
    expect((await dpf('backup', at(FILE))).exit).to.equal(0);
    const { schedules, queue } = openSchedules(redis());
    await queue.removeJobScheduler('mornings');
    expect((await schedules.get('mornings')).next).to.equal(null);
    const { restored } = JSON.parse((await dpf('restore', at(FILE), '--json')).out).schedules;
    expect(restored).to.deep.equal(['default/mornings']);
    expect((await schedules.get('mornings')).next).to.be.a('string');
    await queue.close();
  });

  it('keeps the life of a track, never longer than TRACK_TTL, and leaves out one that is over', async () => {
    const [long, short] = [await addTrack('long'), await addTrack('short', { ttlMs: DAY_MS })];
    await addTrack('over', { ttlMs: DAY_MS });
    expect((await dpf('backup', at(FILE))).exit).to.equal(0);
    await redis().flushall();
    const over = (record: Record<string, unknown>) =>
      record.name === 'over' ? { ...record, expiresAt: new Date(Date.now() - 1000).toISOString() } : record;
    const far = (record: Record<string, unknown>) =>
      record.name === 'long' ? { ...record, expiresAt: '2999-01-01T00:00:00.000Z' } : record;
    write(FILE, records(FILE).map(over).map(far));
    const restored = await dpf('restore', at(FILE));
    expect(restored.out).to.include('tracks     2 restored (6 listings), 1 too old');
    expect(await redis().pttl(long)).to.be.within(29.9 * DAY_MS, 30 * DAY_MS);
    expect(await redis().pttl(short)).to.be.within(DAY_MS - 60_000, DAY_MS);
  });

  it('works under another prefix, and says so', async () => {
    await fill();
    expect((await dpf('backup', at(FILE))).exit).to.equal(0);
    const restored = await withEnv({ QUEUE_PREFIX: '{other}' }, ['restore', at(FILE)]);
    expect(restored.exit, restored.err).to.equal(0);
    expect(restored.err).to.include('made under the prefix "{ebay}"; {other} is what this is restored under');
    const [mine, theirs] = [
      await contentOf(redis(), '{ebay}:track:'),
      await contentOf(redis(), '{other}:track:'),
    ];
    expect(Object.values(theirs)).to.deep.equal(Object.values(mine));
    const { exit, out } = await withEnv({ QUEUE_PREFIX: '{other}' }, ['schedule', 'list']);
    expect(exit).to.equal(0);
    expect(out)
      .to.match(/mornings .*active/)
      .and.match(/paused .*paused/);
  });

  it('a tenant of the file that the fleet runs wins over one of a backup', async () => {
    await fill();
    expect((await dpf('backup', at(FILE))).exit).to.equal(0);
    await redis().flushall();
    const own = { clientIdEnv: 'NEW_ID', clientSecretEnv: 'NEW_SECRET' };
    write('config.json', JSON.stringify({ tenants: { shop: own } }));
    expect((await dpf('config', 'apply', at('config.json'))).exit).to.equal(0);
    const report = JSON.parse((await dpf('restore', at(FILE), '--overwrite', '--json')).out);
    expect(report.settings.restored).to.include('tenants');
    await redis().flushall();
    await dpf('config', 'apply', at('config.json'));
    const left = JSON.parse((await dpf('restore', at(FILE), '--json')).out);
    expect(left.tenants).to.deep.equal({ restored: [], left: ['shop'] });
    expect(left.settings).to.deep.equal({ restored: ['settings'], left: ['tenants'] });
    const { version, document } = await new FleetStore(redis(), '{ebay}').read();
    expect(document.tenants?.value).to.deep.equal({ shop: own });
    expect(version).to.be.greaterThan(2);
  });

  it('leaves out tracks when asked to, and names what no restore could read', async () => {
    await fill();
    await redis().hset('{ebay}:api-keys', 'broken', 'no json');
    await redis().hset('{ebay}:schedules:default', 'strange', '{"definition": 1}');
    await redis().hset('{ebay}:track:default:cases:v2', '102', '[1]');
    // Nothing of ours is in keys of another type.
    await redis().set('{ebay}:track:default:other:v2', 'nonsense');
    await redis().rpush('{ebay}:schedules:other', 'nonsense');
    const saved = await dpf('backup', at(FILE));
    expect(saved.exit).to.equal(0);
    expect(saved.out).to.include('2 keys, 4 schedules, 2 tracks (1,202 listings)');
    expect(saved.err.split('\n')).to.have.length(3);
    for (const what of [
      'key broken: is not JSON',
      'schedule default/strange: ',
      'track default/cases, listing 102: ',
    ])
      expect(saved.err).to.include(`left out: ${what}`);
    expect((await dpf('restore', at(FILE), '--dry-run')).exit).to.equal(0);
    expect((await dpf('backup', at(FILE), '--no-tracks')).out).to.include('0 tracks (0 listings)');
    expect((await dpf('restore', at(FILE), '--dry-run')).exit).to.equal(0);
  });

  it('a restore ends the report of a loss, and names what was lost and is not in the backup', async () => {
    await fill();
    expect((await dpf('backup', at(FILE))).exit).to.equal(0);
    await redis().flushall();
    const gone = { apiKeys: ['reports', 'younger'], schedules: ['hourly', 'shop/of-shop', 'later'] };
    const loss = {
      at: '2026-01-02T03:04:05.000Z',
      times: 1,
      kind: 'empty',
      gone: { ...gone, paused: ['ebay-calls'], tracks: ['cases', 'shop/drones', 'shop/lamps'] },
    };
    await redis().hset('{ebay}:config', 'loss', JSON.stringify(loss));
    expect(JSON.parse((await dpf('restore', at(FILE), '--dry-run', '--json')).out).endedLoss).to.equal(null);
    expect((await new FleetStore(redis(), '{ebay}').look()).loss).to.deep.equal(loss);
    const restored = await dpf('restore', at(FILE));
    expect(restored.err).to.include('reports the loss of 2026-01-02 03:04 UTC no longer');
    expect(restored.err).to.include(
      'not in this backup: key younger, schedule later, paused queue ebay-calls, track shop/lamps',
    );
    expect((await new FleetStore(redis(), '{ebay}').look()).loss).to.equal(undefined);
    expect((await dpf('backup', at(FILE), '--no-tracks')).exit).to.equal(0);
    await redis().hset('{ebay}:config', 'loss', JSON.stringify(loss));
    const { endedLoss } = JSON.parse((await dpf('restore', at(FILE), '--json')).out);
    expect(endedLoss.notInBackup).to.include.members(['track cases', 'track shop/drones']);
  });

  it('a restore keeps the report of a loss that came while it restored', async () => {
    await fill();
    expect((await dpf('backup', at(FILE))).exit).to.equal(0);
    await redis().flushall();
    const gone = { apiKeys: ['younger'], schedules: [], paused: [], tracks: [], searches: 0 };
    const [first, second] = [1, 2].map((times) => ({
      at: `2026-01-0${times}T03:04:05.000Z`,
      ...{ times, kind: 'empty', gone },
    }));
    const report = (loss: object = {}) => redis().hset('{ebay}:config', 'loss', JSON.stringify(loss));
    await report(first);
    const exists = sinon.stub(SavedTracks.prototype, 'exists').callsFake(async (track) => {
      await report(second);
      return exists.wrappedMethod.call(new SavedTracks(redis(), '{ebay}'), track);
    });
    const restored = await dpf('restore', at(FILE), '--json');
    exists.restore();
    expect(exists.callCount).to.equal(2);
    expect(JSON.parse(restored.out).endedLoss).to.equal(null);
    expect((await new FleetStore(redis(), '{ebay}').look()).loss).to.deep.equal(second);
  });

  it('takes a file that an editor saved: byte order mark, line ends of Windows, an empty line behind the end', async () => {
    await fill();
    expect((await dpf('backup', at(FILE))).exit).to.equal(0);
    await redis().flushall();
    write(FILE, `\ufeff${lines(FILE).join('\r\n')}\r\n\r\n`);
    const restored = await dpf('restore', at(FILE));
    expect(restored.exit, restored.err).to.equal(0);
    expect(restored.out).to.include('tracks     2 restored (1,203 listings)');
    const utf16 = await dpf(
      'restore',
      write('wrong', Buffer.from(`\ufeff${lines(FILE).join('\n')}`, 'utf16le')),
    );
    expect(utf16.exit).to.equal(1);
    expect(utf16.err).to.include('is UTF-16: save it as UTF-8');
  });

  it('an empty Redis has a backup too', async () => {
    expect((await dpf('backup', at(FILE))).exit).to.equal(0);
    expect(lines(FILE)).to.have.length(2);
    const restored = await dpf('restore', at(FILE));
    expect(restored.exit, restored.err).to.equal(0);
    expect(await redis().dbsize()).to.equal(0);
  });

  it('refuses a wrong use with 2, and a file that cannot be written with 1, and then leaves nothing', async () => {
    expect((await dpf('restore')).exit).to.equal(2);
    expect((await dpf('backup', '--json')).exit).to.equal(2);
    const nowhere = await dpf('backup', join(folder, 'no', 'such', FILE));
    expect(nowhere).to.include({ exit: 1 });
    expect(nowhere.err).to.match(/cannot be written \(ENOENT\)$/);
    expect((await dpf('backup', folder)).err).to.include('is no file');
    symlinkSync('/dev/null', at('device'));
    expect((await dpf('backup', at('device'))).err).to.include('is no file');
    expect((await dpf('restore', at('device'))).err).to.include('is no file');
    expect((await dpf('restore', at('none'))).err).to.include('cannot be read (ENOENT)');
    expect((await dpf('backup', at(FILE))).exit).to.equal(0);
    const once = async (...args: string[]) => {
      const terminal = plainTerminal();
      return { exit: await run(args, terminal), out: '', err: terminal.err.join() };
    };
    for (const args of [
      ['backup', at('gone')],
      ['restore', at(FILE)],
    ]) {
      const gone = await withEnv({ REDIS_URL: 'redis://127.0.0.1:1' }, args, once);
      expect(gone.exit, gone.err).to.equal(4);
    }
    expect(existsSync(at('gone'))).to.equal(false);
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).to.deep.equal([]);
  });

  describe('a file that is wrong', () => {
    const header = (change: object = {}) => ({
      ...{
        kind: 'header',
        format: 'dpf-backup',
        form: 1,
        createdAt: '2026-01-01T00:00:00.000Z',
        prefix: '{ebay}',
      },
      configVersion: 0,
      counts: NONE,
      ...change,
    });
    // Release 0.2 counts no watchlists.
    const NONE = { settings: 0, tenants: 0, keys: 0, schedules: 0, tracks: 0, listings: 0 };
    const end = (change: object = {}) => ({ kind: 'end', counts: { ...NONE, ...change } });
    const key = (change: object = {}) => ({
      ...{
        kind: 'key',
        id: '0123456789',
        name: 'x',
        tenant: 'default',
        roles: ['read'],
        hash: 'a'.repeat(64),
      },
      ...{ createdAt: '2026-01-01T00:00:00Z', expiresAt: null, lastUsedAt: null },
      ...change,
    });
    const track = (change: object = {}) => ({
      ...{ kind: 'track', tenant: 'default', name: 't', expiresAt: '2999-01-01T00:00:00Z' },
      state: { version: 1, request: 'x', ignored: '', began: 1, since: null, lastWhole: null },
      ...change,
    });
    const listing = (change: object = {}) => ({ kind: 'listing', id: '1', seen: seen(1), ...change });
    const schedule = (definition: object = {}, change: object = {}) => ({
      ...{ kind: 'schedule', tenant: 'default', source: 'code', paused: false, anchor: 1 },
      definition: { name: 's', every: 3600, request: { query: 'x' }, ...definition },
      runs: { count: 0, countedAt: 0, last: [] },
      ...change,
    });
    const of = (...middle: object[]) => [header(), ...middle, end()];
    const cases: Array<[what: string, content: string | object[], says: RegExp]> = [
      ['is empty', '', /the file is empty/],
      ['is no text', '\u0000\u0001', /line 1 is not the header of a backup/],
      [
        'is another program’s JSON',
        '{"name": "package", "version": "1.0.0"}',
        /line 1 is not the header of a backup/,
      ],
      ['is a list', '[1, 2]', /line 1 is not the header/],
      [
        'is of a later form',
        [header({ form: 2 }), end()],
        /line 1 says form 2, and this release reads form 1/,
      ],
      ['is cut off', [header(), key()], /is cut off after line 2/],
      ['is cut off within a line', `${JSON.stringify(header())}\n{"kind": "ke`, /line 2 is not JSON/],
      ['misses a line', [header(), end({ keys: 1 })], /line 2 says 1 keys, but there are 0/],
      ['has a line more', [header(), key(), end()], /line 3 says 0 keys, but there are 1/],
      ['goes on behind its end', [...of(), key()], /line 3 follows the end/],
      ['has two headers', of(header()), /line 2 has the kind header in a wrong place/],
      ['has an unknown kind', of({ kind: 'constructor' }), /line 2 has the unknown kind "constructor"/],
      ['has a kind that is no word', of({ kind: ['key'] }), /line 2 has the unknown kind an array/],
      [
        'has a key twice',
        [header(), key(), key(), end({ keys: 2 })],
        /line 3 has the key x \(0123456789\) a second/,
      ],
      ['has a key of another form', of(key({ id: 'a:b' })), /line 2 key\.id must match/],
      ['has an unknown role', of(key({ roles: ['root'] })), /line 2 key\.roles\.0 must be equal to one of/],
      ['has a key that never ends', of(key({ expiresAt: '2026-99-99T00:00:00Z' })), /line 2 key\.expiresAt/],
      ['has a key without its hash', of(key({ hash: '' })), /line 2 key\.hash must match/],
      ['has a track of a strange tenant', of(track({ tenant: 'a:b' })), /line 2 track\.tenant must match/],
      ['has a track of a strange name', of(track({ name: '{x}\u202e' })), /line 2 track\.name must match/],
      [
        'has a track that began tomorrow',
        of(track({ state: { ...track().state, began: 9e15 } })),
        /track\.state\.began/,
      ],
      ['has a listing without a track', of(listing()), /line 2 is a listing without a track/],
      [
        'has a listing named as the track',
        of(track(), listing({ id: 'the track' })),
        /line 3 listing\.id must match/,
      ],
      [
        'has a listing of another form',
        of(track(), listing({ seen: [1, 'x', 2, null, 0] })),
        /listing\.seen\.2 must/,
      ],
      [
        'has a wrong price',
        of(track(), listing({ seen: [...seen(1).slice(0, 5), ['0', 'x', 'NaN', null]] })),
        /seen\.5\.2/,
      ],
      [
        'has a schedule that runs too often',
        of(schedule({ every: 1 })),
        /schedule s: every must be whole seconds from 60/,
      ],
      [
        'has a schedule of another tenant’s searches',
        of(schedule({ request: { query: 'x', tenant: 'b' } })),
        /belongs to/,
      ],
      ['has a schedule without a name', of(schedule({ name: 'a:b' })), /line 2 schedule : name must be/],
      [
        'has a run of an unknown outcome',
        of(
          schedule(
            {},
            { runs: { count: 1, countedAt: 1, last: [{ searchId: 'a b', at: 1, outcome: 'x' }] } },
          ),
        ),
        /runs\.last\.0/,
      ],
      [
        'has a tenant with a secret',
        of({ kind: 'tenant', name: 'a', declaration: { clientSecret: 'hush' } }),
        /clientSecret is not written/,
      ],
      [
        'has the tenant of the environment',
        of({ kind: 'tenant', name: 'default', declaration: TENANT }),
        /choose another name/,
      ],
      [
        'has a prototype as a tenant',
        `${JSON.stringify(header())}\n{"kind":"tenant","name":"__proto__","declaration":{}}\n`,
        /must be 1 to 40/,
      ],
      [
        'has a setting that there is not',
        [header(), { kind: 'settings', part: 'settings', at: 1, value: { a: {} } }, end({ settings: 1 })],
        /settings: a is not a setting/,
      ],
      [
        'has a wrong setting',
        [
          header(),
          { kind: 'settings', part: 'settings', at: 1, value: { pace: { minApiCallInterval: -1 } } },
          end({ settings: 1 }),
        ],
        /minApiCallInterval is -1/,
      ],
      [
        'has settings that are none',
        of({ kind: 'settings', part: 'settings', at: 1, value: null }),
        /line 2 settings must be an object/,
      ],
    ];
    for (const [what, content, says] of cases)
      it(`is refused as a whole with 1: it ${what}`, async () => {
        // The first record is a good one: nothing of it may be there.
        const path = write('wrong', content);
        const refused = await dpf('restore', path);
        expect(refused.exit, refused.err).to.equal(1);
        expect(refused.err)
          .to.match(says)
          .and.match(/Nothing was written$/);
        expect(refused.err).to.not.include('hush');
        expect(await redis().dbsize()).to.equal(0);
        expect(({} as Record<string, unknown>).clientSecret).to.equal(undefined);
      });

    it('is not read further than 16 MiB into one line', async function () {
      this.timeout(60_000);
      const line = Buffer.alloc(40 * 1024 * 1024, 'x');
      const path = write('wrong', Buffer.concat([Buffer.from(`${JSON.stringify(header())}\n"`), line]));
      const refused = await dpf('restore', path);
      expect(refused.exit).to.equal(1);
      expect(refused.err).to.match(/line 2 is longer than 16 MiB/);
    });
  });
});
