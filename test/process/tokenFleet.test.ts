import { expect } from 'chai';
import { DEMO_CREDENTIALS } from '../../src/simulator/tokens.ts';
import { LONG } from '../support/long.ts';
import { startTestRedis, useRedis } from '../support/redis.ts';
import { useSimulator } from '../support/simulator.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcpProxy.ts';
import { TokenFleet, type TokenWorker, together } from '../support/tokenFleet.ts';
import { waitFor } from '../support/waitFor.ts';

const PROCESSES = LONG ? 8 : 4;

describe('one token for a fleet of processes', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const simulator = useSimulator();
  const fleet = new TokenFleet();
  let proxy: TcpProxy;

  before(async () => {
    await fleet.start(PROCESSES);
    proxy = await startTcpProxy(Number(new URL(redis.url).port));
  });
  after(async () => {
    await fleet.end();
    await proxy.close();
  });

  const configure = (env: Record<string, string> = {}) =>
    fleet.ask('configure', {
      env: {
        REDIS_URL: `redis://127.0.0.1:${proxy.port}/0`,
        EBAY_CLIENT_ID: DEMO_CREDENTIALS.clientId,
        EBAY_CLIENT_SECRET: DEMO_CREDENTIALS.clientSecret,
        EBAY_TOKEN_URL: `${simulator().url}/identity/v1/oauth2/token`,
        EBAY_API_URL: simulator().url,
        MIN_API_CALL_INTERVAL: '0',
        DAILY_CALL_LIMIT: '1000000',
        TOKEN_REQUEST_INTERVAL: '0.05',
        // That many processes on few cores answer late; only a Redis that is really gone may count as silent.
        TOKEN_READ_TIMEOUT: '5',
        REDIS_COMMAND_TIMEOUT: '10',
        ...env,
      },
    });
  const mints = () => simulator().controls.log({ kind: 'token' }).length;
  const looks = () => fleet.ask('look', {});

  it(`${PROCESSES} processes × 100 callers, empty cache: 1 mint, all served`, async () => {
    await configure();
    const { tokens, failures } = together(await fleet.ask('get', { callers: 100 }));
    expect(failures).to.deep.equal({});
    expect(tokens).to.have.length(1);
    expect(mints()).to.equal(1);
  });

  it(`${PROCESSES} processes × 40 calls in flight, token revoked: 1 mint, every call replayed at most once, 0 failed`, async () => {
    await configure();
    await fleet.ask('search', { callers: 1 });
    simulator().controls.configure({ latencyMs: 1500 });
    const before = simulator().controls.log({ kind: 'search' }).length;
    const searching = fleet.ask('search', { callers: 40 });
    const arrived = () => simulator().controls.log({ kind: 'search' }).length - before;
    await waitFor('all calls in flight', () => arrived() >= PROCESSES * 40);
    simulator().controls.revokeTokens();
    simulator().controls.configure({ latencyMs: 0 });
    const searched = await searching;
    expect(together(searched).failures).to.deep.equal({});
    expect(Math.max(...searched.map(({ mostAttempts }) => mostAttempts))).to.equal(2);
    expect(arrived()).to.be.at.most(2 * PROCESSES * 40);
    expect(mints()).to.equal(2);
  });

  it('10 refusals of the same old token, one after another: 0 mints', async () => {
    await configure();
    const [first] = fleet.workers;
    const [old] = together(await fleet.ask('get', { callers: 1 })).tokens as [string];
    await first?.ask('refuse', { token: old, times: 1 });
    const before = mints();
    const { tokens } = together(await fleet.ask('refuse', { token: old, times: 10 }));
    expect(tokens).to.have.length(1).and.to.not.include(old);
    expect(mints()).to.equal(before);
  });

  it('Redis killed and restarted under load: ≤ 1 mint a process, 0 failed calls, one token again', async () => {
    const own = await startTestRedis();
    proxy.targetPort = own.port;
    try {
      await configure();
      await fleet.ask('get', { callers: 1 });
      await fleet.ask('load', { everyMs: 20 });
      await own.stop();
      await waitFor('memory to serve everybody', async () =>
        (await looks()).every(({ servedFromMemory }) => servedFromMemory >= 20),
      );
      const during = mints();
      proxy.targetPort = Number(new URL(redis.url).port);
      await waitFor('one token again', async () => {
        const seen = await looks();
        return (
          seen.every(({ source }) => source === 'redis') && new Set(seen.map(({ token }) => token)).size === 1
        );
      });
      expect(together(await fleet.ask('rest', {})).failures).to.deep.equal({});
      expect(during).to.equal(1);
      expect(mints()).to.be.at.most(2);
    } finally {
      proxy.targetPort = Number(new URL(redis.url).port);
    }
  });

  it('the token endpoint down beyond the cached time: 0 failed calls, one token again', async () => {
    simulator().controls.configure({ tokenLifetime: 60 });
    await configure({
      TOKEN_CACHE_TIME: '1.5',
      TOKEN_EXPIRY_BUFFER: '2',
      TOKEN_REFRESH_AHEAD: '0.3',
      TOKEN_FAILURE_BACKOFF: '0.02',
      MAX_TOKEN_FAILURE_BACKOFF: '0.3',
    });
    await fleet.ask('get', { callers: 1 });
    simulator().controls.arm({ fault: 'status', status: 503, on: { endpoint: 'token' } });
    await fleet.ask('load', { everyMs: 20 });
    await waitFor('memory to serve everybody', async () =>
      (await looks()).every(({ servedFromMemory }) => servedFromMemory >= 20),
    );
    simulator().controls.clear();
    await waitFor('one token again', async () =>
      (await looks()).every(({ source, token }) => source === 'redis' && token !== null),
    );
    expect(together(await fleet.ask('rest', {})).failures).to.deep.equal({});
    simulator().controls.configure({ tokenLifetime: 7200 });
  });

  it('a wrong secret: one token request a cool-down, and all calls say why', async () => {
    const pauseMs = 2000;
    await configure({ EBAY_CLIENT_SECRET: 'SBX-wrong', CREDENTIAL_REFUSED_BACKOFF: String(pauseMs / 1000) });
    const look = async () => {
      const { failures } = together(await fleet.ask('get', { callers: 40 }));
      expect(failures).to.deep.equal({ 'credential-refused: invalid_client': PROCESSES * 40 });
      return mints() >= 3;
    };
    await waitFor('two cool-downs to end', look, 45_000);
    // A busy machine may take longer than a cool-down for one round of calls, so requests are counted by their distance.
    const requests = simulator().controls.log({ kind: 'token' });
    const gaps = requests.slice(1).map(({ at }, index) => at - (requests[index]?.at ?? 0));
    expect(Math.min(...gaps)).to.be.at.least(pauseMs - 5);
  });

  it('the minting process SIGKILLed while it holds the lock: 1 further mint, the others served', async () => {
    await configure({ TOKEN_LOCK_TIME: '3', TOKEN_REQUEST_TIMEOUT: '2.5' });
    simulator().controls.arm({ fault: 'hang', count: 1, on: { endpoint: 'token' } });
    const asked = fleet.workers.map((worker) => worker.ask('get', { callers: 10 }).catch(() => undefined));
    const waits = async () => (await looks()).map((look) => look.waits);
    await waitFor('all but one to wait', async () => (await waits()).filter((n) => n === 0).length === 1);
    const minter = fleet.workers[(await waits()).indexOf(0)] as TokenWorker;
    expect(mints()).to.equal(1);
    await minter.end('SIGKILL');
    const outcomes = (await Promise.all(asked)).filter((outcome) => outcome !== undefined);
    expect(outcomes).to.have.length(PROCESSES - 1);
    expect(together(outcomes)).to.deep.include({ failures: {} });
    expect(together(outcomes).tokens).to.have.length(1);
    expect(mints()).to.equal(2);
  });
});
