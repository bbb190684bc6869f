import { siteName } from '../../../product/marketplaces.ts';
import type { Product } from '../../../product/product.ts';
import { countText, numberText } from '../../../text/values.ts';
import { type Html, html, options } from '../html.ts';
import { priceHistogram } from './priceHistogram.ts';
import {
  addressOf,
  isChanged,
  mainCurrency,
  type Narrowed,
  NO_CONDITION,
  type Query,
  queryOf,
  type Selection,
  wrongFields,
} from './selection.ts';

/** The id of the form; controls elsewhere on the page belong to it by this name. */
export const FILTER_FORM = 'filter';

export interface Filters {
  searchId: string;
  products: readonly Product[];
  selection: Selection;
  /** As it was asked for: what was typed wrong stays in its field. */
  query: Query;
  narrowed: Narrowed;
  /** Whether the person keeps any favourite. */
  hasFavourites: boolean;
  /** Products are variations, whose prices are in no picture. */
  isListings: boolean;
}

/** What is shown of a result, without a call: the address has all of it. The page's script applies a change at once. */
export function filterForm(filters: Filters): Html {
  const { searchId, products, selection, query, narrowed, hasFavourites, isListings } = filters;
  const { words, least, most, known, free, rating, margin, site, changed, favourites, hidden } = selection;
  const { counts } = narrowed;
  const currency = mainCurrency(products) ?? '';
  const wrong = wrongFields(query, currency);
  const number = (
    name: 'least' | 'most' | 'rating' | 'margin',
    label: string,
    value: number | undefined,
    unit: string,
  ) => {
    const mistake = wrong[name];
    return html`<p class="field"><label for="${name}">${label}</label>
    <span class="unit"><input id="${name}" name="${name}" inputmode="decimal" autocomplete="off" class="short" value="${mistake?.text ?? value}"${mistake && html` aria-invalid="true"`} aria-describedby="${name}-problem"> ${unit}</span>
    <span class="problem" id="${name}-problem" data-part>${mistake?.message}</span></p>`;
  };
  const box = (name: string, label: string, isChosen: boolean, count: number | undefined) =>
    html`<p class="check"><input type="checkbox" id="${name}" name="${name}" value="1"${isChosen && html` checked`}><label for="${name}">${label}${count !== undefined && counted(`count-${name}`, count)}</label></p>`;
  const conditions = conditionsOf(products);
  const sites = [...new Set(products.map(({ marketplace }) => marketplace))];
  const used = queryOf({ ...selection, page: 1, order: 'ebay' }).length;
  return html`<form id="${FILTER_FORM}" class="narrow" method="get" action="${addressOf(searchId)}">
<details class="filters"${Object.keys(wrong).length > 0 && html` open`}>
  <summary>Filters<span id="filters-used" data-part>${used > 0 && html` <span class="badge">${used}</span>`}</span></summary>
  <div class="fields">
  <div class="heading"><h2>Filters</h2> <span id="filters-clear" data-part>${used > 0 && html`<a href="${addressOf(searchId)}">Clear all filters</a>`}</span></div>
  <p class="field"><label for="words">Words of the title</label><input id="words" name="words" type="search" autocomplete="off" maxlength="200" placeholder="hub -case" value="${words}" enterkeyhint="search"></p>
  <div id="prices" data-part>${!isListings && priceHistogram(products, selection, (range) => addressOf(searchId, { ...selection, ...range, page: 1 }))}</div>
  <div class="pair">${number('least', 'Delivered from', least, currency)}${number('most', 'Delivered up to', most, currency)}</div>
  ${box('known', 'Known price only', known, counts.known)}
  ${box('free', 'Free shipping', free, counts.free)}
  ${products.some(({ mark }) => mark !== undefined) && box('changed', 'Only changed', changed, products.filter(isChanged).length)}
  ${
    conditions.size > 1 &&
    html`<fieldset><legend>Condition</legend>${[...conditions].map(
      ([id, text]) =>
        html`<p class="check"><input type="checkbox" id="condition-${id}" name="condition" value="${id}"${selection.conditions.includes(id) && html` checked`}><label for="condition-${id}">${text}${counted(`count-condition-${id}`, counts.conditions.get(id) ?? 0)}</label></p>`,
    )}</fieldset>`
  }
  ${number('rating', 'Seller’s rating from', rating, '% positive')}
  ${products.some((each) => each.margin) && number('margin', 'Margin from', margin, '%')}
  ${
    sites.length > 1 &&
    html`<p class="field"><label for="site">Marketplace</label><select id="site" name="site">${options({ '': 'All marketplaces', ...Object.fromEntries(sites.map((id) => [id, siteName(id)])) }, site ?? '')}</select></p>`
  }
  <div id="mine" data-part>${(hasFavourites || favourites) && box('favourites', 'My favourites', favourites, counts.favourites)}
  ${(narrowed.hidden > 0 || hidden) && box('hidden', 'Also what I have hidden', hidden, undefined)}</div>
  <p class="actions"><button class="main apply">Show <span id="filters-found" data-part>${countText(narrowed.fitting.length, 'product')}</span></button></p>
  </div>
</details>
</form>`;
}

function counted(id: string, count: number): Html {
  return html` <small class="inline" id="${id}" data-part>${numberText(count)}</small>`;
}

/** The text of each condition in a result, in the order of eBay’s ids: new ones first. */
function conditionsOf(products: readonly Product[]): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { conditionId, condition } of products) {
    const id = conditionId ?? NO_CONDITION;
    if (!texts.has(id)) texts.set(id, conditionId === null ? 'Not stated' : (condition ?? conditionId));
  }
  return new Map(
    [...texts].sort(([one], [other]) =>
      one === NO_CONDITION ? 1 : other === NO_CONDITION ? -1 : Number(one) - Number(other),
    ),
  );
}

/** The orders that say something of these products. */
export function ordersOf(products: readonly Product[]): Record<string, string> {
  return {
    ebay: 'eBay’s order',
    delivered: 'Delivered price',
    ...(products.some(({ landed }) => landed) && { landed: 'Landed cost' }),
    ...(products.some(({ margin }) => margin) && { margin: 'Margin' }),
    rating: 'Seller’s rating',
    ...(products.some(({ auction }) => auction) && { ending: 'Ending soonest' }),
    ...(products.some(({ mark }) => mark !== undefined) && { changed: 'Changed first' }),
  };
}
