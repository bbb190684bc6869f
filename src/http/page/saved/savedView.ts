import { listingNamed } from '../../../product/itemReference.ts';
import { isMarketplace, listingUrl, type MarketplaceId, siteName } from '../../../product/marketplaces.ts';
import { countText } from '../../../text/values.ts';
import { csrfField, externalLink, type Html, html, instant } from '../html.ts';
import { MAX_NOTE_LENGTH, MAX_SAVED, type SavedItem } from '../personal.ts';

export interface SavedPage {
  /** By item id. */
  items: ReadonlyMap<string, SavedItem>;
  /** Of listings that are kept without one. */
  marketplace: MarketplaceId;
  csrf: string | null;
  mayEnqueue: boolean;
  maySchedule: boolean;
  /** From 1; one beyond the last is the last. */
  page: number;
  /** What is wrong with the name of a watchlist that was sent. */
  wrongName?: { site: string; text: string; message: string };
}

/** Favourites and listings with a note of one site, newest first. */
export interface SavedGroup {
  site: MarketplaceId;
  items: Array<[itemId: string, saved: SavedItem]>;
}

/** One search asks on one site. */
export function groupsOf(items: SavedPage['items'], marketplace: MarketplaceId): SavedGroup[] {
  const groups = new Map<MarketplaceId, SavedGroup['items']>();
  for (const [itemId, saved] of newestFirst(items)) {
    if (!saved.favourite && saved.note === '') continue;
    const site = isMarketplace(saved.site) ? saved.site : marketplace;
    groups.set(site, [...(groups.get(site) ?? []), [itemId, saved]]);
  }
  return [...groups].map(([site, own]) => ({ site, items: own }));
}

function newestFirst(items: SavedPage['items']): Array<[string, SavedItem]> {
  return [...items].sort(([, one], [, other]) => (one.since < other.since ? 1 : -1));
}

/** What a person keeps. eBay’s titles and prices are not kept: a look brings them. */
export function savedView(page: SavedPage): Html {
  const { items, marketplace } = page;
  const groups = groupsOf(items, marketplace);
  const allHidden = newestFirst(items).filter(([, saved]) => saved.hidden);
  const count = groups.reduce((sum, group) => sum + group.items.length, allHidden.length);
  const last = Math.max(1, Math.ceil(count / PER_PAGE));
  const at = Math.min(page.page, last);
  let left = (at - 1) * PER_PAGE;
  let room = PER_PAGE;
  /** The part of the next list that is on this page. */
  const here = <Item>(list: readonly Item[]): Item[] => {
    const part = list.slice(left, left + room);
    left = Math.max(0, left - list.length);
    room -= part.length;
    return part;
  };
  const shown = groups.map((group) => ({ group, rows: here(group.items) }));
  const hidden = here(allHidden);
  const own = { ...page, page: at };
  return html`<h1>Saved</h1>
<p class="lead">Your favourites and notes. Titles, pictures and prices are eBay’s and are not kept: a look brings them as they are now.</p>
${groups.length === 0 && html`<p class="empty">Nothing is kept yet. The star of a product keeps it here, and so does a note. <a href="/">Search for something</a></p>`}
${shown.map(({ group, rows }) => rows.length > 0 && groupView(own, group, rows, groups.length > 1))}
${
  hidden.length > 0 &&
  html`<details class="hidden-items"><summary>${countText(allHidden.length, 'hidden listing')}</summary><ul class="saved">${hidden.map(([itemId, saved]) => itemRow(own, itemId, saved, marketplace))}</ul></details>`
}
${
  last > 1 &&
  html`<nav class="pages" aria-label="Pages of the list">
  ${at > 1 && html`<a href="${savedAddress(at - 1)}" rel="prev">Previous</a>`}
  <span>Page ${at} of ${last}</span>
  ${at < last && html`<a href="${savedAddress(at + 1)}" rel="next">More</a>`}
</nav>`
}
${items.size > MAX_SAVED * 0.9 && html`<p class="notice">${countText(items.size, 'listing')} of at most ${MAX_SAVED} are kept.</p>`}`;
}

/** Listings of one page: each has forms of its own, about 3 kB. */
const PER_PAGE = 100;

export function savedAddress(page: number): string {
  return page > 1 ? `/saved?page=${page}` : '/saved';
}

/** Listings of one search by items. */
export const MAX_LOOKED_AT = 200;

/** @param rows those of its listings that are on this page */
function groupView(
  page: SavedPage,
  { site, items }: SavedGroup,
  rows: SavedGroup['items'],
  isOneOfMany: boolean,
): Html {
  const { csrf, mayEnqueue, maySchedule, wrongName } = page;
  const count = Math.min(items.length, MAX_LOOKED_AT);
  const which = items.length > count ? `the newest ${count}` : count === 1 ? 'it' : 'them';
  const own = html`${csrfField(csrf)}<input type="hidden" name="site" value="${site}"><input type="hidden" name="page" value="${page.page}">`;
  const wrong = wrongName?.site === site ? wrongName : undefined;
  const id = `watch-${site}`;
  return html`<section class="saved-site" aria-labelledby="at-${site}"><div class="heading"><h2 id="at-${site}">${countText(items.length, 'listing')}${isOneOfMany && ` on ${siteName(site)}`}</h2>
<div class="actions">
${mayEnqueue && html`<form method="post" action="/saved/look">${own}<button class="main">Look at ${which} now (${countText(count, 'call')})</button></form>`}
${
  maySchedule &&
  html`<details class="watch-them"${wrong && html` open`}><summary>Watch ${items.length === 1 ? 'it' : 'them'}</summary><form method="post" action="/saved/watch">${own}
  <p class="field"><label for="${id}">Name of the watchlist</label><input id="${id}" name="name" required maxlength="60" autocomplete="off" value="${wrong?.text ?? (isOneOfMany ? `favourites${site.replace('EBAY', '').replaceAll('_', '-').toLowerCase()}` : 'favourites')}"${wrong && html` aria-invalid="true" aria-describedby="${id}-problem"`}>
  ${wrong && html`<span class="problem" id="${id}-problem">${wrong.message}</span>`}</p>
  <button>Watch ${countText(items.length, 'listing')}</button><p class="small">Changes of price, stock and end are then in the news.</p></form></details>`
}
</div></div>
<ul class="saved">${rows.map(([itemId, saved]) => itemRow(page, itemId, saved, site))}</ul></section>`;
}

function itemRow({ csrf, page }: SavedPage, itemId: string, saved: SavedItem, site: MarketplaceId): Html {
  const listing = listingNamed(itemId);
  const { note, favourite, hidden, since } = saved;
  const field = `note-${listing}-${itemId.split('|')[2] ?? ''}`;
  const own = html`${csrfField(csrf)}<input type="hidden" name="item" value="${itemId}"><input type="hidden" name="page" value="${page}">`;
  const change = (name: string, value: string, text: string) =>
    html`<form method="post" action="/saved/change">${own}<button class="compact" name="${name}" value="${value}" aria-label="${text}: listing ${listing}">${text}</button></form>`;
  return html`<li id="saved-${listing}" data-item="${itemId}">
  <div class="heading"><h3>${externalLink(listingUrl(isMarketplace(saved.site) ? saved.site : site, listing), `Listing ${listing}`)} <small>${siteName(saved.site || site)} · since ${instant(since)}</small></h3>
  <div class="actions">${favourite ? change('favourite', '0', 'No favourite any more') : change('favourite', '1', 'Favourite')}${hidden && change('hidden', '0', 'Show again')}</div></div>
  <form method="post" class="note-form" action="/saved/change">${own}<label class="quiet" for="${field}">Note on listing ${listing}</label><textarea id="${field}" name="note" rows="1" maxlength="${MAX_NOTE_LENGTH}" placeholder="Note">${note}</textarea><button class="compact">Keep the note</button></form>
</li>`;
}
