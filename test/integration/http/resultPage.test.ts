import { expect } from 'chai';
import { select, selectionFrom } from '../../../src/http/page/result/selection.ts';
import { useHttpService } from '../../support/httpService.ts';
import { useService } from '../../support/service.ts';

describe('the page of a result', () => {
  const service = useService({}, {}, { isKept: true });
  const http = useHttpService({ HTTP_WITHOUT_KEYS: 'true' }, { beside: service });
  const post = (path: string, form: Record<string, string>) =>
    fetch(`${http.app.url}${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'sec-fetch-site': 'same-origin' },
      body: new URLSearchParams(form),
    });

  it('links to files of the products that it shows: all pages of them, in that order', async () => {
    const { searchId } = await service.search({ query: 'usb c charger', maxItems: 300 });
    const address = 'order=delivered&most=25&known=1';
    const { text } = await http.call('GET', `/searches/${searchId}?known=1&page=2&order=delivered&most=25`);
    const links = [...text.matchAll(/<a href="([^"]+)" download>/g)].map(([, link = '']) =>
      link.replaceAll('&amp;', '&'),
    );
    const fileOf = (name: string) => `/searches/${searchId}/products.${name}`;
    const expected = ['xlsx', 'csv', 'csv', 'ndjson'].map(
      (name) => `${fileOf(name)}?order=delivered&known=1&most=25`,
    );
    expected[2] += '&excel=1';
    expect(links).to.deep.equal(expected);
    const shown = select(
      await service.producer.products(searchId),
      selectionFrom(Object.fromEntries(new URLSearchParams(address))),
    );
    expect(shown).to.have.length.within(49, 299);

    const csv = await http.call('GET', links[1] as string);
    const day = new Date().toISOString().slice(0, 10);
    expect(csv.headers.get('content-type')).to.match(/^text\/csv; charset=utf-8/);
    expect(csv.headers.get('content-disposition')).to.equal(
      `attachment; filename="usb-c-charger-${day}.csv"`,
    );
    const ids = csv.text
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(',')[0]);
    expect(ids).to.deep.equal(shown.map(({ itemId }) => itemId));
    const lines = (await http.call('GET', links[3] as string)).text.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).itemId)).to.deep.equal(ids);
  });

  it('leads from the comparison back to the products that were chosen from, in their order', async () => {
    const { searchId } = await service.search({ query: 'usb c charger', maxItems: 30 });
    const shown = `/searches/${searchId}?order=delivered&known=1&most=25`;
    const { text } = await http.call('GET', shown);
    const bar = /<form id="compare".*?<\/form>/s.exec(text)?.[0] ?? '';
    const fields = [...bar.matchAll(/<input type="hidden" name="(\w+)" value="(\w+)">/g)];
    const ids = (await service.producer.products(searchId)).slice(0, 3).map(({ itemId }) => ['item', itemId]);
    const query = new URLSearchParams([...fields.map(([, name, value]) => [name, value]), ...ids] as never);
    const compared = (await http.call('GET', `/searches/${searchId}/compare?${query}`)).text;
    const links = [...compared.matchAll(/<a href="([^"]+)"[^>]*>(Back|Remove)/g)].map(([, link = '']) =>
      link.replaceAll('&amp;', '&'),
    );
    expect(links).to.have.length(4);
    expect(links[0]).to.equal(shown);
    expect(links[1]).to.match(/\?order=delivered&known=1&most=25&item=/);
  });

  it('shows its last page for one beyond it, so also once the only product of the last one is hidden', async () => {
    const { searchId } = await service.search({ query: 'usb c charger', maxItems: 49 });
    const rangeOf = (text: string) => /<span>(\d+–<span id="shown-to">\d+<\/span> of \d+)</.exec(text)?.[1];
    const shown = async (path: string) => (await http.call('GET', path)).text;
    expect(rangeOf(await shown(`/searches/${searchId}?page=2`))).to.equal(
      '49–<span id="shown-to">49</span> of 49',
    );
    const beyond = await shown(`/searches/${searchId}?page=99999&order=rating`);
    expect(rangeOf(beyond)).to.equal('49–<span id="shown-to">49</span> of 49');
    expect(beyond).to.include(`<a href="/searches/${searchId}?order=rating" rel="prev">`);
    const last = (await service.producer.products(searchId))[48]?.itemId as string;
    const path = `/searches/${searchId}/items/${encodeURIComponent(last)}/keep?page=2`;
    const back = (await post(path, { hidden: '1' })).headers.get('location') as string;
    expect(back).to.equal(`/searches/${searchId}?page=2`);
    expect(rangeOf(await shown(back))).to.equal('1–<span id="shown-to">48</span> of 48');
    expect(await shown(`/searches/${searchId}?page=2&words=nothing-has-it`)).to.include(
      'None of the products fits',
    );
    // The other tests are of the same person.
    await post(path, { hidden: '0' });
  });

  it('takes a value that stands in an address twice: lists are joined, of others there is one', async () => {
    const { searchId } = await service.search({ query: 'usb c charger', maxItems: 30 });
    const of = (query: string) => http.call('GET', `/searches/${searchId}/products.ndjson?${query}`);
    const products = await service.producer.products(searchId);
    const used = new Set(products.map(({ conditionId }) => conditionId));
    expect(used.size).to.be.above(1);
    const [one, other] = [...used];
    const both = await of(`condition=${one}&condition=${other}&least=999&least=0`);
    expect(both.text.trim().split('\n')).to.have.length(
      products.filter(({ conditionId, total }) => [one, other].includes(conditionId) && total !== null)
        .length,
    );
    for (const path of ['/searches', '/searches/list', '/watching', '/news', '/plan', '/alerts'])
      expect(
        (await http.call('GET', `${path}?text=a&text=b&calls=1&calls=2&edit=a&edit=b`)).status,
        path,
      ).to.be.below(500);
  });

  it('says of each product how old it is', async () => {
    const { searchId } = await service.search({ query: 'usb c charger', maxItems: 10 });
    const [product] = await service.producer.products(searchId);
    const { text } = await http.call('GET', `/searches/${searchId}`);
    const ages = [...text.matchAll(/<time datetime="([^"]+)">seen (now|\d+ s ago)<\/time><\/p>/g)];
    expect(ages.map(([, at]) => at)).to.deep.equal(Array(10).fill(product?.observedAt));
  });

  it('gives the lines that the API gives, also for Excel in the reader’s language', async () => {
    const { searchId } = await service.search({ query: 'usb c charger', maxItems: 60 });
    const german = { 'accept-language': 'de-DE,de;q=0.9' };
    for (const [excel, api] of [
      ['', 'format=csv'],
      ['?excel=1', 'excel=1'],
    ]) {
      const page = await http.call('GET', `/searches/${searchId}/products.csv${excel}`, undefined, german);
      const lines = await http.call('GET', `/v1/searches/${searchId}/products?${api}`, undefined, german);
      expect(page.status).to.equal(200);
      const sign = excel === '' ? ',' : ';';
      // The last two columns are what the person keeps.
      const own = page.text.split('\r\n').map((line) => line.split(sign).slice(0, -2).join(sign));
      expect(own.join('\r\n')).to.equal(lines.text.trimEnd());
      expect(page.text.split('\r\n')[0]).to.include(excel === '' ? 'itemId,' : 'itemId;');
    }
  });

  it('offers every country by name, keeps the chosen one beside a mistake, and searches for it', async () => {
    const { text } = await http.call('GET', '/');
    for (const option of ['"">Not chosen', '"ES">Spain', '"DE">Germany', '"GE">Georgia', '"AT">Austria'])
      expect(text).to.include(`<option value=${option.replace('"">', '"" selected>')}</option>`);
    const mistaken = await post('/searches', { query: 'led strip', country: 'ES', priceMax: 'much' });
    expect(mistaken.status).to.equal(400);
    expect(await mistaken.text()).to.include('<option value="ES" selected>Spain</option>');

    const { headers } = await post('/searches', { query: 'led strip', country: 'ES', postalCode: '28001' });
    const path = headers.get('location') as string;
    const id = path.slice('/searches/'.length);
    expect((await service.producer.request(id))?.shipTo).to.deep.equal({
      country: 'ES',
      postalCode: '28001',
    });
    expect((await http.call('GET', path)).text).to.include('delivered to Spain 28001');
    // A form that no page sent: nothing is cut to two letters.
    const forged = await post('/searches', { query: 'led strip', country: 'Spain' });
    expect(await forged.text()).to.include('id="country-problem"');
  });

  it('says why a search is partial though nothing failed, and offers no retry, which would call for nothing', async () => {
    const request = { query: 'phone case', maxItems: 400, maxCalls: 1 };
    const { searchId, summary } = await service.search(request);
    expect([summary?.outcome, summary?.stoppedBy]).to.deep.equal(['partial', 'max-calls']);
    const { text } = await http.call('GET', `/searches/${searchId}`);
    expect(text).to.match(
      /<p class="outcome some">Incomplete<\/p>\s+<p>Stopped after 1 call \(maxCalls\): 200 of about [\d,]+ listings looked at<\/p>/,
    );
    expect(text).to.not.include('/retry');
    const failing = service.simulator.controls.arm({ fault: 'status', status: 400, on: { offset: 200 } });
    const failed = await service.search({ query: 'phone case', maxItems: 401 });
    service.simulator.controls.clear(failing);
    const page = await http.call('GET', `/searches/${failed.searchId}`);
    expect(page.text).to.include('<p class="outcome bad">Incomplete</p>').and.include('/retry');
    expect(page.text).to.include('<p>A page of eBay US failed</p>');
  });

  it('is not green where eBay ignored a part of the search', async () => {
    const request = { query: 'phone case', categoryIds: ['1'], filters: { aspects: { Nope: ['Red'] } } };
    const { searchId, summary } = await service.search({ ...request, maxItems: 10 });
    expect(summary?.warnings).to.have.length(1);
    const { text } = await http.call('GET', `/searches/${searchId}`);
    expect(text)
      .to.include(`<p class="outcome some">`)
      .and.match(/, with warnings<\/p>/);
    expect(text).to.include('eBay ignored part of this');
  });

  it('says of a listing that was asked for that eBay no longer has it', async () => {
    const { headers } = await post('/searches', { query: 'https://www.ebay.com/itm/199999999999' });
    const path = headers.get('location') as string;
    const { summary } = await service.producer.waitFor(path.slice('/searches/'.length));
    expect(summary?.outcome).to.equal('none-found');
    const { text } = await http.call('GET', path);
    expect(text).to.include('<h1 class="query">Listing 199999999999</h1>');
    expect(text).to.include('<li>199999999999: eBay no longer has this listing</li>');
  });
});
