import { expect } from 'chai';
import { useHttpService } from '../../support/httpService.ts';
import { Visitor } from '../../support/visitor.ts';
import { waitFor } from '../../support/waitFor.ts';

const MOST = 40;

describe('the requests of one key', () => {
  const service = useHttpService({ HTTP_RATE_LIMIT: String(MOST) });
  const call = (key: string) =>
    service.call('GET', '/v1/quota', undefined, { authorization: `Bearer ${key}` });

  it('are counted together, whether they come with the key or from sessions of page and dashboard', async () => {
    const [key, other] = [await service.key(), await service.key()];
    const browsers = [new Visitor(service), new Visitor(service)] as const;
    for (const browser of browsers) expect((await browser.signIn(key)).status).to.equal(303);
    const seen = browsers.flatMap((browser) => [() => browser.ask('/'), () => browser.ask('/admin/queues')]);
    const ways: Array<() => Promise<{ status: number }>> = [() => call(key), ...seen];
    const statuses: number[] = [];
    for (let n = 2; n < MOST; n++) statuses.push((await ways[n % ways.length]?.())?.status ?? 0);
    expect(statuses).to.deep.equal(Array(MOST - 2).fill(200));
    const [browser] = browsers;
    const refused = [
      await call(key),
      await browser.ask('/'),
      await browser.ask('/searches', { form: { query: 'mug' } }),
      await browser.ask('/admin/queues'),
      await browser.ask('/admin/queues/api/queues'),
      await new Visitor(service).signIn(key),
    ];
    for (const { status, headers } of refused) {
      expect(status).to.equal(429);
      expect(Number(headers.get('retry-after'))).to.be.within(1, 60);
      expect(headers.getSetCookie()).to.deep.equal([]);
    }
    expect(await service.redis.keys('*session*')).to.have.length(2);
    // Another key has its own, and files of the page belong to nobody.
    expect((await call(other)).status).to.equal(200);
    expect((await browser.ask('/page/any/page.css')).status).to.equal(200);
  });

  it('say with each answer what is left', async () => {
    const key = await service.key();
    const left = async () => Number((await call(key)).headers.get('x-ratelimit-remaining'));
    expect([await left(), await left()]).to.deep.equal([MOST - 1, MOST - 2]);
    const visitor = new Visitor(service);
    await visitor.signIn(key);
    expect(Number((await visitor.ask('/')).headers.get('x-ratelimit-remaining'))).to.equal(MOST - 4);
  });
});

describe('wrong keys of one address', () => {
  const service = useHttpService();

  it('are counted together, whether they are sent as a header or to the page', async () => {
    const key = `dpf_live_0123456789_${'x'.repeat(43)}`;
    const ways = [
      () => service.call('GET', '/v1/quota', undefined, { authorization: `Bearer ${key}` }),
      () => service.call('GET', '/v1/quota', undefined, { authorization: 'Basic eDp5' }),
      () => new Visitor(service).signIn(key),
    ];
    const statuses: number[] = [];
    for (let n = 0; n < 30; n++) statuses.push((await (ways[n % ways.length] as (typeof ways)[0])()).status);
    expect(new Set(statuses)).to.deep.equal(new Set([401]));
    for (const way of ways) {
      const { status, headers } = await way();
      expect([status, Number(headers.get('retry-after')) > 0]).to.deep.equal([429, true]);
    }
    // A good key of the same address is not affected.
    expect((await new Visitor(service).signIn(await service.key())).status).to.equal(303);
  });
});

describe('an address that a client only claims', () => {
  const service = useHttpService();

  it('is not believed: wrong keys count for the connection’s own', async () => {
    const statuses: number[] = [];
    for (let n = 0; n < 40; n++) {
      const claimed = `10.0.0.${n}`;
      const headers = {
        authorization: 'Bearer wrong',
        'x-forwarded-for': claimed,
        'x-real-ip': claimed,
        forwarded: `for=${claimed}`,
      };
      statuses.push((await service.call('GET', '/v1/quota', undefined, headers)).status);
    }
    expect(statuses).to.deep.equal([...Array(30).fill(401), ...Array(10).fill(429)]);
    expect(service.logged).to.include('"source":"127.0.0.1"').and.not.include('10.0.0.');
  });
});

describe('the answers that one key holds open', () => {
  const service = useHttpService({ HTTP_MAX_STREAMS: '4' });

  it('are counted together: events, waits and streams of products; half of all may be of one key', async () => {
    const key = await service.key();
    const headers = { authorization: `Bearer ${key}` };
    const { json } = await service.call('POST', '/v1/searches', { query: 'mug' });
    const path = `/v1/searches/${json.searchId}`;
    const leaving = new AbortController();
    const hold = (rest: string) => fetch(service.app.url + path + rest, { headers, signal: leaving.signal });
    const events = await hold('/events');
    expect(events.status).to.equal(200);
    const wait = hold('?wait=30').catch(() => undefined);
    await waitFor('both are open', async () => {
      const { status } = await service.call('GET', `${path}?wait=0.01`, undefined, headers);
      return status === 429;
    });
    for (const rest of ['/events', '?wait=1', '/products?format=ndjson', '/products?format=csv']) {
      const answer = await service.call('GET', path + rest, undefined, headers);
      expect([answer.status, answer.json.errors[0].code], rest).to.deep.equal([429, 'too_many_streams']);
      expect(answer.headers.get('content-disposition')).to.equal(null);
    }
    // What is not held is answered, and other keys have the other half.
    expect((await service.call('GET', `${path}/products`, undefined, headers)).status).to.equal(200);
    expect((await service.call('GET', `${path}?wait=0.01`)).status).to.equal(200);
    leaving.abort();
    await wait;
  });
});
