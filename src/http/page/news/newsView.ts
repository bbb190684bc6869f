import { MOST_UNREAD, type NewsEntry } from '../../../events/news.ts';
import { listingNamed } from '../../../product/itemReference.ts';
import type { Product } from '../../../product/product.ts';
import { tidy } from '../../../queue/alerts/channels/words.ts';
import { durationText, numberText } from '../../../text/values.ts';
import type { ListingsOfEvents } from '../../listingsOfEvents.ts';
import { csrfField, externalLink, type Html, html, instant, options, webAddress } from '../html.ts';
import { pictureAddress } from '../pictures.ts';
import { addressOf } from '../result/selection.ts';
import { isFiltered, isUnread, KINDS, type NewsFilter, type NewsPlace, newsAddress } from './newsFilter.ts';
import {
  changeWords,
  countsText,
  dayText,
  groupNews,
  isPriceHidden,
  type NewsGroup,
  nameOfSource,
  unreadText,
} from './newsWords.ts';

export interface NewsView extends ListingsOfEvents {
  filter: NewsFilter & NewsPlace;
  /** Newest first. */
  entries: readonly NewsEntry[];
  /** Where older and newer ones begin; undefined: there are none. */
  older: string | undefined;
  newer: string | undefined;
  /** Of all events: up to here the news are read with one press. Undefined: there are none. */
  newest: string | undefined;
  readUntil: string | undefined;
  unread: number;
  /** Events between what was read last and the oldest one that is kept may be gone. */
  isGap: boolean;
  /** What can be chosen, as of `sourceOf`. */
  sources: readonly string[];
  /** About how many events are kept, and for how long at most, ms. */
  limits: { kept: number; maxAgeMs: number };
  /** IANA time zone of the days. */
  zone: string;
  csrf: string | null;
  now: number;
}

/** Of one track on one day: more of them are behind a press. */
const SHOWN_OF_GROUP = 6;
const LONGEST_TITLE = 120;

/** What has changed since the last visit, and before. */
export function newsView(view: NewsView): Html {
  const { filter, entries, newest, unread, csrf, limits, isGap, readUntil, zone } = view;
  const isFirst = filter.before === undefined && filter.after === undefined;
  const read =
    unread > 0 &&
    newest !== undefined &&
    html`<form method="post" action="/news/read">${csrfField(csrf)}<input type="hidden" name="until" value="${newest}"><input type="hidden" name="back" value="${newsAddress({ ...filter, unread: false, before: undefined, after: undefined })}"><button>Mark all read</button></form>`;
  const since = readUntil === undefined ? '' : html` since ${instant(timeOf(readUntil))}`;
  return html`<div class="heading"><h1>News</h1>${read}</div>
<p class="lead" id="unread">${unread > 0 ? html`<strong>${unreadText(unread, MOST_UNREAD)} new</strong>${since}` : entries.length > 0 && html`Nothing new${since}`}</p>
${filterForm(view)}
${isGap && html`<p class="notice">Some of the news that came after your last visit may be gone: about ${numberText(limits.kept)} events are kept, for ${durationText(limits.maxAgeMs)} at most.</p>`}
${isFirst && html`<p class="fresh" id="fresh" role="status" data-live="${newsAddress({ ...filter, after: newest ?? '0-0' }, '/news/status')}"></p>`}
<div class="days" data-days="${zone}">${entries.length === 0 ? emptyView(view) : days(view)}</div>
${ends(view)}`;
}

function filterForm({ filter: { of, kind, unread, text }, sources }: NewsView): Html {
  const named = (wanted: string) =>
    Object.fromEntries(
      sources.flatMap((source) => {
        const { kind: own, name } = nameOfSource(source);
        return own === wanted ? [[source, name]] : [];
      }),
    );
  const group = (label: string, wanted: string) => {
    const texts = named(wanted);
    return Object.keys(texts).length > 0 && html`<optgroup label="${label}">${options(texts, of)}</optgroup>`;
  };
  const kinds = Object.fromEntries(Object.entries(KINDS).map(([name, { text: words }]) => [name, words]));
  return html`<form class="news-filter" role="search" aria-label="News" method="get" action="/news" data-submits>
  <p><label for="news-of">About</label> <select id="news-of" name="of"><option value="">Everything</option>${group('Tracks', 'track')}${group('Watchlists', 'watchlist')}${group('Schedules', 'schedule')}</select></p>
  <p><label for="news-kind">What</label> <select id="news-kind" name="kind">${options({ '': 'Every change', ...kinds }, kind)}</select></p>
  <p class="grows"><label for="news-text">Text</label> <input id="news-text" name="text" type="search" maxlength="100" autocomplete="off" value="${text}" placeholder="title or number"></p>
  <p class="check"><input type="checkbox" id="news-unread" name="unread" value="1"${unread && html` checked`}><label for="news-unread">Unread only</label></p>
  <button>Show</button>
</form>`;
}

function emptyView({ filter, older }: NewsView): Html {
  if (older !== undefined)
    return html`<p class="empty">None of the newest fits. <a href="${newsAddress({ ...filter, before: older })}">Look further back</a></p>`;
  if (isFiltered(filter) || filter.before !== undefined || filter.after !== undefined)
    return html`<p class="empty">Nothing here. <a href="/news">Show all news</a></p>`;
  return html`<p class="empty">Nothing yet. <a href="/">Search for something</a> and watch it: what becomes cheaper, dearer, new or gone is shown here.</p>`;
}

function days(view: NewsView): Html[] {
  return groupNews(view.entries, view.zone).map(
    ({ date, groups }) => html`<section class="day" aria-labelledby="day-${date}">
  <h2 id="day-${date}">${dayText(date, view.zone, view.now)}</h2>
  ${groups.map((group) => groupView(group, view))}
</section>`,
  );
}

function groupView({ source, entries }: NewsGroup, view: NewsView): Html {
  const { kind, name } = nameOfSource(source);
  const [newest] = entries as [NewsEntry];
  const { searchId } = newest.event;
  const most = view.filter.of === '' ? SHOWN_OF_GROUP : entries.length;
  // One more takes as much room as the button for it.
  const shown = entries.length <= most + 1 ? entries : entries.slice(0, most);
  const rest = entries.slice(shown.length);
  const list = (own: readonly NewsEntry[]) =>
    html`<ol class="news-list">${own.map((entry) => newsItem(entry, view))}</ol>`;
  const result =
    view.kept.has(searchId) &&
    kind !== 'schedule' &&
    html` · <a href="${addressOf(searchId, kind === 'track' ? { order: 'changed' } : {})}" aria-label="See the result of ${name}">See the result</a>`;
  return html`<section class="news-group">
  <h3><a href="${newsAddress({ ...view.filter, of: source, before: undefined, after: undefined })}">${name}</a> <small>${kind} · ${countsText(entries)}${result}</small></h3>
  ${list(shown)}
  ${rest.length > 0 && html`<details class="rest"><summary>${numberText(rest.length)} more of ${name}</summary>${list(rest)}</details>`}
</section>`;
}

function newsItem(entry: NewsEntry, view: NewsView): Html {
  const { event, place } = entry;
  const listing = view.listings.get(event.id);
  const isNew = isUnread(place, view.readUntil);
  const { label, tone, from, to, percent, age } = changeWords(event, isHidden(entry, listing));
  const facts = [
    listing?.condition && `condition ${listing.condition}`,
    ...('columns' in event ? Object.entries(event.columns).map(([name, value]) => `${name}: ${value}`) : []),
  ].filter(Boolean);
  return html`<li class="news-item${isNew && ' unread'}" data-type="${event.type}">
  ${'product' in event && thumbnail(listing?.images[0])}
  <div class="words">
    <p class="change ${tone}">${label}${isNew && html`<span class="quiet">, unread</span>`} <time datetime="${event.at}" data-clock>${event.at.slice(11, 16)} UTC</time></p>
    <h4>${itemLink(entry, listing)}</h4>
    <p class="from-to">${from !== undefined && html`<del><span class="quiet">was </span>${from}</del> → `}<strong>${to}</strong>${percent !== undefined && html` <span class="percent">${percent}</span>`}${age !== undefined && html` <small>· former price seen ${age}</small>`}</p>
    ${facts.length > 0 && html`<p class="small">${facts.join(' · ')}</p>`}
    ${webAddress(listing?.affiliateUrl) !== undefined && html`<ul class="labels"><li>Affiliate link</li></ul>`}
  </div>
</li>`;
}

/** Without a text of its own: the title is beside it. */
function thumbnail(largest: string | undefined): Html {
  const address = pictureAddress(largest, 140);
  if (address === undefined)
    return html`<div class="picture none"><span class="quiet">no picture</span></div>`;
  return html`<div class="picture"><img src="${address}" alt="" loading="lazy" decoding="async" width="72" height="72" referrerpolicy="no-referrer"></div>`;
}

/** The listing's title, or its number where that may not be kept any longer; of a failed run its search. */
function itemLink({ event }: NewsEntry, listing: Product | undefined): Html {
  if (!('product' in event))
    return html`<a href="${addressOf(event.searchId)}">${event.query ?? event.schedule}</a>`;
  const title = tidy(listing?.title ?? '', LONGEST_TITLE) || `Item ${listingNamed(event.product.itemId)}`;
  const plain = 'url' in event.product ? event.product.url : listing?.url;
  return externalLink(webAddress(listing?.affiliateUrl) ?? plain, title);
}

function isHidden({ event }: NewsEntry, listing: Product | undefined): boolean {
  return isPriceHidden(event) || (listing !== undefined && listing.priceDisplay !== null);
}

/** Where the list ends, and what it never has. */
function ends({ filter, entries, older, newer, limits }: NewsView): Html {
  const link = (place: Partial<NewsPlace>, text: string, rel: string) =>
    html`<a href="${newsAddress({ ...filter, before: undefined, after: undefined, ...place })}" rel="${rel}">${text}</a>`;
  const isEnd = older === undefined && entries.length > 0;
  return html`${
    (newer !== undefined || older !== undefined) &&
    entries.length > 0 &&
    html`<nav class="pages" aria-label="News">
  ${newer !== undefined && html`${link({}, 'Newest', 'first')}${link({ after: newer }, 'Newer', 'prev')}`}
  ${older !== undefined && link({ before: older }, 'Older', 'next')}
</nav>`
  }
${isEnd && html`<p class="small ends">Older news are not kept: about ${numberText(limits.kept)} events are, for ${durationText(limits.maxAgeMs)} at most.</p>`}
<p class="small ends">A listing whose delivered price eBay does not say, about 1 in 6, is never cheaper or dearer here. That one is gone is seen only where a search reads all of its listings.</p>`;
}

/** What came after the page was made. @param count of those that fit, at most `most` */
export function freshView(filter: NewsFilter, count: number, most: number): Html {
  return html`${count > 0 && html`<a href="${newsAddress(filter)}">${count < most ? numberText(count) : `${numberText(most - 1)}+`} new: show</a>`}`;
}

/** For the start page: how many are new, and the newest few. */
export function newsBrief({
  unread,
  entries,
  listings,
  readUntil,
}: Pick<NewsView, 'unread' | 'entries' | 'listings' | 'readUntil'>): Html {
  return html`<section id="news" class="news-brief" aria-labelledby="news-head">
  <h2 id="news-head"><a href="/news">News${unread > 0 && `: ${unreadText(unread, MOST_UNREAD)} new`}</a></h2>
  ${
    entries.length === 0
      ? html`<p class="small">Nothing yet: what changes in schedules and watchlists is shown here.</p>`
      : html`<ol>${entries.map((entry) => {
          const { event, place } = entry;
          const listing = listings.get(event.id);
          const { label, tone, from, to } = changeWords(event, isHidden(entry, listing));
          return html`<li data-type="${event.type}"${isUnread(place, readUntil) && html` class="unread"`}><span class="change ${tone}">${label}</span> ${itemLink(entry, listing)} ${from !== undefined && `${from} → `}${to}</li>`;
        })}</ol>`
  }
</section>`;
}

/** @param place its time is that of Redis's clock */
function timeOf(place: string): string {
  return new Date(Number(place.split('-')[0])).toISOString();
}
