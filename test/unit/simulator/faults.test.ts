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

  interface Page {
    itemSummaries?: { itemId: string }[];
    total: number;
    limit: number;
    offset: number;
    href: string;
    next?: string;
    prev?: string;
  }
  const page = async (offset: number, limit = 20) => {
    const response = await search(`q=yoga+mat&limit=${limit}&offset=${offset}`);
    return (await response.json()) as Page;
  };
  const idsOf = ({ itemSummaries = [] }: Page) => itemSummaries.map(({ itemId }) => itemId);
  const place = (address = 'http://none') => {
    const { searchParams } = new URL(address);
    return [searchParams.get('offset'), searchParams.get('limit')];
  };

  it('shorten a page that goes on', async () => {
    const whole = await page(0);
    arm({ fault: 'short-page', count: 1 });
    expect(await page(0)).to.deep.equal({ ...whole, itemSummaries: whole.itemSummaries?.slice(0, 10) });
    arm({ fault: 'short-page', missing: 3, count: 1 });
    expect(idsOf(await page(0))).to.deep.equal(idsOf(whole).slice(0, 17));
    const { total } = whole;
    const last = await page(total - (total % 20));
    arm({ fault: 'short-page', count: 1 });
    expect(await page(total - (total % 20)), 'the last page').to.deep.equal(last);
  });

  it('show the items of an earlier page under the offset that was asked for', async () => {
    const [first, second, third] = [await page(0), await page(20), await page(40)];
    arm({ fault: 'repeat-page', count: 1 });
    expect(await page(40)).to.deep.equal({ ...third, itemSummaries: second.itemSummaries });
    arm({ fault: 'repeat-page', back: 2, count: 1 });
    expect(idsOf(await page(40))).to.deep.equal(idsOf(first));
    arm({ fault: 'repeat-page', count: 1 });
    expect(await page(0), 'nothing is before the first page').to.deep.equal(first);
  });

  it('keep the other parameters of a request when they repeat a page', async () => {
    const auctions = (offset: number) =>
      search(`q=phone+case&limit=5&offset=${offset}&filter=buyingOptions:{AUCTION}&filter=conditions:{NEW}`);
    const first = (await (await auctions(0)).json()) as Page;
    arm({ fault: 'repeat-page', count: 1 });
    expect(idsOf((await (await auctions(5)).json()) as Page)).to.deep.equal(idsOf(first));
  });

  it('contradict themselves: a total without items, a next that leads back', async () => {
    const whole = await page(20);
    arm({ fault: 'contradiction', count: 1 });
    const { itemSummaries: _, ...rest } = whole;
    expect(await page(20)).to.deep.equal(rest);
    arm({ fault: 'contradiction', shape: 'back', count: 1 });
    const back = await page(20);
    expect(place(back.next)).to.deep.equal(['0', '20']);
    expect(back).to.deep.equal({ ...whole, next: back.next });
  });

  it('lower the limit, which limit, href and next say', async () => {
    const whole = await page(0);
    arm({ fault: 'lower-limit', limit: 5, count: 2 });
    const lowered = await page(0);
    expect(idsOf(lowered)).to.deep.equal(idsOf(whole).slice(0, 5));
    expect(lowered).to.include({ limit: 5, offset: 0, total: whole.total });
    expect([place(lowered.href), place(lowered.next)]).to.deep.equal([
      ['0', '5'],
      ['5', '5'],
    ]);
    expect(await page(0, 5), 'a limit that is not above').to.include({ limit: 5 });
    const next = (await (await get('', lowered.next ?? '', token)).json()) as Page;
    expect(idsOf(next)).to.deep.equal(idsOf(whole).slice(5, 10));
  });

  it('let the total drift from call to call', async () => {
    const { total } = await page(0);
    arm({ fault: 'drifting-total', by: 0.2 });
    const totals = await Promise.all(Array.from({ length: 10 }, async () => (await page(0)).total));
    expect(new Set(totals).size).to.be.above(1);
    for (const drifted of totals)
      expect(drifted).to.be.within(Math.floor(total * 0.8), Math.ceil(total * 1.2));
  });

  it('leave what is no search page as it is', async () => {
    const { itemSummaries = [] } = await page(0);
    const path = `/buy/browse/v1/item/${encodeURIComponent(itemSummaries[0]?.itemId ?? '')}`;
    const ask = async () => (await get(simulator().url, path, token)).json();
    const item = await ask();
    const faults = ['short-page', 'repeat-page', 'contradiction', 'lower-limit', 'drifting-total'] as const;
    for (const fault of faults) arm({ fault });
    expect(await ask()).to.deep.equal(item);
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
