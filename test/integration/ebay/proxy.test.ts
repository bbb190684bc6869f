import { inspect } from 'node:util';
import { expect } from 'chai';
import { examine } from '../../../src/app/doctor.ts';
import { quietLog } from '../../../src/cli/commandSetup.ts';
import { ebayAhead } from '../../../src/ebay/checkup.ts';
import type { Slot } from '../../../src/ebay/gate/gate.ts';
import { requestToken } from '../../../src/ebay/oauth/tokenRequest.ts';
import type { Finding } from '../../../src/telemetry/finding.ts';
import { testConfig } from '../../support/config.ts';
import { search, testEbay } from '../../support/ebayClient.ts';
import { failureOf, inRedis } from '../../support/gates.ts';
import { startHttpProxy, useHttpProxy } from '../../support/httpProxy.ts';
import { useRedis } from '../../support/redis.ts';
import { serviceEnv } from '../../support/service.ts';
import { useSimulator } from '../../support/simulator.ts';
import { waitFor } from '../../support/waitFor.ts';

const PASSWORD = 'p@ss:w/rd';

describe('requests to eBay through EBAY_PROXY_URL', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());
  const simulator = useSimulator();
  const proxy = useHttpProxy();
  const proxyUrl = () => `http://finder:${encodeURIComponent(PASSWORD)}@127.0.0.1:${proxy().port}`;
  const authority = () => new URL(simulator().url).host;
  const open = (env: Record<string, string> = {}, gate = makeGate()) =>
    testEbay(simulator().url, { gate, env: { EBAY_PROXY_URL: proxyUrl(), ...env } });
  const config = () => testConfig(serviceEnv(redis.url, simulator().url, { EBAY_PROXY_URL: proxyUrl() }));

  it('calls share a tunnel, which names user and password', async () => {
    const ebay = open();
    await search(ebay);
    await search(ebay);
    expect(proxy().targets).to.deep.equal([authority()]);
    const basic = Buffer.from(`finder:${PASSWORD}`).toString('base64');
    expect(proxy().authorizations).to.deep.equal([`Basic ${basic}`]);
    expect(simulator().controls.log({ kind: 'search' })).to.have.length(2);
    ebay.client.close();
  });

  it('the token request, the quota and the doctor’s look at the clock take it too', async () => {
    expect((await requestToken(config())).token_type).to.be.a('string');
    expect(proxy().targets).to.have.length(1);
    await ebayAhead(config().ebay, Date.now);
    expect(proxy().targets).to.have.length(2);
    const ebay = open();
    expect(await ebay.client.reconcile()).to.equal(true);
    expect(proxy().targets).to.deep.equal([authority(), authority(), authority()]);
    ebay.client.close();
  });

  it('one without a password gets none', async () => {
    const ebay = open({ EBAY_PROXY_URL: `http://127.0.0.1:${proxy().port}/` });
    await search(ebay);
    expect(proxy().authorizations).to.deep.equal([undefined]);
    ebay.client.close();
  });

  it('a slot counts as sent when the request is written into the tunnel, not before', async () => {
    proxy().status = undefined;
    const gate = makeGate();
    const slots: Slot[] = [];
    const enter = gate.enter.bind(gate);
    gate.enter = async (call) => {
      const slot = await enter(call);
      slots.push(slot);
      return slot;
    };
    const ebay = open({ EBAY_CONNECT_TIMEOUT: '9' }, gate);
    const calling = search(ebay);
    await waitFor('the tunnel to be asked for', () => proxy().targets.length === 1);
    expect(slots.map(({ wasSent }) => wasSent)).to.deep.equal([false]);
    proxy().release();
    await calling;
    expect(slots.map(({ wasSent }) => wasSent)).to.deep.equal([true]);
    ebay.client.close();
  });

  for (const [status, remedy] of [
    [407, 'check user and password in EBAY_PROXY_URL'],
    [401, 'it must allow CONNECT'],
    [429, 'it must allow CONNECT'],
    [503, 'it must allow CONNECT'],
  ] as const)
    it(`a proxy that answers ${status} is named with what to do; eBay’s token, quota and pace stay as they are`, async () => {
      proxy().status = status;
      const ebay = open();
      const failure = await failureOf(search(ebay));
      expect(failure.code).to.equal('ebay-unreachable');
      expect(failure.message)
        .to.match(new RegExp(`^the proxy 127\\.0\\.0\\.1:${proxy().port} answered ${status}: `))
        .and.include(remedy);
      for (const form of [failure.stack, JSON.stringify(failure), inspect(failure, { depth: 9 })])
        for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), 'finder'])
          expect(form).to.not.include(secret);
      const { used, closed } = await ebay.gate.read();
      expect({ used, closed }).to.deep.equal({ used: 0, closed: undefined });
      expect(ebay.tokens.changes).to.deep.equal([]);
      expect(proxy().targets).to.have.length(1);
      expect(simulator().controls.log({ kind: 'search' })).to.deep.equal([]);
      const fault = await requestToken(config()).catch((error: Error) => error);
      expect(fault).to.include({ reason: 'unreachable' });
      expect((fault as Error).message).to.include(`answered ${status}: `);
      ebay.client.close();
    });

  it('a proxy that is not there is named', async () => {
    const gone = await startHttpProxy();
    await gone.close();
    const ebay = open({ EBAY_PROXY_URL: `http://127.0.0.1:${gone.port}` });
    const failure = await failureOf(search(ebay));
    expect([failure.code, failure.message]).to.deep.equal([
      'ebay-unreachable',
      `the proxy 127.0.0.1:${gone.port} cannot be reached (ECONNREFUSED): check EBAY_PROXY_URL`,
    ]);
    ebay.client.close();
  });

  it('a proxy that does not answer takes no longer than EBAY_CONNECT_TIMEOUT, and its slot is given back', async () => {
    proxy().status = undefined;
    const ebay = open({ EBAY_CONNECT_TIMEOUT: '0.3' });
    expect((await failureOf(search(ebay))).code).to.equal('ebay-timeout');
    expect((await ebay.gate.read()).used).to.equal(0);
    await waitFor('the connection to end', () => proxy().open === 0);
    ebay.client.close();
  });

  it('a caller that stops and a call’s own time limit end a call whose tunnel is under way', async () => {
    proxy().status = undefined;
    const ebay = open({ EBAY_CONNECT_TIMEOUT: '60', EBAY_CALL_TIMEOUT: '0.3' });
    const controller = new AbortController();
    const stopped = failureOf(search(ebay, controller.signal));
    await waitFor('the tunnel to be asked for', () => proxy().targets.length === 1);
    controller.abort();
    expect((await stopped).code).to.equal('interrupted');
    expect((await failureOf(search(ebay))).code).to.equal('ebay-timeout');
    expect((await ebay.gate.read()).used).to.equal(0);
    ebay.client.close();
  });

  it('closing the client ends a tunnel that is under way', async () => {
    proxy().status = undefined;
    const ebay = open({ EBAY_CONNECT_TIMEOUT: '60', EBAY_CALL_TIMEOUT: '10' });
    const calling = failureOf(search(ebay));
    await waitFor('the tunnel to be asked for', () => proxy().targets.length === 1);
    ebay.client.close();
    expect((await calling).code).to.equal('ebay-unreachable');
    expect(proxy().targets).to.have.length(1);
    await waitFor('the connection to end', () => proxy().open === 0);
  });

  async function examined(): Promise<Finding[]> {
    const findings: Finding[] = [];
    for await (const finding of examine(config(), { log: quietLog() })) findings.push(finding);
    expect(JSON.stringify(findings)).to.not.include(PASSWORD).and.not.include(encodeURIComponent(PASSWORD));
    return findings;
  }

  it('the doctor says that eBay is reached through it, without user and password', async () => {
    const findings = await examined();
    const reached = findings.find(({ check }) => check === 'ebay');
    expect(reached?.message).to.equal(`${authority()} answers through the proxy 127.0.0.1:${proxy().port}`);
    expect(findings.filter(({ check }) => check === 'proxy')).to.deep.equal([]);
  });

  it('the doctor names one that refuses, without user and password', async () => {
    proxy().status = 407;
    const findings = await examined();
    for (const about of ['ebay', 'credentials'])
      expect(findings.find(({ check }) => check === about)?.message).to.include(
        `the proxy 127.0.0.1:${proxy().port} answered 407: check user and password in EBAY_PROXY_URL`,
      );
  });
});
