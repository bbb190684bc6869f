import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { patientDpf as dpf } from '../../support/patientDpf.ts';
import { useRedis } from '../../support/redis.ts';
import { useRedisUrl } from '../../support/redisUrl.ts';

const KEYSET = ['--client-id-env', 'SHOP_ID', '--client-secret-file', '/nowhere/secret'];

describe('dpf tenants and dpf config', () => {
  const redis = useRedis();
  const folder = mkdtempSync(join(tmpdir(), 'dpf-config-'));
  useRedisUrl(() => redis.url);
  after(() => rmSync(folder, { recursive: true }));

  const file = (content: object | string) => {
    const path = join(folder, 'changes.json');
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };

  it('adds, lists, shows and removes a tenant, and says what only a worker can check', async () => {
    const costs = { currency: 'EUR', markupPercent: 40 };
    const OWN = ['--marketplace', 'EBAY_DE', '--affiliate-campaign-id', '53', '--costs', file(costs)];
    expect((await dpf('tenants', 'list')).out).to.equal('no tenants');
    const added = await dpf('tenants', 'add', 'shop', ...KEYSET, ...OWN);
    expect(added.exit, added.err).to.equal(0);
    expect(added.out).to.equal(
      'added shop; its keyset cannot be read here, workers must: clientIdEnv SHOP_ID is not set',
    );
    expect((await dpf('tenants', 'list')).out).to.match(/shop +command +EBAY_DE +– +– +– +0/);
    expect(JSON.parse((await dpf('tenants', 'show', 'shop')).out).declaration).to.deep.equal({
      clientIdEnv: 'SHOP_ID',
      clientSecretFile: '/nowhere/secret',
      marketplace: 'EBAY_DE',
      affiliateCampaignId: '53',
      costs,
    });
    const token = await dpf('token', '--tenant', 'shop');
    expect(token).to.include({ exit: 3, err: 'dpf: tenant shop: clientIdEnv SHOP_ID is not set' });
    expect((await dpf('quota', '--tenant', 'shop')).exit).to.equal(0);
    expect((await dpf('tenants', 'remove', 'shop')).exit).to.equal(0);
    for (const command of [
      ['tenants', 'show'],
      ['tenants', 'remove'],
      ['quota', '--tenant'],
      ['keys', 'add', 'door', '--tenant'],
      ['events', '--tenant'],
    ]) {
      const known = command[0] === 'tenants' ? 'none is declared' : 'known: default';
      const err = `dpf: no tenant "shop"; ${known}`;
      expect(await dpf(...command, 'shop'), command.join(' ')).to.include({ exit: 1, err });
    }
    expect((await dpf('keys', 'list', '--json')).out).to.equal('[]');
  });

  it('shows with --changed what differs from the defaults, and where it comes from: environment, file, fleet', async () => {
    const own = join(folder, 'own.json');
    writeFileSync(own, JSON.stringify({ http: { port: 3100 }, pace: { dailyCallLimit: 4000 } }));
    Object.assign(process.env, { CONFIG_FILE: own, WORKER_CONCURRENCY: '3' });
    try {
      const before = JSON.parse((await dpf('config', '--changed', '--json')).out);
      const expected = [
        { variable: 'REDIS_URL', from: 'environment', source: 'REDIS_URL' },
        { variable: 'DAILY_CALL_LIMIT', value: 4000, default: 5000, from: 'file', source: own },
        { variable: 'WORKER_CONCURRENCY', value: 3, from: 'environment' },
        { variable: 'HTTP_PORT', value: 3100, from: 'file', source: own },
      ];
      expect(before.map(({ variable }: { variable: string }) => variable)).to.deep.equal(
        expected.map(({ variable }) => variable),
      );
      expect(before).to.containSubset(expected);
      expect((await dpf('config', 'apply', file({ log: { level: 'warn' } }))).exit).to.equal(0);
      // A version of the fleet stands in the place of files for all settings that change while processes run.
      const { out } = await dpf('config', '--changed');
      expect(out)
        .to.match(/^LOG_LEVEL +warn +info +fleet, version \d+$/m)
        .and.not.include('DAILY_CALL_LIMIT');
      expect(out).to.match(/^HTTP_PORT +3100 +3000 +file .*own\.json$/m);
      process.env.LOG_LEVEL = 'debug';
      expect((await dpf('config', '--changed')).out).to.match(/^LOG_LEVEL +debug +info +environment$/m);
    } finally {
      for (const name of ['CONFIG_FILE', 'WORKER_CONCURRENCY', 'LOG_LEVEL']) delete process.env[name];
    }
  });

  it('refuses a secret, a wrong name and a wrong value, and then has added nothing', async () => {
    expect((await dpf('tenants', 'add', 'shop', '--client-secret', 'SBX-hush')).err).to.not.include('hush');
    expect((await dpf('tenants', 'add', 'default', ...KEYSET)).exit).to.equal(3);
    const wrong = await dpf('tenants', 'add', 'shop', ...KEYSET, '--marketplace', 'EBAY_MARS');
    expect(wrong.err).to.match(/marketplace is "EBAY_MARS", but must be one of/);
    expect((await dpf('tenants', 'list')).out).to.equal('no tenants');
  });

  it('publishes a file as the next version, and tells what needs a restart', async () => {
    const path = file({
      pace: { minApiCallInterval: 2 },
      worker: { concurrency: 3 },
      tenants: { shop: { clientIdEnv: 'SHOP_ID', clientSecretEnv: 'SHOP_SECRET' } },
    });
    const applied = await dpf('config', 'apply', path);
    expect(applied.exit, applied.err).to.equal(0);
    expect(applied.out).to.equal('version 1, run by 0 processes');
    expect(applied.err).to.match(/^WORKER_CONCURRENCY needs a restart/);
    expect((await dpf('config', 'apply', path)).out).to.equal('version 1 says the same');
    const fleet = JSON.parse((await dpf('config', '--fleet', '--json')).out);
    expect(fleet.version).to.equal(1);
    expect(fleet.document.settings.value).to.deep.equal({ pace: { minApiCallInterval: 2 } });
    expect((await dpf('tenants', 'remove', 'shop')).err).to.include('comes from TENANTS_FILE');
    expect((await dpf('config', '--fleet')).out).to.match(/^version 1: settings of 2.*\nno process reports$/);
  });

  it('refuses a wrong file as a whole', async () => {
    for (const [content, message] of [
      ['{"pace": ', /is not JSON/],
      [{ pace: { minApiCallInterval: -1 } }, /pace.minApiCallInterval is -1/],
      [{ pace: { minApiCallInterval: 1 }, tenants: { Shop: {} } }, /tenants.Shop must be 1 to 40/],
      [{ schedules: [{ name: 'x' }] }, /schedules.0/],
      [{}, /holds nothing/],
    ] as const) {
      const refused = await dpf('config', 'apply', file(content));
      expect(refused.exit, refused.err).to.equal(3);
      expect(refused.err).to.match(message);
    }
    expect((await dpf('config', '--fleet')).out).to.match(/^nothing was published yet/);
  });
});
