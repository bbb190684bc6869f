import { expect } from 'chai';
import type { NormalRequest } from '../../../src/product/requestSchema.ts';
import { DEMO_CREDENTIALS } from '../../../src/simulator/tokens.ts';
import { PICTURE } from '../../contract/requestCases.ts';
import { useHttpService } from '../../support/httpService.ts';
import { useService } from '../../support/service.ts';

describe('the form of a search, over HTTP', () => {
  const service = useService({}, {}, { isKept: true });
  const http = useHttpService(
    {
      HTTP_WITHOUT_KEYS: 'true',
      HTTP_BASE_PATH: '/ebay',
      MIN_API_CALL_INTERVAL: '0',
      EBAY_CLIENT_ID: DEMO_CREDENTIALS.clientId,
      EBAY_CLIENT_SECRET: DEMO_CREDENTIALS.clientSecret,
    },
    { beside: service },
  );

  const ask = (path: string, options: RequestInit = {}) =>
    fetch(`${http.app.url}${path.replace(/^\/ebay/, '')}`, { redirect: 'manual', ...options });
  const post = (path: string, form: Record<string, string> | [string, string][]) =>
    ask(path, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin' },
      body: new URLSearchParams(form),
    });
  const idIn = (answer: Response) =>
    /^\/ebay\/searches\/([^/?]+)/.exec(answer.headers.get('location') ?? '')?.[1] as string;
  /** What a browser would send with the form of a page. */
  const fieldsIn = (text: string): [string, string][] => {
    const plain = (value = '') =>
      value.replace(
        /&(quot|amp|#39|lt|gt);/g,
        (_, name) => ({ quot: '"', amp: '&', '#39': "'", lt: '<', gt: '>' })[name as string] ?? '',
      );
    const form = /<form class="search"[\s\S]*?<\/form>/.exec(text)?.[0] ?? '';
    const inputs = [...form.matchAll(/<input [^>]*>/g)].flatMap(([tag]): [string, string][] => {
      const of = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1];
      const isOff = of('type') === 'checkbox' && !/ checked/.test(tag);
      const name = of('name');
      return name === undefined || isOff ? [] : [[name, plain(of('value'))]];
    });
    const selects = [...form.matchAll(/<select [^>]*name="([^"]+)"[\s\S]*?<\/select>/g)].map(
      ([select, name]): [string, string] => [
        name as string,
        /value="([^"]*)" selected/.exec(select)?.[1] ?? '',
      ],
    );
    return [...inputs, ...selects];
  };
  const requestOf = async (id: string) => (await service.producer.request(id)) as NormalRequest;

  it('is above a result as the search was made, and a change of it keeps everything else', async () => {
    const wanted = {
      query: 'usb c hub',
      categoryIds: ['9355'],
      details: 'none' as const,
      onFailure: 'degrade' as const,
      shipTo: { country: 'US', postalCode: '19406' },
      filters: {
        aspects: { Color: ['Red', 'Blue, dark'] },
        conditionIds: ['1000', '3000'],
        buyingOptions: ['FIXED_PRICE' as const, 'AUCTION' as const],
        price: { max: '40', currency: 'USD' },
      },
    };
    const { searchId } = await service.search(wanted);
    const text = await (await ask(`/searches/${searchId}`)).text();
    const fields = fieldsIn(text).map(([name, value]): [string, string] => [
      name,
      name === 'priceMax' ? '$30' : value,
    ]);
    const changed = idIn(await post('/searches', fields));
    const { v: _v, facets: _facets, ...request } = await requestOf(changed);
    const { v: _before, ...before } = await requestOf(searchId);
    expect(request).to.deep.equal({
      ...before,
      filters: { ...before.filters, price: { max: '30', currency: 'USD' } },
    });

    const narrow = `/searches/${changed}/narrow`;
    const less = await requestOf(idIn(await post(narrow, { drop: '["filters","aspects"]' })));
    expect(less.filters).to.not.have.property('aspects');
    expect(less).to.deep.include({ categoryIds: ['9355'], shipTo: wanted.shipTo });
    const toggle = '["filters","conditionIds","3000"]';
    const one = await requestOf(idIn(await post(narrow, { toggle, marketplace: 'EBAY_US' })));
    expect(one.filters.conditionIds).to.deep.equal(['1000']);
    // Without the words and the category nothing is left to search for.
    const wrong = await post(`/searches/${idIn(await post('/searches', { category: '9355' }))}/narrow`, {
      drop: '["categoryIds"]',
    });
    expect(wrong.status).to.equal(400);
    expect(await wrong.text()).to.include('Type what you are looking for, or choose a category.');
  });

  it('keeps the picture of a search that is changed, which is not sent again', async () => {
    const { searchId } = await service.search({ image: PICTURE, maxItems: 5 });
    const text = await (await ask(`/searches/${searchId}`)).text();
    expect(text).to.include('the picture of this search').and.not.include(PICTURE);
    const fields = fieldsIn(text).map(([name, value]): [string, string] => [
      name,
      name === 'priceMin' ? '5' : value,
    ]);
    const { image, filters } = await requestOf(idIn(await post('/searches', fields)));
    expect({ image, min: filters.price?.min }).to.deep.equal({ image: PICTURE, min: '5' });
  });

  it('marks each wrong field, names it at the top, and keeps what was typed', async () => {
    const typed = {
      query: 'hub*',
      priceMax: 'much',
      minFeedback: '120',
      postalCode: '19406',
      exclude: 'a, "b"',
    };
    const answer = await post('/searches', { ...typed, country: '' });
    expect(answer.status).to.equal(400);
    const text = await answer.text();
    expect(text).to.include('4 fields need a change');
    for (const name of ['query', 'priceMax', 'minFeedback', 'country']) {
      expect(text).to.include(`<a href="#${name}">`);
      expect(text).to.match(
        new RegExp(`id="${name}" name="${name}" aria-invalid="true" aria-describedby="${name}-problem"`),
      );
    }
    expect(Object.fromEntries(fieldsIn(text))).to.include(typed);
    expect(text).to.match(/<details class="more" open>/);
    const estimate = await (await post('/estimate', { query: 'hub', priceMax: 'much' })).text();
    expect(estimate).to.include('Item price up to: Enter an amount such as 40 or 40.50.');
  });

  it('remembers where things are delivered to in a cookie of its path, and forgets it', async () => {
    const form = { query: 'hub', marketplace: 'EBAY_DE', country: 'DE', postalCode: '10115' };
    const answer = await post('/searches', form);
    const cookie = answer.headers.get('set-cookie') ?? '';
    expect(cookie).to.match(
      /^dpf_destination=[^;]+; Max-Age=31536000; Path=\/ebay; HttpOnly; SameSite=Strict$/,
    );
    expect(decodeURIComponent(cookie)).to.not.include('hub');
    const headers = { cookie: cookie.split(';')[0] as string };
    const text = await (await ask('/', { headers })).text();
    const { query: _query, ...place } = form;
    expect(Object.fromEntries(fieldsIn(text))).to.include({ ...place, query: '' });
    expect(text).to.include('Germany 10115, eBay DE: remembered in this browser.');
    const forgotten = await post('/forget-destination', {});
    expect(forgotten.headers.get('set-cookie')).to.match(
      /^dpf_destination=; Max-Age=0; Path=\/ebay; Expires=Thu, 01 Jan 1970/,
    );
    for (const value of [
      'country=XX&postalCode=1',
      '%',
      'marketplace=EBAY_XX',
      'country=DE&postalCode=<b>',
    ]) {
      const odd = await ask('/', { headers: { cookie: `dpf_destination=${encodeURIComponent(value)}` } });
      expect(Object.fromEntries(fieldsIn(await odd.text())), value).to.include({
        marketplace: 'EBAY_US',
        postalCode: '',
      });
    }
  });

  it('takes a category by its name, and asks which one where several fit', async () => {
    const { categories } = (await http.call('GET', '/v1/categories?q=usb')).json;
    const [first] = categories;
    const named = await post('/searches', { query: 'hub', category: first.name.toUpperCase() });
    expect((await requestOf(idIn(named))).categoryIds).to.deep.equal([first.id]);
    const several = await post('/searches', { query: 'hub', category: 'usb', priceMax: 'much' });
    const text = await several.text();
    expect(several.status).to.equal(400);
    expect(text).to.include('Several categories fit. Choose one:').and.include('id="priceMax-problem"');
    const [, choice = ''] = /<button name="category" value="([^"]+)">/.exec(text) ?? [];
    const chosen = await post('/searches', [
      ['query', 'hub'],
      ['category', 'usb'],
      ['category', choice],
    ]);
    expect((await requestOf(idIn(chosen))).categoryIds).to.deep.equal([/\((\d+)\)$/.exec(choice)?.[1]]);
    const none = await post('/searches', { query: 'hub', category: 'zzz' });
    expect(await none.text()).to.include('eBay knows no category for this');
  });

  it('says how many delivered prices are unknown, and that a country helps', async () => {
    const { searchId } = await service.search({ query: 'usb c hub', maxItems: 200 });
    const text = await (await ask(`/searches/${searchId}`)).text();
    expect(text).to.match(
      /The delivered price of \d+ of \d+ products is unknown\. <a href="#country">Add a country<\/a>/,
    );
  });
});
