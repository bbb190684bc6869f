import { expect } from 'chai';
import { valuesFrom } from '../../../src/http/page/search/formRequest.ts';
import { startReceiver } from '../../support/channels/receiver.ts';
import { useHttpService } from '../../support/httpService.ts';
import { useService } from '../../support/service.ts';
import { Visitor } from '../../support/visitor.ts';
import { waitFor } from '../../support/waitFor.ts';

const ALLOW = { OUTBOUND_ALLOW: '127.0.0.1' };

describe('the page of what is watched', function () {
  this.timeout(60_000);
  const service = useService(ALLOW);
  const http = useHttpService(ALLOW, { beside: service });

  /** Somebody who has signed in, and sends forms with the token of the session. */
  async function person(roles?: Parameters<typeof http.key>[0]) {
    const visitor = new Visitor(http);
    await visitor.signIn(await http.key(roles));
    const { text } = await visitor.ask('/watching');
    const _csrf = /name="_csrf" value="([\w-]{43})"/.exec(text)?.[1] ?? '';
    return {
      see: async (path: string) => (await visitor.ask(path)).text,
      send: (path: string, form: Record<string, string>) => visitor.ask(path, { form: { ...form, _csrf } }),
    };
  }
  const valueIn = (text: string, name: string) =>
    new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1] ?? '';
  const ended = (name: string, runs: number) =>
    waitFor(`${runs} runs of ${name}`, async () => {
      const { lastRuns } = await service.producer.schedule.get(name);
      return lastRuns.length === runs && lastRuns.every(({ outcome }) => outcome !== null);
    });

  it('makes a schedule whose cost is known before, and takes no name that another one has', async () => {
    const { see, send } = await person();
    const [us, gb] = await Promise.all(
      (['EBAY_US', 'EBAY_GB'] as const).map((site) =>
        service.search({ query: 'led strip', maxItems: 10_000, marketplaces: [site] }),
      ),
    );
    const searchId = us?.searchId ?? '';
    expect(valueIn(await see(`/watching/new?search=${searchId}`), 'searchId')).to.equal(searchId);
    const { text: cost } = await send('/watching/cost', { searchId, every: '3600' });
    expect(cost)
      .to.match(/1,200 calls a day: 24 looks of 50 calls/)
      .and.include('of the 4,500');
    const tooMuch = await send('/watching/cost', { searchId, every: '600' });
    expect(tooMuch.text).to.include('do not suffice');
    const wrong = await send('/watching/schedules', {
      searchId,
      name: 'Led Strip',
      every: 'weekdays',
      at: '',
    });
    expect(wrong.status).to.equal(400);
    expect(wrong.text)
      .to.include('id="name-problem">use 1 to 40 small letters')
      .and.include('id="at-problem">choose a time')
      .and.include('value="Led Strip"');

    const form = { searchId, name: 'led-strip', every: 'weekdays', at: '07:30', tz: 'Europe/Berlin' };
    expect((await send('/watching/schedules', form)).headers.get('location')).to.equal(
      '/watching#schedule-led-strip',
    );
    const made = await service.producer.schedule.get('led-strip');
    expect(made).to.deep.include({ cron: '30 7 * * 1-5', tz: 'Europe/Berlin', via: 'page' });
    // By the clock the first look would be hours away.
    await ended('led-strip', 1);

    const other = { ...form, searchId: gb?.searchId ?? '' };
    const refused = await send('/watching/schedules', other);
    expect(refused.status).to.equal(409);
    expect(refused.text)
      .to.include('The name led-strip is taken')
      .and.include('(EBAY_US)')
      .and.include('value="led-strip-2"');
    const site = async () => (await service.producer.schedule.get('led-strip')).request.marketplaces;
    expect(await site()).to.deep.equal(['EBAY_US']);
    const [, seen = ''] = /name="replace" value="([^"]+)"/.exec(refused.text) ?? [];
    const replaced = { ...other, name: 'led-strip-2', taken: 'led-strip', replace: seen };
    expect((await send('/watching/schedules', replaced)).status).to.equal(303);
    expect(await site()).to.deep.equal(['EBAY_GB']);
    expect(await service.producer.schedule.list()).to.have.length(1);
  });

  it('asks before a schedule becomes another search, which starts a new track, and overwrites nobody', async () => {
    const { see, send } = await person();
    const [one, other] = ['led strip', 'yoga mat'];
    const request = { query: one, track: 'mine', maxItems: 50, filters: { conditionIds: ['1000'] } };
    await service.producer.schedule.add({ name: 'mine', every: 86_400, request });
    await ended('mine', 1);
    const page = await see('/watching/schedules/mine');
    const shown = {
      ...valuesFrom((await service.producer.schedule.get('mine')).request),
      ...{ every: '86400', schedule: 'mine', seen: valueIn(page, 'seen') },
    };
    const save = (changes: Record<string, string>) =>
      send('/watching/schedules/mine', { ...shown, ...changes });
    const present = () => service.producer.schedule.get('mine');

    // Two people have the form open; the first one changes how often.
    expect((await save({ every: '21600' })).status).to.equal(303);
    expect(await present()).to.deep.include({ every: 21_600 });
    expect((await present()).request).to.deep.include({ query: one, maxItems: 50, track: 'mine' });
    const late = await save({ every: '3600' });
    expect(late.status).to.equal(409);
    expect(late.text).to.include('Somebody else changed it meanwhile').and.include('every 6 hours');
    expect((await present()).every).to.equal(21_600);
    shown.seen = valueIn(late.text, 'seen');

    const asked = await save({ query: other as string });
    expect(asked.status).to.equal(409);
    expect(asked.text)
      .to.include('starts a new track')
      .and.include('value="mine-2"')
      .and.include('value="yoga mat"');
    expect((await present()).request.query).to.equal(one);
    const beside = { query: other as string, beside: '1', otherName: 'mine' };
    expect((await save(beside)).text).to.include('this name is taken');
    expect((await save({ ...beside, otherName: 'mats' })).status).to.equal(303);
    expect((await service.producer.schedule.get('mats')).request).to.deep.include({
      query: other,
      track: 'mats',
    });
    expect((await present()).request.query).to.equal(one);

    expect((await save({ query: other as string, sure: '1' })).status).to.equal(303);
    const { searchId } = await service.producer.schedule.runNow('mine');
    const { summary } = await service.producer.waitFor(searchId);
    expect(summary?.trackNote).to.include('starts afresh');
    const products = await service.producer.products(searchId);
    expect(products.length).to.be.above(0);
    expect(products.filter(({ mark }) => mark)).to.deep.equal([]);
    // What this form has no field for, or says as before, is kept.
    expect((await present()).request).to.deep.include({ query: other, maxItems: 50, track: 'mine' });
    expect((await present()).request.filters).to.deep.equal({ conditionIds: ['1000'] });

    // The API has the same protection.
    const read = await http.call('GET', '/v1/schedules/mine');
    const tag = { 'if-match': read.headers.get('etag') ?? '' };
    const change = (every: number) =>
      http.call('POST', '/v1/schedules?replace=true', { name: 'mine', every, request }, tag);
    expect((await change(7200)).status).to.equal(200);
    const missed = await change(9000);
    expect([missed.status, missed.json.errors[0].code]).to.deep.equal([412, 'changed_meanwhile']);
    // Any present one.
    tag['if-match'] = '*';
    expect((await change(9000)).status).to.equal(200);
    await service.producer.schedule.remove('mine');
    expect((await change(9600)).status).to.equal(412);
  });

  it('watches a search that found nothing, and sends the first product that appears', async () => {
    const receiver = await startReceiver(() => ({ status: 204 }));
    try {
      const { see, send } = await person();
      const { searchId, summary } = await service.search({
        query: 'led strip',
        title: { include: ['unobtainium'] },
      });
      expect(summary?.counts.products).to.equal(0);
      expect(await see(`/searches/${searchId}`)).to.include(`/watching/new?search=${searchId}`);
      // Without a channel the form leads to one, and comes back as it was filled in.
      const filled = { searchId, name: 'kept', every: 'day', at: '06:45', tz: 'Asia/Tokyo' };
      const away = await send('/watching/schedules', { ...filled, addChannel: '1' });
      const back = valueIn(await see(away.headers.get('location') as string), 'back').replaceAll(
        '&amp;',
        '&',
      );
      const hook = { kind: 'webhook', name: 'shop', url: receiver.origin };
      expect((await send('/channels', { ...hook, back, url: 'x' })).text).to.include('name="back"');
      const added = await send('/channels', { ...hook, back });
      expect(added.text).to.include(`<a class="button main" href="${back.replaceAll('&', '&amp;')}">`);
      expect(await see(back))
        .to.include('value="kept"')
        .and.include('value="06:45"')
        .and.include('<option value="day" selected>')
        .and.include('value="Asia/Tokyo"')
        .and.match(/id="alertNew"[^>]* checked/);
      const mail = { kind: 'email', name: 'mail', to: 'me@shop.example' };
      const led = async (back: string) => (await send('/channels', { ...mail, replace: '1', back })).headers;
      expect((await led(back)).get('location')).to.equal(back);
      expect((await led('//elsewhere.example')).get('location')).to.equal('/alerts#channel-mail');
      await service.producer.channels.remove('mail');
      expect(await see(`/watching/new?search=${searchId}`)).to.match(/id="alertNew"[^>]* checked/);
      const form = { searchId, name: 'rare', every: '86400', alertNew: '1', alertDrop: '1', by: 'x' };
      const wrong = await send('/watching/schedules', form);
      expect(wrong.status).to.equal(400);
      expect(wrong.text).to.include('id="by-problem"');
      expect(await service.producer.schedule.list()).to.deep.equal([]);
      expect((await send('/watching/schedules', { ...form, by: '10' })).status).to.equal(303);
      // Sent twice by a nervous hand.
      expect((await send('/watching/schedules', { ...form, by: '10' })).status).to.equal(303);
      expect(await service.producer.alerts.list()).to.have.length(1);
      await ended('rare', 1);
      service.simulator.controls.addListing({ title: 'led strip of unobtainium', price: '9.99' });
      await send('/watching/schedules/rare/run', {});
      expect((await service.producer.schedule.get('rare')).lastRuns).to.have.length(2);
      const isIn = ({ text }: { text: string }) => text.includes('led strip of unobtainium');
      await waitFor('the message', () => receiver.received.some(isIn));
      const list = await see('/watching?kind=schedule&text=unobtainium');
      expect(list)
        .to.include('id="schedule-rare"')
        .and.include('last hit')
        .and.not.include('id="alert-rare"');
      expect(await see('/watching?text=other')).to.include('None of them fits');
    } finally {
      await receiver.close();
    }
  });

  it('makes a watchlist of what is pasted, with mistakes by line and nothing lost', async () => {
    const { see, send } = await person();
    const listings = 'https://www.ebay.com/itm/110587654321\n\nrubbish\n110587654322, 110587654323';
    const form = { name: 'mugs', listings, atLeastEvery: '86400', marketplace: 'EBAY_GB', quantity: '1' };
    const wrong = await send('/watching/lists', form);
    expect(wrong.status).to.equal(400);
    expect(wrong.text)
      .to.match(/Line 3: &quot;rubbish&quot; is neither/)
      .and.include(`>\n${listings.replaceAll('&', '&amp;')}</textarea>`)
      .and.include('watch 3</button>');
    const place = { ...form, listings: '110587654321', country: 'US', postalCode: '1940' };
    const nowhere = await send('/watching/lists', place);
    expect([nowhere.status, /id="postalCode-problem"/.test(nowhere.text)]).to.deep.equal([400, true]);
    expect(await service.producer.watchlists.list()).to.deep.equal([]);
    expect((await send('/watching/lists', { ...form, skipWrong: '1' })).status).to.equal(303);
    const list = () => service.producer.watchlists.get('mugs');
    expect(await list()).to.deep.include({ entries: 3, marketplace: 'EBAY_GB', quantity: true });
    const taken = await send('/watching/lists', { ...form, listings: '110587654324' });
    expect([taken.status, /mugs-2 is free/.test(taken.text)]).to.deep.equal([409, true]);

    const table = 'sku;url\nM-1;https://www.ebay.com/itm/110587654325\nM-2;nothing';
    const added = await send('/watching/lists/mugs/listings', { listings: table, mode: 'add' });
    expect(added.text).to.include('Line 3, url: ');
    // The form below it is as the list is.
    const box = (text: string) => /<input type="checkbox" id="quantity"[^>]*>/.exec(text)?.[0];
    expect(box(added.text)).to.include(' checked');
    expect(added.text).to.include('<option value="86400" selected>');
    const right = { listings: table, mode: 'add', skipWrong: '1' };
    expect((await send('/watching/lists/mugs/listings', right)).text).to.include('1 added, 1 left out');
    const removed = { listings: '110587654321', mode: 'remove' };
    expect((await send('/watching/lists/mugs/listings', removed)).text).to.include('1 removed');
    const page = await see('/watching/lists/mugs');
    expect(page).to.include('sku M-1').and.not.include('110587654321<');
    expect(page)
      .to.include('https://www.ebay.co.uk/itm/110587654325')
      .and.not.include('href="https://www.ebay.com/itm');
    expect(await see('/watching/lists/mugs/listings.csv')).to.match(/^item,state,.*sku\r\n/);

    expect(box(page)).to.include(' checked');
    const change = { seen: valueIn(page, 'seen'), atLeastEvery: '3600', marketplace: 'EBAY_GB' };
    // Beside a mistake, and where somebody else was faster, a box that was cleared stays so.
    for (const [wrong, status] of [
      [{ atLeastEvery: '30' }, 400],
      [{ seen: 'stale' }, 409],
    ] as const) {
      const again = await send('/watching/lists/mugs', { ...change, ...wrong });
      expect([again.status, box(again.text)], JSON.stringify(wrong)).to.deep.equal([
        status,
        '<input type="checkbox" id="quantity" name="quantity" value="1">',
      ]);
    }
    expect((await send('/watching/lists/mugs', change)).status).to.equal(303);
    expect(await list()).to.deep.include({ atLeastEvery: 3600, quantity: false });
    const late = await send('/watching/lists/mugs', { ...change, atLeastEvery: '604800' });
    expect([late.status, /Somebody else/.test(late.text)]).to.deep.equal([409, true]);
    expect(await list()).to.deep.include({ atLeastEvery: 3600 });
    await send('/watching/lists/mugs/pause', {});
    expect(await see('/watching?state=paused')).to.include('id="watchlist-mugs"');
    await send('/watching/lists/mugs/remove', {});
    expect(await service.producer.watchlists.list()).to.deep.equal([]);
  });

  it('shows a key that may read all of it and no control, and refuses what it sends', async () => {
    await service.producer.schedule.add({
      name: 'mine',
      every: 86_400,
      request: { query: 'mug', track: 'mine' },
    });
    await service.producer.watchlists.import('mugs', { entries: ['110587654321'] });
    const { searchId } = await service.search({ query: 'mug' });
    const reader = await person(['read']);
    for (const path of [
      '/watching',
      '/watching/schedules/mine',
      '/watching/lists/mugs',
      `/searches/${searchId}`,
    ]) {
      const text = await reader.see(path);
      expect(text, path)
        .to.include('mug')
        .and.not.match(/action="\/watching\/|href="\/watching\/new/);
    }
    for (const path of [
      'schedules',
      'schedules/mine',
      'schedules/mine/run',
      'schedules/mine/remove',
      'lists',
      'lists/mugs/remove',
    ])
      expect((await reader.send(`/watching/${path}`, {})).status, path).to.equal(403);
    expect(await service.producer.schedule.list()).to.have.length(1);
    // Without the token of the session.
    const owner = new Visitor(http);
    await owner.signIn(await http.key());
    expect((await owner.ask('/watching/schedules/mine/remove', { form: {} })).status).to.equal(403);
  });
});
