import { inspect } from 'node:util';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { EbayClient } from '../../../src/ebay/client.ts';
import type { CallGate } from '../../../src/ebay/gate/gate.ts';
import { EbayAuthService } from '../../../src/ebay/oauth/service.ts';
import { rushed } from '../../support/arrivals.ts';
import { testConfig } from '../../support/config.ts';
import { search, type TestEbay, testEbay } from '../../support/ebayClient.ts';
import { failureOf, inRedis } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';
import { mintToken, useSimulator } from '../../support/simulator.ts';

describe('calls to eBay', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());
  const simulator = useSimulator();
  const searches = () => simulator().controls.log({ kind: 'search' });

  it('200 returns the body', async () => {
    const ebay = testEbay(simulator().url, { gate: makeGate() });
    const { body, latencyMs, attempts } = await search(ebay);
    expect(body.itemSummaries).to.have.lengthOf(3);
    expect(attempts).to.equal(1);
    expect(latencyMs).to.be.above(0);
    expect(ebay.tokens.changes).to.deep.equal(['accepted']);
    ebay.client.close();
  });

  it('the item call builds the right path; the | in ids is URL-encoded', async () => {
    const ebay = testEbay(simulator().url, { gate: makeGate() });
    const { body } = await search(ebay);
    const [{ itemId }] = body.itemSummaries as [{ itemId: string }];
    const item = await ebay.client.browse.getItem(itemId, {}, { class: 'interactive' });
    expect(item.body.itemId).to.equal(itemId);
    const [entry] = simulator().controls.log({ kind: 'item' });
    expect(entry?.path).to.equal(`/buy/browse/v1/item/${itemId.replaceAll('|', '%7C')}`);
    expect(entry?.query, 'with what the catalogue says').to.deep.equal({ fieldgroups: 'PRODUCT' });
    ebay.client.close();
  });

  it('a search by image is paced, counted and tried again as any other, and its answer is one', async () => {
    const ebay = testEbay(simulator().url, { gate: makeGate() });
    simulator().controls.arm({ fault: 'status', status: 502, count: 1 });
    const image = Buffer.from('<svg><title>Yoga Mat</title></svg>').toString('base64');
    const call = { class: 'interactive' } as const;
    const answer = await ebay.client.browse.searchByImage({ limit: '3' }, {}, image, call);
    expect(answer.attempts).to.equal(2);
    const [first] = answer.body.itemSummaries as [{ title: string }];
    expect(first.title).to.match(/yoga mat/i);
    const log = simulator().controls.log({ kind: 'image-search' });
    expect(log.map(({ method, status }) => `${method} ${status}`)).to.deep.equal(['POST 502', 'POST 200']);
    expect((await ebay.gate.read()).used).to.equal(2);
    ebay.client.close();
  });

  it('what fails in a search by image says nothing of its picture', async () => {
    const ebay = testEbay(simulator().url, { gate: makeGate() });
    simulator().controls.arm({ fault: 'status', status: 400 });
    const image = 'iVBORw0KGgo'.repeat(1000);
    const asked = ebay.client.browse.searchByImage({}, {}, image, { class: 'interactive' });
    const failure = await failureOf(asked);
    expect(failure.code).to.equal('ebay-refused');
    expect(inspect(failure, { depth: 9, showHidden: true })).to.not.include('iVBORw0KGgo');
    ebay.client.close();
  });

  it('401 → one refresh → one retry → success, each attempt with a slot of its own', async () => {
    const ebay = testEbay(simulator().url, { gate: makeGate() });
    simulator().controls.arm({ fault: 'expired-token', count: 1 });
    const { attempts } = await search(ebay);
    expect(attempts).to.equal(2);
    expect(ebay.tokens.changes).to.deep.equal(['refresh', 'accepted']);
    expect((await ebay.gate.read()).used).to.equal(2);
    ebay.client.close();
  });

  it('the replay after a 401 uses the token of the refresh, whatever the cache gives by then', async () => {
    const ebay = testEbay(simulator().url, { gate: makeGate() });
    const old = await ebay.tokens.getAccessToken();
    ebay.tokens.getAccessToken = async () => old;
    simulator().controls.arm({ fault: 'expired-token', count: 1 });
    await search(ebay);
    const [refused, replayed] = searches();
    expect(searches()).to.have.lengthOf(2);
    expect(replayed?.token).to.not.equal(refused?.token);
    expect(ebay.tokens.changes).to.deep.equal(['refresh', 'accepted']);
    ebay.client.close();
  });

  it('a token that one process has replaced is not used by another that has just read it', async () => {
    const gates = [makeGate(), makeGate()];
    const [one, other] = gates.map((gate) => testEbay(simulator().url, { gate })) as [TestEbay, TestEbay];
    other.tokens.current = await one.tokens.getAccessToken();
    await search(one);
    await search(other);
    simulator().controls.arm({ fault: 'expired-token', count: 1 });
    await search(one);
    other.tokens.current = one.tokens.current;
    await search(other);
    await search(other);
    const [first, second, refused, ...later] = searches().map(({ token }) => token);
    expect([second, refused]).to.deep.equal([first, first]);
    expect(new Set(later)).to.have.lengthOf(1);
    expect(later).to.have.lengthOf(3).and.not.include(first);
    expect(other.tokens.asked.filter((each) => each === 'cached')).to.have.lengthOf(1);
    for (const { client } of [one, other]) client.close();
  });

  it('the token whose reading began last counts, in whatever order the readings end', async () => {
    const gate = makeGate();
    const { tokens, ...ebay } = testEbay(simulator().url, { gate });
    await search(ebay);
    const [old, replaced] = [tokens.current, await mintToken(simulator().url)];
    const answers: Array<(token: string) => void> = [];
    tokens.cachedToken = () => new Promise((resolve) => answers.push(resolve));
    const enter = gate.enter.bind(gate);
    // As where the token is replaced while a reading for an earlier slot is under way.
    gate.enter = async ({ beforeSend, ...call }) => {
      const readings = ['one mark', 'another mark'].map((mark) => beforeSend?.(mark));
      for (const [index, token] of [old, replaced].entries()) {
        answers[index]?.(token);
        await readings[index];
      }
      return enter(call);
    };
    await search(ebay);
    expect(answers).to.have.lengthOf(2);
    const [first, second] = searches().map(({ token }) => token);
    expect(second).to.not.equal(first);
    ebay.client.close();
  });

  it('401 twice: one refresh, then a typed failure', async () => {
    const ebay = testEbay(simulator().url, { gate: makeGate() });
    simulator().controls.arm({ fault: 'expired-token' });
    expect((await failureOf(search(ebay))).code).to.equal('token-refused');
    expect(ebay.tokens.changes).to.deep.equal(['refresh']);
    expect(searches()).to.have.lengthOf(2);
    ebay.client.close();
  });

  it('a slot whose time passes between its grant and the socket is not used, and its place is taken up again', async () => {
    const gate = makeGate({ intervalMs: 300 });
    const enter = gate.enter.bind(gate);
    const askedInsteadOf: boolean[] = [];
    gate.enter = async (call) => {
      askedInsteadOf.push(call.insteadOf !== undefined);
      const slot = await enter(call);
      if (askedInsteadOf.length === 1) holdUp(20);
      return slot;
    };
    const ebay = testEbay(simulator().url, { gate });
    const { attempts } = await search(ebay);
    await search(ebay);
    expect(askedInsteadOf.slice(0, 2)).to.deep.equal([false, true]);
    expect([attempts, searches().length, (await gate.read()).used]).to.deep.equal([1, 2, 2]);
    expect(rushed(searches(), 300)).to.deep.equal([]);
    ebay.client.close();
  });

  it('5xx is retried, then success: quick tries pass the gate and keep its pace', async () => {
    const gate = makeGate({ intervalMs: 300 });
    const ebay = testEbay(simulator().url, { gate });
    simulator().controls.arm({ fault: 'status', status: 503, count: 2 });
    const { attempts } = await search(ebay);
    expect(attempts).to.equal(3);
    expect((await gate.read()).used).to.equal(3);
    expect(rushed(searches(), 300)).to.deep.equal([]);
    ebay.client.close();
  });

  it('sends a quick try before the calls that wait', async () => {
    const ebay = testEbay(simulator().url, { gate: makeGate({ intervalMs: 150 }) });
    simulator().controls.arm({ fault: 'status', status: 503, count: 1 });
    const call = (q: string) => ebay.client.browse.search({ q }, {}, { class: 'interactive' });
    await Promise.all([call('phone'), call('lamp'), call('lamp')]);
    expect(searches().map(({ query }) => query.q)).to.deep.equal(['phone', 'phone', 'lamp', 'lamp']);
    ebay.client.close();
  });

  it('tries at most twice more, whatever mixture of trouble there is', async () => {
    const ebay = testEbay(simulator().url, { gate: makeGate() });
    simulator().controls.arm({ fault: 'status', status: 502, count: 2 });
    simulator().controls.arm({ fault: 'expired-token', skip: 2, count: 1 });
    simulator().controls.arm({ fault: 'status', status: 504, skip: 3 });
    expect((await failureOf(search(ebay))).code).to.equal('ebay-server-error');
    expect(searches()).to.have.lengthOf(4);
    ebay.client.close();
  });

  it('a non-retryable 4xx is not retried, nor is a 500', async () => {
    const ebay = testEbay(simulator().url, { gate: makeGate() });
    for (const status of [400, 403, 409, 500]) {
      simulator().controls.clearLog();
      simulator().controls.arm({ fault: 'status', status, count: 1 });
      const { code, detail } = await failureOf(search(ebay));
      expect([code, detail.status]).to.deep.equal([
        status === 500 ? 'ebay-server-error' : 'ebay-refused',
        status,
      ]);
      expect(searches()).to.have.lengthOf(1);
    }
    ebay.client.close();
  });

  it('reads the cached token once more when the gate made it wait long', async () => {
    const gate = makeGate({ intervalMs: 1100 });
    const ebay = testEbay(simulator().url, { gate });
    const fresher = await testEbay(simulator().url, { gate: makeGate() }).tokens.getAccessToken();
    await search(ebay);
    const old = ebay.tokens.current;
    const waiting = search(ebay);
    ebay.tokens.fresher = fresher;
    await waiting;
    expect(ebay.tokens.asked).to.include('cached');
    expect(ebay.tokens.changes).to.deep.equal(['accepted', 'accepted another token']);
    expect(searches()[1]?.token).to.not.equal(searches()[0]?.token);
    expect(ebay.tokens.current).to.equal(old);
    ebay.client.close();
  });

  it('does not count a call that could not connect, but tells the circuit', async () => {
    const gate = makeGate({ circuitMinCalls: 2, circuitPauseMs: 60_000 });
    const ebay = testEbay('http://127.0.0.1:9', { gate, mint: async () => 'token' });
    for (let n = 0; n < 2; n += 1) expect((await failureOf(search(ebay))).code).to.equal('ebay-unreachable');
    const { used, circuit } = await gate.read();
    expect([used, circuit]).to.deep.equal([0, 'open']);
    expect((await failureOf(search(ebay))).code).to.equal('gate-closed');
    ebay.client.close();
  });

  it('ends with "interrupted" when the caller has to go, during a call as in line', async () => {
    const gate = makeGate({ intervalMs: 5000 });
    const ebay = testEbay(simulator().url, { gate });
    simulator().controls.arm({ fault: 'hang' });
    const controller = new AbortController();
    const ends = [search(ebay, controller.signal), search(ebay, controller.signal)].map(failureOf);
    while (searches().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort();
    for (const { code } of await Promise.all(ends)) expect(code).to.equal('interrupted');
    ebay.client.close();
  });
});

describe('a call that cannot be made', () => {
  const simulator = useSimulator();
  const redis = useRedis();
  const searched = async (gate: CallGate, connection: Redis) => {
    const { url } = simulator();
    const config = testConfig({ EBAY_API_URL: url, EBAY_TOKEN_URL: `${url}/identity/v1/oauth2/token` });
    const auth = new EbayAuthService({ config, redis: connection });
    const client = new EbayClient({ config, gate, tokens: auth });
    const codes: string[] = [];
    for (let n = 0; n < 2; n += 1) codes.push((await failureOf(search({ client }))).code);
    client.close();
    auth.close();
    return codes;
  };
  const tokenRequests = () => simulator().controls.log({ kind: 'token' });

  it('fetches no token while Redis is away', async () => {
    const gone = new Redis({
      port: 1,
      host: '127.0.0.1',
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
    });
    gone.on('error', () => undefined);
    try {
      expect(await searched(inRedis(() => gone)(), gone)).to.deep.equal([
        'redis-unavailable',
        'redis-unavailable',
      ]);
      expect(tokenRequests()).to.have.lengthOf(0);
    } finally {
      gone.disconnect();
    }
  });

  it('fetches no token while the gate is closed', async () => {
    const connection = redis.connect();
    const gate = inRedis(() => connection)();
    await gate.close(60_000, 'pause');
    expect(await searched(gate, connection)).to.deep.equal(['gate-closed', 'gate-closed']);
    expect(tokenRequests()).to.have.lengthOf(0);
  });
});

/** As a pause of the process would. */
function holdUp(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
