import type { ServiceEvent } from '../../events/event.ts';
import { countText, instant, moneyText } from './format.ts';
import { type Html, html, webAddress } from './html.ts';

/** The latest events, newest first. */
export function newsView(events: readonly ServiceEvent[]): Html {
  return html`<section id="news" aria-labelledby="news-head">
  <h2 id="news-head">Latest</h2>
  ${
    events.length === 0
      ? html`<p class="empty">Nothing yet: searches that end and products that change show up here.</p>`
      : html`<ol class="news">${events.map(
          (event) => html`<li data-type="${event.type}">${instant(event.at)} ${line(event)}</li>`,
        )}</ol>`
  }
</section>`;
}

function line(event: ServiceEvent): Html {
  switch (event.type) {
    case 'search.completed':
    case 'search.cancelled':
      return html`${search(event, event.query)} ${event.type === 'search.cancelled' ? 'cancelled' : event.outcome}, ${countText(event.counts.products, 'product')}${found(event.track)}`;
    case 'search.failed':
      return html`${search(event, event.query)} failed: ${event.error.message}`;
    case 'search.skipped':
      return html`${search(event, event.query)} skipped: the run before was busy`;
    case 'product.gone':
      return html`<strong>gone</strong> ${item(event.product.itemId)} ${from(event)}`;
    case 'product.new':
      return html`<strong>new</strong> ${item(event.product.itemId, event.product.url)} ${event.product.total === null ? 'delivered price unknown' : moneyText(event.product.total)} ${from(event)}`;
    default: {
      const { product, formerTotal } = event;
      const word = event.type === 'product.price-dropped' ? 'dropped' : 'rose';
      return html`<strong>${word}</strong> ${item(product.itemId, product.url)} ${moneyText(formerTotal)} → ${moneyText(product.total)} ${from(event)}`;
    }
  }
}

function search({ searchId, schedule }: ServiceEvent, query: string | null): Html {
  return html`<a href="/searches/${encodeURIComponent(searchId)}">${schedule ?? query ?? 'a search'}</a>`;
}

function from(event: ServiceEvent & { track: string }): Html {
  return html`in <a href="/searches/${encodeURIComponent(event.searchId)}?order=changed">${event.track}</a>`;
}

function item(itemId: string, url?: string): Html {
  const number = itemId.split('|')[1] ?? itemId;
  const address = webAddress(url);
  return address === undefined
    ? html`item ${number}`
    : html`<a href="${address}" target="_blank" rel="noopener noreferrer external">item ${number}</a>`;
}

function found(track: Extract<ServiceEvent, { type: 'search.completed' }>['track']): string {
  if (track === null) return '';
  if (track.firstRun) return '; from now on changes are told';
  const counts = [
    [track.new, 'new'],
    [track.priceDropped, 'dropped'],
    [track.priceRose, 'rose'],
    [track.gone, 'gone'],
  ] as const;
  const told = counts.filter(([n]) => n > 0).map(([n, word]) => `${n} ${word}`);
  return `; ${told.length === 0 ? 'nothing changed' : told.join(', ')}`;
}
