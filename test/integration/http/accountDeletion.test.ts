import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { type ServeApp, startServeApp } from '../../../src/app/serve.ts';
import { LogRoot } from '../../../src/telemetry/logRoot.ts';
import { testConfig } from '../../support/config.ts';
import { DOCUMENTED } from '../../support/documentedNotice.ts';
import { useRedis } from '../../support/redis.ts';
import { QUICK, serviceEnv } from '../../support/service.ts';
import { useSimulator } from '../../support/simulator.ts';
import { waitFor } from '../../support/waitFor.ts';

const PATH = '/ebay/account-deletion';
const TOKEN = 'a-token_that-was-chosen-for-the-tests-0001';
const URL_SUBSCRIBED = 'https://shop.example.com/ebay/account-deletion';

describe('notices of deleted accounts', () => {
  const simulator = useSimulator();
  const server = useRedis();
  const sink = new PassThrough().setEncoding('utf8');
  let logged = '';
  sink.on('data', (text: string) => {
    logged += text;
  });
  const apps: ServeApp[] = [];
  const start = async (own: Record<string, string>) => {
    const env = serviceEnv(server.url, simulator().url, { ...QUICK, HTTP_PORT: '0', ...own });
    const log = new LogRoot({ level: 'debug', levels: '', format: 'json' }, sink);
    const started = await startServeApp(testConfig(env), log);
    apps.push(started);
    return started;
  };
  let app: ServeApp;
  let redis: Redis;
  before(async () => {
    simulator().controls.notices.addKey(DOCUMENTED.kid, DOCUMENTED.key);
    app = await start({ EBAY_DELETION_TOKEN: TOKEN, EBAY_DELETION_URL: URL_SUBSCRIBED });
    redis = server.connect();
  });
  beforeEach(async () => {
    logged = '';
    for (const kind of ['deletions', 'notification-keys']) {
      const keys = await redis.keys(`{ebay}:${kind}:*`);
      if (keys.length > 0) await redis.del(...keys);
    }
  });
  after(() => Promise.all(apps.map((each) => each.stop())));

  /** Without an API key. */
  const call = async (
    method: string,
    path: string,
    body?: string | Buffer,
    headers: Record<string, string> = {},
    url = app.url,
  ) => {
    const response = await fetch(url + path, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: text === '' ? undefined : JSON.parse(text),
    };
  };
  const post = (body: string | Buffer, signature?: string) =>
    call('POST', PATH, body, signature === undefined ? {} : { 'x-ebay-signature': signature });
  const header = (fields: object) => Buffer.from(JSON.stringify(fields)).toString('base64');
  const documented = JSON.parse(Buffer.from(DOCUMENTED.signature, 'base64').toString()) as object;
  const keyCalls = () => simulator().controls.log({ kind: 'public-key' }).length;
  const pending = () => redis.hkeys('{ebay}:deletions:pending');
  const notice = (notificationId: string, more: object = {}) =>
    JSON.stringify({
      metadata: { topic: 'MARKETPLACE_ACCOUNT_DELETION' },
      notification: { notificationId, data: { username: 'gone_seller' }, ...more },
    });
  const signed = (body: string) => post(body, simulator().controls.notices.signatureOf(body));

  it('prove to eBay that the address is ours, by the challenge', async () => {
    const { status, json } = await call('GET', `${PATH}?challenge_code=a8b628072`);
    expect(status).to.equal(200);
    // echo -n a8b628072TOKENURL | sha256sum
    expect(json).to.deep.equal({
      challengeResponse: '39d15a625f5e2fc5ace091db1b310f3f2bd72e8818e947fe907a328a927694ac',
    });
    expect((await call('GET', PATH)).json).to.include({ status: 400 });
    const { notices } = simulator().controls;
    notices.via = app.url + PATH;
    expect(await notices.subscribe(URL_SUBSCRIBED, TOKEN)).to.include({ problem: null });
    expect((await notices.subscribe(`${URL_SUBSCRIBED}/`, TOKEN)).problem).to.match(/wrong/);
    expect((await notices.subscribe(URL_SUBSCRIBED, TOKEN.toUpperCase())).problem).to.match(/wrong/);
  });

  it('are taken where eBay has signed them: the documented example', async () => {
    expect(await post(DOCUMENTED.body, DOCUMENTED.signature)).to.include({ status: 204, text: '' });
    expect(await pending()).to.have.lengthOf(1);
    // The key is known from now on.
    expect(await post(DOCUMENTED.body, DOCUMENTED.signature)).to.include({ status: 204 });
    expect(await pending()).to.have.lengthOf(1);
    expect(keyCalls()).to.equal(1);
    expect(logged).to.include('notice came again').and.not.include('test_user').and.not.include('ma8vp1');
  });

  it('get 412 where the signature is forged, missing or malformed, and change nothing', async () => {
    const { body, signature, kid } = DOCUMENTED;
    const right = documented as { signature: string };
    const wrong: Array<[body: string | Buffer, signature?: string]> = [
      [body],
      [body, ''],
      [body, 'no base64!'],
      [body, header([])],
      [body, header({ ...right, kid: undefined })],
      [body, header({ ...right, kid: '../public_key' })],
      [body, header({ ...right, kid: 'no-such-key' })],
      [body, header({ ...right, alg: 'none' })],
      [body, header({ ...right, signature: '' })],
      [body, header({ alg: 'ecdsa', kid, signature: 'MAYCAQACAQA=' })],
      [body, header({ alg: 'ecdsa', kid, signature: 'A'.repeat(96) })],
      [body, `${signature}, ${signature}`],
      [body, 'A'.repeat(4000)],
      [body.replace('test_user', 'test-user'), signature],
      [`${body} `, signature],
      ['', signature],
      [Buffer.from([0xff, 0xfe]), signature],
      [notice('n'), simulator().controls.notices.signatureOf(notice('n'), false)],
    ];
    for (const [sent, own] of wrong) {
      const { status, json } = await post(sent, own);
      expect({ status, type: json?.type }, own).to.deep.equal({
        status: 412,
        type: 'urn:dropship-product-finder:invalid_signature',
      });
    }
    expect((await post('x'.repeat(9000), signature)).status).to.equal(413);
    expect(await redis.keys('{ebay}:deletions:*')).to.deep.equal([]);
  });

  it('are put off while eBay does not say a key that is not known, and a known one goes on to be used', async () => {
    simulator().controls.arm({ fault: 'status', on: { endpoint: 'public-key' }, status: 500 });
    const first = await signed(notice('first'));
    expect(first).to.include({ status: 503 });
    expect(Number(first.headers.get('retry-after'))).to.be.within(1, 60);
    simulator().controls.clear();
    expect(await signed(notice('first'))).to.include({ status: 204 });
    simulator().controls.arm({ fault: 'status', on: { endpoint: 'public-key' }, status: 500 });
    for (const key of await redis.keys('{ebay}:notification-keys:sandbox:????????-*')) {
      const kept = JSON.parse((await redis.get(key)) ?? '{}') as { at: number };
      await redis.set(key, JSON.stringify({ ...kept, at: kept.at - 2 * 3_600_000 }));
    }
    const before = keyCalls();
    expect(await signed(notice('second'))).to.include({ status: 204 });
    expect(keyCalls()).to.equal(before + 1);
    expect((await pending()).sort()).to.deep.equal(['first', 'second']);
  });

  it('with made-up keys cost few calls, and eBay’s own notices go on to be taken', async () => {
    expect(await signed(notice('before'))).to.include({ status: 204 });
    const before = keyCalls();
    const statuses = await Promise.all(
      Array.from({ length: 30 }, async (_, number) => {
        const { status } = await post(DOCUMENTED.body, header({ ...documented, kid: `made-up-${number}` }));
        return status;
      }),
    );
    // The minute may end meanwhile.
    expect(keyCalls() - before).to.be.within(1, 10);
    expect(statuses.filter((status) => status === 503)).to.have.lengthOf.at.least(20);
    expect(new Set(statuses)).to.deep.equal(new Set([412, 503]));
    expect(await signed(notice('after'))).to.include({ status: 204 });
  });

  it('are sent again until they are taken; of another topic, or without an account, they are left alone', async () => {
    const { notices } = simulator().controls;
    notices.via = app.url + PATH;
    notices.retryMs = 20;
    simulator().controls.arm({ fault: 'status', on: { endpoint: 'public-key' }, status: 503, count: 1 });
    notices.renameKey();
    const sent = notices.send({ username: 'gone_seller' });
    await waitFor('the acknowledgement', () => sent.done);
    expect(sent.statuses).to.deep.equal([503, 204]);
    expect(await pending()).to.deep.equal([sent.notificationId]);
    const other = notices.send({ username: 'gone_seller', topic: 'ITEM_SOLD' });
    await waitFor('the acknowledgement', () => other.done);
    expect(other.statuses).to.deep.equal([204]);
    for (const body of [
      '[]',
      'no JSON',
      notice(''),
      notice('x', { data: {} }),
      notice('x', { data: { username: ['gone_seller'] } }),
      JSON.stringify({ metadata: {} }),
    ])
      expect(await signed(body), body).to.include({ status: 400 });
    expect(await signed(notice('old', { eventDate: '1999-01-01T00:00:00.000Z' }))).to.include({
      status: 204,
    });
    expect(await signed(notice('new', { eventDate: '2999-01-01T00:00:00.000Z' }))).to.include({
      status: 204,
    });
    expect((await pending()).sort()).to.deep.equal([sent.notificationId, 'new', 'old'].sort());
  });

  it('get a 404 that names the settings where they are not configured', async () => {
    const { url } = await start({});
    for (const [method, path] of [
      ['GET', `${PATH}?challenge_code=1`],
      ['POST', PATH],
    ] as const) {
      const { status, json } = await call(method, path, method === 'POST' ? '{}' : undefined, {}, url);
      expect(status).to.equal(404);
      expect(json.detail).to.include('EBAY_DELETION_TOKEN and EBAY_DELETION_URL');
    }
  });
});
