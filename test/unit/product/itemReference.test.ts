import { expect } from 'chai';
import fc from 'fast-check';
import { readItem, referencesOf, tidyItems } from '../../../src/product/itemReference.ts';
import { parseSearchRequest } from '../../../src/product/parseRequest.ts';

const DEFAULTS = { marketplace: 'EBAY_US' };

describe('what an entry of items names', () => {
  const LISTING = '110587654321';
  const read: Array<[entry: string, item: string]> = [
    ['v1|110587654321|0', 'v1|110587654321|0'],
    ['v1|110587654321|410112233445', 'v1|110587654321|410112233445'],
    ['v1%7C110587654321%7C0', 'v1|110587654321|0'],
    [' \t110587654321\n', LISTING],
    ['https://www.ebay.com/itm/110587654321', LISTING],
    ['https://www.ebay.com/itm/USB-C-Hub-7-in-1/110587654321?hash=item19b:g:abc&var=0', LISTING],
    ['https://www.ebay.de/itm/110587654321?var=410112233445#desc', 'v1|110587654321|410112233445'],
    ['http://www.ebay.co.uk/itm/Titel%20mit%20Zeichen/110587654321/', LISTING],
    ['m.ebay.com.au/itm/110587654321', LISTING],
    ['ebay.com/i/110587654321', LISTING],
    ['https://www.benl.ebay.be/itm/110587654321', LISTING],
    ['https://www.ebay.com/ulk/itm/110587654321', LISTING],
    ['https://www.ebay.com/p/24040?iid=110587654321&var=41', 'v1|110587654321|41'],
    ['https://cgi.ebay.com/ws/eBayISAPI.dll?ViewItem&item=110587654321', LISTING],
    ['HTTPS://WWW.EBAY.COM/itm/110587654321', LISTING],
  ];
  for (const [entry, item] of read)
    it(`reads ${JSON.stringify(entry)}`, () => {
      expect(readItem(entry)).to.deep.equal({ item });
    });

  const refused: Array<[entry: string, why: RegExp]> = [
    ['１１０５８７６５４３２１', /neither an id nor an address/],
    ['v1|110587654321', /neither an id/],
    ['0110587654321', /neither an id/],
    ['usb hub', /white space/],
    ['https://www.ebay.com/itm/11058\n7654321', /white space/],
    ['https://www.ebay.com/sch/i.html?_nkw=usb+hub', /names no listing/],
    ['https://www.ebay.com/p/24040', /names no listing/],
    ['https://ebay.us/m/AbCdEf', /names no listing/],
    ['https://www.ebay.com.example.com/itm/110587654321', /neither/],
    ['https://notebay.com/itm/110587654321', /neither/],
    ['ftp://www.ebay.com/itm/110587654321', /neither/],
    ['https://www.ebay.com/itm/110587654321?var=41x', /var/],
    ['listing:110587654321', /neither/],
    ['group:110587654321', /neither/],
  ];
  for (const [entry, why] of refused)
    it(`refuses ${JSON.stringify(entry)}`, () => {
      expect((readItem(entry) as { error: string }).error).to.match(why);
    });
});

describe('any text', () => {
  const address = fc
    .tuple(
      fc.constantFrom('https://www.ebay.com', 'ebay.de', 'http://m.ebay.co.uk', 'https://example.com', ''),
      fc.constantFrom('/itm/', '/itm/a/', '/p/1?iid=', '/i/', '/', 'v1|', ''),
      fc.oneof(fc.string(), fc.bigInt({ min: 0n, max: 10n ** 20n }).map(String)),
      fc.constantFrom('', '?var=5', '|0', '|77', '&var=', '#x', '/'),
    )
    .map((parts) => parts.join(''));

  it('names an item, whose form reads as itself, or is refused with a reason', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), address), (entry) => {
        const read = readItem(entry);
        if ('error' in read) expect(read.error).to.match(/give/);
        else {
          expect(read.item).to.match(/^(v1\|[1-9]\d{8,18}\|\d{1,19}|[1-9]\d{8,18})$/);
          expect(readItem(read.item)).to.deep.equal(read);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the items of a request', () => {
  it('parse to themselves in their one form', () => {
    const items = ['https://www.ebay.de/itm/110587654321?var=41', ' 110587654322 ', '110587654322'];
    const parsed = parseSearchRequest({ items }, DEFAULTS);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
    expect(parsed.request.items).to.deep.equal(['v1|110587654321|41', '110587654322']);
    expect(parseSearchRequest(parsed.request, DEFAULTS)).to.deep.equal(parsed);
  });

  it('are one where entries mean the same, and keep the place of the first', () => {
    const items = [
      'https://www.ebay.de/itm/110587654321',
      '110587654399',
      'v1|110587654321|0',
      ' 110587654321',
    ];
    expect(tidyItems(items)).to.deep.equal(['110587654321', '110587654399']);
  });

  it('are refused with the place of each entry that cannot be read, and all stay as they are then', () => {
    const items = ['110587654321', 'no id', '110587654321 ', 'https://www.ebay.com/'];
    const parsed = parseSearchRequest({ items }, DEFAULTS);
    const paths = parsed.ok ? [] : parsed.errors.map(({ path, code }) => `${path} ${code}`);
    expect(paths).to.include.members(['items.1 invalid_item', 'items.3 invalid_item']);
  });

  it('are asked for on one marketplace', () => {
    const request = { items: ['110587654321'], marketplaces: ['EBAY_US', 'EBAY_GB'] };
    const parsed = parseSearchRequest(request, DEFAULTS);
    expect(parsed.ok ? [] : parsed.errors.map(({ path }) => path)).to.include('marketplaces');
  });

  it('ask for a variation where one is named, for a listing else', () => {
    const items = ['v1|110587654321|0', 'v1|110587654322|41', 'v1|110587654322|42', '110587654323'];
    expect(referencesOf({ items })).to.deep.equal([
      'v1|110587654321|0',
      'v1|110587654322|41',
      'v1|110587654322|42',
      'listing:110587654323',
    ]);
  });

  it('ask once for all variations of a listing', () => {
    const items = ['110587654322', '110587654321', 'v1|110587654322|41', 'v1|110587654322|42'];
    expect(referencesOf({ items, variations: 'all' })).to.deep.equal([
      'group:110587654322',
      'listing:110587654321',
    ]);
  });
});
