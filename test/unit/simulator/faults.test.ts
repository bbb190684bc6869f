import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import type { FaultSpec } from '../../../src/simulator/faults.ts';
import { askToken, get, mintToken, SEARCH, useSimulator } from '../../support/simulator.ts';

/** Far beyond what a whole answer takes on loopback, short for a test. */
const PATIENCE_MS = 300;

describe('armed faults of the simulator', () => {
  const simulator = useSimulator();
  let token: string;
  beforeEach(async () => {
    token = await mintToken(simulator().url);
  });
  const search = (query = 'q=yoga+mat&limit=10', headers = {}) =>
    get(simulator().url, `${SEARCH}?${query}`, token, headers);
  const arm = (spec: FaultSpec) => simulator().controls.arm(spec);
  const statuses = async (count: number, query?: string) => {
    const seen: number[] = [];
    for (let i = 0; i < count; i += 1) seen.push((await search(query)).status);
    return seen;
  };

  it('strike a number of times after letting some pass, then are gone', async () => {
    arm({ fault: 'status', status: 503, skip: 1, count: 2 });
    expect(await statuses(4)).to.deep.equal([200, 503, 503, 200]);
    expect(simulator().controls.state().faults).to.deep.equal([]);
  });

  it('strike until cleared when no number is given', async () => {
    const id = arm({ fault: 'status', status: 500 });
    expect(await statuses(3)).to.deep.equal([500, 500, 500]);
    simulator().controls.clear(id);
    expect(await statuses(1)).to.deep.equal([200]);
  });

  it('strike a share of the calls by seeded dice', async () => {
    arm({ fault: 'status', share: 0.3 });
    const struck = (await statuses(200)).filter((status) => status === 503);
    expect(struck.length).to.be.within(30, 90);
  });

  it('strike only what they aim at', async () => {
    arm({ fault: 'status', status: 500, on: { q: 'yoga mat', offset: 10 } });
    arm({ fault: 'status', status: 502, on: { marketplace: 'EBAY_GB' } });
    expect(await statuses(1, 'q=yoga+mat&limit=10')).to.deep.equal([200]);
    expect(await statuses(2, 'q=yoga+mat&limit=10&offset=10')).to.deep.equal([500, 500]);
    expect((await search('q=yoga', { 'x-ebay-c-marketplace-id': 'EBAY_GB' })).status).to.equal(502);
    expect((await askToken(simulator().url)).status).to.equal(200);
  });

  it('answer 429 with or without Retry-After', async () => {
    arm({ fault: 'rate-limited', count: 1 });
    arm({ fault: 'rate-limited', count: 1, skip: 1, retryAfter: 'soon' });
    const bare = await search();
    expect([bare.status, bare.headers.get('retry-after')]).to.deep.equal([429, null]);
    const garbage = await search();
    expect([garbage.status, garbage.headers.get('retry-after')]).to.deep.equal([429, 'soon']);
    arm({ fault: 'rate-limited', count: 1, retryAfterDateInS: 60 });
    const dated = Date.parse((await search()).headers.get('retry-after') ?? '');
    expect(dated).to.be.above(Date.now());
  });

  it('answer 401 and really revoke the token', async () => {
    arm({ fault: 'expired-token', count: 1 });
    expect(await statuses(2)).to.deep.equal([401, 401]);
  });

  it('break connections so that the client sees no whole answer', async () => {
    const breaking: FaultSpec[] = [
      { fault: 'reset' },
      { fault: 'reset', at: 'body' },
      { fault: 'truncated' },
      { fault: 'truncated', chunked: true },
    ];
    for (const spec of breaking) {
      arm({ ...spec, count: 1 });
      const whole = await search()
        .then((response) => response.text())
        .catch(() => null);
      expect(whole, JSON.stringify(spec)).to.equal(null);
    }
    const entries = simulator().controls.log({ kind: 'search' });
    while (entries.some(({ delivered }) => delivered === null)) await setImmediate();
    expect(entries.map(({ delivered }) => delivered)).to.deep.equal([false, false, false, false]);
  });

  it('hang, drip or delay until the client gives up', async () => {
    const slow: FaultSpec[] = [
      { fault: 'hang' },
      { fault: 'hang', at: 'body' },
      { fault: 'slow-body' },
      { fault: 'latency', ms: 60_000 },
    ];
    for (const spec of slow) {
      arm({ ...spec, count: 1 });
      const outcome = await fetch(`${simulator().url}${SEARCH}?q=yoga+mat`, {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(PATIENCE_MS),
      })
        .then((response) => response.text())
        .catch((error: Error) => error.name);
      expect(outcome, JSON.stringify(spec)).to.equal('TimeoutError');
    }
  });

  it('send bodies that are no usable JSON', async () => {
    for (const shape of ['cut', 'empty', 'garbage'] as const) {
      arm({ fault: 'malformed', shape, count: 1 });
      const text = await (await search()).text();
      expect(() => JSON.parse(text), shape).to.throw(SyntaxError);
    }
    arm({ fault: 'html', count: 1 });
    const page = await search();
    expect([page.status, page.headers.get('content-type')]).to.deep.equal([200, 'text/html; charset=utf-8']);
  });

  it('send a huge body, also one that is small until it is unpacked', async () => {
    for (const gzip of [false, true]) {
      arm({ fault: 'huge-body', bytes: 1024 * 1024, gzip, count: 1 });
      const text = await (await search()).text();
      expect(text.length).to.be.above(1024 * 1024);
      expect(JSON.parse(text)).to.have.property('itemSummaries');
    }
  });

  it('bend fields of any answer and items of a page', async () => {
    arm({
      fault: 'fields',
      set: { expires_in: '3600' },
      omit: ['token_type'],
      count: 1,
      on: { endpoint: 'token' },
    });
    const bent = (await (await askToken(simulator().url)).json()) as object;
    expect(bent).to.include({ expires_in: '3600' }).and.not.have.property('token_type');
    arm({ fault: 'odd-items', shapes: ['no-id', 'null-item', 'number-price'], count: 1 });
    const { itemSummaries } = (await (await search()).json()) as { itemSummaries: unknown[] };
    expect(itemSummaries[0]).to.not.have.property('itemId');
    expect(itemSummaries[1]).to.equal(null);
    expect(itemSummaries[2]).to.have.nested.property('price.value', 12.5);
    expect(itemSummaries[3]).to.have.property('itemId');
  });

  it('strike the token endpoint in its own error shapes', async () => {
    arm({ fault: 'oauth-refusal', count: 1, on: { endpoint: 'token' } });
    const refused = await askToken(simulator().url);
    expect(refused.status).to.equal(401);
    expect(await refused.json()).to.include({ error: 'invalid_client' });
    arm({ fault: 'rate-limited', count: 1, on: { endpoint: 'token' } });
    const limited = await askToken(simulator().url);
    expect(await limited.json()).to.have.nested.property('errors[0].errorId', 2001);
  });

  it('redirect to where they are told', async () => {
    arm({ fault: 'redirect', location: 'http://elsewhere.invalid/x', count: 1 });
    const response = await fetch(`${simulator().url}${SEARCH}?q=yoga`, {
      headers: { authorization: `Bearer ${token}` },
      redirect: 'manual',
    });
    expect([response.status, response.headers.get('location')]).to.deep.equal([
      302,
      'http://elsewhere.invalid/x',
    ]);
  });
});
