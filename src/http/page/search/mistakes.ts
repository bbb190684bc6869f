import { Failure } from '../../../failures.ts';
import { countryHint, countryName, isCountry, postalCodeSuch } from '../../../product/countries.ts';
import { siteName } from '../../../product/marketplaces.ts';
import type { InputError } from '../../../product/schemaErrors.ts';
import { countText, numberText } from '../../../text/values.ts';
import type { FormValues } from '../../auth/login.ts';
import { FIELDS, type Field } from './fields.ts';
import { currenciesOf } from './formRequest.ts';
import { decimalFrom, signedCurrencies } from './typed.ts';

/** `field` is the name of the field; empty for a mistake elsewhere. */
export type Mistake = { field: string; message: string };

/** Fields of the form with rules of their own, and the paths of a request that they stand for. */
const OTHERS: Readonly<Record<string, { label: string; paths: readonly string[] }>> = {
  query: { label: 'What are you looking for?', paths: ['query', 'items', 'gtin'] },
  picture: { label: 'Picture', paths: ['image'] },
  marketplace: { label: 'Marketplace', paths: ['marketplaces'] },
  category: { label: 'Category', paths: ['categoryIds'] },
  aspect: { label: 'Narrowed to', paths: ['filters.aspects'] },
};

/** What the field of a name is called on the page. */
export function labelOf(name: string): string {
  return FIELDS.find((field) => field.name === name)?.label ?? OTHERS[name]?.label ?? '';
}

/** The name of the field that a path of a request is in; undefined: it is in none. */
function fieldOf(path: string): string | undefined {
  const isIn = (own: string) => `${path}.`.startsWith(`${own}.`);
  const field = FIELDS.find((each) => isIn(each.path));
  // A range as a whole, and what stands for several fields.
  return (
    field?.name ??
    Object.keys(OTHERS).find((name) => OTHERS[name]?.paths.some(isIn)) ??
    FIELDS.find((each) => each.path.startsWith(`${path}.`))?.name
  );
}

/**
 * The mistakes of a request by the field of the form, in plain words: each field once.
 * @param values what was typed @param marketplace of a search that names none @throws every other error
 */
export function mistakesIn(
  error: unknown,
  values: Partial<FormValues> = {},
  marketplace = 'EBAY_US',
): Mistake[] {
  if (!(error instanceof Failure) || error.code !== 'invalid_request') throw error;
  const mistakes = new Map<string, Mistake>();
  for (const each of error.detail.errors ?? []) {
    const name = fieldOf(each.path);
    if (name === undefined) {
      const message = each.path === '' ? each.message : `${each.path}: ${each.message}`;
      mistakes.set(each.path, { field: '', message });
    } else if (!mistakes.has(name)) {
      const message = messageOf(each, name, values, marketplace);
      mistakes.set(name, { field: name, message });
    }
  }
  return [...mistakes.values()];
}

function messageOf(
  error: InputError,
  name: string,
  values: Partial<FormValues>,
  marketplace: string,
): string {
  const { code, message } = error;
  const field = FIELDS.find((each) => each.name === name);
  const typed = values[name]?.trim() ?? '';
  if (message.startsWith('must not be above')) return field === undefined ? plain(message) : above(field);
  if (code === 'required' && name === 'country') return 'Choose the country that the postal code is in.';
  if (code === 'required') return 'This is needed beside its neighbours.';
  const known = BY_CODE[code];
  if (known !== undefined) return typeof known === 'string' ? known : known(typed, values, name);
  const byKind = field && kindMessage(field, typed, values, marketplace);
  // Rules between fields say more than how a field is written.
  if (byKind !== undefined && /^(must be|is no)/.test(message)) return byKind;
  return plain(message);
}

function above({ name }: Field): string {
  const other = name.replace('Min', 'Max').replace('From', 'To');
  return `This is above “${labelOf(other)}”: swap the two.`;
}

function kindMessage(
  { kind, range, name }: Field,
  typed: string,
  values: Partial<FormValues>,
  marketplace: string,
): string | undefined {
  switch (kind) {
    case 'amount':
    case 'cost': {
      const { [kind === 'amount' ? 'price' : 'costs']: currency } = currenciesOf(values, marketplace);
      const signed = signedCurrencies(typed);
      if (
        signed !== undefined &&
        !signed.includes(currency) &&
        signed.every((each) => /^[A-Z]{3}$/.test(each))
      )
        return `Enter the amount in ${currency}: amounts here are in that currency.`;
      if (/^\d{1,3}[.,]\d{3}$/.test(typed) && decimalFrom(typed) === undefined)
        return `“${typed}” can be read in two ways: write ${typed.replace(/[.,]/, '')} or ${typed.slice(0, -4)}.`;
      return 'Enter an amount such as 40 or 40.50.';
    }
    case 'share':
    case 'percent':
      return kind === 'share'
        ? 'Enter a percentage from 0 to 100, such as 98.'
        : 'Enter a percentage such as 20 or 13.25.';
    case 'size':
    case 'integer': {
      const [least, most] = range ?? [0, 1e9];
      return `Enter a whole number from ${numberText(least)} to ${numberText(most)}.`;
    }
    case 'code':
      return 'Enter the three letters of a currency, such as USD.';
    case 'country':
      return countryMessage(typed);
    case 'day':
    case 'endOfDay':
      return 'Enter a day such as 2026-01-31.';
    case 'pairs':
      return 'Enter pairs such as Make: BMW, Year: 2018.';
    case 'rates':
      return 'Enter rates such as GBP 1.27, EUR 1.08.';
    case 'choice':
    case 'choices':
      return name === 'country' ? countryMessage(typed) : 'Choose one from the list.';
    default:
      return undefined;
  }
}

function countryMessage(typed: string): string {
  const [, name] = /\((.*)\)\?$/.exec(countryHint(typed)) ?? [];
  return `Choose a country from the list.${name === undefined ? '' : ` Did you mean ${name}?`}`;
}

type Message = string | ((typed: string, values: Partial<FormValues>, name: string) => string);

/** Messages of rules, by their codes. */
const BY_CODE: Readonly<Record<string, Message>> = {
  q_required: (_, __, name) =>
    name === 'query'
      ? 'Type what you are looking for, or choose a category.'
      : 'This needs words to search for.',
  q_too_long: (typed) => `Use at most 100 characters: these are ${numberText(typed.length)}.`,
  q_too_short: 'This needs at least two characters to search for.',
  q_wildcard: 'Leave out the *: eBay does not allow it.',
  invalid_item: 'This is no address and no number of an eBay listing.',
  items_range: 'Name at most 200 listings.',
  invalid_gtin: 'A product code has 8, 10, 12, 13 or 14 digits.',
  invalid_epid: 'A product number of eBay has digits only.',
  invalid_category: (_, __, name) =>
    name === 'category'
      ? 'Enter the number of a category, or choose one by its name.'
      : 'Enter numbers of categories, separated by commas.',
  unknown_marketplace: 'Choose a marketplace from the list.',
  marketplaces_range: 'Search on at most five marketplaces at once.',
  unknown_country: countryMessage,
  invalid_postal_code: (_, values, name) => postalCodeMessage(values, name),
  delivery_country_required: 'Choose the country that it ships to, too.',
  location_conflict: 'Choose a country or a region, not both.',
  conditions_conflict: 'Choose broad conditions or exact ones, not both.',
  auction_required: 'This is for auctions: tick “Auction” under “Ways to buy”.',
  pickup_required: '“Nearest” needs a place to pick things up near to.',
  priority_listing_sort: 'Promoted listings come in the order “Best match” only.',
  image_sort: 'eBay does not sort a search by picture: choose “Best match”.',
  invalid_image: 'This is no picture that eBay can read.',
  invalid_seller: 'Enter user names of eBay, separated by commas.',
  sellers_range: 'Enter at most 250 user names.',
  invalid_word: 'Use words of at most 100 characters, separated by commas.',
  delivery_place_required:
    'The authenticity guarantee needs the country and the postal code that it ships to.',
  aspect_category_required: 'These belong to a category: choose one.',
  compatibility_category_required: 'Parts that fit a vehicle need words and a category of parts.',
  max_items_range: 'Ask for at least one product for each marketplace.',
  max_calls_range: 'Allow at least one page for each marketplace, at most 1,000.',
  amount_precision: 'This has more decimals than its currency.',
  track_required: 'Details of what is new need a track.',
};

function postalCodeMessage(values: Partial<FormValues>, name: string): string {
  const countryField =
    { postalCode: 'country', shipsToCode: 'shipsTo', pickupCode: 'pickupCountry' }[name] ?? '';
  const country = values[countryField] ?? '';
  const such = isCountry(country) ? postalCodeSuch(country) : '';
  return such === ''
    ? 'A postal code has up to ten letters, digits, spaces or hyphens.'
    : `A postal code of ${countryName(country)} looks like ${such}.`;
}

/** Other messages, with the labels of fields instead of their paths, and without what was typed. */
function plain(message: string): string {
  const named = [...FIELDS]
    .sort((one, other) => other.path.length - one.path.length)
    .reduce(
      (text, { path, label }) => text.replaceAll(path, `“${label}”`),
      message.replace(/; got .*$/s, ''),
    );
  const sites = named.replace(/\bEBAY_[A-Z]{2}\b/g, siteName);
  return `${sites.charAt(0).toUpperCase()}${sites.slice(1)}.`;
}

/** `3 fields need a change`. */
export function mistakesTitle(count: number): string {
  return `${countText(count, 'field')} ${count === 1 ? 'needs' : 'need'} a change. Nothing was searched.`;
}
