import { expect } from 'chai';
import { useHttpService } from '../../support/httpService.ts';
import { useService } from '../../support/service.ts';

describe('the life of a search over HTTP', () => {
  const service = useService({}, {}, { isKept: true });
  const http = useHttpService({}, { beside: service });
  const add = async (request: object, headers: Record<string, string> = {}) =>
    (await http.call('POST', '/v1/searches', request, headers)).json.searchId as string;
  const ended = async (request: object) => {
    const id = await add(request);
    const { json } = await http.call('GET', `/v1/searches/${id}?wait=30`);
    expect(json.state).to.equal('done');
    return id;
  };

  it('is held by ?wait= until its end, with the summary', async () => {
    service.simulator.controls.configure({ latencyMs: 300 });
    const id = await add({ query: 'phone case', maxItems: 400 });
    const before = await http.call('GET', `/v1/searches/${id}`);
    expect(before.json.estimate.calls.total).to.be.within(1, 2);
    const { json } = await http.call('GET', `/v1/searches/${id}?wait=30`);
    service.simulator.controls.configure({ latencyMs: 0 });
    expect(json).to.deep.include({ state: 'done', estimate: null, error: null });
    expect(json.summary.outcome).to.equal('complete');
  });

  it('is sent as events, and the stream closes at the end', async () => {
    service.simulator.controls.configure({ latencyMs: 200 });
    const id = await add({ query: 'phone case', maxItems: 400 });
    const { text, headers } = await http.call('GET', `/v1/searches/${id}/events`);
    service.simulator.controls.configure({ latencyMs: 0 });
    expect(headers.get('content-type')).to.contain('text/event-stream');
    const events = [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, name, data]) => ({
      name,
      data: JSON.parse(data as string),
    }));
    expect(events.map(({ name }) => name)).to.include('progress');
    expect(events.filter(({ name }) => name === 'end')).to.have.lengthOf(1);
    expect(events.at(-1)?.data.summary.outcome).to.equal('complete');
  });

  it('is withdrawn by DELETE, and started again by retry', async () => {
    service.simulator.controls.configure({ latencyMs: 1000 });
    const id = await add({ query: 'phone case', maxItems: 1000 });
    const early = await http.call('POST', `/v1/searches/${id}/retry`);
    expect(early.status).to.equal(409);
    const gone = await http.call('DELETE', `/v1/searches/${id}`);
    expect(gone.json).to.deep.equal({ searchId: id, cancelled: true });
    service.simulator.controls.configure({ latencyMs: 0 });
    const { json } = await http.call('GET', `/v1/searches/${id}?wait=30`);
    expect(json.summary.outcome).to.equal('cancelled');
    const again = await http.call('POST', `/v1/searches/${id}/retry`);
    expect(again.status, again.text).to.equal(202);
    const whole = await http.call('GET', `/v1/searches/${id}?wait=30`);
    expect(whole.json.summary.outcome).to.equal('complete');
  });

  it('gives its products in pages that together are the list that the library gives', async () => {
    const id = await ended({ query: 'phone case', maxItems: 450, marketplaces: ['EBAY_US', 'EBAY_DE'] });
    const all = (await service.producer.products(id)).map(({ itemId }) => itemId);
    const seen: string[] = [];
    let path: string | undefined = `/v1/searches/${id}/products?limit=100`;
    while (path !== undefined) {
      const { json, headers }: Awaited<ReturnType<typeof http.call>> = await http.call('GET', path);
      seen.push(...json.products.map(({ itemId }: { itemId: string }) => itemId));
      path = /<(.*)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
      expect(path === undefined).to.equal(json.next === null);
    }
    expect(seen).to.deep.equal(all);
    expect(seen).to.have.length.greaterThan(300);
  });

  it('gives all of them as NDJSON or CSV, by Accept or ?format=', async () => {
    const id = await ended({ query: 'phone case', maxItems: 250 });
    const all = await service.producer.products(id);
    const ndjson = await http.call('GET', `/v1/searches/${id}/products`, undefined, {
      accept: 'application/x-ndjson',
    });
    expect(
      ndjson.text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).to.deep.equal(all);
    const csv = await http.call('GET', `/v1/searches/${id}/products?format=csv`);
    expect(csv.headers.get('content-type')).to.contain('text/csv');
    expect(csv.text.match(/^v1\|/gm)).to.have.lengthOf(all.length);
    const html = await http.call('GET', `/v1/searches/${id}/products`, undefined, { accept: 'text/html' });
    expect(html.status).to.equal(406);
  });

  it('gives the columns of CSV that are asked for, and names those there are for a wrong one', async () => {
    const id = await ended({ query: 'phone case', maxItems: 5 });
    const path = `/v1/searches/${id}/products`;
    const all = await service.producer.products(id);
    const { text } = await http.call('GET', `${path}?format=csv&columns=itemId,total`);
    expect(text).to.equal(
      `itemId,total\r\n${all.map(({ itemId, total }) => `${itemId},${total?.value ?? ''}\r\n`).join('')}`,
    );
    const wrong = await http.call('GET', `${path}?format=csv&columns=itemId,totl`);
    expect(wrong.status).to.equal(400);
    expect(wrong.json.errors[0]).to.include({ path: 'columns', code: 'unknown_column' });
    expect(wrong.json.errors[0].message).to.include('"totl"').and.include('detailsAspects');
    const json = await http.call('GET', `${path}?columns=itemId`);
    expect(json.json.errors[0]).to.include({ path: 'columns', code: 'columns_need_csv' });
  });

  it('gives CSV as a file with a name, and for Excel in the form of the caller’s language', async () => {
    const id = await ended({ query: 'phone case', maxItems: 2 });
    const path = `/v1/searches/${id}/products`;
    const all = await service.producer.products(id);
    const headers = { 'accept-language': 'de-DE,de;q=0.9,en;q=0.8' };
    const german = await http.call('GET', `${path}?excel=1&columns=legacyItemId,price`, undefined, headers);
    const [head, first] = german.text.split('\r\n');
    expect(head).to.match(/^\ufeff?legacyItemId;price$/);
    expect(first).to.equal(`"=""${all[0]?.legacyItemId}""";"${all[0]?.price?.value.replace('.', ',')}"`);
    expect(german.headers.get('content-type')).to.contain('text/csv; charset=utf-8');
    expect(german.headers.get('content-disposition')).to.match(
      /^attachment; filename="search-[\w.-]+\.csv"$/,
    );
    expect(german.headers.get('vary')).to.equal('accept, accept-language');
    const tab = await http.call('GET', `${path}?format=csv&separator=tab&columns=itemId,rank`);
    expect(tab.text).to.equal(`itemId\trank\r\n${all.map((it) => `${it.itemId}\t${it.rank}\r\n`).join('')}`);
    for (const [question, code] of [
      ['format=json&excel=1', 'excel_needs_csv'],
      ['separator=tab', 'separator_needs_csv'],
    ]) {
      const { status, json } = await http.call('GET', `${path}?${question}`);
      expect([status, json.errors[0].code]).to.deep.equal([400, code]);
    }
  });

  it('gives as JSON all that the library gives', async () => {
    const id = await ended({ query: 'phone case', maxItems: 3, details: 'full', shipTo: { country: 'US' } });
    const { json } = await http.call('GET', `/v1/searches/${id}/products`);
    expect(json.products).to.deep.equal(await service.producer.products(id));
  });

  it('sorts and filters by landed cost and margin, unknown ones last', async () => {
    const costs = { currency: 'USD', resalePrice: 15, paymentFee: { percent: 3 } };
    const id = await ended({ query: 'phone case', maxItems: 60, costs });
    const all = await service.producer.products(id);
    const get = async (query: string) =>
      (await http.call('GET', `/v1/searches/${id}/products?limit=1000&${query}`)).json.products as typeof all;
    const known = all.filter(({ margin }) => margin);
    expect(known.length).to.be.within(1, all.length - 1);
    for (const [sort, figure, sign] of [
      ['landed', (product) => Number(product.landed?.cost), 1],
      ['-margin', (product) => Number(product.margin?.amount), -1],
      ['marginPercent', (product) => Number(product.margin?.percent), 1],
    ] satisfies Array<[string, (product: (typeof all)[number]) => number, number]>) {
      const sorted = await get(`sort=${sort}`);
      expect(sorted, sort).to.have.length(all.length);
      const figures = sorted.slice(0, known.length).map(figure);
      expect(figures, sort).to.deep.equal(known.map(figure).sort((a, b) => sign * (a - b)));
      for (const { landed } of sorted.slice(known.length)) expect(landed?.cost).to.equal(null);
    }
    const least = known[0]?.margin;
    const enough = (value: number, bound: unknown) => value >= Number(bound);
    expect(await get(`minMargin=${least?.amount}`)).to.deep.equal(
      known.filter(({ margin }) => enough(Number(margin?.amount), least?.amount)),
    );
    expect(await get(`minMarginPercent=${least?.percent}&maxLanded=14.50`)).to.deep.equal(
      known.filter(
        ({ landed, margin }) =>
          enough(Number(margin?.percent), least?.percent) && Number(landed?.cost) <= 14.5,
      ),
    );
  });

  it('refuses an order and a bound of figures that a search has not', async () => {
    const plain = await ended({ query: 'phone case', maxItems: 2 });
    const landed = await ended({ query: 'phone case', maxItems: 2, costs: { currency: 'USD' } });
    const answerOf = async (id: string, query: string) => {
      const { status, json } = await http.call('GET', `/v1/searches/${id}/products?${query}`);
      return status === 200 ? json.products.length : [status, json.errors[0].code, json.errors[0].path];
    };
    for (const query of ['maxLanded=1000', 'minMargin=-5', 'minMarginPercent=-1000', 'sort=-landed'])
      expect(await answerOf(plain, query)).to.deep.equal([400, 'costs_required', query.split('=')[0]]);
    for (const query of ['minMargin=-5', 'sort=marginPercent'])
      expect(await answerOf(landed, query)).to.deep.equal([400, 'costs_required', query.split('=')[0]]);
    expect(await answerOf(landed, 'sort=landed')).to.equal(2);
    expect(await answerOf(plain, 'sort=-total')).to.equal(2);
  });

  it('sorts and filters by delivered price and condition, unknown prices last', async () => {
    const id = await ended({ query: 'phone case', maxItems: 450 });
    const all = await service.producer.products(id);
    const get = async (query: string) =>
      (await http.call('GET', `/v1/searches/${id}/products?limit=1000&${query}`)).json.products as typeof all;
    const sorted = await get('sort=total');
    expect(sorted.map(({ itemId }) => itemId)).to.have.members(all.map(({ itemId }) => itemId));
    const totals = sorted.map(({ total }) =>
      total === null ? Number.POSITIVE_INFINITY : Number(total.value),
    );
    expect(totals).to.deep.equal(totals.toSorted((a, b) => a - b));
    const middle = totals[200] as number;
    const cheap = await get(`maxTotal=${middle}&currency=USD`);
    expect(cheap.length).to.equal(totals.filter((total) => total <= middle).length);
    const condition = all.find(({ conditionId }) => conditionId !== null)?.conditionId;
    const same = await get(`conditionId=${condition}`);
    expect(same.length).to.equal(all.filter(({ conditionId }) => conditionId === condition).length);
    const streamed = await http.call('GET', `/v1/searches/${id}/products?format=ndjson&sort=-total`);
    const falling = streamed.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).total?.value);
    expect(falling.filter(Boolean)).to.deep.equal(
      sorted
        .map(({ total }) => total?.value)
        .filter(Boolean)
        .toSorted((a, b) => Number(b) - Number(a)),
    );
  });

  it('refuses a cursor of another question, and a price without its currency', async () => {
    const id = await ended({ query: 'phone case', maxItems: 20 });
    const first = await http.call('GET', `/v1/searches/${id}/products?limit=5`);
    const other = await http.call('GET', `/v1/searches/${id}/products?sort=total&cursor=${first.json.next}`);
    expect(other.json.errors[0]).to.include({ path: 'cursor', code: 'invalid_cursor' });
    const price = await http.call('GET', `/v1/searches/${id}/products?minTotal=5`);
    expect(price.json.errors[0]).to.include({ path: 'currency', code: 'currency_required' });
  });
});
