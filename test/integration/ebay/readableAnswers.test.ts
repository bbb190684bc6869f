import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { requestToken } from '../../../src/ebay/oauth/tokenRequest.ts';
import { testConfig } from '../../support/config.ts';
import { search, testEbay } from '../../support/ebayClient.ts';
import { failureOf, inRedis } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';

const TEXT = '{"total":0,"access_token":"t","expires_in":7200,"token_type":"ü"}';
const JSON_TYPE = 'application/json';

describe('answers that are labelled in an odd way', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());
  let server: Server;
  let answer: { status?: number; headers: Record<string, string>; body: string | Buffer };
  let requests: number;
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  before((done) => {
    server = createServer((_request, response) => {
      requests += 1;
      response.writeHead(answer.status ?? 200, answer.headers).end(answer.body);
    }).listen(0, '127.0.0.1', done);
  });
  beforeEach(() => {
    requests = 0;
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  const call = async () => {
    const ebay = testEbay(url(), { gate: makeGate(), mint: async () => 'token' });
    try {
      return await search(ebay);
    } finally {
      ebay.client.close();
    }
  };
  const mint = () => requestToken(testConfig({ EBAY_TOKEN_URL: `${url()}/token` }));

  const packed = (type: string, encoding?: string) => ({
    'content-type': type,
    ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
  });
  const readable: [name: string, headers: Record<string, string>, body: string | Buffer, status?: number][] =
    [
      ['JSON as text/plain', packed('text/plain; charset=utf-8'), TEXT],
      ['JSON as application/octet-stream', packed('application/octet-stream'), TEXT],
      ['JSON of no stated type', {}, TEXT],
      ['content-encoding none', packed(JSON_TYPE, 'none'), TEXT],
      ['content-encoding UTF-8', packed(JSON_TYPE, 'UTF-8'), TEXT],
      ['content-encoding identity', packed(JSON_TYPE, 'Identity'), TEXT],
      ['an empty content-encoding', packed(JSON_TYPE, ''), TEXT],
      ['a byte order mark', packed(JSON_TYPE), `\uFEFF${TEXT}`],
      ['a byte order mark within gzip', packed(JSON_TYPE, 'gzip'), gzipSync(`\uFEFF${TEXT}`)],
      ['gzip that says nothing of it', packed(JSON_TYPE), gzipSync(TEXT)],
      ['gzip under another name', packed(JSON_TYPE, 'GZip, identity'), gzipSync(TEXT)],
      ['plain text that says it is gzip', packed(JSON_TYPE, 'gzip'), TEXT],
      ['br, which was not asked for', packed(JSON_TYPE, 'br'), brotliCompressSync(TEXT)],
      ['deflate, which was not asked for', packed(JSON_TYPE, 'deflate'), deflateSync(TEXT)],
    ];
  for (const [name, headers, body] of readable)
    it(`${name} is read, of a call and of a token request`, async () => {
      answer = { headers, body };
      expect((await call()).body).to.deep.equal(JSON.parse(TEXT));
      expect(await mint()).to.include({ access_token: 't', token_type: 'ü' });
      expect(requests).to.equal(2);
    });

  it('203, which a proxy makes of 200 where it changed something, is read', async () => {
    answer = { status: 203, headers: packed(JSON_TYPE), body: TEXT };
    expect((await call()).body).to.include({ total: 0 });
  });

  const settled: [name: string, given: typeof answer, message: RegExp][] = [
    ...[301, 302, 303, 307, 308].map((status): [string, typeof answer, RegExp] => [
      `a redirect (${status})`,
      { status, headers: { location: 'https://elsewhere.example/x?token=1' }, body: '' },
      /^eBay answered \d+, a redirect to elsewhere\.example: check EBAY_API_URL/,
    ]),
    ['304', { status: 304, headers: {}, body: '' }, /^eBay answered 304, but nothing is cached here/],
    ['501', { status: 501, headers: {}, body: '' }, /^eBay answered 501$/],
    ['505', { status: 505, headers: {}, body: '' }, /^eBay answered 505$/],
    [
      'a packing that cannot be read',
      { headers: packed(JSON_TYPE, 'zstd'), body: Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0]) },
      /^eBay’s answer is packed as zstd, which was not asked for/,
    ],
    [
      'a body beyond EBAY_MAX_BODY_BYTES',
      { headers: packed(JSON_TYPE), body: 'x'.repeat(21_000_000) },
      /^eBay’s answer is larger than EBAY_MAX_BODY_BYTES allows: raise it$/,
    ],
    [
      'a body beyond it once it is unpacked',
      { headers: packed(JSON_TYPE, 'gzip'), body: gzipSync('x'.repeat(21_000_000)) },
      /^eBay’s answer is larger than EBAY_MAX_BODY_BYTES allows: raise it$/,
    ],
  ];
  for (const [name, given, message] of settled)
    it(`${name} is not worth a second attempt, and its message says what to do`, async () => {
      answer = given;
      const { detail, message: said } = await failureOf(call());
      expect(said).to.match(message);
      expect(detail).to.include({ attempts: 1, calls: 1 });
      expect(requests).to.equal(1);
    });

  for (const [name, given] of [
    ['a web page', { headers: packed('text/html'), body: '<p>{}' }],
    ['half a JSON text', { headers: packed(JSON_TYPE), body: TEXT.slice(0, 9) }],
    ['half a gzip', { headers: packed(JSON_TYPE, 'gzip'), body: gzipSync(TEXT).subarray(0, 20) }],
    ['500', { status: 500, headers: {}, body: '' }],
  ] as [string, typeof answer][])
    it(`${name} may be another answer at the next attempt`, async () => {
      answer = given;
      const { detail, disposition } = await failureOf(call());
      expect([detail.attempts, disposition]).to.deep.equal([undefined, 'transient']);
    });

  it('a redirect of a token request names the setting that leads there', async () => {
    answer = { status: 301, headers: { location: 'https://elsewhere.example/' }, body: '' };
    const fault = await mint().catch((error: Error) => error);
    expect(fault).to.include({
      reason: 'bad-answer',
      message: 'status 301, a redirect: check EBAY_TOKEN_URL',
    });
    expect(requests).to.equal(1);
  });
});
