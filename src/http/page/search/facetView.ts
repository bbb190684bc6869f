import { siteName } from '../../../product/marketplaces.ts';
import type { NormalRequest } from '../../../product/requestSchema.ts';
import type { SearchFacets } from '../../../product/summary.ts';
import { numberText } from '../../../text/values.ts';
import { csrfField, type Html, html } from '../html.ts';
import { addressOf } from '../result/selection.ts';
import { aspectValueText } from './conditions.ts';
import { WAYS } from './fields.ts';

/** What is shown of each facet: eBay sends up to 50 values, those with most listings first. */
const SHOWN_VALUES = 12;
const SHOWN_ASPECTS = 12;
/** Facets that are open at first. */
const OPEN = 3;

interface Value {
  /** In its list. */
  value: string;
  text: string;
  /** Undefined for what is chosen and is not among eBay’s values. */
  count?: number;
}

/** What narrows a search: a click starts the narrowed one, another click takes it back. One form for each marketplace. */
export function facetView(
  searchId: string,
  request: NormalRequest,
  facets: readonly SearchFacets[],
  csrf: string | null,
): Html | null {
  const forms = facets.filter((each) => groupsOf(each, request).length > 0);
  if (forms.length === 0) return null;
  return html`<aside class="facets" aria-labelledby="narrow"><h2 id="narrow">Narrow this search</h2>
  <p class="small">Each click is a new search: one call. The numbers are eBay’s, of the whole search.</p>
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
  ${isOneOfMany && html`<h3>${siteName(marketplace)}</h3>`}
  <div class="groups">${groupsOf(facets, request).map((group, at) => groupView(group, at < OPEN))}</div>
</form>`;
}

interface Group {
  title: string;
  /** Of its list in the request. */
  path: readonly string[];
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
    {
      ...{ title: 'Category', path: ['categoryIds'] },
      values: categories.map(named),
      chosen: new Set(categoryIds),
    },
    {
      ...{ title: 'Condition', path: ['filters', 'conditionIds'] },
      values: conditions.map(named),
      chosen: new Set(filters.conditionIds),
    },
    ...aspects.slice(0, SHOWN_ASPECTS).map(
      ({ name, values }): Group => ({
        title: name,
        path: ['filters', 'aspects', name],
        values: values.map(({ value, text = aspectValueText(value), count }) => ({ value, text, count })),
        // eBay's name of an aspect may be that of a property which every object has.
        chosen: new Set(Object.hasOwn(filters.aspects ?? {}, name) ? filters.aspects?.[name] : []),
      }),
    ),
    {
      ...{ title: 'Ways to buy', path: ['filters', 'buyingOptions'] },
      values: buyingOptions.map(({ name, count }) => ({ value: name, text: WAYS[name] ?? name, count })),
      chosen: new Set(filters.buyingOptions),
    },
  ];
  return groups.filter(({ values, chosen }) => values.length > 1 || chosen.size > 0);
}

function groupView({ title, path, values, chosen }: Group, isOpen: boolean): Html {
  const shown = values.slice(0, SHOWN_VALUES);
  const known = new Set(shown.map(({ value }) => value));
  const others = [...chosen]
    .filter((value) => !known.has(value))
    .map((value): Value => values.find((each) => each.value === value) ?? { value, text: value });
  // What is chosen is first, to be taken back.
  const sorted = [...others, ...shown].sort(
    (one, other) => Number(chosen.has(other.value)) - Number(chosen.has(one.value)),
  );
  return html`<details${(isOpen || chosen.size > 0) && html` open`}><summary>${title}${chosen.size > 0 && html` <small>(${chosen.size} set)</small>`}</summary>
  <div role="group" aria-label="${title}"><ul>${sorted.map(
    ({ value, text, count }) =>
      html`<li><button class="facet" name="toggle" value="${JSON.stringify([...path, value])}" aria-pressed="${String(chosen.has(value))}"><span>${text}</span>${count !== undefined && html` <small>${numberText(count)}</small>`}</button></li>`,
  )}</ul></div></details>`;
}
