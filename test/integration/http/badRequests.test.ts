import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { useHttpService } from '../../support/httpService.ts';

const long = (length: number) => 'x'.repeat(length);
const nested = (depth: number) => `{"query":"mug","title":${'['.repeat(depth)}${']'.repeat(depth)}}`;

interface Row {
  title: string;
  path?: string;
  body?: unknown;
  headers?: Record<string, string>;
  status?: number;
  code: string;
  /** Where; undefined: not looked at. */
  at?: string;
  says?: RegExp;
}

const search = (title: string, change: object, code: string, at?: string, says?: RegExp): Row => ({
  title,
  body: { query: 'mug', ...change },
  code,
  ...(at === undefined ? {} : { at }),
  ...(says === undefined ? {} : { says }),
});
const schedule = (title: string, change: object, code: string, at?: string): Row => ({
  title,
  path: '/v1/schedules',
  body: { name: 'nightly', cron: '0 3 * * *', request: { query: 'mug' }, ...change },
  code,
  ...(at === undefined ? {} : { at }),
});
const json = (title: string, body: string | Buffer, code: string, says?: RegExp): Row => ({
  title,
  body,
  code,
  ...(says === undefined ? {} : { says }),
});
const typed = (type: string, body = '{"query":"mug"}'): Row => ({
  title: `a body of type ${JSON.stringify(type)}`,
  body,
  headers: { 'content-type': type },
  status: 415,
  code: 'unsupported_media_type',
});

const ROWS: Row[] = [
  json('no body', '', 'body_required'),
  json('what is no JSON', 'query=mug', 'invalid_json', /byte 0/),
  json('a trailing comma', '{"query":"hush",}', 'invalid_json', /byte 16/),
  json('a byte order mark', '\ufeff{"query":"mug"}', 'invalid_json', /byte 0/),
  json('UTF-16', Buffer.from('{"query":"mug"}', 'utf16le'), 'invalid_json', /byte 1/),
  json('half a character', Buffer.from([0x22, 0xc3, 0x22]), 'invalid_json', /byte 1/),
  json('an end too early', '{"query":"m', 'invalid_json', /byte 9/),
  json('NaN', '{"query":"mug","filters":{"price":{"min":NaN,"currency":"USD"}}}', 'invalid_json'),
  typed('text/plain'),
  typed('application/json; charset=latin1'),
  typed('application/x-www-form-urlencoded', 'query=mug'),
  {
    title: 'a compressed body, however small',
    body: gzipSync(Buffer.alloc(10_000_000, 0x20)),
    headers: { 'content-encoding': 'gzip' },
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    title: 'a body of more than 64 KiB',
    path: '/v1/schedules',
    body: { name: 'many', every: 60, request: { query: long(70_000) } },
    status: 413,
    code: 'body_too_large',
    says: /65536 bytes/,
  },
  {
    title: 'a list of more than 1 MiB',
    body: [{ query: long(1_100_000) }],
    status: 413,
    code: 'body_too_large',
    says: /1048576 bytes/,
  },
  json('33 levels', nested(32), 'too_deep'),
  json('60,000 levels', nested(30_000), 'too_deep'),
  { title: '100,000 searches at once', body: Array(100_000).fill({}), code: 'too_many_items', says: /500/ },
  { title: 'no search at all', body: [], code: 'too_few_items' },
  json('the key __proto__', '{"query":"mug","__proto__":{"x":1}}', 'forbidden_key'),
  json('the key constructor', '{"query":"mug","constructor":{"prototype":{"x":1}}}', 'forbidden_key'),
  json('a key twice', '{"query":"mug","qu\\u0065ry":"cup"}', 'duplicate_key', /byte 15/),
  { title: 'null', body: 'null', code: 'invalid_payload' },
  search('an unknown field', { colour: 1 }, 'unknown_field', 'colour'),
  search('an unknown field below', { filters: { colour: 1 } }, 'unknown_field', 'filters.colour'),
  search('no query', { query: undefined }, 'q_required', 'query'),
  search('an empty query', { query: '' }, 'q_required', 'query'),
  search('a query of spaces', { query: '   ' }, 'q_required', 'query'),
  search('a query of 101 characters', { query: long(101) }, 'q_too_long', 'query', /100/),
  search('a query with NUL', { query: 'a\0b' }, 'invalid_text', 'query'),
  json('half a surrogate pair', '{"query":"\\ud800"}', 'invalid_text'),
  ...[0, -1, 10_001, '50', 1e9, 1.5, null].map((value) =>
    search(`maxItems ${JSON.stringify(value)}`, { maxItems: value }, 'max_items_range', 'maxItems'),
  ),
  ...['limit', 'offset', 'delay', 'attempts', 'jobId', 'id', 'webhook', 'webhookSecret'].map((field) =>
    search(`the field ${field}`, { [field]: 1 }, 'unknown_field', field),
  ),
  ...[{ min: 20, max: 10 }, { min: -1 }, { min: '1,00' }, { max: 1e308 }].map((price) =>
    search(
      `price ${JSON.stringify(price)}`,
      { filters: { price: { ...price, currency: 'USD' } } },
      'price_range',
    ),
  ),
  json('price 1e309', '{"query":"mug","filters":{"price":{"min":1e309,"currency":"USD"}}}', 'price_range'),
  search(
    'an unknown marketplace',
    { marketplaces: ['EBAY_UX'] },
    'unknown_marketplace',
    'marketplaces.0',
    /EBAY_US/,
  ),
  search(
    'one in small letters',
    { marketplaces: ['ebay_us'] },
    'unknown_marketplace',
    'marketplaces.0',
    /EBAY_US/,
  ),
  { title: 'another tenant', body: { query: 'mug', tenant: 'acme' }, status: 404, code: 'not_found' },
  ...['../x', 'a:b', '*', long(10_000), '__proto__', ''].map((tenant) =>
    search(`tenant ${JSON.stringify(tenant.slice(0, 20))}`, { tenant }, 'invalid_tenant', 'tenant'),
  ),
  ...[1.5, -1, 3e6].map((priority) =>
    search(`priority ${priority}`, { priority }, 'unknown_priority', 'priority'),
  ),
  ...['61 * * * *', '* * * * * *', '0 0 * * * *', '0 0 30 2 *', 'constructor', ''].map((cron) =>
    schedule(`cron ${JSON.stringify(cron)}`, { cron }, 'invalid_cron', 'cron'),
  ),
  ...[0, -5, 0.001].map((every) =>
    schedule(`every ${every}`, { cron: undefined, every }, 'interval_too_short', 'every'),
  ),
  schedule('an unknown time zone', { tz: 'Mars/Phobos' }, 'unknown_timezone', 'tz'),
  schedule('cron and every', { every: 3600 }, 'cron_or_every'),
  schedule('an end that is past', { end: '2020-01-01T00:00:00Z' }, 'end_in_the_past', 'end'),
  schedule('limit 0', { limit: 0 }, 'limit_range', 'limit'),
  schedule('a start in the year 0', { start: '0000-01-01T00:00:00Z' }, 'invalid_date', 'start'),
  schedule('a start in the year 275760', { start: '+275760-09-13T00:00:00Z' }, 'invalid_date', 'start'),
];

describe('a request that is wrong', () => {
  const service = useHttpService({}, { isKept: true });

  for (const { title, path = '/v1/searches', body, headers, status = 400, code, at, says } of ROWS)
    it(`is answered with ${status} ${code}: ${title}`, async () => {
      const answer = await service.call('POST', path, body ?? '', headers);
      expect(answer.status, answer.text).to.equal(status);
      expect(answer.headers.get('content-type')).to.match(/^application\/problem\+json/);
      const { errors, ...rest } = answer.json;
      expect(rest)
        .to.include({ status, instance: path })
        .and.to.have.all.keys('type', 'title', 'detail', 'status', 'instance');
      const error = errors.find((each: { code: string }) => each.code === code);
      expect(error, answer.text).to.be.an('object');
      if (at !== undefined) expect(error.path).to.equal(at);
      if (says !== undefined) expect(error.message).to.match(says);
      expect(answer.text).to.not.contain('hush');
    });

  it('has all its mistakes named at once, also of several searches', async () => {
    const { json } = await service.call('POST', '/v1/searches', [
      { query: '', maxItems: 0 },
      { query: 'mug', sort: 'x' },
    ]);
    expect(json.errors.map(({ path }: { path: string }) => path)).to.have.members([
      '0.query',
      '0.maxItems',
      '1.sort',
    ]);
  });

  it('may look odd and be right: emoji, text from right to left, what NFC changes', async () => {
    const query = 'cafe\u0301 \u202eabc 🎁';
    const waiting = () => service.redis.zcard('{ebay}:ebay-search:prioritized');
    const before = await waiting();
    const { status, text } = await service.call('POST', '/v1/searches', { query });
    expect(status, text).to.equal(202);
    expect(await waiting()).to.equal(before + 1);
  });

  for (const id of [
    'meta',
    'wait',
    'id',
    '0',
    '123',
    'a:b',
    'repeat',
    'events',
    'prioritized',
    '%0A',
    '%00',
    '..%2F..',
    long(201),
  ])
    it(`names no search: ${id.slice(0, 20)}`, async () => {
      await service.call('POST', '/v1/searches', { query: 'mug' });
      for (const [method, suffix] of [
        ['GET', ''],
        ['GET', '/products'],
        ['GET', '/events'],
        ['DELETE', ''],
        ['POST', '/retry'],
      ] as const) {
        const answer = await service.call(method, `/v1/searches/${id}${suffix}`);
        expect(answer.status, `${method} ${suffix} ${answer.text}`).to.equal(404);
        expect(answer.json.errors[0].code).to.equal('not_found');
      }
    });

  it('has parameters that the route does not know, or cannot take', async () => {
    const unknown = await service.call('GET', '/v1/searches/s_x?watt=3');
    expect(unknown.json.errors).to.deep.include({
      path: 'watt',
      code: 'unknown_field',
      message: 'is no parameter of this route',
    });
    for (const query of ['wait=-1', 'wait=61', 'wait=soon', 'wait=1&wait=2']) {
      const answer = await service.call('GET', `/v1/searches/s_x?${query}`);
      expect(answer.status, query).to.equal(400);
      expect(answer.json.errors[0]).to.include({ path: 'wait', code: 'invalid_parameter' });
    }
    for (const limit of ['0', '1001', '1.5', '1e9']) {
      const answer = await service.call('GET', `/v1/searches/s_x/products?limit=${limit}`);
      expect(answer.json.errors[0], limit).to.include({ path: 'limit', code: 'invalid_parameter' });
    }
  });
});
