import type { NormalRequest, SearchRequest } from '../../../product/requestSchema.ts';
import type { SearchFacets } from '../../../product/summary.ts';
import { numberText } from '../../../text/values.ts';
import { type FormValues, valuesOf } from '../../auth/login.ts';
import { csrfField, type Html, html } from '../html.ts';
import { addressOf } from '../result/selection.ts';

/** What is shown of each facet: eBay sends up to 50 values, those with most listings first. */
const SHOWN_VALUES = 12;
const SHOWN_ASPECTS = 12;
/** Facets that are open at first. */
const OPEN = 3;

const WAYS: Readonly<Record<string, string>> = {
  FIXED_PRICE: 'Buy it now',
  AUCTION: 'Auction',
  BEST_OFFER: 'Best offer',
  CLASSIFIED_AD: 'Classified ad',
};

interface Value {
  value: string;
  text: string;
  /** Undefined for what is chosen and is not among eBay’s values. */
  count?: number;
}

/** What narrows a search, as forms that start the narrowed one: one for each marketplace. */
export function facetView(
  searchId: string,
  request: NormalRequest,
  facets: readonly SearchFacets[],
  csrf: string | null,
): Html | null {
  const forms = facets.filter((each) => groupsOf(each, request).length > 0);
  if (forms.length === 0) return null;
  return html`<aside class="facets" aria-labelledby="narrow"><h2 id="narrow">Narrow this search</h2>
${forms.map((each) => facetForm(searchId, request, each, csrf, forms.length > 1))}</aside>`;
}

function facetForm(
  searchId: string,
  request: NormalRequest,
  facets: SearchFacets,
  csrf: string | null,
  isOneOfMany: boolean,
): Html {
  const { marketplace, dominantCategoryId } = facets;
  return html`<form method="post" action="${addressOf(searchId)}/narrow">
  ${csrfField(csrf)}<input type="hidden" name="marketplace" value="${marketplace}"><input type="hidden" name="dominant" value="${dominantCategoryId}">
  ${isOneOfMany && html`<h3>${marketplace.replace('EBAY_', 'eBay ')}</h3>`}
  <div class="groups">${groupsOf(facets, request).map((group, at) => groupView(group, at < OPEN))}</div>
  <button class="main">Narrow</button>
  <p class="small">A new search, one call. The numbers are eBay’s, of the whole search.</p>
</form>`;
}

interface Group {
  title: string;
  name: 'category' | 'condition' | 'buying' | 'aspect';
  values: Value[];
  chosen: ReadonlySet<string>;
}

function groupsOf(facets: SearchFacets, { filters, categoryIds }: NormalRequest): Group[] {
  const { categories, conditions, buyingOptions, aspects } = facets;
  const named = ({ id, name, count }: SearchFacets['categories'][number]): Value => ({
    value: id,
    text: name ?? id,
    count,
  });
  const groups: Group[] = [
    { title: 'Category', name: 'category', values: categories.map(named), chosen: new Set(categoryIds) },
    {
      title: 'Condition',
      name: 'condition',
      values: conditions.map(named),
      chosen: new Set(filters.conditionIds),
    },
    ...aspects.slice(0, SHOWN_ASPECTS).map(
      ({ name, values }): Group => ({
        title: name,
        name: 'aspect',
        values: values.map(({ value, text = value, count }) => ({ value: `${name}:${value}`, text, count })),
        chosen: new Set((filters.aspects?.[name] ?? []).map((value) => `${name}:${value}`)),
      }),
    ),
    {
      title: 'Ways to buy',
      name: 'buying',
      values: buyingOptions.map(({ name, count }) => ({ value: name, text: WAYS[name] ?? name, count })),
      chosen: new Set(filters.buyingOptions),
    },
  ];
  return groups.filter(({ values, chosen }) => values.length > 1 || chosen.size > 0);
}

function groupView({ title, name, values, chosen }: Group, isOpen: boolean): Html {
  const shown = values.slice(0, SHOWN_VALUES);
  // What is chosen must stay: a form sends what it shows.
  const known = new Set(shown.map(({ value }) => value));
  const others = [...chosen].filter((value) => !known.has(value));
  const rest = others.map(
    (value): Value => values.find((each) => each.value === value) ?? { value, text: value },
  );
  const kind = name === 'category' ? 'radio' : 'checkbox';
  const any =
    kind === 'radio' &&
    html`<li><label><input type="radio" name="${name}" value=""${chosen.size === 0 && html` checked`}> <span>Any</span></label></li>`;
  return html`<details${(isOpen || chosen.size > 0) && html` open`}><summary>${title}</summary>
  <div role="group" aria-label="${title}"><ul>${any}${[...shown, ...rest].map((each) => html`<li><label><input type="${kind}" name="${name}" value="${each.value}"${chosen.has(each.value) && html` checked`}> <span>${each.text}</span>${each.count !== undefined && html` <small>${numberText(each.count)}</small>`}</label></li>`)}</ul></div></details>`;
}

/**
 * The search again with what was chosen in the form. Aspects belong to a category: without one to the dominant one. The
 * details of what is new belong to the track, which another request cannot continue.
 */
export function narrowedRequest(
  { priority: _priority, maxAge: _maxAge, track: _track, categoryIds, ...request }: NormalRequest,
  form: FormValues,
): SearchRequest {
  const {
    conditions,
    conditionIds: _ids,
    buyingOptions: _options,
    aspects: _aspects,
    ...filters
  } = request.filters;
  const [conditionIds, buyingOptions, aspects] = [form.condition, form.buying, form.aspect].map(valuesOf) as [
    string[],
    string[],
    string[],
  ];
  const wanted = form.category ?? categoryIds?.[0];
  const category = wanted || (aspects.length > 0 && form.dominant) || undefined;
  const byName = new Map<string, string[]>();
  for (const each of aspects) {
    const at = each.indexOf(':');
    const name = each.slice(0, at);
    byName.set(name, [...(byName.get(name) ?? []), each.slice(at + 1)]);
  }
  return {
    ...request,
    details: request.details === 'new' ? 'none' : request.details,
    marketplaces: [form.marketplace],
    ...(category && { categoryIds: [category] }),
    filters: {
      ...filters,
      ...(conditionIds.length > 0 ? { conditionIds } : conditions && { conditions }),
      ...(buyingOptions.length > 0 && { buyingOptions }),
      ...(byName.size > 0 && { aspects: Object.fromEntries(byName) }),
    },
    facets: true,
  } as SearchRequest;
}
