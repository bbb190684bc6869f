import { MARKETPLACES } from '../../config/formats.ts';
import { Failure } from '../../failures.ts';
import type { NormalRequest, SearchRequest } from '../../product/requestSchema.ts';
import { numberText } from '../../text/values.ts';
import type { FormValues } from '../auth/login.ts';
import { csrfField, type Html, html, options } from './html.ts';

/** `field` is the name of the field; empty for a mistake elsewhere. */
export type FormProblem = { field: string; message: string };

const CONDITIONS = { '': 'Any condition', NEW: 'New or open box', USED: 'Used' };
const AMOUNTS = { '50': '50', '200': '200', '1000': '1,000', '10000': '10,000' };

/** The form for a search. */
export function searchForm(
  values: FormValues,
  marketplace: string,
  csrf: string | null,
  problems: readonly FormProblem[],
): Html {
  const field = (name: string, label: string, control: (attributes: Html) => Html, hint?: string) => {
    const problem = problems.find((each) => each.field === name);
    const described = problem && html` aria-invalid="true" aria-describedby="${name}-problem"`;
    return html`<p class="field field-${name}"><label for="${name}">${label}${hint !== undefined && html` <small class="inline">${hint}</small>`}</label>${control(html`id="${name}" name="${name}"${described}`)}
    ${problem && html`<span class="problem" id="${name}-problem">${problem.message}</span>`}</p>`;
  };
  const text = (name: string, label: string, attributes: Html, hint?: string) =>
    field(name, label, (own) => html`<input ${own} value="${values[name] ?? ''}" ${attributes}>`, hint);
  const select = (name: string, label: string, texts: Readonly<Record<string, string>>, chosen: string) =>
    field(name, label, (own) => html`<select ${own}>${options(texts, values[name] ?? chosen)}</select>`);
  const others = problems.filter(({ field: name }) => !(name in PATHS));
  return html`<form class="search" method="post" action="/searches" data-estimate="/estimate" id="search">
  ${csrfField(csrf)}
  ${others.length > 0 && html`<ul class="problems" role="alert">${others.map(({ message }) => html`<li>${message}</li>`)}</ul>`}
  <div class="ask">
    ${text('query', 'What are you looking for?', html`type="search" required maxlength="100" autocomplete="off" placeholder="usb c charger" enterkeyhint="search"`)}
    <button class="main">Search</button>
  </div>
  <div class="fields">
    ${select('marketplace', 'Marketplace', sites(), marketplace)}
    ${select('condition', 'Condition', CONDITIONS, '')}
    ${text('priceMax', 'Item price up to', html`inputmode="decimal" autocomplete="off"`)}
    ${text('country', 'Deliver to country', html`maxlength="2" autocomplete="country" placeholder="US" class="short"`)}
    ${text('postalCode', 'Postal code', html`maxlength="10" autocomplete="postal-code" placeholder="19406" class="short"`)}
    ${select('maxItems', 'At most', AMOUNTS, '200')}
  </div>
  <details${MORE.some((name) => values[name]) && html` open`}>
    <summary>More conditions</summary>
    <div class="fields">
      ${text('exclude', 'Titles without', html`autocomplete="off" placeholder="case, cable"`)}
      ${text('minFeedback', 'Sellers with at least', html`inputmode="decimal" autocomplete="off" class="short"`, '% positive')}
      ${select('sort', 'Which ones first', SORTS, '')}
      <p class="check"><input type="checkbox" id="freeShipping" name="freeShipping" value="1"${values.freeShipping && html` checked`}>
        <label for="freeShipping">Free shipping only</label></p>
    </div>
  </details>
  <p class="estimate"><output id="estimate" for="search" aria-live="polite"></output></p>
</form>`;
}

const SORTS = {
  '': 'Best match',
  newlyListed: 'Newly listed',
  price: 'Lowest price',
  endingSoonest: 'Ending soonest',
};
const MORE = ['exclude', 'minFeedback', 'sort', 'freeShipping'];
/** The path in a request of each field. */
const PATHS: Readonly<Record<string, string>> = {
  query: 'query',
  marketplace: 'marketplaces',
  condition: 'filters.conditions',
  priceMax: 'filters.price',
  country: 'shipTo.country',
  postalCode: 'shipTo.postalCode',
  maxItems: 'maxItems',
  exclude: 'title.exclude',
  minFeedback: 'seller.minFeedbackPercentage',
  sort: 'sort',
  freeShipping: 'filters.freeShipping',
};

function sites(): Record<string, string> {
  return Object.fromEntries(Object.keys(MARKETPLACES).map((id) => [id, id.replace('EBAY_', 'eBay ')]));
}

/** The request in a posted form. Invalid values stay as they are, so that the check names their fields. */
export function requestFromForm(values: FormValues, defaultMarketplace: string): SearchRequest {
  const given = (name: string) => values[name]?.trim() || undefined;
  const { marketplace = defaultMarketplace } = values;
  const site = MARKETPLACES[marketplace as keyof typeof MARKETPLACES];
  const [priceMax, condition, country] = ['priceMax', 'condition', 'country'].map(given);
  const postalCode = given('postalCode');
  const words = given('exclude')?.split(',') ?? [];
  const exclude = new Set(words.map((word) => word.trim()).filter(Boolean));
  const filters = {
    ...(priceMax && { price: { max: priceMax.replace(',', '.'), currency: site?.currency ?? 'USD' } }),
    ...(condition && { conditions: [condition] }),
    ...(values.freeShipping && { freeShipping: true }),
  };
  const ship = { ...(country && { country: country.toUpperCase() }), ...(postalCode && { postalCode }) };
  return {
    query: values.query?.trim() ?? '',
    marketplaces: [marketplace],
    maxItems: numberFrom(given('maxItems')),
    sort: given('sort'),
    ...(Object.keys(filters).length > 0 && { filters }),
    ...(Object.keys(ship).length > 0 && { shipTo: ship }),
    ...(exclude.size > 0 && { title: { exclude: [...exclude] } }),
    ...(given('minFeedback') && { seller: { minFeedbackPercentage: numberFrom(given('minFeedback')) } }),
  } as SearchRequest;
}

function numberFrom(text: string | undefined): unknown {
  return text === undefined || !/^\d+([.,]\d+)?$/.test(text) ? text : Number(text.replace(',', '.'));
}

/** The mistakes of a request by the field of the form. @throws every other error */
export function mistakesIn(error: unknown): FormProblem[] {
  if (!(error instanceof Failure) || error.code !== 'invalid_request') throw error;
  return (error.detail.errors ?? []).map(({ path, message }) => {
    const field = Object.keys(PATHS).find((each) => `${path}.`.startsWith(`${PATHS[each]}.`));
    const isElsewhere = field === undefined && path !== '';
    return { field: field ?? '', message: isElsewhere ? `${path}: ${message}` : message };
  });
}

/** The conditions of a request besides its keywords, a few words each. */
export function conditionTexts(request: NormalRequest): string[] {
  const { marketplaces, maxItems, filters, shipTo, title, seller, sort } = request;
  const { price, conditions, freeShipping } = filters;
  const range = (price?.min ? `from ${price.min} ` : '') + (price?.max ? `up to ${price.max}` : '');
  return [
    marketplaces.map((id) => id.replace('EBAY_', 'eBay ')).join(', '),
    price && `${range.trim()} ${price.currency}`,
    conditions?.map((word) => (word === 'NEW' ? 'new or open box' : word.toLowerCase())).join(' or '),
    shipTo && `delivered to ${[shipTo.country, shipTo.postalCode].filter(Boolean).join(' ')}`,
    freeShipping && 'free shipping',
    title?.exclude && `without ${title.exclude.join(', ')}`,
    title?.include && `with ${title.include.join(', ')}`,
    seller?.minFeedbackPercentage && `sellers from ${seller.minFeedbackPercentage} %`,
    sort && `by ${sort}`,
    `at most ${numberText(maxItems)}`,
  ].flatMap((text) => text || []);
}
