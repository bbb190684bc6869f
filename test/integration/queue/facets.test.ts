import { expect } from 'chai';
import { run } from '../../../src/cli/program.ts';
import type { SearchRequest } from '../../../src/product/requestSchema.ts';
import type { SearchFacets } from '../../../src/product/summary.ts';
import { useHttpService } from '../../support/httpService.ts';
import { useService } from '../../support/service.ts';
import { plainTerminal } from '../../unit/cli/plainTerminal.ts';

describe('a search with facets', () => {
  const service = useService();
  const http = useHttpService({}, { beside: service });
  let formerUrl: string | undefined;
  beforeEach(() => {
    formerUrl = process.env.REDIS_URL;
    process.env.REDIS_URL = service.config.redis.url;
  });
  afterEach(() => {
    if (formerUrl === undefined) delete process.env.REDIS_URL;
    else process.env.REDIS_URL = formerUrl;
  });

  const fieldgroups = () =>
    service.simulator.controls
      .log({ kind: 'search' })
      .map(({ query }) => `${query.offset} ${query.fieldgroups}`);

  async function facetsOf(request: SearchRequest): Promise<SearchFacets[]> {
    const { summary } = await service.search({ ...request, facets: true });
    return summary?.facets ?? [];
  }

  it('makes the calls of one without, and asks for facets with the first page of each marketplace alone', async () => {
    const request: SearchRequest = {
      query: 'usb c cable',
      maxItems: 260,
      marketplaces: ['EBAY_US', 'EBAY_AT'],
    };
    const plain = await service.search(request);
    expect(plain.summary).to.not.have.any.keys('facets', 'correctedQuery');
    const without = fieldgroups();
    const { summary } = await service.search({ ...request, facets: true });
    expect(summary?.calls).to.equal(plain.summary?.calls);
    const asked = fieldgroups().slice(without.length);
    expect(asked).to.have.length(without.length);
    expect(asked.filter((call) => !call.startsWith('0 '))).to.have.length(1);
    const groups = ['ASPECT', 'BUYING_OPTION', 'CATEGORY', 'CONDITION'].map((name) => `${name}_REFINEMENTS`);
    const first = `0 EXTENDED,MATCHING_ITEMS,${groups.join()}`;
    expect(asked.filter((call) => call === first)).to.have.length(2);
    expect(asked.filter((call) => call !== first)).to.have.members(
      without.filter((call) => !call.startsWith('0 ')),
    );
    expect(summary?.facets?.map(({ marketplace }) => marketplace)).to.deep.equal(['EBAY_US', 'EBAY_AT']);
    const names = (at: number) => summary?.facets?.[at]?.aspects.map(({ name }) => name);
    expect([names(0), names(1)]).to.deep.equal([
      ['Brand', 'Type', 'Color', 'Features'],
      ['Brand', 'Type', 'Farbe', 'Features'],
    ]);
  });

  it('names values that narrow the search to as many listings as each claims', async () => {
    const request = { query: 'air fryer', filters: { returnsAccepted: true } };
    const [facets] = await facetsOf(request);
    if (facets?.dominantCategoryId == null) throw new Error('no facets');
    const categoryIds = [facets.dominantCategoryId];
    const narrowed: Array<[claim: number, own: SearchRequest]> = [
      ...facets.categories.map(({ id, count }) => [count, { categoryIds: [id] }] as [number, SearchRequest]),
      ...facets.conditions.map(
        ({ id, count }) => [count, { filters: { conditionIds: [id] } }] as [number, SearchRequest],
      ),
      ...facets.buyingOptions.map(
        ({ name, count }) => [count, { filters: { buyingOptions: [name] } }] as [number, SearchRequest],
      ),
      ...facets.aspects.flatMap(({ name, values }) =>
        values
          .filter(({ text }, at) => at === 0 || text !== undefined)
          .map(
            ({ value, count }) =>
              [count, { categoryIds, filters: { aspects: { [name]: [value] } } }] as [number, SearchRequest],
          ),
      ),
    ];
    expect(narrowed.length).to.be.above(9);
    expect(facets.aspects[0]?.values.find(({ text }) => text === 'Not Specified')?.value).to.equal('!');
    for (const [claim, own] of narrowed) {
      const filters = { ...request.filters, ...own.filters };
      const { summary } = await service.search({ ...request, ...own, filters, maxItems: 1 });
      expect([summary?.counts.found, summary?.warnings], JSON.stringify(own)).to.deep.equal([claim, []]);
    }
  });

  it('is another search than one without, and answers an identical one by its age, facets included', async () => {
    await service.search({ query: 'theremin', maxAge: 600 });
    const [first] = await facetsOf({ query: 'theremin', maxAge: 600 });
    expect(first?.categories[0]).to.include({ id: '16224', name: 'Electronic Instruments' });
    const again = await service.search({ query: 'theremin', maxAge: 600, facets: true });
    expect(again.summary?.facets).to.deep.equal([first]);
    expect(again.summary?.calls).to.equal(0);
    const { json } = await http.call('GET', `/v1/searches/${again.searchId}`);
    expect(json.summary.facets).to.deep.equal([first]);
    expect(fieldgroups()).to.have.length(2);
  });

  it('is shown by dpf facets with the option for each value, once a call and then for none', async () => {
    const dpf = async (...args: string[]) => {
      const terminal = plainTerminal();
      const exit = await run(['facets', ...args], terminal);
      return { exit, out: terminal.out.join('\n'), err: terminal.err.join('\n') };
    };
    const shown = await dpf('theremin');
    expect(shown.exit, shown.err).to.equal(0);
    expect(shown.out).to.match(/^about 7 listings/);
    expect(shown.out).to.match(/\nElectronic Instruments +7 {2}--category 16224$/m);
    expect(shown.out).to.match(/^\S.* +\d+ {2}--aspect "?Brand=[^"]+"? --category 16224$/m);
    const [, option = ''] = /(--condition-id \d+)$/m.exec(shown.out) ?? [];
    const json = JSON.parse((await dpf('theremin', '--json')).out);
    expect(json).to.include({ found: 7, calls: 0 });
    expect(json.facets[0].dominantCategoryId).to.equal('16224');
    const narrowed = JSON.parse((await dpf('theremin', ...option.split(' '), '--json')).out);
    const [, id] = option.split(' ');
    const claimed = json.facets[0].conditions.find((each: { id: string }) => each.id === id).count;
    expect([narrowed.found, narrowed.calls]).to.deep.equal([claimed, 1]);
    const cut = await dpf('theremin', '--limit-rows', '1');
    expect(cut.out.match(/… and \d+ more/g)).to.not.equal(null);
    const none = await dpf('zzyzx unobtainium');
    expect([none.exit, none.out]).to.deep.equal([
      0,
      'about 0 listings; the counts below are eBay’s, of all of them\n  ! eBay names nothing that narrows this search',
    ]);
    const wrong = await dpf('theremin', '--condition-id', 'new');
    expect(wrong.exit).to.equal(2);
    expect(wrong.err).to.include('--condition-id');
  });
});
