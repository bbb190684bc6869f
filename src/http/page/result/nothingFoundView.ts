import type { NormalRequest, SearchRequest } from '../../../product/requestSchema.ts';
import { countText } from '../../../text/values.ts';
import { csrfField, type Html, html } from '../html.ts';
import { watchLink } from '../watching/scheduleForm.ts';
import { addressOf } from './selection.ts';
import type { Result } from './shownResult.ts';

/** A condition that a search can be made without. */
interface Loosening {
  /** `without …` */
  text: string;
  isThere(request: NormalRequest): boolean;
  without(request: NormalRequest): SearchRequest;
  /** Its names in `filteredOutBy`. */
  reasons?: readonly string[];
}

const withoutFilter =
  (...names: Array<keyof NormalRequest['filters']>) =>
  (request: NormalRequest): SearchRequest => {
    const filters = Object.fromEntries(
      Object.entries(request.filters).filter(([name]) => !(names as string[]).includes(name)),
    );
    return { ...request, filters };
  };

const LOOSENINGS: Readonly<Record<string, Loosening>> = {
  title: {
    text: 'the words of the title',
    isThere: ({ title }) => title !== undefined,
    without: ({ title: _, ...request }) => request,
    reasons: ['title'],
  },
  seller: {
    text: 'the seller’s rating',
    isThere: ({ seller }) => seller !== undefined,
    without: ({ seller: _, ...request }) => request,
    reasons: ['seller-rating', 'seller-rating-unknown'],
  },
  margin: {
    text: 'the least margin',
    isThere: ({ costs }) => costs?.minMarginPercent !== undefined || costs?.minMarginAmount !== undefined,
    without: ({ costs, ...request }) => {
      const { minMarginPercent: _percent, minMarginAmount: _amount, ...others } = costs ?? {};
      return { ...request, costs: others } as SearchRequest;
    },
    reasons: ['margin', 'margin-unknown'],
  },
  pickup: {
    text: 'the condition that it is sent',
    isThere: ({ excludePickupOnly }) => excludePickupOnly === true,
    without: ({ excludePickupOnly: _, ...request }) => request,
    reasons: ['pickup-only'],
  },
  price: {
    text: 'the bounds of the price',
    isThere: ({ filters }) => filters.price !== undefined,
    without: withoutFilter('price'),
  },
  condition: {
    text: 'the condition',
    isThere: ({ filters }) => filters.conditions !== undefined || filters.conditionIds !== undefined,
    without: withoutFilter('conditions', 'conditionIds'),
  },
  shipping: {
    text: 'free shipping',
    isThere: ({ filters }) => filters.freeShipping === true,
    without: withoutFilter('freeShipping'),
  },
  aspects: {
    text: 'the chosen aspects',
    isThere: ({ filters }) => filters.aspects !== undefined,
    without: withoutFilter('aspects'),
  },
};

/** The same search without one of its conditions; undefined where it has none of that name. */
export function loosened(request: NormalRequest, name: string): SearchRequest | undefined {
  const loosening = Object.hasOwn(LOOSENINGS, name) ? LOOSENINGS[name] : undefined;
  if (!loosening?.isThere(request)) return undefined;
  // It is a person’s own search now, and compares with nothing.
  const { track: _track, priority: _priority, ...loose } = loosening.without(request);
  return loose;
}

/** What to do about a search that found nothing: do without a condition, or wait for one to appear. */
export function nothingFoundView({ report, request, csrf, mayEnqueue, maySchedule }: Result): Html {
  const { searchId, summary } = report;
  const by = summary?.counts.filteredOutBy ?? {};
  const loosenings =
    request === undefined ? [] : Object.entries(LOOSENINGS).filter(([, each]) => each.isThere(request));
  const dropped = ({ reasons = [] }: Loosening) =>
    reasons.reduce((sum, reason) => sum + (by[reason] ?? 0), 0);
  const isNamed = request?.items !== undefined;
  return html`<section class="nothing empty" aria-labelledby="nothing"><h2 id="nothing">No products</h2>
${
  loosenings.length > 0 &&
  html`<p>Search again without one of your conditions:</p>
<ul class="loosen">${loosenings.map(([name, each]) => {
    const count = dropped(each);
    const why = count > 0 && html` <small>it dropped ${countText(count, 'listing')}</small>`;
    const button = html`<form method="post" action="${addressOf(searchId)}/loosen">${csrfField(csrf)}<button name="without" value="${name}">Without ${each.text}</button>${why}</form>`;
    return html`<li>${mayEnqueue ? button : html`${each.text}${why}`}</li>`;
  })}</ul>`
}
${maySchedule && request !== undefined && !isNamed && html`<p>Or search again and again, until one is there: it is then in the news.</p><p class="actions">${watchLink(searchId, 0)}</p>`}
<p><a href="/">Search for something else</a></p></section>`;
}
