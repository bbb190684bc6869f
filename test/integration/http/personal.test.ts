import { expect } from 'chai';
import { unreadNews } from '../../../src/events/news.ts';
import { MAX_SAVED, PersonalStore, savedPerson } from '../../../src/http/page/personal.ts';
import { Problem } from '../../../src/http/problem.ts';
import { personalKey } from '../../../src/queue/budgets.ts';
import { useHttpService } from '../../support/httpService.ts';
import { useService } from '../../support/service.ts';
import { Visitor } from '../../support/visitor.ts';

const NOW = Date.parse('2026-05-01T06:30:00Z');
const ITEM = 'v1|110000000001|0';

describe('what a person keeps on the page', function () {
  this.timeout(60_000);
  const service = useService();
  const http = useHttpService({}, { beside: service });
  const storeOf = (id: string, tenant = 'default') => new PersonalStore(http.redis, '{ebay}', { tenant, id });
  const refusal = (work: Promise<unknown>) =>
    work.then(
      () => 'kept',
      (error: unknown) => (error instanceof Problem ? error.code : String(error)),
    );

  it('is per key, keeps changes of two tabs, is forgotten when nothing is left of it, and ends by itself', async () => {
    const store = storeOf('open');
    await Promise.all([
      store.save(ITEM, { favourite: true, site: 'EBAY_GB' }, NOW),
      store.save(ITEM, { note: ' ask for a lot \n' }, NOW),
      store.save(ITEM, { hidden: true }, NOW),
      store.setNewsReadUntil('5-1'),
      store.setNewsReadUntil('4-9'),
    ]);
    const at = new Date(NOW).toISOString();
    const kept = { favourite: true, hidden: true, note: 'ask for a lot', site: 'EBAY_GB', since: at, at };
    expect(Object.fromEntries(await store.items())).to.deep.equal({ [ITEM]: kept });
    expect(await http.redis.ttl(personalKey('{ebay}', 'default', 'open'))).to.be.within(34e6, 35e6);
    await store.save(ITEM, { favourite: false, note: '' }, NOW + 1000);
    expect(await store.item(ITEM)).to.include({ favourite: false, hidden: true, since: at });
    await store.save(ITEM, { hidden: false }, NOW + 2000);
    expect(await http.redis.hkeys(personalKey('{ebay}', 'default', 'open'))).to.deep.equal(['news']);
    expect(await store.newsReadUntil()).to.equal('5-1');
    expect(await storeOf('open', 'shop').newsReadUntil()).to.equal(undefined);
  });

  it('refuses a note that is too long, more listings than may be kept, and a key that was revoked', async () => {
    const store = storeOf('open');
    expect(await refusal(store.save(ITEM, { note: 'x'.repeat(501) }, NOW))).to.equal('note_too_long');
    const key = personalKey('{ebay}', 'default', 'open');
    const full = Array.from({ length: MAX_SAVED }, (_, n) => [`item:${n}`, '{"favourite":true}']);
    await http.redis.hset(key, ...full.flat());
    // With one more, no restore would take what is kept.
    expect(await refusal(store.save(ITEM, { favourite: true }, NOW))).to.equal('too_many_saved');
    expect(await refusal(store.setNewsReadUntil('1-0'))).to.equal('kept');
    expect(await refusal(store.save(ITEM, { favourite: true }, NOW))).to.equal('too_many_saved');
    expect(await refusal(store.save('5', { note: 'still' }, NOW))).to.equal('kept');

    const { record } = await http.keys.add({
      ...{ name: 'anna', tenant: 'default', roles: ['read' as const], expiresAt: null },
    });
    await storeOf(record.id).save(ITEM, { favourite: true }, NOW);
    await http.keys.revoke('anna');
    expect(await http.redis.exists(personalKey('{ebay}', 'default', record.id))).to.equal(0);
    expect(await refusal(storeOf(record.id).save(ITEM, { favourite: true }, NOW))).to.equal('unauthorized');
    // Another program has put something else there.
    await http.redis.hset(key, 'news', 'nonsense');
    expect(await store.newsReadUntil()).to.equal(undefined);
    const place = { prefix: '{ebay}', tenant: 'default' };
    expect(await unreadNews(http.redis, place, { key, field: 'news' })).to.equal(0);
    expect(await savedPerson(http.redis, key, 'open')).to.include({ news: null });
    await http.redis.set(personalKey('{ebay}', 'default', 'open2'), 'x');
    expect((await storeOf('open2').items()).size).to.equal(0);
  });

  it('is kept from the page of a product, marked in lists and files, listed, looked at with calls, and watched', async () => {
    const { searchId } = await service.search({ query: 'usb c hub', maxItems: 20 });
    const [first, second] = await service.producer.products(searchId);
    const [one, other] = [first?.itemId as string, second?.itemId as string];
    const browser = new Visitor(http);
    await browser.signIn(await http.key());
    const csrf = /name="_csrf" value="([\w-]{43})"/.exec((await browser.ask('/')).text)?.[1] ?? '';
    const visitor = {
      get: (path: string) => browser.ask(path),
      post: (path: string, form: Record<string, string>) =>
        browser.ask(path, { form: { _csrf: csrf, ...form } }),
    };
    const itemAt = (id: string) => `/searches/${searchId}/items/${encodeURIComponent(id)}`;
    const before = await visitor.get(itemAt(one));
    expect(before.text).to.include('<h2>Shipping</h2><p>The cheapest way is').and.include('They are unknown');
    expect(before.text).to.include('Look at the listing (1 call)');
    await visitor.post(`${itemAt(one)}/keep`, { note: '=1+1 <b>ask</b>', from: 'item' });
    await visitor.post(`${itemAt(one)}/keep`, { favourite: '1' });
    await visitor.post(`${itemAt(other)}/keep?order=delivered`, { hidden: '1' });
    const long = await visitor.post(`${itemAt(one)}/keep`, { note: 'y'.repeat(600) });
    expect(long.status).to.equal(400);
    expect(long.text)
      .to.include('may have at most 500 characters: it has 600')
      .and.include('yyyyyyyy</textarea>');

    const list = await visitor.get(`/searches/${searchId}`);
    expect(list.text).to.include('19 of 20 products').and.include('hidden by you');
    expect(list.text)
      .to.include('<p class="note">=1+1 &lt;b&gt;ask&lt;/b&gt;</p>')
      .and.not.include(`data-item="${other}"`);
    expect((await visitor.get(`/searches/${searchId}?hidden=1`)).text).to.include(`data-item="${other}"`);
    expect((await visitor.get(`/searches/${searchId}?favourites=1`)).text).to.include('1 of 20 products');
    const csv = (await visitor.get(`/searches/${searchId}/products.csv`)).text.split('\r\n');
    expect(csv[0]).to.match(/,favourite,note$/);
    expect(csv.find((line) => line.startsWith(one))).to.match(/,true,'=1\+1 <b>ask<\/b>$/);
    const lines = (await visitor.get(`/searches/${searchId}/products.ndjson`)).text.trim().split('\n');
    expect(lines).to.have.length(19);
    expect(JSON.parse(lines[0] as string)).to.include({
      itemId: one,
      favourite: true,
      note: '=1+1 <b>ask</b>',
    });

    const saved = await visitor.get('/saved');
    expect(saved.text).to.include('Look at it now (1 call)').and.include('1 hidden listing');
    expect(saved.text).to.not.include(first?.title as string);
    const made = service.simulator.controls.log().length;
    const looked = await visitor.post('/saved/look', { site: 'EBAY_US' });
    const path = looked.headers.get('location') as string;
    await service.producer.waitFor(path.slice('/searches/'.length));
    expect(service.simulator.controls.log().length - made).to.equal(1);
    expect((await visitor.get(path)).text).to.include('=1+1 &lt;b&gt;ask');
    const wrong = await visitor.post('/saved/watch', { site: 'EBAY_US', name: 'My list' });
    expect(wrong.status).to.equal(400);
    expect(wrong.text).to.include('value="My list" aria-invalid="true"');
    const watched = await visitor.post('/saved/watch', { site: 'EBAY_US', name: 'mine' });
    expect(watched.headers.get('location')).to.include('mine');
    expect((await service.producer.watchlists.get('mine')).entries).to.equal(1);
    await visitor.post('/saved/change', { item: one, favourite: '0', note: '' });
    expect((await visitor.get('/saved')).text).to.include('Nothing is kept yet');
  });
});
