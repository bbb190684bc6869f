import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import type { ProductEvent } from '../../../src/events/stream.ts';
import { trackFeed } from '../../../src/http/api/feed.ts';
import type { Product } from '../../../src/product/product.ts';

/** Reads feeds with an XML parser that is not ours, and prints what a reader would see. */
const READER = `
import json, sys, xml.etree.ElementTree as tree
atom = '{http://www.w3.org/2005/Atom}'
def text(of, name): return [each.text or '' for each in of.findall(atom + name)]
def links(of): return {each.get('rel', 'alternate'): each.get('href') for each in of.findall(atom + 'link')}
def read(feed):
  root = tree.fromstring(feed.encode())
  assert root.tag == atom + 'feed'
  return {
    **{name: text(root, name) for name in ['id', 'title', 'updated']}, 'links': links(root),
    'authors': [text(each, 'name') for each in root.findall(atom + 'author')],
    'entries': [{**{name: text(each, name) for name in ['id', 'title', 'updated', 'content']}, 'links': links(each),
      'types': [each.find(atom + name).get('type') for name in ['title', 'content']]} for each in root.findall(atom + 'entry')],
  }
print(json.dumps([read(feed) for feed in json.load(sys.stdin)]))`;

function read(...feeds: string[]) {
  return JSON.parse(execFileSync('python3', ['-c', READER], { input: JSON.stringify(feeds) }).toString());
}

const usd = (value: string) => ({ value, currency: 'USD' });
const AT = '2026-05-01T08:00:00.000Z';

function event(n: number, change: object): ProductEvent {
  const product = {
    itemId: `v1|11058765432${n}|0`,
    marketplace: 'EBAY_US',
    url: `https://www.ebay.com/itm/${n}?a=1&b=2`,
    total: usd('3.10'),
  };
  const base = {
    v: 1,
    at: AT,
    tenant: 'default',
    searchId: 's',
    schedule: null,
    track: 'hubs',
    formerTotal: usd('6.99'),
  };
  return {
    ...base,
    id: String(n).repeat(32),
    type: 'product.price-dropped',
    product,
    ...change,
  } as ProductEvent;
}

const listing = (change: Partial<Product> = {}) =>
  ({
    title: 'USB C hub',
    condition: 'New',
    images: ['https://i.ebayimg.com/1.jpg'],
    priceDisplay: null,
    ...change,
  }) as Product;

function feedOf(events: ProductEvent[], listings: Record<string, Product> = {}): string {
  const byEvent = new Map(Object.entries(listings).map(([n, each]) => [n.repeat(32), each]));
  const home = 'https://finder.example/ebay';
  return trackFeed({ tenant: 'default', name: 'hubs', home, updated: AT, events, listings: byEvent });
}

describe('the feed of a track', () => {
  const gone = event(4, { type: 'product.gone', product: { itemId: 'v1|110587654324|7' } });

  it('is what RFC 4287 asks for, with an entry for each change that keeps its id', () => {
    const events = [
      event(1, {}),
      event(2, { type: 'product.new' }),
      event(3, { type: 'product.price-rose' }),
      gone,
    ];
    const [feed, empty] = read(
      feedOf(events, {
        1: listing({ affiliateUrl: 'https://www.ebay.com/itm/1?campid=5&x=1' }),
        2: listing(),
      }),
      feedOf([]),
    );
    expect(feed).to.deep.include({
      id: ['urn:dropship-product-finder:track:default:hubs'],
      title: ['What changed in hubs'],
      updated: [AT],
      authors: [['dropship-product-finder']],
      links: {
        alternate: 'https://finder.example/ebay/',
        self: 'https://finder.example/ebay/v1/tracks/hubs/feed.atom',
      },
    });
    expect(empty).to.deep.include({ updated: [AT], entries: [] });
    expect(feed.entries.map(({ title }: { title: string[] }) => title.join())).to.deep.equal([
      'USB C hub: $6.99 → $3.10 delivered',
      'USB C hub: new, $3.10 delivered',
      'Item 110587654323: $6.99 → $3.10 delivered',
      'Item 110587654324: no longer listed',
    ]);
    expect(feed.entries.map(({ links }: { links: object }) => links)).to.deep.equal([
      { alternate: 'https://www.ebay.com/itm/1?campid=5&x=1' },
      { alternate: 'https://www.ebay.com/itm/2?a=1&b=2' },
      { alternate: 'https://www.ebay.com/itm/3?a=1&b=2' },
      { alternate: 'https://www.ebay.com/itm/110587654324' },
    ]);
    for (const [index, { id, updated, types, content }] of feed.entries.entries()) {
      expect(id).to.deep.equal([`urn:dropship-product-finder:event:${String(index + 1).repeat(32)}`]);
      expect([updated, types]).to.deep.equal([[AT], ['html', 'html']]);
      expect(content.join().includes('(affiliate link)')).to.equal(index === 0);
      expect(content.join().includes('<img src="https://i.ebayimg.com/1.jpg"')).to.equal(index < 2);
    }
  });

  it('stays whole, and without markup of sellers, whatever they write', () => {
    const titles = [
      ']]><script>alert(1)</script>&amp;&lt;b&gt;',
      'a\u0000b\u0008c\ufffe\ud800d\u202ee',
      '"><img src=x onerror=alert(1)> \'&#0;&nbsp;&',
    ];
    const events = titles.map((_, n) => event(n, {}));
    const hostile = titles.map((title, n): [string, Product] => [
      String(n),
      listing({
        title,
        condition: title,
        images: [`https://i.example/"><b>]]>\u0000${n}`],
        affiliateUrl: 'javascript:alert(1)',
      }),
    ]);
    const [{ entries }] = read(feedOf(events, Object.fromEntries(hostile)));
    const shown = entries.map(({ title }: { title: string[] }) => title.join());
    expect(shown).to.deep.equal([
      ']]&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;&amp;lt;b&amp;gt;: $6.99 → $3.10 delivered',
      'a b c d e: $6.99 → $3.10 delivered',
      '&quot;&gt;&lt;img src=x onerror=alert(1)&gt; &#39;&amp;#0;&amp;nbsp;&amp;: $6.99 → $3.10 delivered',
    ]);
    for (const { content } of entries)
      expect(content.join()).to.not.match(/<script|<b>|<img src=x|javascript:/);
  });

  it('has no price that eBay lets appear only later', () => {
    const hidden = event(1, {});
    Object.assign(hidden.product, { priceDisplay: 'IN_CART' });
    const [{ entries }] = read(
      feedOf([hidden, event(2, {})], { 2: listing({ priceDisplay: 'ON_REQUEST' }) }),
    );
    for (const entry of entries) {
      expect(entry.title.join()).to.include('price dropped, eBay shows the price');
      expect(JSON.stringify(entry)).to.not.match(/3\.10|6\.99/);
    }
  });
});
