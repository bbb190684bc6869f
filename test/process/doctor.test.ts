import { expect } from 'chai';
import { BASE_SCOPE, DEMO_CREDENTIALS } from '../../src/simulator/tokens.ts';
import type { Finding } from '../../src/telemetry/finding.ts';
import { useCommands } from '../support/commands.ts';
import { startTestRedis, useRedis } from '../support/redis.ts';
import { serviceEnv, startPair } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';
import { waitFor } from '../support/waitFor.ts';

const MARKETING = 'https://api.ebay.com/oauth/api_scope/buy.marketing';

describe('dpf doctor', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const simulator = useSimulator({ credentials: [{ ...DEMO_CREDENTIALS, scopes: [BASE_SCOPE, MARKETING] }] });
  const dpf = useCommands();
  const env = (change: Record<string, string> = {}) => ({
    ...serviceEnv(redis.url, simulator().url),
    ...change,
  });

  /** What the doctor has to say about each check, once it has ended with this exit code. */
  async function examined(exit: number, change: Record<string, string> = {}) {
    const doctor = dpf(['doctor'], env(change));
    expect(await doctor.exit(), doctor.output).to.equal(exit);
    if (exit !== 0) expect(doctor.stdout).to.match(/^not healthy: \d+ of \d+ checks failed$/m);
    return (check: string): string => {
      const lines = doctor.stdout.split('\n').filter((line) => new RegExp(`^\\S+ +${check} `).test(line));
      expect(lines, doctor.output).to.have.length(1);
      return lines[0] as string;
    };
  }

  const lineAbout = async (check: string, exit: number, change?: Record<string, string>) =>
    (await examined(exit, change))(check);

  it('says that all is well, for one token request and one call', async () => {
    await redis.connect().config('SET', 'appendonly', 'yes');
    const { stop } = await startPair(env());
    // A worker asks eBay for its count as it starts.
    await waitFor('the quota', () => simulator().controls.log({ kind: 'rate-limit' }).length > 0);
    simulator().controls.clearLog();
    const doctor = dpf(['doctor', '--json'], env());
    expect(await doctor.exit(), doctor.output).to.equal(0);
    const { healthy, exit, findings } = JSON.parse(doctor.stdout) as {
      healthy: boolean;
      exit: number;
      findings: Finding[];
    };
    expect({ healthy, exit }).to.deep.equal({ healthy: true, exit: 0 });
    // A distribution's Redis may be repaired although its version has known holes.
    const notOk = findings.filter(({ state }) => state !== 'ok');
    expect(notOk.filter(({ message }) => !/has known security holes/.test(message))).to.deep.equal([]);
    expect(findings.map(({ check }) => check).join(' ')).to.equal(
      'redis version eviction persistence memory data ebay clock credentials quota gate search queues failures worker',
    );
    expect(simulator().controls.log({ kind: 'token' })).to.have.length(1);
    expect(simulator().controls.log({ kind: 'search' })).to.have.length(1);
    await stop();
  });

  it('says that no worker is there, and warns of a Redis that a restart empties', async () => {
    await redis.connect().config('SET', 'appendonly', 'no');
    const line = await examined(5);
    expect(line('worker')).to.match(/^FAIL .*no worker is connected.* → start dpf worker/);
    expect(line('persistence')).to.match(/^warn .*loses waiting searches → set appendonly yes/);
  });

  it('warns of workers of an older release, which report none', async () => {
    const report = { role: 'worker', host: 'h', pid: 1, version: 0, tenants: ['default'] };
    const seen = Math.floor(Date.now() / 1000) + 60;
    await redis.connect().hset('{ebay}:processes', 'older', `${seen} ${JSON.stringify(report)}`);
    expect(await lineAbout('worker', 0)).to.match(
      /^warn .*1 connected, 1 of them of release 0\.1 → upgrade the workers first/,
    );
  });

  it('says that Redis is not there', async () => {
    const gone = await startTestRedis();
    await gone.stop();
    expect(await lineAbout('redis', 4, { REDIS_URL: gone.url })).to.match(
      /^FAIL .*cannot reach Redis at 127\.0\.0\.1:\d+ \(ECONNREFUSED\) → start Redis, or correct REDIS_URL$/,
    );
  });

  it('says that Redis’s password is wrong, without showing it', async () => {
    const guarded = await startTestRedis(['--requirepass', 'sesame']);
    try {
      for (const password of [':opensimsim@', '']) {
        const url = guarded.url.replace('//', `//${password}`);
        const line = await lineAbout('redis', 3, { REDIS_URL: url });
        expect(line).to.match(/^FAIL .*(WRONGPASS|NOAUTH).* → .*REDIS_URL/);
        expect(line).to.not.include('opensimsim');
      }
    } finally {
      await guarded.stop();
    }
  });

  it('says that Redis evicts jobs', async () => {
    await redis.connect().config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await lineAbout('eviction', 3)).to.match(
      /^FAIL .*maxmemory-policy is allkeys-lru.* → run CONFIG SET maxmemory-policy noeviction/,
    );
    await redis.connect().config('SET', 'maxmemory-policy', 'noeviction');
  });

  it('says that the secret is wrong, and does not search', async () => {
    const line = await lineAbout('credentials', 3, { EBAY_CLIENT_SECRET: 'hush-hush-hush' });
    expect(line).to.match(/^FAIL .*invalid_client.* → check EBAY_CLIENT_ID, EBAY_CLIENT_SECRET/);
    expect(line).to.not.include('hush-hush-hush');
    expect(simulator().controls.log({ kind: 'search' })).to.deep.equal([]);
  });

  it('says that the keyset has not got a scope, or that the scopes do not let it search', async () => {
    expect(
      await lineAbout('credentials', 3, { EBAY_SCOPES: 'https://api.ebay.com/oauth/api_scope/sell.item' }),
    ).to.match(/^FAIL .*invalid_scope.* → check EBAY_SCOPES/);
    expect(await lineAbout('search', 3, { EBAY_SCOPES: MARKETING })).to.match(
      /^FAIL .*may not search.*1100.* → put https:\/\/api\.ebay\.com\/oauth\/api_scope into EBAY_SCOPES/,
    );
  });

  it('says that a setting is wrong', async () => {
    expect(await lineAbout('settings', 3, { MIN_API_CALL_INTERVAL: 'soon' })).to.match(
      /^FAIL .*MIN_API_CALL_INTERVAL .* → correct MIN_API_CALL_INTERVAL$/,
    );
    expect(await lineAbout('credentials', 3, { EBAY_CLIENT_SECRET: '"hush-hush"' })).to.match(
      /^FAIL .*EBAY_CLIENT_SECRET has quotation marks around it.* → remove them/,
    );
    expect(await lineAbout('credentials', 3, { EBAY_CLIENT_ID: '' })).to.match(
      /^FAIL .*EBAY_CLIENT_ID is not set → create a keyset/,
    );
  });

  it('says that the day’s calls are used up, by eBay’s own count, and does not search', async () => {
    simulator().controls.quota({ limit: 5000, used: 5000, resetInS: 3600 });
    expect(await lineAbout('quota', 5)).to.match(
      /^FAIL .*5000 of 5000 calls of the day are used, by eBay’s own count: no call before 2.*Z → searches go on/,
    );
    expect(simulator().controls.log({ kind: 'search' })).to.deep.equal([]);
    simulator().controls.quota({ limit: 5000, used: 0 });
  });

  it('says that eBay’s clock is another than the two of ours', async () => {
    simulator().controls.arm({ fault: 'clock', aheadS: 60, on: { endpoint: 'other' } });
    expect(await lineAbout('clock', 5)).to.match(
      /^FAIL .*this machine and of Redis are (59|60|61) s behind eBay’s → .*NTP/,
    );
  });
});
