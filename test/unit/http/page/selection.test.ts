import { expect } from 'chai';
import fc from 'fast-check';
import type { SavedItem } from '../../../../src/http/page/personal.ts';
import { binsOf } from '../../../../src/http/page/result/priceHistogram.ts';
import {
  addressOf,
  isChanged,
  mainCurrency,
  narrow,
  type Selection,
  select,
  selectionFrom,
  titleTest,
  wrongFields,
} from '../../../../src/http/page/result/selection.ts';
import type { Product } from '../../../../src/product/product.ts';
import { productOf } from '../../collector/listing.ts';

const product = (itemId: string, value: string | null, currency = 'USD', mark?: Product['mark']): Product =>
  ({
    ...productOf(),
    itemId,
    total: value === null ? null : { value, currency },
    ...(mark && { mark }),
  }) as Product;

const products = [
  product('dear', '30.00'),
  product('unknown', null, 'USD', 'new'),
  product('cheap', '9.50', 'USD', 'price-dropped'),
  product('pounds', '1.00', 'GBP', 'same'),
];
const idsOf = (chosen: Product[]) => chosen.map(({ itemId }) => itemId);

const anyProduct = fc
  .record({
    title: fc.constantFrom('usb hub', 'USB case', 'lamp'),
    conditionId: fc.constantFrom('1000', '3000', null),
    marketplace: fc.constantFrom('EBAY_US' as const, 'EBAY_GB' as const),
    mark: fc.constantFrom('new' as const, 'same' as const, undefined),
    amount: fc.constantFrom('5.00', '10.00', '15.00', null),
    currency: fc.constantFrom('USD', 'USD', 'GBP'),
    isFree: fc.boolean(),
    share: fc.constantFrom(90, 99.5, null),
    margin: fc.constantFrom(-5, 30, null),
  })
  .map(({ amount, currency, isFree, share, margin, mark, ...others }) => {
    const base = productOf();
    return {
      ...base,
      ...others,
      ...(mark && { mark }),
      total: amount === null ? null : { value: amount, currency },
      shipping: { ...base.shipping, kind: isFree ? ('free' as const) : ('fixed' as const) },
      seller: { ...base.seller, feedbackPercentage: share },
      margin: margin === null ? null : { amount: String(margin), percent: margin },
    } as Product;
  });
const anySelection = fc.record({
  ...{ order: fc.constant('ebay' as const), page: fc.constant(1) },
  words: fc.constantFrom('', 'usb', 'usb -case', 'none'),
  conditions: fc.constantFrom<string[][]>([], ['1000'], ['3000', 'none']),
  ...{ known: fc.boolean(), free: fc.boolean(), changed: fc.boolean() },
  ...{ favourites: fc.boolean(), hidden: fc.boolean() },
  least: fc.constantFrom(undefined, 6),
  most: fc.constantFrom(undefined, 10),
  rating: fc.constantFrom(undefined, 98),
  margin: fc.constantFrom(undefined, 10),
  site: fc.constantFrom(undefined, 'EBAY_GB'),
});
const anySaved = fc
  .dictionary(
    fc.constantFrom('0', '1', '2', '3', '4'),
    fc.record({ favourite: fc.boolean(), hidden: fc.boolean() }),
  )
  .map((items) => new Map(Object.entries(items)) as unknown as Map<string, SavedItem>);

/** Without counting and without ending early. */
function fitsPlainly(
  product: Product,
  wanted: Selection,
  all: Product[],
  saved: ReadonlyMap<string, SavedItem>,
): boolean {
  const { title, conditionId, marketplace, total, shipping, seller, margin, itemId } = product;
  const { words, conditions, known, least, most, free, rating, site, changed, favourites, hidden } = wanted;
  const isPriced = total !== null && total.currency === mainCurrency(all);
  return (
    (words !== 'none' && !words.startsWith('usb')
      ? true
      : title.toLowerCase().includes(words.slice(0, words.startsWith('usb') ? 3 : 4))) &&
    !(words.endsWith('-case') && title.includes('case')) &&
    (conditions.length === 0 || conditions.includes(conditionId ?? 'none')) &&
    (!known || total !== null) &&
    (least === undefined || (isPriced && Number(total.value) >= least)) &&
    (most === undefined || (isPriced && Number(total.value) <= most)) &&
    (!free || shipping.kind === 'free') &&
    (rating === undefined || (seller.feedbackPercentage ?? 0) >= rating) &&
    (wanted.margin === undefined || (margin?.percent ?? -999) >= wanted.margin) &&
    (site === undefined || marketplace === site) &&
    (!changed || isChanged(product)) &&
    (!favourites || saved.get(itemId)?.favourite === true) &&
    (hidden || saved.get(itemId)?.hidden !== true)
  );
}

describe('which products a page shows', () => {
  it('is all in eBay’s order unless the address says otherwise', () => {
    expect(idsOf(select(products, selectionFrom({})))).to.deep.equal(idsOf(products));
  });

  it('is by delivered price: other currencies after the main one, unknown ones last', () => {
    expect(mainCurrency(products)).to.equal('USD');
    expect(idsOf(select(products, selectionFrom({ order: 'delivered' })))).to.deep.equal([
      'cheap',
      'dear',
      'pounds',
      'unknown',
    ]);
  });

  it('leaves out what is not known to be delivered for as little', () => {
    expect(idsOf(select(products, selectionFrom({ most: '20' })))).to.deep.equal(['cheap']);
  });

  it('is by landed cost or by margin, best first, unknown ones last', () => {
    const costs = (cost: string | null, margin: string | null) => ({
      ...{ landed: { cost, currency: 'USD', parts: {}, unknown: [] } },
      margin: margin === null ? null : { amount: margin, percent: 1 },
    });
    const figures = [
      costs(null, null),
      costs('9.00', '-1.00'),
      costs('10.00', '4.00'),
      costs('8.00', '3.00'),
    ];
    const priced = products.map((each, at) => ({ ...each, ...figures[at] }) as Product);
    const inOrder = (order: string) => idsOf(select(priced, selectionFrom({ order })));
    expect(inOrder('landed')).to.deep.equal(['pounds', 'unknown', 'cheap', 'dear']);
    expect(inOrder('margin')).to.deep.equal(['cheap', 'pounds', 'unknown', 'dear']);
  });

  it('is only what changed, or that first', () => {
    expect(idsOf(select(products, selectionFrom({ changed: '1' })))).to.deep.equal(['unknown', 'cheap']);
    expect(idsOf(select(products, selectionFrom({ order: 'changed' })))).to.deep.equal([
      'unknown',
      'cheap',
      'dear',
      'pounds',
    ]);
  });

  it('is what each filter lets through, and the counts are those of one more choice', () => {
    fc.assert(
      fc.property(
        fc.array(anyProduct, { maxLength: 25 }),
        anySelection,
        anySaved,
        (all, selection, saved) => {
          const listed = all.map((each, at) => ({ ...each, itemId: String(at) }));
          const { fitting, counts, hidden } = narrow(listed, selection, saved);
          const plain = (chosen: Selection) =>
            listed.filter((each) => fitsPlainly(each, chosen, listed, saved));
          expect(idsOf(fitting)).to.deep.equal(idsOf(plain(selection)));
          const open = plain({ ...selection, hidden: true });
          const isHidden = ({ itemId }: Product) => saved.get(itemId)?.hidden === true;
          expect(hidden).to.equal(selection.hidden ? 0 : open.filter(isHidden).length);
          for (const id of ['1000', '3000', 'none'])
            expect(counts.conditions.get(id) ?? 0).to.equal(plain({ ...selection, conditions: [id] }).length);
          for (const site of ['EBAY_US', 'EBAY_GB'])
            expect(counts.sites.get(site) ?? 0).to.equal(plain({ ...selection, site }).length);
          for (const name of ['free', 'changed', 'favourites'] as const)
            expect(counts[name]).to.equal(plain({ ...selection, [name]: true }).length);
          const anyPrice = { ...selection, least: undefined, most: undefined, known: true };
          expect(counts.known).to.equal(plain(anyPrice).length);
        },
      ),
    );
  });

  it('is by the words of a title: all of them, none after a hyphen, without case and accents', () => {
    const titles = ['USB C Hub 7-in-1', 'usb hub with Case', 'Café lamp', 'Hub for USB, two words'];
    const found = (words: string) =>
      titles.filter((title) => titleTest(words)?.({ title } as Product) ?? true);
    expect(found('hub usb')).to.deep.equal([titles[0], titles[1], titles[3]]);
    expect(found('hub -case -"two words"')).to.deep.equal([titles[0]]);
    expect(found('cafe')).to.deep.equal([titles[2]]);
    expect(found('"usb hub')).to.deep.equal([titles[1]]);
    for (const nothing of ['', '  ', '-', '""', '-""']) expect(found(nothing)).to.deep.equal(titles);
  });

  it('is by the seller’s rating, or by what ends first, unknown ones last', () => {
    const rated = (share: number | null, score: number | null, endsAt?: string) =>
      ({
        seller: { feedbackPercentage: share, feedbackScore: score },
        auction: endsAt ? { endsAt } : null,
      }) as Product;
    const each = [rated(null, 9), rated(99, 5, '2026-05-02'), rated(99, 50), rated(100, 1, '2026-05-01')];
    const listed = each.map((one, at) => ({ ...product(String(at), null), ...one, itemId: String(at) }));
    expect(idsOf(select(listed, selectionFrom({ order: 'rating' })))).to.deep.equal(['3', '2', '1', '0']);
    expect(idsOf(select(listed, selectionFrom({ order: 'ending' })))).to.deep.equal(['3', '1', '0', '2']);
  });

  it('keeps what was typed wrong, says what it must be, and does not filter by it', () => {
    const query = { least: '1,000', most: '$40', rating: '101x', margin: '-5', words: 'hub' };
    const wrong = wrongFields(query);
    expect(Object.keys(wrong)).to.deep.equal(['least', 'most', 'rating']);
    expect(wrong.most).to.deep.equal({ text: '$40', message: 'must be an amount, such as 12.50' });
    // As people write amounts, in the currency of the result alone.
    const read = (most: string, currency = 'USD') => selectionFrom({ most }, currency).most;
    expect(['$40', '40 USD', '1,200.50', '1.200,50', '19,99', '12.'].map((text) => read(text))).to.deep.equal(
      [...[40, 40, 1200.5, 1200.5, 19.99, 12]],
    );
    expect(read('1 200,50 €', 'EUR')).to.equal(1200.5);
    for (const text of ['€40', '1,000', '1.000', '12.3456', '-3', '$4£', '1'.repeat(13)])
      expect(read(text), text).to.equal(undefined);
    const saidOf = (most: string) => wrongFields({ most }, 'USD').most?.message;
    expect(saidOf('€40')).to.equal('must be an amount in USD, such as 12.50');
    expect(saidOf('$1,000')).to.equal('can be read in two ways: write 1000 or 1.00');
    expect(selectionFrom(query)).to.include({ least: undefined, most: undefined, margin: -5 });
    expect(wrongFields({ least: '20', most: '10' }).least?.message).to.equal(
      'is more than 10, so nothing fits',
    );
  });

  it('comes back from its own address, and nonsense in one is ignored', () => {
    const selection = selectionFrom({
      ...{ order: 'delivered', most: '12,5', changed: '1', page: '3', words: 'a -b "c d"', site: 'EBAY_GB' },
      ...{ condition: '1000\n3000,none', least: '2', rating: '98', margin: '-3', known: '1', free: '1' },
      ...{ favourites: '1', hidden: '1' },
    });
    expect(selection.conditions).to.deep.equal(['1000', '3000', 'none']);
    const { searchParams, pathname } = new URL(addressOf('repeat:x:1', selection), 'http://localhost');
    expect(pathname).to.equal('/searches/repeat%3Ax%3A1');
    expect(selectionFrom(Object.fromEntries(searchParams))).to.deep.equal(selection);
    const nonsense = { order: '<', most: 'much', changed: 'yes', page: '-1' };
    expect(selectionFrom(nonsense)).to.deep.equal(selectionFrom({}));
  });
});

describe('the bars of a histogram', () => {
  it('hold every price once, in widths of 1, 2 or 5 times a power of ten', () => {
    const prices = Array.from({ length: 200 }, (_, n) => 3 + n / 4);
    const bins = binsOf([...prices, 4000]);
    expect(bins.reduce((sum, { count }) => sum + count, 0)).to.equal(201);
    expect(bins.length).to.be.within(5, 20);
    const widths = new Set(bins.slice(0, -1).map(({ from, to }) => to - from));
    expect([...widths]).to.deep.equal([5]);
    // The very dear one is in the last bar, which says how far it goes.
    expect(bins.at(-1)?.to).to.equal(4000);
  });

  it('are one where all prices are the same', () => {
    expect(binsOf([5, 5, 5])).to.deep.equal([{ from: 5, to: 6, count: 3 }]);
  });
});
