import type { ServiceEvent } from '../../../events/event.ts';
import { eventText } from '../../../text/searches.ts';
import { moneyText } from '../../../text/values.ts';
import { externalLink, type Html, html } from '../html.ts';
import { addressOf } from '../result/selection.ts';

export function eventLine(event: ServiceEvent): Html {
  const text = eventText(event, moneyText);
  if ('product' in event) {
    const url = 'url' in event.product ? event.product.url : undefined;
    const { itemId } = event.product;
    const item = externalLink(url, `item ${itemId.split('|')[1] ?? itemId}`);
    if ('watchlist' in event) return html`${item} ${text} in ${event.watchlist}`;
    return html`${item} ${text} in <a href="${addressOf(event.searchId, { order: 'changed' })}">${event.track}</a>`;
  }
  return html`<a href="${addressOf(event.searchId)}">${event.schedule ?? event.query ?? 'a search'}</a> ${text}`;
}
