import { countryName } from '../../../product/countries.ts';
import { instantOf } from '../../../product/instant.ts';
import {
  amountFrom,
  amountText,
  countryFrom,
  integerFrom,
  listFrom,
  pairsFrom,
  percentFrom,
  ratesFrom,
} from './typed.ts';

export type Texts = Readonly<Record<string, string>>;

/** How the text of a field is read, and how it is shown. */
export type Kind = keyof typeof KINDS;

/** One field of the form that is one field of a request. */
export interface Field {
  name: string;
  label: string;
  kind: Kind;
  /** In the request. */
  path: string;
  /** Where it stands; those of the first row have none. */
  group?: Group;
  /** What can be chosen. */
  texts?: Texts;
  /** Beside the label. */
  hint?: string;
  placeholder?: string;
  /** Of a number, for its message. */
  range?: readonly [least: number, most: number];
}

export const GROUPS = {
  more: '',
  kind: 'Kind of product and listing',
  place: 'Where it is, and how it is handed over',
  seller: 'Sellers and returns',
  time: 'Auctions and dates',
  run: 'How it is searched',
  costs: 'Costs and margin',
} as const;
export type Group = keyof typeof GROUPS;

/** Of eBay's condition ids, which are the same on all sites. */
export const CONDITION_NAMES: Texts = {
  ...{ '1000': 'New', '1500': 'Open box', '1750': 'New with defects', '2000': 'Certified refurbished' },
  ...{ '2010': 'Excellent, refurbished', '2020': 'Very good, refurbished', '2030': 'Good, refurbished' },
  ...{ '2500': 'Seller refurbished', '2750': 'Like new', '3000': 'Used', '4000': 'Very good' },
  ...{ '5000': 'Good', '6000': 'Acceptable', '7000': 'For parts or not working' },
};

export const CONDITIONS: Texts = { NEW: 'New or open box', USED: 'Used', UNSPECIFIED: 'Not stated' };

export const WAYS: Texts = {
  FIXED_PRICE: 'Buy it now',
  AUCTION: 'Auction',
  BEST_OFFER: 'Best offer',
  CLASSIFIED_AD: 'Classified ad',
};

export const SORTS: Texts = {
  '': 'Best match',
  price: 'Lowest delivered price',
  '-price': 'Highest delivered price',
  newlyListed: 'Newly listed',
  endingSoonest: 'Ending soonest',
  distance: 'Nearest (pick-up)',
};

export const REGIONS: Texts = {
  '': 'Anywhere',
  WORLDWIDE: 'Worldwide',
  NORTH_AMERICA: 'North America',
  EUROPEAN_UNION: 'European Union',
  CONTINENTAL_EUROPE: 'Continental Europe',
  UK_AND_IRELAND: 'UK and Ireland',
  BORDER_COUNTRIES: 'Neighbouring countries',
  ASIA: 'Asia',
};

const AMOUNTS: Texts = { '50': '50', '200': '200', '1000': '1,000', '10000': 'All (up to 10,000)' };

const HAND_OVER: Texts = { SHIP_TO_HOME: 'Sent to a home', SELLER_ARRANGED_LOCAL_PICKUP: 'Picked up' };
const ACCOUNTS: Texts = { BUSINESS: 'Businesses', INDIVIDUAL: 'Private persons' };
const PAYMENTS: Texts = { CREDIT_CARD: 'Credit card', PAYPAL: 'PayPal' };
const PROGRAMMES: Texts = {
  AUTHENTICITY_GUARANTEE: 'Authenticity guarantee',
  AUTHENTICITY_VERIFICATION: 'Authenticity verification',
  EBAY_PLUS: 'eBay Plus',
  EBAY_REFURBISHED: 'eBay refurbished',
};
const LANGUAGES: Texts = {
  '': 'The marketplace’s own',
  ...{ 'nl-BE': 'Dutch (Belgium)', 'fr-BE': 'French (Belgium)' },
  ...{ 'en-CA': 'English (Canada)', 'fr-CA': 'French (Canada)' },
};

/**
 * Every condition of a search that one field of the form stands for, in the order in which they are shown. Those that have
 * rules of their own are read in `formRequest.ts`: what is looked for, the marketplaces, category and aspects.
 */
export const FIELDS: readonly Field[] = [
  { name: 'country', label: 'Deliver to', kind: 'choice', path: 'shipTo.country' },
  { name: 'postalCode', label: 'Postal code', kind: 'text', path: 'shipTo.postalCode' },
  { name: 'priceMin', label: 'Item price from', kind: 'amount', path: 'filters.price.min' },
  { name: 'priceMax', label: 'Item price up to', kind: 'amount', path: 'filters.price.max' },
  ...of('more', [
    { name: 'condition', label: 'Condition', kind: 'choices', path: 'filters.conditions', texts: CONDITIONS },
    { name: 'sort', label: 'Which ones first', kind: 'choice', path: 'sort', texts: SORTS },
    {
      name: 'maxItems',
      label: 'At most',
      kind: 'size',
      path: 'maxItems',
      texts: AMOUNTS,
      range: [1, 10_000],
    },
    {
      name: 'include',
      label: 'Titles with all of',
      kind: 'words',
      path: 'title.include',
      placeholder: 'usb-c, 65w',
    },
    {
      name: 'exclude',
      label: 'Titles without',
      kind: 'words',
      path: 'title.exclude',
      placeholder: 'case, cable',
    },
    {
      name: 'minFeedback',
      label: 'Seller’s rating from',
      kind: 'share',
      hint: '(%)',
      path: 'seller.minFeedbackPercentage',
      range: [0, 100],
    },
    { name: 'freeShipping', label: 'Free shipping only', kind: 'flag', path: 'filters.freeShipping' },
    { name: 'returns', label: 'Returns accepted', kind: 'flag', path: 'filters.returnsAccepted' },
  ]),
  ...of('kind', [
    {
      name: 'conditionId',
      label: 'Exact condition',
      kind: 'choices',
      texts: CONDITION_NAMES,
      path: 'filters.conditionIds',
    },
    { name: 'buying', label: 'Ways to buy', kind: 'choices', path: 'filters.buyingOptions', texts: WAYS },
    {
      name: 'excludeCategories',
      label: 'Not in categories',
      kind: 'names',
      path: 'filters.excludeCategoryIds',
      hint: '(numbers)',
      placeholder: '9355, 20349',
    },
    { name: 'epid', label: 'Product number', kind: 'text', path: 'epid', hint: '(ePID)' },
    {
      name: 'vehicle',
      label: 'Parts that fit',
      kind: 'pairs',
      path: 'filters.compatibility',
      placeholder: 'Make: BMW, Year: 2018',
    },
    {
      name: 'programmes',
      label: 'Programmes of eBay',
      kind: 'choices',
      texts: PROGRAMMES,
      path: 'filters.qualifiedPrograms',
    },
    {
      name: 'inDescription',
      label: 'Search descriptions too',
      kind: 'flag',
      path: 'filters.searchInDescription',
    },
    { name: 'autoCorrect', label: 'Let eBay correct the spelling', kind: 'flag', path: 'autoCorrect' },
  ]),
  ...of('place', [
    {
      name: 'location',
      label: 'Located in the country',
      kind: 'country',
      path: 'filters.itemLocationCountry',
    },
    {
      name: 'region',
      label: 'Located in the region',
      kind: 'choice',
      texts: REGIONS,
      path: 'filters.itemLocationRegion',
    },
    { name: 'shipsTo', label: 'Ships to the country', kind: 'country', path: 'filters.deliveryCountry' },
    {
      name: 'shipsToCode',
      label: 'Ships to the postal code',
      kind: 'text',
      path: 'filters.deliveryPostalCode',
    },
    {
      name: 'handOver',
      label: 'Handed over',
      kind: 'choices',
      texts: HAND_OVER,
      path: 'filters.deliveryOptions',
    },
    { name: 'noPickupOnly', label: 'Leave out pick-up only', kind: 'flag', path: 'excludePickupOnly' },
    {
      name: 'pickupCountry',
      label: 'Pick-up near: country',
      kind: 'country',
      path: 'filters.pickup.country',
    },
    {
      name: 'pickupCode',
      label: 'Pick-up near: postal code',
      kind: 'text',
      path: 'filters.pickup.postalCode',
    },
    {
      name: 'pickupRadius',
      label: 'Pick-up within a distance of',
      kind: 'integer',
      path: 'filters.pickup.radius',
      range: [1, 500],
    },
    {
      name: 'pickupUnit',
      label: 'Unit of the distance',
      kind: 'choice',
      path: 'filters.pickup.unit',
      texts: { '': 'miles', km: 'kilometres' },
    },
  ]),
  ...of('seller', [
    {
      name: 'minScore',
      label: 'Seller’s score from',
      kind: 'integer',
      path: 'seller.minFeedbackScore',
      range: [0, 1e9],
    },
    { name: 'sellers', label: 'Only these sellers', kind: 'names', path: 'filters.sellers' },
    { name: 'excludeSellers', label: 'None of these sellers', kind: 'names', path: 'filters.excludeSellers' },
    {
      name: 'accounts',
      label: 'Sold by',
      kind: 'choices',
      texts: ACCOUNTS,
      path: 'filters.sellerAccountTypes',
    },
    {
      name: 'payments',
      label: 'Paid by',
      kind: 'choices',
      texts: PAYMENTS,
      path: 'filters.paymentMethods',
    },
    { name: 'promoted', label: 'Only promoted listings', kind: 'flag', path: 'filters.priorityListing' },
    { name: 'charity', label: 'Only for charity', kind: 'flag', path: 'filters.charityOnly' },
    {
      name: 'charities',
      label: 'Charities',
      kind: 'names',
      path: 'filters.charityIds',
      hint: '(numbers)',
    },
  ]),
  ...of('time', [
    {
      name: 'bidsMin',
      label: 'Bids from',
      kind: 'integer',
      path: 'filters.bidCount.min',
      range: [0, 1e6],
    },
    {
      name: 'bidsMax',
      label: 'Bids up to',
      kind: 'integer',
      path: 'filters.bidCount.max',
      range: [0, 1e6],
    },
    {
      name: 'listedFrom',
      label: 'Listed from',
      kind: 'day',
      path: 'filters.itemStartDate.from',
      hint: '(UTC)',
    },
    { name: 'listedTo', label: 'Listed until', kind: 'endOfDay', path: 'filters.itemStartDate.to' },
    { name: 'endsFrom', label: 'Ends from', kind: 'day', path: 'filters.itemEndDate.from' },
    { name: 'endsTo', label: 'Ends until', kind: 'endOfDay', path: 'filters.itemEndDate.to' },
  ]),
  ...of('run', [
    {
      name: 'priceCurrency',
      label: 'Currency of the price',
      kind: 'code',
      path: 'filters.price.currency',
      placeholder: 'the marketplace’s',
    },
    { name: 'maxCalls', label: 'Most pages to ask for', kind: 'integer', path: 'maxCalls', range: [1, 1000] },
    {
      name: 'variations',
      label: 'Variations of a listing',
      kind: 'choice',
      path: 'variations',
      texts: { '': 'As usual', all: 'All (a call for each listing)', none: 'One for each listing' },
    },
    {
      name: 'details',
      label: 'Details',
      kind: 'choice',
      path: 'details',
      texts: { '': 'Of the search alone', full: 'All (a call for each product)' },
    },
    {
      name: 'detailsMaxAge',
      label: 'Reuse details up to',
      kind: 'integer',
      path: 'detailsMaxAge',
      hint: '(s old)',
      range: [0, 21_600],
    },
    {
      name: 'maxAge',
      label: 'Reuse answers up to',
      kind: 'integer',
      path: 'maxAge',
      hint: '(s old)',
      range: [0, 86_400],
    },
    { name: 'language', label: 'Language', kind: 'choice', path: 'language', texts: LANGUAGES },
    {
      name: 'strict',
      label: 'Fail where eBay ignores a condition',
      kind: 'flag',
      path: 'strictFilters',
    },
  ]),
  ...of('costs', [
    { name: 'resalePrice', label: 'You sell it for', kind: 'cost', path: 'costs.resalePrice' },
    {
      name: 'markup',
      label: 'or landed cost plus',
      kind: 'percent',
      path: 'costs.markupPercent',
      hint: '(%)',
    },
    {
      name: 'feePercent',
      label: 'Fees of a sale',
      kind: 'percent',
      hint: '(%)',
      path: 'costs.marketplaceFee.percent',
    },
    { name: 'feeFixed', label: 'Fixed fee of a sale', kind: 'cost', path: 'costs.marketplaceFee.fixed' },
    {
      name: 'paymentPercent',
      label: 'Payment fee',
      kind: 'percent',
      hint: '(%)',
      path: 'costs.paymentFee.percent',
    },
    { name: 'paymentFixed', label: 'Fixed payment fee', kind: 'cost', path: 'costs.paymentFee.fixed' },
    {
      name: 'resaleTax',
      label: 'Tax in your price',
      kind: 'percent',
      hint: '(%)',
      path: 'costs.resaleTax.percent',
    },
    { name: 'duty', label: 'Customs duty', kind: 'percent', path: 'costs.dutyPercent', hint: '(%)' },
    {
      name: 'importTax',
      label: 'Tax when you buy',
      kind: 'percent',
      hint: '(%)',
      path: 'costs.importTaxPercent',
    },
    { name: 'handling', label: 'Own handling', kind: 'cost', path: 'costs.handling' },
    {
      name: 'minMargin',
      label: 'Margin of at least',
      kind: 'percent',
      hint: '(%)',
      path: 'costs.minMarginPercent',
    },
    {
      name: 'minMarginAmount',
      label: 'Margin in money of at least',
      kind: 'cost',
      path: 'costs.minMarginAmount',
    },
    {
      name: 'costsCurrency',
      label: 'Currency of your figures',
      kind: 'code',
      path: 'costs.currency',
      placeholder: 'the marketplace’s',
    },
    {
      name: 'rates',
      label: 'Exchange rates',
      kind: 'rates',
      path: 'costs.exchangeRates',
      placeholder: 'GBP 1.27, EUR 1.08',
    },
  ]),
];

function of(group: Group, fields: readonly Field[]): Field[] {
  return fields.map((field) => ({ ...field, group }));
}

/** Currencies of the amounts in a form. */
export interface Currencies {
  price: string;
  costs: string;
}

interface Reader {
  /** Text whose meaning is not certain becomes a value that the check of a request refuses. */
  read(text: string, currencies: Currencies): unknown;
  /** The text of a value; undefined: nothing is set. */
  write(value: unknown): string | undefined;
}

/** Longer text is no figure, no day and no country. */
const short = (read: Reader['read']): Reader['read'] => {
  return (text, currencies) => read(text.slice(0, 80), currencies);
};
const asText = (value: unknown) => String(value);
const pairsText = (sign: string) => (value: unknown) =>
  Object.entries(value as Texts)
    .map(([name, each]) => `${name}${sign}${each}`)
    .join(', ');

const KINDS = {
  text: { read: (text) => text, write: asText },
  choice: { read: (text) => text, write: asText },
  size: { read: short(integerFrom), write: asText },
  choices: { read: (text) => text.split('\n'), write: (value) => (value as string[]).join('\n') },
  words: { read: (text) => listFrom(text), write: (value) => (value as string[]).join(', ') },
  names: { read: (text) => listFrom(text, /[\s,;]+/), write: (value) => (value as string[]).join(', ') },
  flag: { read: () => true, write: (value) => (value === true ? '1' : undefined) },
  amount: {
    read: short((text, { price }) => amountFrom(text, price)),
    write: (value) => amountText(String(value)),
  },
  cost: {
    read: short((text, { costs }) => amountFrom(text, costs)),
    write: (value) => amountText(String(value)),
  },
  percent: { read: short(percentFrom), write: (value) => amountText(String(value)) },
  share: {
    // A JSON number, unlike the percentages of costs.
    read: short((text) => (Number.isNaN(Number(percentFrom(text))) ? text : Number(percentFrom(text)))),
    write: (value) => amountText(String(value)),
  },
  integer: { read: short(integerFrom), write: asText },
  country: { read: short(countryFrom), write: (value) => countryName(String(value)) },
  code: { read: short((text) => text.toUpperCase()), write: asText },
  day: { read: short((text) => text), write: (value) => String(value).slice(0, 10) },
  endOfDay: { read: short((text) => text), write: (value) => String(value).slice(0, 10) },
  pairs: { read: pairsFrom, write: pairsText(': ') },
  rates: { read: ratesFrom, write: pairsText(' ') },
} satisfies Record<string, Reader>;

export function readField({ kind }: Field, text: string, currencies: Currencies): unknown {
  return (KINDS[kind] as Reader).read(text, currencies);
}

/** The text of a value in a field; undefined where the field cannot say it. */
export function writeField(field: Field, value: unknown, currencies: Currencies): string | undefined {
  const text = (KINDS[field.kind] as Reader).write(value);
  if (text === undefined || text === '') return undefined;
  const read = readField(field, text, currencies);
  const meant =
    field.kind === 'day' || field.kind === 'endOfDay' ? instantOf(text, field.kind !== 'day') : read;
  return JSON.stringify(meant) === JSON.stringify(value) ? text : undefined;
}
