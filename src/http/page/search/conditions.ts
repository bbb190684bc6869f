import { countryName } from '../../../product/countries.ts';
import { siteName } from '../../../product/marketplaces.ts';
import type { NormalRequest } from '../../../product/requestSchema.ts';
import { numberText } from '../../../text/values.ts';
import { csrfField, type Html, html } from '../html.ts';
import { CONDITION_NAMES, FIELDS, REGIONS, type Texts, WAYS, writeField } from './fields.ts';

/** A condition of a request in a few words. */
export interface Condition {
  text: string;
  /** Its place in the request; undefined where a search cannot be without it. */
  path?: readonly string[];
}

const SORT_TEXTS: Texts = {
  price: 'lowest price first',
  '-price': 'highest price first',
  newlyListed: 'newly listed first',
  endingSoonest: 'ending soonest first',
  distance: 'nearest first',
};

/** Paths that have texts of their own below. */
const OWN_TEXTS = new Set(
  [
    'shipTo.country shipTo.postalCode filters.price.min filters.price.max filters.price.currency maxItems sort',
    'filters.conditions filters.conditionIds filters.buyingOptions filters.freeShipping title.include title.exclude',
    'seller.minFeedbackPercentage filters.itemLocationCountry filters.itemLocationRegion variations',
    'filters.pickup.country filters.pickup.postalCode filters.pickup.radius filters.pickup.unit details',
    'costs.currency costs.exchangeRates',
  ].flatMap((paths) => paths.split(' ')),
);

/** The conditions of a request besides its keywords. */
export function conditionsOf(request: NormalRequest): Condition[] {
  const { marketplaces, maxItems, filters, shipTo, title, seller, sort, items, variations, costs } = request;
  const { query, categoryIds, details } = request;
  const { price, conditions, conditionIds, buyingOptions, aspects = {}, pickup } = filters;
  const range = (price?.min ? `from ${price.min} ` : '') + (price?.max ? `up to ${price.max}` : '');
  const words = (texts: readonly string[]) => texts.join(' or ');
  const of = (text: unknown, ...path: string[]): Condition[] =>
    typeof text === 'string' && text !== '' ? [{ text, ...(path.length > 0 && { path }) }] : [];
  return [
    ...of(marketplaces.map(siteName).join(', ')),
    ...of(price && `${range.trim()} ${price.currency}`, 'filters', 'price'),
    ...of(
      conditions &&
        words(conditions.map((word) => (word === 'NEW' ? 'new or open box' : word.toLowerCase()))),
      ...['filters', 'conditions'],
    ),
    ...of(
      conditionIds &&
        `condition ${words(conditionIds.map((id) => CONDITION_NAMES[id]?.toLowerCase() ?? id))}`,
      ...['filters', 'conditionIds'],
    ),
    ...of(
      buyingOptions && words(buyingOptions.map((name) => (WAYS[name] ?? name).toLowerCase())),
      ...['filters', 'buyingOptions'],
    ),
    // Without words the category is what is searched.
    ...of(query !== undefined && categoryIds && `category ${categoryIds.join(', ')}`, 'categoryIds'),
    ...Object.entries(aspects).flatMap(([name, values]) =>
      of(`${name}: ${words(values.map(aspectValueText))}`, 'filters', 'aspects', name),
    ),
    ...of(
      shipTo && `delivered to ${[countryName(shipTo.country), shipTo.postalCode].filter(Boolean).join(' ')}`,
      'shipTo',
    ),
    ...of(
      filters.itemLocationCountry && `located in ${countryName(filters.itemLocationCountry)}`,
      ...['filters', 'itemLocationCountry'],
    ),
    ...of(
      filters.itemLocationRegion && `located in: ${REGIONS[filters.itemLocationRegion]}`,
      ...['filters', 'itemLocationRegion'],
    ),
    ...of(
      pickup && `picked up within ${pickup.radius} ${pickup.unit} of ${pickup.postalCode}`,
      ...['filters', 'pickup'],
    ),
    ...of(filters.freeShipping && 'free shipping', 'filters', 'freeShipping'),
    ...of(title?.exclude && `without ${title.exclude.join(', ')}`, 'title', 'exclude'),
    ...of(title?.include && `with ${title.include.join(', ')}`, 'title', 'include'),
    ...of(
      seller?.minFeedbackPercentage !== undefined && `sellers from ${seller.minFeedbackPercentage} %`,
      ...['seller', 'minFeedbackPercentage'],
    ),
    ...of(sort && `by ${sort}`, 'sort').map((each) => ({
      ...each,
      text: SORT_TEXTS[sort ?? ''] ?? each.text,
    })),
    ...of(costs?.resalePrice && `sold for ${costs.resalePrice} ${costs.currency}`),
    ...of(
      costs?.minMarginPercent && `margin from ${costs.minMarginPercent} %`,
      ...['costs', 'minMarginPercent'],
    ),
    ...of(variations === 'all' && 'all variations', ...(items === undefined ? ['variations'] : [])),
    ...of(details === 'full' && 'full details', ...(items === undefined ? ['details'] : [])),
    ...furtherConditions(request),
    ...of(items === undefined && `at most ${numberText(maxItems)}`),
  ];
}

/** Those that few people set, in the words of their fields. Costs are the caller’s figures, not conditions. */
function furtherConditions(request: NormalRequest): Condition[] {
  const currencies = { price: request.filters.price?.currency ?? '', costs: request.costs?.currency ?? '' };
  return FIELDS.flatMap((field) => {
    const path = field.path.split('.');
    if (path[0] === 'costs' || OWN_TEXTS.has(field.path)) return [];
    const value = path.reduce<unknown>(
      (at, name) =>
        typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[name] : undefined,
      request,
    );
    if (value === undefined || value === false || (field.name === 'maxAge' && value === 0)) return [];
    const { label, texts } = field;
    if (value === true) return [{ text: lower(label), path }];
    const written = writeField(field, value, currencies) ?? JSON.stringify(value);
    const shown = written.split('\n').map((each) => texts?.[each] ?? each);
    return [{ text: `${lower(label)}: ${shown.join(' or ')}`, path }];
  });
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** `!` stands for listings without the aspect. */
export function aspectValueText(value: string): string {
  return value === '!' ? 'not stated' : value;
}

/** The conditions of a request besides its keywords, a few words each. */
export function conditionTexts(request: NormalRequest): string[] {
  return conditionsOf(request).map(({ text }) => text);
}

/**
 * The conditions of a search, each with a button that starts the search without it.
 * @param action of the form; undefined: the caller may start none
 */
export function conditionChips(
  request: NormalRequest,
  action: string | undefined,
  csrf: string | null,
): Html {
  const chip = ({ text, path }: Condition) =>
    html`<li>${text}${path !== undefined && action !== undefined && html`<button name="drop" value="${JSON.stringify(path)}" aria-label="Search again without: ${text}" title="Search again without this">×</button>`}</li>`;
  const list = html`<ul class="chips" aria-label="Conditions">${conditionsOf(request).map(chip)}</ul>`;
  return action === undefined
    ? list
    : html`<form class="conditions" method="post" action="${action}">${csrfField(csrf)}${list}</form>`;
}
