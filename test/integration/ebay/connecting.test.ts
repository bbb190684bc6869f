import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { ebayAhead } from '../../../src/ebay/checkup.ts';
import { requestToken } from '../../../src/ebay/oauth/tokenRequest.ts';
import { testConfig } from '../../support/config.ts';
import { search, type TestEbay, testEbay } from '../../support/ebayClient.ts';
import { failureOf, inRedis } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';
import { nameWithAddresses, type SlowAddress, startSlowAddress } from '../../support/slowAddress.ts';

/** Beyond the 250 ms that Node gives each address. */
const CONNECT_TIMEOUT = '0.8';

describe('a name with several addresses, one of which does not answer', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());
  let slow: SlowAddress;
  let server: Server;
  let name: { restore(): void };
  let ebay: TestEbay | undefined;
  const arrived: (string | undefined)[] = [];
  const url = () => `http://ebay.test:${slow.port}`;
  const open = (env: Record<string, string> = {}) => {
    const mint = async () => 'token';
    ebay = testEbay(url(), { gate: makeGate(), mint, env: { ...ENV, ...env } });
    return ebay;
  };
  const ENV = { EBAY_ALLOW_HTTP: 'true', EBAY_CONNECT_TIMEOUT: CONNECT_TIMEOUT };
  const config = () =>
    testConfig({ ...ENV, EBAY_API_URL: url(), EBAY_TOKEN_URL: `${url()}/identity/v1/oauth2/token` });
  /** How long something took, ms, and the code that it failed with. */
  const timed = async (what: () => Promise<unknown>) => {
    const began = performance.now();
    const error = await what().then(
      () => undefined,
      (thrown: { code?: string; reason?: string }) => thrown,
    );
    return { ms: performance.now() - began, code: error?.code ?? error?.reason };
  };
  before(async () => {
    slow = await startSlowAddress();
    // The same port of another address: nothing else is on it.
    server = createServer((request, response) => {
      arrived.push(request.url);
      response.setHeader('content-type', 'application/json');
      response.end('{"total":0,"access_token":"t","expires_in":7200}');
    });
  });
  const listen = () => new Promise<void>((resolve) => server.listen(slow.port, '127.0.0.2', resolve));
  beforeEach(() => arrived.splice(0));
  afterEach(() => {
    ebay?.client.close();
    name.restore();
    server.closeAllConnections();
    server.close();
  });
  after(() => slow.stop());

  it('has all of EBAY_CONNECT_TIMEOUT in a call, though the others refuse at once', async () => {
    name = nameWithAddresses('127.0.0.1', '127.0.0.2', '127.0.0.3');
    const { ms, code } = await timed(() => search(open()));
    expect(code).to.equal('ebay-timeout');
    expect(ms).to.be.above(790);
  });

  it('has all of it in a token request, whose own limit is longer', async () => {
    name = nameWithAddresses('127.0.0.1', '127.0.0.2');
    const { ms, code } = await timed(() => requestToken(config()));
    expect(code).to.equal('timeout');
    expect(ms).to.be.within(790, 8000);
  });

  it('has all of it where the doctor asks for the time', async () => {
    name = nameWithAddresses('127.0.0.1', '127.0.0.2');
    const { ms, code } = await timed(() => ebayAhead(config().ebay, Date.now));
    expect(code).to.equal('ebay-timeout');
    expect(ms).to.be.above(790);
  });

  it('does not keep a call from the next address', async () => {
    await listen();
    name = nameWithAddresses('127.0.0.1', '127.0.0.2');
    // Far below the time that the first address would take.
    const { body } = await search(open({ EBAY_CONNECT_TIMEOUT: '9' }));
    expect(body).to.include({ total: 0 });
    const { access_token } = await requestToken(config());
    expect(access_token).to.equal('t');
    expect(arrived).to.have.length(2);
  });

  it('is not asked where an earlier one answers', async () => {
    await listen();
    name = nameWithAddresses('127.0.0.2', '127.0.0.1');
    await search(open());
    await search(open());
    expect(arrived).to.have.length(2);
  });
});

describe('headers of an answer beyond Node’s limit of 16 KiB', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());
  let server: Server;
  let bytes = 0;
  let requests = 0;
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  before((done) => {
    server = createServer((_request, response) => {
      requests += 1;
      response.setHeader('x-long', 'x'.repeat(bytes));
      response.setHeader('content-type', 'application/json');
      response.end('{"total":0,"access_token":"t","expires_in":7200}');
    }).listen(0, '127.0.0.1', done);
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  beforeEach(() => {
    requests = 0;
  });
  const call = async (env: Record<string, string> = {}) => {
    const ebay = testEbay(url(), { gate: makeGate(), mint: async () => 'token', env });
    try {
      return await search(ebay);
    } finally {
      ebay.client.close();
    }
  };
  const mint = () => requestToken(testConfig({ EBAY_TOKEN_URL: `${url()}/token` }));

  it('are read, of a call and of a token request', async () => {
    bytes = 40_000;
    expect((await call()).body).to.include({ total: 0 });
    expect((await mint()).access_token).to.equal('t');
  });

  it('beyond EBAY_MAX_BODY_BYTES are a failure that names it and is not worth a second attempt', async () => {
    bytes = 40_000;
    const failure = await failureOf(call({ EBAY_MAX_BODY_BYTES: '20000' }));
    expect(failure.code).to.equal('ebay-bad-answer');
    expect(failure.message).to.equal('eBay’s answer is larger than EBAY_MAX_BODY_BYTES allows: raise it');
    expect(failure.detail).to.include({ attempts: 1, calls: 1 });
    expect(requests).to.equal(1);
  });

  it('of a token request beyond 64 KiB name the setting that leads there', async () => {
    bytes = 70_000;
    const error = await mint().catch((thrown: Error) => thrown);
    expect(error).to.include({ reason: 'bad-answer' });
    expect((error as Error).message).to.equal(
      'the answer is too large (HPE_HEADER_OVERFLOW): check EBAY_TOKEN_URL',
    );
  });

  it('within 16 KiB are read however small EBAY_MAX_BODY_BYTES is', async () => {
    bytes = 10_000;
    expect((await call({ EBAY_MAX_BODY_BYTES: '1024' })).body).to.include({ total: 0 });
  });
});
