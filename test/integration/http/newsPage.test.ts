import { expect } from 'chai';
import { eventStreamKey } from '../../../src/events/stream.ts';
import { useHttpService } from '../../support/httpService.ts';
import { useService } from '../../support/service.ts';
import { Visitor } from '../../support/visitor.ts';

const STREAM = eventStreamKey('{ebay}', 'default');

describe('the page of news', function () {
  this.timeout(60_000);
  const service = useService({ EVENT_COOLDOWN: '0' });
  const http = useHttpService({}, { beside: service });

  const signedIn = async (...key: Parameters<typeof http.key>) => {
    const visitor = new Visitor(http);
    await visitor.signIn(await http.key(...key));
    return visitor;
  };
  const page = async (visitor: Visitor, path = '/news') => {
    const { text, status } = await visitor.ask(path);
    expect(status, text).to.equal(200);
    return {
      text,
      items: [...text.matchAll(/<li class="news-item( unread)?" data-type="([^"]+)"/g)].map(
        ([, unread, type]) => `${type}${unread ?? ''}`,
      ),
      lead: /<p class="lead" id="unread">(.*?)<\/p>/s.exec(text)?.[1] ?? '',
    };
  };
  /** Presses the button, or sends what another tab has. */
  const read = async (visitor: Visitor, change: Record<string, string> = {}) => {
    const { text } = await visitor.ask('/news');
    const field = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1] ?? '';
    const form = { _csrf: field('_csrf'), until: field('until'), back: field('back'), ...change };
    return visitor.ask('/news/read', { form });
  };
  /** One listing is new, one is cheaper. @returns the number of the new one */
  const change = async () => {
    const request = { query: 'led strip', maxItems: 60, track: 'strips' };
    const { searchId } = await service.search(request);
    const products = await service.producer.products(searchId);
    const cheaper = products.find(
      ({ title, total, group, auction }) => total && !group && !auction && !title.includes('lighthouse'),
    );
    const price = (Number(cheaper?.price?.value) * 0.7).toFixed(2);
    service.simulator.controls.changeListing(cheaper?.itemId as string, { price });
    const added = service.simulator.controls.addListing({
      title: 'led strip <b>lighthouse</b>',
      price: '9.99',
    });
    await service.search(request);
    return { added: added.split('|')[1] as string, cheaper: cheaper?.title as string };
  };

  it('has what changed with title, picture, both prices and links, unread for each key until that key has read it', async () => {
    const { added, cheaper } = await change();
    const [one, other] = [await signedIn(['read']), await signedIn()];
    const first = await page(one);
    expect(first.items.toSorted()).to.deep.equal(
      ['product.new unread', 'product.price-dropped unread'].toSorted(),
    );
    expect(first.lead).to.include('2 new');
    expect(first.text).to.include('led strip &lt;b&gt;lighthouse&lt;/b&gt;').and.include('$9.99 delivered');
    expect(first.text).to.match(/<del>.*?\$[\d.]+<\/del> → <strong>\$[\d.]+ delivered<\/strong>/);
    expect(first.text).to.match(/<img src="[^"]+" alt="" loading="lazy"/);
    expect(first.text).to.match(/1 new, 1 cheaper|1 cheaper, 1 new/);
    expect(first.text).to.include('See the result').and.include('rel="noopener noreferrer external"');
    const [brief] = /<section id="news".*?<\/section>/s.exec((await page(one, '/')).text) ?? [];
    expect(brief).to.include('News: 2 new').and.include(cheaper.slice(0, 10));
    expect((await page(one, '/alerts')).text).to.match(/2<span class="quiet"> unread/);

    expect((await read(one)).status).to.equal(303);
    const later = await page(one);
    expect([later.items.toSorted(), later.lead.replace(/<.*/, '')]).to.deep.equal([
      ['product.new', 'product.price-dropped'],
      'Nothing new since ',
    ]);
    expect((await page(other)).lead).to.include('2 new');
    // A tab that is older does not bring back what was read.
    expect((await read(one, { until: '5-0', back: '/news?kind=new' })).headers.get('location')).to.equal(
      '/news?kind=new',
    );
    expect((await read(one, { until: 'x' })).status).to.equal(400);
    expect((await page(one)).lead).to.include('Nothing new');

    // eBay's words are gone with the result; the event stays.
    const results = await http.redis.keys('{ebay}:pages:*');
    await http.redis.del(...results);
    const bare = await page(other);
    expect(bare.items).to.have.length(2);
    expect(bare.text).to.include(`Item ${added}`).and.not.include('lighthouse');
  });

  it('is filtered by its address, counts what came meanwhile, goes back page by page, and says that older ones are gone', async () => {
    const { added } = await change();
    const visitor = await signedIn();
    const types = async (query: string) => (await page(visitor, `/news?${query}`)).items;
    expect(await types('of=track%3Astrips')).to.have.length(2);
    expect(await types('of=watchlist%3Astrips')).to.deep.equal([]);
    expect(await types('kind=new')).to.deep.equal(['product.new unread']);
    expect(await types('text=LIGHTHOUSE')).to.deep.equal(['product.new unread']);
    expect(await types(`text=${added}`)).to.deep.equal(['product.new unread']);
    expect(await types('of=nonsense&kind=x&before=y')).to.have.length(2);
    expect(await types('before=0-0&kind=new')).to.deep.equal(['product.new unread']);
    expect(await types('before=0-1')).to.deep.equal([]);

    const { text } = await page(visitor);
    const live = /data-live="([^"]+)"/.exec(text)?.[1]?.replaceAll('&amp;', '&') as string;
    const status = async () => (await visitor.ask(live)).text;
    expect(await status()).to.equal('');
    const [[, fields]] = await http.redis
      .xrevrange(STREAM, '+', '-', 'COUNT', 20)
      .then((all) => all.filter(([, own]) => own.includes('product.new')) as [[string, string[]]]);
    for (let n = 0; n < 70; n++) await http.redis.xadd(STREAM, '*', ...fields);
    expect(await status()).to.equal('<a href="/news">70 new: show</a>');
    await http.redis.xadd(STREAM, '*', 'nobody', 'knows');

    const first = await page(visitor);
    expect(first.items).to.have.length(60);
    const older = /<a href="([^"]+)" rel="next">Older/
      .exec(first.text)?.[1]
      ?.replaceAll('&amp;', '&') as string;
    const second = await page(visitor, older);
    expect(second.items).to.have.length(12);
    expect(second.text).to.include('Older news are not kept: about 50,000 events');
    const newer = /<a href="([^"]+)" rel="prev">Newer/
      .exec(second.text)?.[1]
      ?.replaceAll('&amp;', '&') as string;
    expect((await page(visitor, newer)).items).to.have.length(60);

    await read(visitor, { until: '5-0' });
    expect((await page(visitor)).text).to.include(
      'Some of the news that came after your last visit may be gone',
    );
  });

  it('shows nothing of another tenant, and nothing to a key that may not read', async () => {
    await change();
    const stranger = await signedIn(['read'], 'other');
    const { items, text } = await page(stranger);
    expect([items, text.includes('strips')]).to.deep.equal([[], false]);
    const enqueuer = await signedIn(['enqueue']);
    for (const path of ['/news', '/news/status?after=0-0'])
      expect((await enqueuer.ask(path)).status, path).to.equal(403);
    const reader = await signedIn(['read']);
    expect((await reader.ask('/news/read', { form: { until: '5-0' } })).status).to.equal(403);
  });
});
