import { expect } from 'chai';
import { packWatched, type Watched } from '../../../src/queue/watch/watchlists/compare.ts';
import { useHttpService } from '../../support/httpService.ts';

const LISTINGS = ['110000000001', '110000000002', '110000000003'];

describe('the routes of watchlists', () => {
  const service = useHttpService();
  const csv = (text: string, method: string, path: string) =>
    service.call(method, `/v1/watchlists${path}`, text, { 'content-type': 'text/csv' });
  const call = (method: string, path = '', body?: unknown) =>
    service.call(method, `/v1/watchlists${path}`, body);
  const errorsOf = ({ json }: { json: { errors: Array<{ path: string; code: string }> } }) =>
    json.errors.map(({ path }) => path);

  it('make a list, change its options, add and remove listings, pause, resume and remove it', async () => {
    const made = await call('POST', '', {
      name: 'supplies',
      atLeastEvery: 7200,
      entries: LISTINGS.slice(0, 2),
    });
    expect(made.status, made.text).to.equal(200);
    expect(made.json).to.include({ lines: 2, added: 2, entries: 2 });
    expect((await call('POST', '', { name: 'supplies', entries: LISTINGS.slice(0, 2) })).json).to.include({
      added: 0,
      unchanged: 2,
    });
    const changed = await call('PATCH', '/supplies', {
      value: 5,
      shipTo: { country: 'US', postalCode: '19406' },
    });
    expect(changed.json).to.deep.include({ name: 'supplies', atLeastEvery: 7200, value: 5, entries: 2 });
    const etagOf = async () => (await call('GET', '/supplies')).headers.get('etag');
    const etag = changed.headers.get('etag') ?? '';
    expect(await etagOf()).to.equal(etag);
    const reset = (await call('PATCH', '/supplies', { shipTo: null })).json;
    const ifMatch = (tag: string, value: number) =>
      service.call('PATCH', '/v1/watchlists/supplies', { value }, { 'if-match': tag });
    const late = await ifMatch(etag, 6);
    expect([late.status, late.json.errors[0].code]).to.deep.equal([412, 'changed_meanwhile']);
    expect((await ifMatch((await etagOf()) ?? '', 6)).json.value).to.equal(6);
    expect((await ifMatch('*', 5)).json.value).to.equal(5);
    expect(reset).to.include({ value: 5 }).and.not.have.property('shipTo');
    const added = await call('POST', '/supplies/entries', {
      entries: [{ item: LISTINGS[2], sku: 'C-3', resale: 9.5 }],
    });
    expect(added.json).to.include({ added: 1, entries: 3 });
    const removed = await call('POST', '/supplies/entries/remove', {
      entries: [LISTINGS[0], '119999999999'],
    });
    expect(removed.json).to.include({ removed: 1, absent: 1, entries: 2 });
    expect((await call('POST', '/supplies/pause')).json.state).to.equal('paused');
    expect((await call('POST', '/supplies/resume')).json.state).to.equal('active');
    const { watchlists } = (await call('GET')).json;
    expect(watchlists.map(({ name }: { name: string }) => name)).to.deep.equal(['supplies']);
    expect((await call('DELETE', '/supplies')).status).to.equal(204);
    for (const [method, path] of [
      ['GET', '/supplies'],
      ['PATCH', '/supplies'],
      ['DELETE', '/supplies'],
      ['GET', '/supplies/entries'],
      ['POST', '/supplies/entries'],
      ['POST', '/supplies/pause'],
    ] as const) {
      const body =
        method === 'PATCH'
          ? { value: 2 }
          : path.endsWith('/entries') && method === 'POST'
            ? { entries: LISTINGS }
            : undefined;
      expect((await call(method, path, body)).status, `${method} ${path}`).to.equal(404);
    }
    for (const tag of [etag, '*']) {
      const gone = await ifMatch(tag, 7);
      expect([gone.status, gone.json.errors[0].code], tag).to.deep.equal([412, 'changed_meanwhile']);
      expect(gone.text).to.include('was removed meanwhile');
    }
    expect((await call('GET')).json).to.deep.equal({ watchlists: [] });
  });

  it('take CSV in place of JSON, with own columns, and give it back in pages or as CSV', async () => {
    const put = await csv(
      `Item;SKU\r\n${LISTINGS.map((id, n) => `${id};"=A;${n}"`).join('\r\n')}\r\n`,
      'PUT',
      '/supplies',
    );
    expect(put.status, put.text).to.equal(200);
    expect(put.json).to.include({ lines: 3, added: 3, entries: 3 });
    const first = await call('GET', '/supplies/entries?limit=2');
    expect(first.json.entries.map(({ item }: { item: string }) => item)).to.deep.equal(LISTINGS.slice(0, 2));
    expect(first.json.entries[0]).to.deep.include({
      columns: { SKU: '=A;0' },
      state: 'waiting',
      price: null,
      lastSeen: null,
    });
    const [, next = ''] = /^<([^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '') ?? [];
    const second = await service.call('GET', next);
    expect(second.json).to.have.nested.property('entries[0].item', LISTINGS[2]);
    expect(second.json.next).to.equal(null);
    expect((await call('GET', '/supplies/entries?state=ended')).json.entries).to.deep.equal([]);
    const whole = await call('GET', '/supplies/entries?format=csv');
    expect(whole.headers.get('content-type')).to.match(/^text\/csv/);
    const [header = '', ...lines] = whole.text.trimEnd().split('\r\n');
    expect(header).to.match(/^item,state,itemId,price,.*,SKU$/);
    // A spreadsheet takes it for text.
    expect(lines[0]).to.match(/^110000000001,waiting,.*,"'=A;0"$/);
    expect(lines).to.have.length(3);
    const members = 'constructor,__proto__,toString';
    await csv(`item,${members}\n${LISTINGS[0]},a,b,c\n${LISTINGS[1]},,,\n`, 'PUT', '/members');
    const printed = (await call('GET', '/members/entries?format=csv')).text;
    expect(printed).to.match(/,nextCheck,constructor,__proto__,toString\r\n.*,a,b,c\r\n.*,waiting,*\r\n$/);
    expect((await call('GET', '/members/entries')).text).to.include(
      '"columns":{"constructor":"a","__proto__":"b","toString":"c"}',
    );
    expect((await csv(printed, 'PUT', '/members')).json).to.include({ unchanged: 2, removed: 0 });
    const replaced = await csv(`Item\n${LISTINGS[1]}\n`, 'PUT', '/supplies');
    expect(replaced.json).to.include({ removed: 2, entries: 1 });
  });

  it('store nothing where a line is wrong, name it, and leave it out on request', async () => {
    const text = `item,sku\n${LISTINGS[0]},A\nhttps://example.com/itm/1,B\n,C\n`;
    const refused = await csv(text, 'PUT', '/supplies');
    expect(refused.status).to.equal(400);
    expect(errorsOf(refused)).to.deep.equal(['3.item', '4.item']);
    expect((await call('GET', '/supplies')).status).to.equal(404);
    const tried = await csv(text, 'PUT', '/supplies?skipWrong=true&dryRun=true');
    expect(tried.json).to.include({ added: 1 });
    expect((await call('GET', '/supplies')).status).to.equal(404);
    const taken = await csv(text, 'PUT', '/supplies?skipWrong=true');
    expect(taken.json.skipped.map(({ line }: { line: number }) => line)).to.deep.equal([3, 4]);
    expect((await call('GET', '/supplies')).json.entries).to.equal(1);
    const wrongOption = await call('POST', '', { name: 'other', atLeastEvery: 1, entries: LISTINGS });
    expect(wrongOption.status).to.equal(400);
    expect(errorsOf(wrongOption)).to.include('atLeastEvery');
    expect((await call('GET', '/other')).status).to.equal(404);
  });

  it('refuse what is no list of listings, another type of body, and more than a list may have', async () => {
    const code = (answer: { json: { errors: Array<{ code: string }> } }) => answer.json.errors[0]?.code;
    expect(code(await call('PUT', '/supplies'))).to.equal('body_required');
    expect(code(await call('PUT', '/supplies', []))).to.equal('invalid_payload');
    expect(code(await call('PUT', '/supplies', { entries: 'x' }))).to.equal('required');
    expect(code(await call('PUT', '/supplies', { entries: [], colour: 'red' }))).to.equal('unknown_field');
    for (const name of ['other', 'supplies', null]) {
      const named = await call('PUT', '/supplies', { name, entries: LISTINGS });
      expect([named.status, code(named)], String(name)).to.deep.equal([400, 'unknown_field']);
    }
    expect(code(await call('PUT', '/supplies', { entries: [], colour: null }))).to.equal('unknown_field');
    expect((await call('GET')).json).to.deep.equal({ watchlists: [] });
    expect(code(await call('PUT', '/supplies?column=item', { entries: [] }))).to.equal('column_needs_csv');
    expect((await csv('item\n', 'POST', '')).status).to.equal(415);
    const zipped = { 'content-type': 'text/csv', 'content-encoding': 'gzip' };
    expect((await service.call('PUT', '/v1/watchlists/supplies', 'item', zipped)).status).to.equal(415);
    const latin = Buffer.from('item,name\n110000000001,caf\xe9\n', 'latin1');
    expect(code(await csv(latin as unknown as string, 'PUT', '/supplies'))).to.equal('invalid_csv');
    const most = Array.from({ length: 20_001 }, (_, n) => String(110_000_000_000 + n));
    const many = await call('PUT', '/supplies', { entries: most });
    expect(many.status).to.equal(400);
    expect(errorsOf(many)).to.deep.equal(['20001']);
    expect((await call('PUT', '/supplies', { entries: most.slice(1) })).json).to.include({ added: 20_000 });
    const long = await call('PUT', '/supplies', `{"entries": ["${'1'.repeat(8 * 1024 * 1024)}"]}`);
    expect(long.status).to.equal(413);
  });

  it('take no place that every look would be refused with, and repair one that is stored', async () => {
    const shipTo = { country: 'US', postalCode: '1940' };
    const codesOf = (answer: { status: number; json: { errors: Array<{ path: string; code: string }> } }) =>
      [answer.status, ...answer.json.errors.map(({ path, code }) => `${path} ${code}`)].join(' ');
    const refused = '400 shipTo.postalCode invalid_postal_code';
    expect(codesOf(await call('POST', '', { name: 'supplies', shipTo, entries: LISTINGS }))).to.equal(
      refused,
    );
    expect(codesOf(await call('PUT', '/supplies', { shipTo, entries: LISTINGS }))).to.equal(refused);
    const tried = await call('PUT', '/supplies?dryRun=true', {
      shipTo: { country: 'ZZ' },
      entries: LISTINGS,
    });
    expect(codesOf(tried)).to.equal('400 shipTo.country unknown_country');
    expect((await call('GET')).json).to.deep.equal({ watchlists: [] });

    await call('PUT', '/supplies', { entries: LISTINGS });
    expect(codesOf(await call('PATCH', '/supplies', { shipTo }))).to.equal(refused);
    // As an earlier release took it.
    const [lists = ''] = await service.redis.keys('*:watchlists:default');
    const record = JSON.parse((await service.redis.hget(lists, 'supplies')) ?? '');
    record.definition.shipTo = shipTo;
    await service.redis.hset(lists, 'supplies', JSON.stringify(record));
    expect((await call('GET', '/supplies')).json).to.deep.include({ shipTo });
    expect((await call('POST', '/supplies/entries', { entries: LISTINGS })).json).to.include({ entries: 3 });
    expect(codesOf(await call('PATCH', '/supplies', { value: 2 }))).to.equal(refused);
    const repaired = await call('PATCH', '/supplies', {
      shipTo: { country: 'US', postalCode: '19406' },
      value: 2,
    });
    expect([repaired.status, repaired.json.value]).to.deep.equal([200, 2]);
  });

  it('say since when all listings were looked at, also where none is in stock', async () => {
    await call('PUT', '/supplies', { entries: LISTINGS, atLeastEvery: 3600 });
    const [lists = ''] = await service.redis.keys('*:watchlists:default');
    const NOON = Date.UTC(2026, 0, 31, 12);
    const nothing = { quantity: null, moreThan: null, arrival: null, known: undefined };
    const see = async (listing: number, state: Watched['state'], hour: number) => {
      const at = NOON + hour * 3_600_000;
      const watched = packWatched({ state, seen: at, checked: at, category: null, ...nothing });
      const key = lists.replace(':watchlists:default', ':watch-seen:default:supplies');
      await service.redis.hset(key, LISTINGS[listing] as string, watched);
      const { lastLook, nextCheck } = (await call('GET', '/supplies')).json;
      return [lastLook, nextCheck].map((instant) => instant?.slice(8, 13) ?? null);
    };
    await see(0, 'ended', 1);
    expect(await see(1, 'out-of-stock', 0), 'one waits').to.deep.equal([null, '01T13']);
    // What cannot be bought is asked for once a day.
    expect(await see(2, 'ended', 2)).to.deep.equal(['31T12', '01T13']);
    expect(await see(2, 'in-stock', 2)).to.deep.equal(['31T12', '31T15']);
    const { entries } = (await call('GET', '/supplies/entries')).json;
    expect(entries.map(({ nextCheck }: { nextCheck: string }) => nextCheck.slice(8, 13))).to.deep.equal([
      ...['01T14', '01T13', '31T15'],
    ]);
    expect((await call('POST', '/supplies/pause')).json.nextCheck).to.equal(null);
  });

  it('show and change the lists of the key’s tenant only, by its role', async () => {
    await call('PUT', '/supplies', { entries: LISTINGS });
    const as = async (roles: Parameters<typeof service.key>[0], tenant?: string) => ({
      authorization: `Bearer ${await service.key(roles, tenant)}`,
    });
    const reader = await as(['read']);
    expect((await service.call('GET', '/v1/watchlists/supplies', undefined, reader)).status).to.equal(200);
    expect((await service.call('DELETE', '/v1/watchlists/supplies', undefined, reader)).status).to.equal(403);
    const other = await as(['schedule'], 'shop');
    expect((await service.call('GET', '/v1/watchlists', undefined, other)).json).to.deep.equal({
      watchlists: [],
    });
    expect((await service.call('GET', '/v1/watchlists/supplies/entries', undefined, other)).status).to.equal(
      404,
    );
    expect((await service.call('DELETE', '/v1/watchlists/supplies', undefined, other)).status).to.equal(404);
    expect((await call('GET', '/supplies')).json.entries).to.equal(3);
  });
});
