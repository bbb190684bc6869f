import type { NormalRequest } from './requestSchema.ts';
import type { InputError } from './schemaErrors.ts';

/**
 * What one call asks for, of a listing that a request names or a search has found. It is the name of that call's answer:
 * - `v1|LISTING|VARIATION`: an item, by eBay's RESTful id;
 * - `listing:LISTING`: a listing of which it is not known whether it has variations;
 * - `group:LISTING`: every variation of a listing.
 */
export type ItemReference = `v1|${string}|${string}` | `listing:${string}` | `group:${string}`;

const LISTING = '[1-9][0-9]{8,18}';
const ITEM = new RegExp(`^v1\\|(${LISTING})\\|([0-9]{1,19})$`);
const LISTING_ALONE = new RegExp(`^${LISTING}$`);
/**
 * eBay's sites, `ebay.com`, `ebay.de`, `ebay.co.uk` and the like, with whatever stands before: www, m, cgi, benl. Also this
 * machine, where a simulated eBay has its pages: of an address only the ids count.
 */
const HOST = /^(?:(?:[a-z0-9-]+\.)*ebay\.(?:com|[a-z]{2}|com?\.[a-z]{2})|localhost|127\.0\.0\.1|\[::1\])$/;
/** `/itm/ID`, `/itm/TITLE/ID`, also below `/ulk`, which opens the app; `/i/ID` is the short form. */
const PAGE = new RegExp(`^(?:/ulk)?/(?:itm|i)/(?:[^/]*/)?(${LISTING})/?$`);

/**
 * An entry of a request's `items` in its one form, `v1|LISTING|VARIATION` or the id of a listing alone, or why it is none.
 * White space around it means nothing. Of an address only the ids count: the request says on which marketplace it is asked
 * for.
 */
export function readItem(entry: string): { item: string } | { error: string } {
  const text = entry.trim().replace(/^v1%7C([0-9]+)%7C/i, 'v1|$1|');
  if (ITEM.test(text) || LISTING_ALONE.test(text)) return { item: text };
  if (/\s/.test(text)) return { error: `holds white space; ${WANTED}` };
  const address = /^[a-z][a-z0-9+.-]*:/i.test(text) ? text : `https://${text}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || !HOST.test(url.hostname))
    return { error: `is neither an id nor an address of eBay; ${WANTED}` };
  const listing = listingIn(url);
  if (listing === undefined) return { error: `is an address of eBay that names no listing; ${WANTED}` };
  const variation = url.searchParams.get('var') ?? '';
  if (!/^[0-9]{0,19}$/.test(variation))
    return { error: 'names a variation (var) that is no number; give the address as eBay shows it' };
  return { item: /^0*$/.test(variation) ? listing : `v1|${listing}|${variation}` };
}

const WANTED =
  'give an item id (v1|110587654321|0), the id of a listing (110587654321), or the address of its page ' +
  '(https://www.ebay.com/itm/110587654321)';

function listingIn({ pathname, searchParams }: URL): string | undefined {
  const [, listing] = PAGE.exec(pathname) ?? [];
  if (listing !== undefined) return listing;
  // The page of a catalogue product names the offer that it shows; the oldest pages name nothing in their path.
  const name = pathname.startsWith('/p/') ? 'iid' : /\/eBayISAPI\.dll$/i.test(pathname) ? 'item' : undefined;
  const named = name === undefined ? null : searchParams.get(name);
  return named !== null && LISTING_ALONE.test(named) ? named : undefined;
}

/** Entries of `items` in their one form, each item once; the value as it is where one of them cannot be read. */
export function tidyItems(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const items = new Map<string, string>();
  for (const entry of value as unknown[]) {
    if (typeof entry !== 'string' || entry.length > MAX_ENTRY_LENGTH) return value;
    const read = readItem(entry);
    if ('error' in read) return value;
    // A listing alone, and what is no variation of it, are one.
    const key = read.item.replace(/^v1\|([0-9]+)\|0+$/, '$1');
    if (!items.has(key)) items.set(key, read.item);
  }
  return [...items.values()];
}

/** As the schema of a request bounds it. */
export const MAX_ENTRY_LENGTH = 2048;

/** What a request with `items` asks for, in its order, one call each. */
export function referencesOf({ items = [], variations }: Pick<NormalRequest, 'items' | 'variations'>) {
  const references = new Map<string, ItemReference>();
  for (const item of items) {
    const named = (LISTING_ALONE.test(item) ? `listing:${item}` : item) as ItemReference;
    const reference = (variations === 'all' ? groupOf(item) : undefined) ?? named;
    const key = variations === 'all' ? listingNamed(reference) : reference;
    // All variations of a listing include what another entry may name of it.
    if (!references.has(key) || reference.startsWith('group:')) references.set(key, reference);
  }
  return [...references.values()];
}

/** What asks for all variations of the listing that this item is one of; undefined for an item that is no variation. */
export function groupOf(itemId: string): ItemReference | undefined {
  const [, listing] = /^v1\|([0-9]+)\|0*[1-9][0-9]*$/.exec(itemId) ?? [];
  return listing === undefined ? undefined : `group:${listing}`;
}

/** The id of the listing that a reference asks for. */
export function listingNamed(reference: string): string {
  return reference.replace(/^(?:v1\||listing:|group:)([^|]*).*$/, '$1');
}

/** How a summary names what was asked for: an item by its id, a listing by its number. */
export function nameOf(reference: string): string {
  return reference.replace(/^(?:listing|group):/, '');
}

/** Whether the answer for it is delivered as products of its own; else it only adds to a product of a page. */
export function givesProducts(request: Pick<NormalRequest, 'items'>, reference: string): boolean {
  return request.items !== undefined || /^(?:listing|group):/.test(reference);
}

/** What is wrong with the entries of `items`. */
export function itemErrors(items: readonly string[]): InputError[] {
  return items.flatMap((entry, index) => {
    const read = readItem(entry);
    return 'error' in read ? [{ path: `items.${index}`, code: 'invalid_item', message: read.error }] : [];
  });
}
