import type { WireError, WireErrorBody, WireSearchPage } from '../ebay/wire.ts';
import type { MarketplaceId } from '../product/marketplaces.ts';
import type { Product } from '../product/product.ts';
import { MAX_QUERY_LENGTH } from '../product/requestSchema.ts';
import type { SearchWarning } from '../product/summary.ts';
import type { PageAnswer } from './answers.ts';
import { mapFacets } from './mapFacets.ts';
import { mapItem } from './mapItem.ts';
import { largestLimit } from './paging.ts';
import { fields, integer, list, naturalNumber, text } from './untrusted.ts';

/** Why a body is no search answer at all. */
export type BadPage =
  | 'not-an-object'
  | 'error-body'
  | 'not-a-search-answer'
  | 'other-page'
  /** No items, although its own total or `next` says that there are. */
  | 'no-items'
  /** Items, none of which can be read. */
  | 'no-readable-item'
  /** `next` names this page or an earlier one. */
  | 'next-goes-back';

/** A page's content; what the call itself took is the caller's to add. */
export type PageContent = Omit<PageAnswer, 'calls' | 'latencyMs'> & { marketplace: MarketplaceId };

export type MappedPage =
  | { ok: true; page: PageContent }
  | { ok: false; reason: BadPage; errors: SearchWarning[] };

/** The page that was asked for, and when eBay answered (ISO 8601). */
export interface AskedPage {
  marketplace: MarketplaceId;
  offset: number;
  limit: number;
  observedAt: string;
}

/**
 * The parsed body of a search answer as products, rejections and warnings. Takes any JSON and never throws.
 *
 * @param hosts where links and pictures may lead; default: to eBay.
 */
export function mapPage(json: unknown, asked: AskedPage, hosts?: RegExp): MappedPage {
  const body: { [Name in keyof (WireSearchPage & WireErrorBody)]?: unknown } | null = fields(json);
  if (body === null) return bad('not-an-object');
  if (list(body.errors).length > 0) return bad('error-body', body.errors);
  if (!isSearchAnswer(body)) return bad('not-a-search-answer');
  const offset = integer(body.offset);
  if (offset !== null && offset !== asked.offset) return bad('other-page');

  const items = list(body.itemSummaries);
  const total = naturalNumber(body.total);
  const next = offsetOf(body.next);
  if (items.length === 0 && (next !== null || (total ?? 0) > asked.offset))
    return bad('no-items', body.warnings);
  if (next !== null && next <= asked.offset) return bad('next-goes-back');
  const mapped = mapItems(items, asked, hosts);
  if (items.length > 0 && mapped.products.length === 0) return bad('no-readable-item');
  const facets = mapFacets(body.refinement);
  const correctedQuery = text(fields(body.autoCorrections)?.q, MAX_QUERY_LENGTH);
  return {
    ok: true,
    page: {
      ...asked,
      total,
      hasNext: next !== null,
      ...nextOffsetOf(next, integer(body.limit), asked),
      received: items.length,
      ...mapped,
      warnings: mapWarnings(body.warnings),
      ...(facets && { facets }),
      ...(correctedQuery !== null && { correctedQuery }),
    },
  };
}

function mapItems(
  items: unknown[],
  { marketplace, offset, observedAt }: AskedPage,
  hosts: RegExp | undefined,
) {
  const products: Product[] = [];
  const rejected: Record<string, number> = {};
  for (const [index, item] of items.entries()) {
    const mapped = mapItem(item, { marketplace, observedAt, rank: offset + index + 1, hosts });
    if ('product' in mapped) products.push(mapped.product);
    else rejected[mapped.rejected] = (rejected[mapped.rejected] ?? 0) + 1;
  }
  return { products, rejected };
}

/** eBay requires no field, and an answer with nothing found has no items: one sign of a listing must be there. */
function isSearchAnswer(body: { total?: unknown; itemSummaries?: unknown; warnings?: unknown }): boolean {
  const { itemSummaries } = body;
  if (itemSummaries !== undefined && itemSummaries !== null) return Array.isArray(itemSummaries);
  return naturalNumber(body.total) !== null || list(body.warnings).length > 0;
}

/** Where the page begins that `next` names, null where it names none. Its host is of no interest: the address is never followed. */
function offsetOf(next: unknown): number | null {
  if (typeof next !== 'string' || !URL.canParse(next, 'https://api.ebay.com')) return null;
  const url = new URL(next, 'https://api.ebay.com');
  const isSearch = /^https?:$/.test(url.protocol) && /\/item_summary\/search(_by_image)?$/.test(url.pathname);
  return isSearch ? integer(url.searchParams.get('offset')) : null;
}

/**
 * Where the next page begins, if that is not right behind the one that was asked for. eBay may answer with a lower limit:
 * the items that it left out come next, whatever `next` says.
 */
function nextOffsetOf(
  next: number | null,
  limit: number | null,
  asked: AskedPage,
): Pick<PageAnswer, 'nextOffset'> {
  if (next === null) return {};
  const answered = limit !== null && limit > 0 ? Math.min(limit, asked.limit) : asked.limit;
  const behind = asked.offset + answered;
  const nextOffset = Math.min(next, answered < asked.limit ? mostShown(behind, answered) : behind);
  return nextOffset === asked.offset + asked.limit ? {} : { nextOffset };
}

/**
 * The offset at or before this one from which a page shows most of what is behind it, where eBay shows `limit` items at
 * most. A page begins at a multiple of its own limit: at 421, a prime number, begins a page of one item.
 */
function mostShown(offset: number, limit: number): number {
  const back = offset % limit;
  return Math.min(largestLimit(offset), limit) < limit - back ? offset - back : offset;
}

/** Warnings, or errors, in one small shape; what is unreadable is left out. */
export function mapWarnings(json: unknown): SearchWarning[] {
  return list(json)
    .slice(0, 50)
    .flatMap((entry) => {
      const warning: { [Name in keyof WireError]?: unknown } | null = fields(entry);
      if (warning === null) return [];
      const errorId = integer(warning.errorId);
      const message = text(warning.message, 500) ?? text(warning.longMessage, 500);
      if (errorId === null && message === null) return [];
      const parameters = list(warning.parameters)
        .slice(0, 20)
        .flatMap((parameter) => {
          const name = text(fields(parameter)?.name, 100);
          return name === null ? [] : { name, value: text(fields(parameter)?.value, 500) ?? '' };
        });
      return { errorId, message: message ?? 'no message', ...(parameters.length > 0 ? { parameters } : {}) };
    });
}

function bad(reason: BadPage, errors?: unknown): MappedPage {
  return { ok: false, reason, errors: mapWarnings(errors) };
}
