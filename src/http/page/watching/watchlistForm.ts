import { countryNames } from '../../../product/countries.ts';
import { listingNamed } from '../../../product/itemReference.ts';
import { listingUrl, MARKETPLACE_IDS, type MarketplaceId, siteName } from '../../../product/marketplaces.ts';
import { MAX_WATCHED, type Watchlist } from '../../../product/watchlistSchema.ts';
import type { AlertReport } from '../../../queue/alerts/alerts.ts';
import type {
  ImportReport,
  WatchedPage,
  WatchlistReport,
} from '../../../queue/watch/watchlists/watchlists.ts';
import { countText, moneyText, numberText } from '../../../text/values.ts';
import { STATE_TEXT } from '../../../text/watchlists.ts';
import type { FormValues } from '../../auth/login.ts';
import { fieldsOf, PLAIN, type Sent } from '../formFields.ts';
import { csrfField, externalLink, type Html, html, instant } from '../html.ts';
import { type Cost, costView } from './cost.ts';
import { GUARANTEES, withSeconds } from './timing.ts';
import { alertLines, listLive } from './watchingView.ts';

/** An import that was refused, or that did something. */
export interface Imported {
  /** `Line 3: …`; nothing was stored where there are some. */
  errors: readonly string[];
  /** What it would have taken without the wrong lines; undefined where it took everything. */
  right?: number;
  done?: ImportReport;
}

interface Parts {
  sent: Sent;
  imported: Imported | undefined;
  cost: Cost | undefined;
  csrf: string | null;
}

const LISTS_OPTIONS = ['name', 'marketplace', 'atLeastEvery', 'quantity', 'country', 'postalCode'];

/** The form that makes a watchlist of what is pasted. */
export function newListView(page: Parts & { marketplace: string }): Html {
  const { sent, imported, cost, csrf, marketplace } = page;
  const { input, problems } = fieldsOf(sent);
  return html`<h1>Watch listings</h1>
<p class="lead">Each of them is looked at again and again for its price, stock, end and return.</p>
<form class="make-list box" method="post" action="/watching/lists" data-cost="/watching/lists/cost">
  ${csrfField(csrf)}${problems(...LISTS_OPTIONS, 'listings')}
  ${input('name', 'Name', html`required pattern="[a-z0-9\\-]{1,60}" maxlength="60" title="a-z, 0-9 and hyphen" ${PLAIN}`, { hint: 'small letters, digits and hyphens' })}
  ${listingsField(sent, imported)}
  ${optionFields(sent, marketplace)}
  <p class="cost"><output aria-live="polite">${costView(cost)}</output></p>
  <p class="actions"><button class="main">Watch them</button>${skipButton(imported)}<noscript><button name="preview" value="1">Show the cost</button></noscript></p>
</form>`;
}

/** Mistakes that are listed; nobody reads twenty thousand. */
const SHOWN_ERRORS = 100;

/** Where listings are pasted, or a file is chosen by script; what was wrong stands above it, line by line. */
function listingsField({ values, mistakes }: Sent, imported: Imported | undefined): Html {
  const errors = imported?.errors ?? [];
  const problem = mistakes.find(({ field }) => field === 'listings');
  const described =
    (problem !== undefined || errors.length > 0) &&
    html` aria-invalid="true" aria-describedby="listings-problem"`;
  return html`<div class="field listings"><label for="listings">Listings <small class="inline">addresses or item numbers, one a line, or a CSV with a column “item”; up to ${numberText(MAX_WATCHED)}</small></label>
  <textarea id="listings" name="listings" rows="8" ${PLAIN} placeholder="https://www.ebay.com/itm/110587654321"${described}>
${values.listings ?? ''}</textarea>
  <p class="by-file" hidden><label for="listings-file">or from a file</label> <input type="file" id="listings-file" accept=".csv,.txt,text/csv,text/plain"></p>
  ${(problem !== undefined || errors.length > 0) && html`<div class="problems" id="listings-problem" role="alert">${problem?.message}${errors.length > 0 && html`<p>Nothing is stored yet: ${countText(errors.length, 'mistake')}.</p><ol>${errors.slice(0, SHOWN_ERRORS).map((text) => html`<li>${text}</li>`)}</ol>${errors.length > SHOWN_ERRORS && html`<p>And ${numberText(errors.length - SHOWN_ERRORS)} more.</p>`}`}</div>`}</div>`;
}

function skipButton(imported: Imported | undefined): Html | false {
  return (
    imported?.right !== undefined &&
    imported.right > 0 &&
    html`<button name="skipWrong" value="1">Leave the wrong ones out, watch ${numberText(imported.right)}</button>`
  );
}

function optionFields(sent: Sent, marketplace: string): Html {
  const { input, select, check } = fieldsOf(sent);
  const sites = Object.fromEntries(MARKETPLACE_IDS.map((id) => [id, siteName(id)]));
  return html`<div class="rows">
    ${select('atLeastEvery', 'Looked at at least once in', withSeconds(GUARANTEES, sent.values.atLeastEvery), { value: '21600' })}
    ${select('marketplace', 'Marketplace', sites, { value: marketplace })}
    ${select('country', 'Deliver to country', { '': 'Not chosen', ...countryNames() })}
    ${input('postalCode', 'Postal code', html`maxlength="10" autocomplete="postal-code" class="short"`)}
  </div>
  ${check('quantity', 'How many are left too; it takes a call for each listing')}`;
}

export interface ListPage extends Parts {
  list: WatchlistReport;
  alerts: readonly AlertReport[];
  entries: WatchedPage;
  /** Whether they are the first of the list. */
  isFirst: boolean;
  mayChange: boolean;
  /** What the form began from, see `versionOf`. */
  seen: string;
  isMeanwhile: boolean;
  now: number;
}

/** A watchlist: its listings, and the forms that change it and what is in it. */
export function listView(page: ListPage): Html {
  const { list, alerts, sent, imported, cost, csrf, mayChange, seen, isMeanwhile, now } = page;
  const { name } = list;
  const done = imported?.done;
  const { problems } = fieldsOf(sent);
  return html`<p class="small"><a href="/watching#watchlist-${name}">Watching</a></p>
<h1>${name}</h1>
<p class="lead">${countText(list.entries, 'listing')} of ${siteName(list.marketplace)}</p>
${done && html`<p class="outcome good" role="status">${doneText(done)}</p>`}
<section class="box one">${listLive(list, now)}${alertLines(alerts, now)}</section>
${entriesView(page)}
${
  mayChange &&
  html`<section class="change-one" aria-labelledby="more-head"><h2 id="more-head">Add or remove listings</h2>
<form class="make-list box" method="post" action="/watching/lists/${name}/listings">
  ${csrfField(csrf)}${listingsField(sent, imported)}
  <p class="actions"><button class="main" name="mode" value="add">Add them</button><button name="mode" value="remove">Remove them</button>${skipButton(imported)}</p>
</form></section>
<section class="change-one" aria-labelledby="change-head"><h2 id="change-head">Change how it is looked at</h2>
<form class="make-list box" method="post" action="/watching/lists/${name}" data-cost="/watching/lists/cost">
  ${csrfField(csrf)}<input type="hidden" name="seen" value="${seen}"><input type="hidden" name="name" value="${name}"><input type="hidden" name="count" value="${list.entries}">
  ${problems(...LISTS_OPTIONS, 'listings')}
  ${isMeanwhile && html`<div class="notice" role="alert"><p><strong>Somebody else changed it meanwhile.</strong> Nothing of yours is saved yet, and what you chose is still here.</p></div>`}
  ${optionFields(sent, list.marketplace)}
  <p class="small">Another marketplace or destination forgets what was seen: prices of one are not compared with those of another.</p>
  <p class="cost"><output aria-live="polite">${costView(cost)}</output></p>
  <p class="actions"><button class="main">${isMeanwhile ? 'Save mine all the same' : 'Save'}</button></p>
</form></section>`
}`;
}

function doneText({ added, changed, removed, unchanged, absent, duplicates, skipped }: ImportReport): string {
  const parts = { added, changed, removed, 'there already': unchanged, 'not in the list': absent };
  const counts = Object.entries({ ...parts, 'named twice': duplicates, 'left out': skipped.length });
  const texts = counts.flatMap(([text, count]) => (count > 0 ? `${numberText(count)} ${text}` : []));
  return texts.length === 0 ? 'Nothing changed' : texts.join(', ');
}

function entriesView({ list, entries: { entries, next }, isFirst, mayChange }: ListPage): Html {
  const { name, entries: count } = list;
  const first = html`<a href="/watching/lists/${name}">The first listings</a>`;
  if (entries.length === 0 && isFirst)
    return html`<p class="empty">No listings yet${mayChange && ': add some below'}.</p>`;
  if (entries.length === 0) return html`<p class="empty">No further listings. ${first}</p>`;
  const shown = `${numberText(entries.length)} of ${numberText(count)}.`;
  const part = isFirst ? html`The first ${shown}` : html`${shown} ${first}`;
  const cell = (label: string, content: Html | string) => html`<td data-label="${label}">${content}</td>`;
  const row = ({
    item,
    state,
    price,
    shipping,
    quantity,
    quantityMoreThan,
    lastSeen,
    columns,
  }: WatchedPage['entries'][number]) => {
    const url = listingUrl(list.marketplace as MarketplaceId, listingNamed(item));
    const left =
      quantity ?? (quantityMoreThan === null ? undefined : `more than ${numberText(quantityMoreThan)}`);
    const own = Object.entries(columns).map(([column, value]) => `${column} ${value}`);
    return html`<tr><th scope="row">${externalLink(url, item)}${own.length > 0 && html`<small>${own.join(', ')}</small>`}</th>
${cell('State', STATE_TEXT[state])}${cell('Price', price === null ? '–' : moneyText(price))}${cell('Shipping', shipping === null ? '–' : moneyText(shipping))}${cell('Left', left === undefined ? '–' : String(left))}${cell('Seen', lastSeen === null ? '–' : instant(lastSeen))}</tr>`;
  };
  return html`<section class="entries" aria-labelledby="entries-head"><div class="head"><h2 id="entries-head">Listings</h2><p><a class="button" href="/watching/lists/${name}/listings.csv" download>Download CSV</a></p></div>
<div class="wide"><table class="plan"><thead><tr><th scope="col">Listing</th><th scope="col">State</th><th scope="col">Price</th><th scope="col">Shipping</th><th scope="col">Left</th><th scope="col">Seen</th></tr></thead>
<tbody>${entries.map(row)}</tbody></table></div>
${(next !== null || !isFirst) && html`<p class="small">${part}${next !== null && html` <a href="/watching/lists/${name}?after=${encodeURIComponent(next)}">More</a>`}</p>`}</section>`;
}

/** The options of a list in a posted form. */
export function listFromForm(form: Partial<FormValues>): Watchlist {
  const given = (field: string) => form[field]?.trim() || undefined;
  const [country, postalCode] = ['country', 'postalCode'].map(given);
  const shipTo = { ...(country && { country }), ...(postalCode && { postalCode }) };
  const seconds = Number(given('atLeastEvery'));
  return {
    name: given('name') ?? '',
    ...(given('marketplace') && { marketplace: given('marketplace') }),
    ...(Number.isFinite(seconds) && { atLeastEvery: seconds }),
    quantity: form.quantity === '1',
    ...(Object.keys(shipTo).length > 0 && { shipTo }),
  } as Watchlist;
}

export function listValues({ marketplace, atLeastEvery, quantity, shipTo }: WatchlistReport): FormValues {
  const values = {
    marketplace,
    atLeastEvery: String(atLeastEvery),
    quantity: quantity ? '1' : '0',
    country: shipTo?.country,
    postalCode: shipTo?.postalCode,
  };
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
}
