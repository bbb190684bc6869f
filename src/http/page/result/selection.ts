import { byCosts } from '../../../product/landed.ts';
import { byTotal } from '../../../product/order.ts';
import type { Product } from '../../../product/product.ts';
import { searchQueueName } from '../../../queue/bullmq/queues.ts';
import { type FormValues, valuesOf } from '../../auth/login.ts';
import type { SavedItem } from '../personal.ts';
import { amountFrom } from '../search/typed.ts';

const ORDERS = ['ebay', 'delivered', 'landed', 'margin', 'rating', 'ending', 'changed'] as const;

/** Which products of a result are shown, and in which order. It is part of the page's address. */
export interface Selection {
  order: (typeof ORDERS)[number];
  /** Words of the title, `-word` for one that it must not have, `"two words"` for a phrase. Empty: any title. */
  words: string;
  /** Ids of conditions, `none` where eBay does not say. Empty: any. */
  conditions: readonly string[];
  /** Only products whose delivered price is known. */
  known: boolean;
  /** Delivered price, in the result's main currency; products without a known one are left out. */
  least: number | undefined;
  most: number | undefined;
  /** Only products that are sent for free. */
  free: boolean;
  /** The seller's share of positive feedback at least, in per cent; an unknown one is left out. */
  rating: number | undefined;
  /** The margin at least, in per cent; an unknown one is left out. */
  margin: number | undefined;
  /** The marketplace; undefined: any. */
  site: string | undefined;
  /** Only products that are new, dropped or rose. */
  changed: boolean;
  /** Only the person's favourites. */
  favourites: boolean;
  /** Also what the person has hidden. */
  hidden: boolean;
  /** From 1. */
  page: number;
}

export const PER_PAGE = 48;

/** Values of an address: one that stands there several times is in lines. */
export type Query = Readonly<Partial<FormValues>>;

/** A field that people typed and that is not what it must be. */
export interface WrongField {
  text: string;
  message: string;
}

export const NO_CONDITION = 'none';
/** A longer text is no filter that somebody typed. */
const MAX_WORDS = 200;

/** @param currency of the result, in which amounts are: `mainCurrency` */
export function selectionFrom(query: Query, currency = ''): Selection {
  const { order, known, free, site, changed, favourites, hidden, page } = query;
  const one = (name: string) => single(query[name]);
  return {
    order: ORDERS.find((name) => name === order) ?? 'ebay',
    words: one('words').trim().slice(0, MAX_WORDS),
    conditions: [...new Set(query.condition?.split(/[,\n]/))].filter(
      (id) => id === NO_CONDITION || /^\d{1,10}$/.test(id),
    ),
    known: known === '1',
    least: amountIn(one('least'), currency),
    most: amountIn(one('most'), currency),
    free: free === '1',
    rating: percentIn(one('rating')),
    margin: percentIn(one('margin'), { signed: true }),
    site: /^EBAY_[A-Z_]{2,20}$/.test(single(site)) ? single(site) : undefined,
    changed: changed === '1',
    favourites: favourites === '1',
    hidden: hidden === '1',
    page: /^[1-9]\d{0,4}$/.test(single(page)) ? Number(page) : 1,
  };
}

/** What is wrong with what was typed, by the name of the field. A wrong one does not filter. */
export function wrongFields(
  query: Query,
  currency = '',
): Partial<Record<'least' | 'most' | 'rating' | 'margin', WrongField>> {
  const wrong: ReturnType<typeof wrongFields> = {};
  const selection = selectionFrom(query, currency);
  for (const name of ['least', 'most', 'rating', 'margin'] as const) {
    const text = single(query[name]).trim();
    if (text === '' || selection[name] !== undefined) continue;
    const isAmount = name === 'least' || name === 'most';
    const message = !isAmount
      ? 'must be a number, such as 98.5'
      : IN_TWO_WAYS.test(text)
        ? 'can be read in two ways: write 1000 or 1.00'
        : `must be an amount${currency && ` in ${currency}`}, such as 12.50`;
    wrong[name] = { text: text.slice(0, 40), message };
  }
  const { least, most } = selection;
  if (least !== undefined && most !== undefined && least > most)
    wrong.least = { text: String(least), message: `is more than ${most}, so nothing fits` };
  return wrong;
}

/** The last one counts. */
function single(value: Query[string]): string {
  return valuesOf(value).at(-1) ?? '';
}

/** `1,000` is a thousand to some and one to others: it is refused. */
const IN_TWO_WAYS = /(^|\D)[1-9]\d{0,2}[.,]\d{3}($|[^\d.,])/;

/** As people write it, in the currency of the result: `$40`, `1,200.50`. Cents have no parts. */
function amountIn(text: string, currency: string): number | undefined {
  const written = amountFrom(text, currency);
  return /^\d{1,12}(\.\d{1,2})?$/.test(written) ? Number(written) : undefined;
}

function percentIn(text: string, { signed = false } = {}): number | undefined {
  const written = text.trim().replace(/ ?%$/, '');
  const isSigned = written.startsWith('-');
  if (!/^-?\d{1,4}([.,]\d{0,2})?$/.test(written) || (isSigned && !signed)) return undefined;
  return Number(written.replace(',', '.'));
}

/** The address of a result; by default of all its products. */
export function addressOf(searchId: string, selection: Partial<Selection> = {}): string {
  return pathOf(searchId, '', selection);
}

export type FileFormat = 'csv' | 'xlsx' | 'ndjson';

/** The address of the selected products of all pages as a file. */
export function fileAddressOf(
  searchId: string,
  format: FileFormat,
  { page: _page, ...selection }: Selection,
  more: { excel?: '1' } = {},
): string {
  return pathOf(searchId, `/products.${format}`, selection, more);
}

/** The address of one product of a result, or of something that is done with it. */
export function itemAddressOf(
  searchId: string,
  itemId: string,
  action: '' | '/keep' | '/look' = '',
  selection: Partial<Selection> = {},
): string {
  return pathOf(searchId, `/items/${encodeURIComponent(itemId)}${action}`, selection);
}

/** The address of several products of a result beside each other. @param selection what the way back shows */
export function compareAddressOf(
  searchId: string,
  itemIds: readonly string[],
  selection: Partial<Selection> = {},
): string {
  const items = itemIds.map((id): [string, string] => ['item', id]);
  const query = new URLSearchParams([...queryOf(selection), ...items]);
  return `/searches/${encodeURIComponent(searchId)}/compare?${query}`;
}

/** What an address says of a selection, in the order of the fields; defaults are left out. */
export function queryOf(selection: Partial<Selection>): Array<[name: string, value: string]> {
  const { order = 'ebay', words = '', conditions = [], page = 1, site } = selection;
  const { least, most, rating, margin } = selection;
  const { known, free, changed, favourites, hidden } = selection;
  const number = (value: number | undefined) => (value === undefined ? '' : String(value));
  const flag = (value: boolean | undefined) => (value ? '1' : '');
  const entries: Array<[string, string]> = [
    ['order', order === 'ebay' ? '' : order],
    ['words', words],
    ['condition', conditions.join(',')],
    ['known', flag(known)],
    ['least', number(least)],
    ['most', number(most)],
    ['free', flag(free)],
    ['rating', number(rating)],
    ['margin', number(margin)],
    ['site', site ?? ''],
    ['changed', flag(changed)],
    ['favourites', flag(favourites)],
    ['hidden', flag(hidden)],
    ['page', page > 1 ? String(page) : ''],
  ];
  return entries.filter(([, value]) => value !== '');
}

function pathOf(
  searchId: string,
  part: string,
  selection: Partial<Selection>,
  more: Record<string, string> = {},
): string {
  const query = new URLSearchParams([...queryOf(selection), ...Object.entries(more)]);
  const path = `/searches/${encodeURIComponent(searchId)}${part}`;
  return query.size === 0 ? path : `${path}?${query}`;
}

/** The job of a search on the dashboard, for those who may operate. */
export function jobAddress(searchId: string, tenant: string): string {
  return `/admin/queues/queue/${searchQueueName(tenant)}/${encodeURIComponent(searchId)}`;
}

/** The currency of most delivered prices. Amounts in other currencies are never compared with it. */
export function mainCurrency(products: readonly Product[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { total } of products)
    if (total !== null) counts.set(total.currency, (counts.get(total.currency) ?? 0) + 1);
  return [...counts].sort(([, one], [, other]) => other - one)[0]?.[0];
}

export const isChanged = ({ mark }: Product) => mark !== undefined && mark !== 'same';

/** What the person keeps, by item id. */
export type Saved = ReadonlyMap<string, SavedItem>;

type FilterName =
  | 'words'
  | 'condition'
  | 'price'
  | 'free'
  | 'rating'
  | 'margin'
  | 'site'
  | 'changed'
  | 'mine';

/** How many products each choice of a filter would show beside all the other filters. */
export interface Counts {
  conditions: Map<string, number>;
  sites: Map<string, number>;
  known: number;
  free: number;
  changed: number;
  favourites: number;
}

export interface Narrowed {
  /** In eBay's order. */
  fitting: Product[];
  counts: Counts;
  /** Products that fit and that the person has hidden. */
  hidden: number;
}

/** The products that fit, and what each other choice would bring: one pass over all of them. */
export function narrow(
  products: readonly Product[],
  selection: Selection,
  saved: Saved = new Map(),
): Narrowed {
  const tests = testsOf(selection, mainCurrency(products), saved);
  const counts: Counts = {
    ...{ conditions: new Map(), sites: new Map(), known: 0, free: 0, changed: 0, favourites: 0 },
  };
  const fitting: Product[] = [];
  let hidden = 0;
  for (const product of products) {
    let failed: FilterName | undefined;
    let failures = 0;
    for (const [name, fits] of tests)
      if (!fits(product)) {
        failed = name;
        failures += 1;
        if (failures > 1) break;
      }
    if (failures > 1) continue;
    const own = saved.get(product.itemId);
    if (own?.hidden && !selection.hidden) {
      if (failures === 0) hidden += 1;
      continue;
    }
    if (failures === 0) fitting.push(product);
    // A choice of one filter counts the products that fit all the others.
    const isOpen = (name: FilterName) => failed === undefined || failed === name;
    if (isOpen('condition')) raise(counts.conditions, product.conditionId ?? NO_CONDITION);
    if (isOpen('site')) raise(counts.sites, product.marketplace);
    if (isOpen('price') && product.total !== null) counts.known += 1;
    if (isOpen('free') && product.shipping.kind === 'free') counts.free += 1;
    if (isOpen('changed') && isChanged(product)) counts.changed += 1;
    if (isOpen('mine') && own?.favourite) counts.favourites += 1;
  }
  return { fitting, counts, hidden };
}

function raise(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

type Test = (product: Product) => boolean;

/** Only those that can fail. */
function testsOf(
  selection: Selection,
  currency: string | undefined,
  saved: Saved,
): Array<[FilterName, Test]> {
  const { words, conditions, known, least, most, free, rating, margin, site, changed, favourites } =
    selection;
  const tests: Array<[FilterName, Test]> = [];
  const title = titleTest(words);
  if (title) tests.push(['words', title]);
  if (conditions.length > 0) {
    // An address may name thousands of them.
    const wanted = new Set(conditions);
    tests.push(['condition', ({ conditionId }) => wanted.has(conditionId ?? NO_CONDITION)]);
  }
  if (known || least !== undefined || most !== undefined)
    tests.push(['price', priceTest({ least, most, currency })]);
  if (free) tests.push(['free', ({ shipping }) => shipping.kind === 'free']);
  if (rating !== undefined)
    tests.push(['rating', ({ seller }) => (seller.feedbackPercentage ?? -1) >= rating]);
  if (margin !== undefined)
    tests.push(['margin', (product) => (product.margin?.percent ?? Number.NEGATIVE_INFINITY) >= margin]);
  if (site !== undefined) tests.push(['site', ({ marketplace }) => marketplace === site]);
  if (changed) tests.push(['changed', isChanged]);
  if (favourites) tests.push(['mine', ({ itemId }) => saved.get(itemId)?.favourite === true]);
  return tests;
}

/** A price that eBay shows on request alone is compared too: which products there are does not say what they cost. */
function priceTest({
  least,
  most,
  currency,
}: Pick<Selection, 'least' | 'most'> & { currency: string | undefined }): Test {
  const isBound = least !== undefined || most !== undefined;
  return ({ total }) => {
    if (total === null) return false;
    if (!isBound) return true;
    const amount = Number(total.value);
    return total.currency === currency && amount >= (least ?? 0) && amount <= (most ?? Number.MAX_VALUE);
  };
}

/** Undefined for words that every title has. */
export function titleTest(words: string): Test | undefined {
  const parts = [...words.matchAll(/(-?)(?:"([^"]*)"?|(\S+))/g)].map(([, sign, phrase, word]) => ({
    isExcluded: sign === '-',
    text: folded((phrase ?? (word === '-' ? '' : (word ?? ''))).trim()),
  }));
  const wanted = parts.filter(({ text, isExcluded }) => text !== '' && !isExcluded).map(({ text }) => text);
  const excluded = parts.filter(({ text, isExcluded }) => text !== '' && isExcluded).map(({ text }) => text);
  if (wanted.length === 0 && excluded.length === 0) return undefined;
  return ({ title }) => {
    const text = folded(title);
    return wanted.every((each) => text.includes(each)) && !excluded.some((each) => text.includes(each));
  };
}

/** Without case, accents and double spaces. */
function folded(text: string): string {
  // Most titles have nothing but ASCII.
  const plain = /[^\x20-\x7e]/.test(text) ? text.normalize('NFKD').replace(/\p{M}+/gu, '') : text;
  return plain.toLowerCase().replace(/\s+/g, ' ');
}

/** The selected products of all pages. */
export function select(products: readonly Product[], selection: Selection, saved?: Saved): Product[] {
  return inOrder(narrow(products, selection, saved).fitting, selection, mainCurrency(products));
}

/** @param currency of most products of the whole result */
export function inOrder(
  chosen: Product[],
  { order }: Pick<Selection, 'order'>,
  currency: string | undefined,
): Product[] {
  if (order === 'delivered') return byDelivered(chosen, currency);
  if (order === 'landed') return chosen.sort(byCosts('landed'));
  if (order === 'margin') return chosen.sort(byCosts('margin', { falling: true }));
  if (order === 'rating') return chosen.sort(byRating);
  if (order === 'ending') return chosen.sort(byEnd);
  if (order === 'changed') return [...chosen.filter(isChanged), ...chosen.filter((each) => !isChanged(each))];
  return chosen;
}

/** As `byTotal` orders them, which reads both amounts in each comparison: of ten thousand products that takes too long. */
function byDelivered(chosen: readonly Product[], main: string | undefined): Product[] {
  const order = byTotal({ main });
  const keyed = chosen.map((product) => ({ product, amount: Number(product.total?.value) }));
  keyed.sort(({ product: one, amount: a }, { product: other, amount: b }) =>
    one.total?.currency === other.total?.currency && a !== b && one.total && other.total
      ? a - b
      : order(one, other),
  );
  return keyed.map(({ product }) => product);
}

/** The best first: the share of positive feedback, then how many there are. */
function byRating({ seller: one }: Product, { seller: other }: Product): number {
  const share = (other.feedbackPercentage ?? -1) - (one.feedbackPercentage ?? -1);
  return share !== 0 ? share : (other.feedbackScore ?? -1) - (one.feedbackScore ?? -1);
}

/** What ends first is first; what goes on is last. */
function byEnd(one: Product, other: Product): number {
  const [a, b] = [endOf(one), endOf(other)];
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** When a listing ends, ISO 8601; undefined where eBay does not say, for then it goes on. */
export function endOf({ auction, details }: Product): string | undefined {
  return auction?.endsAt ?? details?.endsAt ?? undefined;
}
