import { MARKETPLACES } from '../../../config/formats.ts';
import { Failure } from '../../../failures.ts';
import { countryName, countryNames } from '../../../product/countries.ts';
import { isMarketplace, MARKETPLACE_IDS, marketplaceOf } from '../../../product/marketplaces.ts';
import type { NormalRequest, SearchRequest } from '../../../product/requestSchema.ts';
import { countText, numberText } from '../../../text/values.ts';
import { type FormValues, valuesOf } from '../../auth/login.ts';
import { csrfField, type Html, html, options } from '../html.ts';

/** What is in the form. */
export interface Filled {
  /** Fields that are missing have their defaults. */
  values: Partial<FormValues>;
  /** Of a search that names none. */
  marketplace: string;
  mistakes: readonly Mistake[];
  csrf: string | null;
}

/** `field` is the name of the field; empty for a mistake elsewhere. */
export type Mistake = { field: string; message: string };

type Texts = Readonly<Record<string, string>>;

/** A list, since two letters of a typed name would be another country and so another delivered price. */
const COUNTRIES: Texts = { '': 'Not chosen', ...countryNames() };
const CONDITIONS = { '': 'Any condition', NEW: 'New or open box', USED: 'Used' };
const AMOUNTS = { '50': '50', '200': '200', '1000': '1,000', '10000': '10,000' };
const SORTS = {
  '': 'Best match',
  newlyListed: 'Newly listed',
  price: 'Lowest price',
  endingSoonest: 'Ending soonest',
};
const KINDS = {
  '': 'Automatic',
  words: 'Words of a title',
  listing: 'A listing’s address or number',
  code: 'A product code (UPC, EAN, ISBN)',
};
/** Fields that are out of sight while they are empty. */
const MORE = ['exclude', 'minFeedback', 'sort', 'freeShipping', 'kind', 'also'];
const FIGURES = [
  ...[
    'resalePrice',
    'feePercent',
    'feeFixed',
    'importTax',
    'handling',
    'minMargin',
    'costsCurrency',
    'rates',
  ],
  'otherCosts',
];

/** The form of a search. */
export function searchForm({ values, marketplace, mistakes, csrf }: Filled): Html {
  const field = (name: string, label: string, control: (attributes: Html) => Html, hint?: string) => {
    const problem = mistakes.find((each) => each.field === name);
    const described = problem && html` aria-invalid="true" aria-describedby="${name}-problem"`;
    return html`<p class="field field-${name}"><label for="${name}">${label}${hint !== undefined && html` <small class="inline">${hint}</small>`}</label>${control(html`id="${name}" name="${name}"${described}`)}
    ${problem && html`<span class="problem" id="${name}-problem">${problem.message}</span>`}</p>`;
  };
  const text = (name: string, label: string, attributes: Html, hint?: string) =>
    field(name, label, (own) => html`<input ${own} value="${values[name] ?? ''}" ${attributes}>`, hint);
  const select = (name: string, label: string, texts: Texts, chosen: string, attributes?: Html) =>
    field(
      name,
      label,
      (own) => html`<select ${own}${attributes}>${options(texts, values[name] ?? chosen)}</select>`,
    );
  const others = mistakes.filter(({ field: name }) => !(name in PATHS));
  const also = valuesOf(values.also);
  const { otherCosts } = values;
  return html`<form class="search" method="post" action="/searches" data-estimate="/estimate" id="search">
  ${csrfField(csrf)}
  ${others.length > 0 && html`<ul class="problems" role="alert">${others.map(({ message }) => html`<li>${message}</li>`)}</ul>`}
  <div class="ask">
    ${text('query', 'What are you looking for?', html`type="search" required maxlength="2048" autocomplete="off" placeholder="usb c charger" enterkeyhint="search"`, 'words, the address of a listing, or a product code')}
    <button class="main">Search</button>
  </div>
  <p class="by-picture" hidden><label for="picture">or by a picture of it</label> <input type="file" id="picture" accept="image/*"><input type="hidden" name="image"></p>
  <div class="fields">
    ${select('marketplace', 'Marketplace', sites(), marketplace)}
    ${select('condition', 'Condition', CONDITIONS, '')}
    ${text('priceMax', 'Item price up to', html`inputmode="decimal" autocomplete="off"`)}
    ${select('country', 'Deliver to country', COUNTRIES, '', html` autocomplete="country"`)}
    ${text('postalCode', 'Postal code', html`maxlength="10" autocomplete="postal-code" placeholder="19406" class="short"`)}
    ${select('maxItems', 'At most', AMOUNTS, '200')}
  </div>
  <details${isFilled(MORE, values, mistakes) && html` open`}>
    <summary>More conditions</summary>
    <div class="fields">
      ${text('exclude', 'Titles without', html`autocomplete="off" placeholder="case, cable"`)}
      ${text('minFeedback', 'Sellers with at least', html`inputmode="decimal" autocomplete="off" class="short"`, '% positive')}
      ${select('sort', 'Which ones first', SORTS, '')}
      ${select('kind', 'Take what I typed as', KINDS, '')}
      <p class="check"><input type="checkbox" id="freeShipping" name="freeShipping" value="1"${values.freeShipping && html` checked`}>
        <label for="freeShipping">Free shipping only</label></p>
    </div>
    <fieldset class="also"><legend>Search on these too (five in all)</legend>
      ${MARKETPLACE_IDS.map((id) => html`<label><input type="checkbox" name="also" value="${id}"${also.includes(id) && html` checked`}> ${siteName(id)}</label>`)}
    </fieldset>
  </details>
  <details class="costs"${isFilled(FIGURES, values, mistakes) && html` open`}>
    <summary>Costs and margin</summary>
    <p class="small">Your own figures, in one currency. Nothing is estimated: what is not known stays unknown.</p>
    <div class="fields">
      ${text('resalePrice', 'You sell it for', html`inputmode="decimal" autocomplete="off" class="short"`)}
      ${text('feePercent', 'Fees of a sale', html`inputmode="decimal" autocomplete="off" class="short"`, '%')}
      ${text('feeFixed', 'and fixed', html`inputmode="decimal" autocomplete="off" class="short"`)}
      ${text('importTax', 'Tax when you buy', html`inputmode="decimal" autocomplete="off" class="short"`, '%')}
      ${text('handling', 'Own handling', html`inputmode="decimal" autocomplete="off" class="short"`)}
      ${text('minMargin', 'Margin at least', html`inputmode="decimal" autocomplete="off" class="short"`, '%')}
      ${text('costsCurrency', 'Currency', html`maxlength="3" autocomplete="off" class="short" placeholder="${currencyOf(values.marketplace ?? marketplace)}"`)}
      ${text('rates', 'Exchange rates', html`autocomplete="off" placeholder="GBP 1.27"`)}
    </div>
    ${otherCosts && html`<p class="check"><input type="checkbox" id="otherCosts" name="otherCosts" value="${otherCosts}" checked> <label for="otherCosts">Also, as before: ${otherCostsText(otherCosts)}</label></p>`}
  </details>
  <p class="estimate"><output id="estimate" for="search" aria-live="polite"></output></p>
</form>`;
}

function isFilled(names: readonly string[], values: Filled['values'], mistakes: Filled['mistakes']): boolean {
  return names.some((name) => values[name] || mistakes.some(({ field }) => field === name));
}

function siteName(id: string): string {
  return id.replace('EBAY_', 'eBay ');
}

function sites(): Record<string, string> {
  return Object.fromEntries(MARKETPLACE_IDS.map((id) => [id, siteName(id)]));
}

/** The paths in a request of each field. */
const PATHS: Readonly<Record<string, readonly string[]>> = {
  query: ['query', 'items', 'gtin', 'image'],
  marketplace: ['marketplaces'],
  condition: ['filters.conditions'],
  priceMax: ['filters.price'],
  country: ['shipTo.country'],
  postalCode: ['shipTo.postalCode'],
  maxItems: ['maxItems'],
  exclude: ['title.exclude'],
  minFeedback: ['seller.minFeedbackPercentage'],
  sort: ['sort'],
  freeShipping: ['filters.freeShipping'],
  resalePrice: ['costs.resalePrice'],
  feePercent: ['costs.marketplaceFee.percent'],
  feeFixed: ['costs.marketplaceFee.fixed'],
  importTax: ['costs.importTaxPercent'],
  handling: ['costs.handling'],
  minMargin: ['costs.minMarginPercent'],
  costsCurrency: ['costs.currency'],
  rates: ['costs.exchangeRates'],
};

/** An address, also one without `https://` that names eBay; an id as eBay's APIs write it. */
const ADDRESS = /^(https?:\/\/|([a-z0-9-]+\.)*ebay\.[a-z.]+\/)/i;
const ITEM_ID = /^v1\|\d+\|\d+$/;

/** What people typed or pasted: listings, a product code, or words. */
export function kindOf(text: string): 'listing' | 'code' | 'words' {
  const parts = text.split(/[\s,]+/);
  const isListing = (part: string) => ADDRESS.test(part) || ITEM_ID.test(part) || isListingNumber(part);
  if (parts.every(isListing)) return 'listing';
  return isCode(codeIn(text)) ? 'code' : 'words';
}

/**
 * Twelve digits may be the number of a listing or a UPC, and one number of a listing in ten has a right check digit by
 * chance. Numbers of listings begin with 1 to 5 today. So a number with a right check digit is a UPC where it begins with
 * another digit, or with 19, as those of some large brands do.
 */
function isListingNumber(text: string): boolean {
  return /^\d{12}$/.test(text) && !(/^([06-9]|19)/.test(text) && hasCheckDigit(text));
}

/** A code without the hyphens and spaces that people write between its digits. */
function codeIn(text: string): string {
  return text.replace(/[\s-]/g, '');
}

function isCode(text: string): boolean {
  return (/^(\d{8}|\d{12,14})$/.test(text) && hasCheckDigit(text)) || isIsbn10(text);
}

/** UPC, EAN and GTIN-14: weights 3 and 1 from the right, the sum a multiple of ten. */
function hasCheckDigit(digits: string): boolean {
  const sum = [...digits]
    .reverse()
    .reduce((all, digit, at) => all + Number(digit) * (at % 2 === 0 ? 1 : 3), 0);
  return sum % 10 === 0;
}

function isIsbn10(text: string): boolean {
  if (!/^\d{9}[\dX]$/.test(text)) return false;
  const weighted = [...text].map((sign, at) => (sign === 'X' ? 10 : Number(sign)) * (10 - at));
  return weighted.reduce((sum, each) => sum + each, 0) % 11 === 0;
}

/** The request in a posted form. Invalid values stay as they are, so that the check names their fields. */
export function requestFromForm(values: FormValues, defaultMarketplace: string): SearchRequest {
  const given = (name: string) => values[name]?.trim() || undefined;
  const { marketplace = defaultMarketplace } = values;
  const query = values.query?.trim() ?? '';
  const kind = given('kind') ?? kindOf(query);
  const [country, postalCode] = ['country', 'postalCode'].map(given);
  const ship = { ...(country && { country }), ...(postalCode && { postalCode }) };
  const costs = costsFrom(given, currencyOf(marketplace));
  const place = { ...(Object.keys(ship).length > 0 && { shipTo: ship }), ...costs };
  // Listings that are named are shown whatever they are: conditions are about what a search finds.
  if (kind === 'listing') {
    const items = [...new Set(query.split(/[\s,]+/))];
    // An address of another site is more than a field that was left as it is.
    const site = items.map(marketplaceOf).find((id) => id !== undefined) ?? marketplace;
    return { ...place, marketplaces: [site], items, variations: 'all' } as SearchRequest;
  }
  const [priceMax, condition] = ['priceMax', 'condition'].map(given);
  const words = given('exclude')?.split(',') ?? [];
  const exclude = new Set(words.map((word) => word.trim()).filter(Boolean));
  const filters = {
    ...(priceMax && { price: { max: amountFrom(priceMax), currency: currencyOf(marketplace) } }),
    ...(condition && { conditions: [condition] }),
    ...(values.freeShipping && { freeShipping: true }),
  };
  const { image } = values;
  return {
    ...(image ? { image } : kind === 'code' ? { gtin: codeIn(query) } : { query }),
    ...place,
    marketplaces: [...new Set([marketplace, ...valuesOf(values.also)])],
    maxItems: numberFrom(given('maxItems')),
    sort: given('sort'),
    ...(Object.keys(filters).length > 0 && { filters }),
    ...(exclude.size > 0 && { title: { exclude: [...exclude] } }),
    ...(given('minFeedback') && { seller: { minFeedbackPercentage: numberFrom(given('minFeedback')) } }),
    facets: true,
  } as SearchRequest;
}

function currencyOf(marketplace: string): string {
  return isMarketplace(marketplace) ? MARKETPLACES[marketplace].currency : 'USD';
}

/** Empty without a figure: then the tenant's own costs hold. */
function costsFrom(given: (name: string) => string | undefined, currency: string): { costs?: object } {
  if (!FIGURES.some((name) => given(name) !== undefined)) return {};
  const amount = (name: string) => amountFrom(given(name));
  const percent = (name: string) => given(name)?.replace(',', '.');
  const fee = { percent: percent('feePercent'), fixed: amount('feeFixed') };
  const fields = {
    currency: given('costsCurrency')?.toUpperCase() ?? currency,
    exchangeRates: ratesFrom(given('rates')),
    resalePrice: amount('resalePrice'),
    marketplaceFee: fee.percent === undefined && fee.fixed === undefined ? undefined : fee,
    importTaxPercent: percent('importTax'),
    handling: amount('handling'),
    minMarginPercent: percent('minMargin'),
  };
  return { costs: { ...otherCostsFrom(given('otherCosts')), ...fields } };
}

/** With a comma for a point. `1,000` is a thousand to some and one to others: it stays, so that the check refuses it. */
function amountFrom(text: string | undefined): string | undefined {
  return text !== undefined && /,\d{3}$/.test(text) ? text : text?.replace(',', '.');
}

/**
 * `GBP 1.27, EUR 1.08`, also with a comma for a point. A part of another form stays, and so does a second rate of one
 * currency, so that the check refuses them.
 */
function ratesFrom(text: string | undefined): object | undefined {
  if (text === undefined) return undefined;
  const rates = new Map<string, string>();
  const parts = text.replace(/\s+/g, ' ').split(/ ?; ?| ?, ?(?=[a-z])| (?=[a-z])/i);
  for (const part of parts.filter(Boolean)) {
    const [, code = '', rate = ''] = /^([a-z]{3}) ?[:=]? ?(\d+(?:[.,]\d+)?)$/i.exec(part) ?? [];
    const currency = code.toUpperCase();
    if (currency === '' || rates.has(currency)) rates.set(part.slice(0, 40), '');
    else rates.set(currency, rate.replace(',', '.'));
  }
  return Object.fromEntries(rates);
}

/** What costs may hold that the form has no field for. */
const OTHER_COSTS: Texts = {
  dutyPercent: 'duty',
  markupPercent: 'markup',
  resaleTax: 'tax of the sale',
  paymentFee: 'payment fee',
  minMarginAmount: 'least margin',
};

/** Content of another form stays, so that the check refuses it. */
function otherCostsFrom(text: string | undefined): object {
  if (text === undefined) return {};
  try {
    const costs: unknown = JSON.parse(text);
    if (typeof costs === 'object' && costs !== null) return costs;
  } catch {}
  return { otherCosts: text };
}

function otherCostsText(text: string): string {
  const figures = Object.entries(otherCostsFrom(text)).map(([name, figure]) => {
    // A figure alone is an amount, or a part where its name says so.
    const own = name.endsWith('Percent') ? { percent: figure } : { fixed: figure };
    const { percent, fixed, onTop } =
      typeof figure === 'object' && figure !== null ? figure : { ...own, onTop: false };
    const parts = [percent && `${percent} %`, fixed].filter(Boolean).join(' and ');
    return `${OTHER_COSTS[name] ?? name} ${parts}${onTop ? ' on top' : ''}`;
  });
  return figures.join(', ');
}

function numberFrom(text: string | undefined): unknown {
  return text === undefined || !/^\d+([.,]\d+)?$/.test(text) ? text : Number(text.replace(',', '.'));
}

/** A request as the form has it; what the form has no field for is left out. */
export function valuesFrom(request: NormalRequest): FormValues {
  const { query, gtin, items, marketplaces, maxItems, filters, shipTo, title, seller, sort, costs } = request;
  const [marketplace, ...also] = marketplaces;
  const others = Object.entries(costs ?? {}).filter(([name]) => name in OTHER_COSTS);
  const entries = Object.entries({
    query: query ?? gtin ?? items?.join(' '),
    marketplace,
    also: also.join('\n'),
    condition: filters.conditions?.[0],
    priceMax: filters.price?.max,
    country: shipTo?.country,
    postalCode: shipTo?.postalCode,
    maxItems: String(maxItems),
    exclude: title?.exclude?.join(', '),
    minFeedback: seller?.minFeedbackPercentage?.toString(),
    sort,
    freeShipping: filters.freeShipping ? '1' : undefined,
    resalePrice: costs?.resalePrice,
    feePercent: costs?.marketplaceFee?.percent,
    feeFixed: costs?.marketplaceFee?.fixed,
    importTax: costs?.importTaxPercent,
    handling: costs?.handling,
    minMargin: costs?.minMarginPercent,
    costsCurrency: costs?.currency,
    rates: Object.entries(costs?.exchangeRates ?? {})
      .map((pair) => pair.join(' '))
      .join(', '),
    otherCosts: others.length > 0 && JSON.stringify(Object.fromEntries(others)),
  });
  return Object.fromEntries(entries.flatMap(([name, value]) => (value ? [[name, value]] : [])));
}

/** How what was typed was understood; undefined for words. */
export function understoodText({ items, gtin, marketplaces = [] }: SearchRequest): string | undefined {
  if (items !== undefined)
    return `understood as ${countText(items.length, 'listing')} of ${marketplaces.map(siteName)}, with all variations`;
  return gtin === undefined ? undefined : 'understood as a product code';
}

/** The mistakes of a request by the field of the form. @throws every other error */
export function mistakesIn(error: unknown): Mistake[] {
  if (!(error instanceof Failure) || error.code !== 'invalid_request') throw error;
  return (error.detail.errors ?? []).map(({ path, message }) => {
    const field = Object.keys(PATHS).find((each) =>
      PATHS[each]?.some((own) => `${path}.`.startsWith(`${own}.`)),
    );
    const isElsewhere = field === undefined && path !== '';
    return { field: field ?? '', message: isElsewhere ? `${path}: ${message}` : message };
  });
}

/** `!` stands for listings without the aspect. */
function aspectValueText(value: string): string {
  return value === '!' ? 'not stated' : value;
}

/** Of eBay's condition ids, which are the same on all sites. */
const CONDITION_NAMES: Texts = {
  ...{ '1000': 'new', '1500': 'open box', '1750': 'new with defects', '2000': 'certified refurbished' },
  ...{ '2010': 'excellent, refurbished', '2020': 'very good, refurbished', '2030': 'good, refurbished' },
  ...{
    '2500': 'seller refurbished',
    '2750': 'like new',
    '3000': 'used',
    '4000': 'very good',
    '5000': 'good',
  },
  ...{ '6000': 'acceptable', '7000': 'for parts or not working' },
};

/** The conditions of a request besides its keywords, a few words each. */
export function conditionTexts(request: NormalRequest): string[] {
  const { marketplaces, maxItems, filters, shipTo, title, seller, sort, items, variations, costs } = request;
  const { query, categoryIds } = request;
  const { price, conditions, conditionIds, buyingOptions, freeShipping, aspects = {} } = filters;
  const range = (price?.min ? `from ${price.min} ` : '') + (price?.max ? `up to ${price.max}` : '');
  return [
    marketplaces.map(siteName).join(', '),
    price && `${range.trim()} ${price.currency}`,
    conditions?.map((word) => (word === 'NEW' ? 'new or open box' : word.toLowerCase())).join(' or '),
    conditionIds && `condition ${conditionIds.map((id) => CONDITION_NAMES[id] ?? id).join(' or ')}`,
    buyingOptions?.map((name) => name.replaceAll('_', ' ').toLowerCase()).join(' or '),
    query !== undefined && categoryIds && `category ${categoryIds.join(', ')}`,
    ...Object.entries(aspects).map(
      ([name, values]) => `${name}: ${values.map(aspectValueText).join(' or ')}`,
    ),
    shipTo && `delivered to ${[countryName(shipTo.country), shipTo.postalCode].filter(Boolean).join(' ')}`,
    freeShipping && 'free shipping',
    title?.exclude && `without ${title.exclude.join(', ')}`,
    title?.include && `with ${title.include.join(', ')}`,
    seller?.minFeedbackPercentage && `sellers from ${seller.minFeedbackPercentage} %`,
    sort && `by ${sort}`,
    costs?.resalePrice && `sold for ${costs.resalePrice} ${costs.currency}`,
    costs?.minMarginPercent && `margin from ${costs.minMarginPercent} %`,
    variations === 'all' && 'all variations',
    items === undefined && `at most ${numberText(maxItems)}`,
  ].flatMap((text) => text || []);
}
