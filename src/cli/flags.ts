import { readFileSync, statSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { readJsonObject } from '../config/files.ts';
import { MARKETPLACES } from '../config/formats.ts';
import { Failure } from '../failures.ts';
import { countryHint, isCountry } from '../product/countries.ts';
import { isMarketplace } from '../product/marketplaces.ts';
import { isObject } from '../product/parseRequest.ts';
import { isPicture } from '../product/picture.ts';
import { MAX_IMAGE_LENGTH, type SearchRequest, SearchRequestSchema } from '../product/requestSchema.ts';
import { schemaErrors } from '../product/schemaErrors.ts';
import { UsageError, wrongValue } from './exit.ts';

type Values = Record<string, unknown>;
type Parse = (text: string, earlier?: never) => unknown;
/** A field as an option: its path, the option, what it means, and how its text is read. */
export type FieldOption = readonly [path: string, flags: string, description: string, parse?: Parse];

/** The option may be repeated. */
export const repeated = (text: string, earlier: string[] = []) => [...earlier, text];
/** The same; each value may be several, separated by commas. */
export const csv = (text: string, earlier: string[] = []) => [
  ...earlier,
  ...text.split(',').map((each) => each.trim()),
];

/** Text that is no number stays text: the schema refuses it by the field's name. */
export function numberOrText(text: string): number | string {
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** @param name of the option, for the error */
export function wholeNumber(name: string, max: number) {
  return (text: string): number => {
    if (/^\d{1,10}$/.test(text) && Number(text) <= max) return Number(text);
    throw wrongValue(`${name} must be a whole number from 0 to ${max}`, text);
  };
}

export function tenantName(text: string): string {
  if (/^[a-z0-9-]{1,40}$/.test(text)) return text;
  throw wrongValue('--tenant must be 1 to 40 of the characters a-z, 0-9 and hyphen', text);
}

/** The fields of a request as options; the request's schema says which values are allowed. */
const FIELDS: readonly FieldOption[] = [
  ['categoryIds', '--category <id>', 'eBay category; instead of or beside the query', csv],
  ['items', '--item <listing>', 'id or address of a listing, in place of the query', repeated],
  ['gtin', '--gtin <code>', 'UPC, EAN or ISBN of a product, in place of the query'],
  ['epid', '--epid <number>', 'eBay’s number of a product, in place of the query'],
  ['image', '--image <file>', 'picture of what to find, in place of the query', pictureFile],
  ['marketplaces', '--marketplace <id>', 'site to search, such as EBAY_DE', csv],
  ['maxItems', '--max-items <n>', 'products wanted at most (200)', numberOrText],
  ['maxCalls', '--max-calls <n>', 'pages asked for at most (five times the fewest needed)', numberOrText],
  ['sort', '--sort <order>', 'price, -price, newlyListed, endingSoonest, distance; else Best Match'],
  ['autoCorrect', '--auto-correct', 'let eBay correct the spelling of the query'],
  ['language', '--language <locale>', 'nl-BE or fr-BE on EBAY_BE, en-CA or fr-CA on EBAY_CA'],
  ['filters.price.min', '--price-min <amount>', 'lowest item price'],
  ['filters.price.max', '--price-max <amount>', 'highest item price'],
  ['filters.price.currency', '--currency <code>', 'of the prices above; else the marketplace’s'],
  [
    'filters.conditions',
    '--condition <word>',
    'NEW, USED or UNSPECIFIED; eBay counts open box (1500) and new with defects (1750) among NEW',
    csv,
  ],
  [
    'filters.conditionIds',
    '--condition-id <id>',
    'eBay’s condition id: 1000 new alone, 2000 to 2030 refurbished, 3000 used',
    csv,
  ],
  ['filters.buyingOptions', '--buying-option <word>', 'FIXED_PRICE, AUCTION, BEST_OFFER, CLASSIFIED_AD', csv],
  [
    'filters.deliveryCountry',
    '--delivery-country <code>',
    'only what ships there',
    countryOf('--delivery-country'),
  ],
  ['filters.deliveryPostalCode', '--delivery-postal-code <code>', 'only what ships there'],
  ['filters.deliveryOptions', '--delivery-option <word>', 'SHIP_TO_HOME, SELLER_ARRANGED_LOCAL_PICKUP', csv],
  ['filters.pickup', '--pickup <place>', 'near a place, such as US:19406:25mi or DE:10115:30km', pickupPlace],
  ['filters.itemLocationCountry', '--located-in <code>', 'only what is there', countryOf('--located-in')],
  ['filters.itemLocationRegion', '--located-in-region <word>', 'such as EUROPEAN_UNION or ASIA'],
  ['filters.itemStartDate.from', '--listed-from <date>', 'listed from then on, such as 2026-01-31 (UTC)'],
  ['filters.itemStartDate.to', '--listed-to <date>', 'listed until then'],
  ['filters.itemEndDate.from', '--ends-from <date>', 'ends from then on'],
  ['filters.itemEndDate.to', '--ends-to <date>', 'ends until then'],
  ['filters.bidCount.min', '--bids-min <n>', 'fewest bids of an auction', numberOrText],
  ['filters.bidCount.max', '--bids-max <n>', 'most bids of an auction', numberOrText],
  ['filters.excludeCategoryIds', '--exclude-category <id>', 'nothing of this category', csv],
  ['filters.freeShipping', '--free-shipping', 'only free shipping'],
  ['filters.returnsAccepted', '--returns-accepted', 'only what can be returned'],
  ['filters.sellers', '--seller <name>', 'only this seller', csv],
  ['filters.excludeSellers', '--exclude-seller <name>', 'not this seller', csv],
  ['filters.sellerAccountTypes', '--seller-account-type <type>', 'BUSINESS or INDIVIDUAL', csv],
  ['filters.searchInDescription', '--search-in-description', 'search descriptions too'],
  ['filters.aspects', '--aspect <name=value>', 'item aspect, such as Color=Red', aspects],
  ['filters.compatibility', '--fits <name=value>', 'vehicle of a part, such as Make=BMW', vehicle],
  ['filters.paymentMethods', '--payment-method <word>', 'CREDIT_CARD or PAYPAL', csv],
  ['filters.qualifiedPrograms', '--program <word>', 'of eBay, such as AUTHENTICITY_GUARANTEE', csv],
  ['filters.charityOnly', '--charity-only', 'only what is sold for charity'],
  ['filters.charityIds', '--charity <id>', 'sold for this charity, on EBAY_US and EBAY_GB', csv],
  ['filters.priorityListing', '--promoted-only', 'only what its seller promotes; without --sort'],
  ['shipTo', '--ship-to <place>', 'US or US:19406: prices shipping to there', place],
  ['title.include', '--title-include <word>', 'must be in the title', repeated],
  ['title.exclude', '--title-exclude <word>', 'must not be in the title', repeated],
  ['seller.minFeedbackPercentage', '--min-feedback-percentage <n>', 'of the seller', numberOrText],
  ['seller.minFeedbackScore', '--min-feedback-score <n>', 'of the seller', numberOrText],
  ['excludePickupOnly', '--exclude-pickup-only', 'leave out what can only be picked up'],
  ['costs.currency', '--costs-currency <code>', 'of your figures below; else the marketplace’s'],
  ['costs.resalePrice', '--resale <amount>', 'what you sell one for: shows the margin'],
  ['costs.markupPercent', '--markup <percent>', 'on the landed cost, in place of --resale', percent],
  ['costs.resaleTax', '--resale-tax <percent>', 'VAT that your resale price includes', includedTax],
  [
    'costs.marketplaceFee',
    '--marketplace-fee <fee>',
    'of your sale, such as 13.25%+0.30',
    feeOf('--marketplace-fee'),
  ],
  ['costs.paymentFee', '--payment-fee <fee>', 'of your sale, such as 2.9%+0.30', feeOf('--payment-fee')],
  ['costs.dutyPercent', '--duty <percent>', 'customs duty on item and shipping', percent],
  [
    'costs.importTaxPercent',
    '--import-tax <percent>',
    'VAT or sales tax that you pay on the purchase',
    percent,
  ],
  ['costs.handling', '--handling <amount>', 'your own cost of each item'],
  ['costs.exchangeRates', '--rate <code=rate>', 'of one unit of a currency, such as USD=0.92', rates],
  ['costs.minMarginPercent', '--min-margin <percent>', 'only products that leave so much', percent],
  ['costs', '--costs <file>', 'your figures as JSON; an option beside it wins', jsonFile('--costs')],
  ['variations', '--variations <which>', 'all: each variation of a listing, one more call each; or none'],
  ['details', '--details', 'full details: one more call for each product'],
  ['details', '--details-new', 'with --track: details only of what is new or changed'],
  ['detailsMaxAge', '--details-max-age <seconds>', 'details this young are used again (3600)', numberOrText],
  ['facets', '--facets', 'count what would narrow the search; in --json, else see dpf facets'],
  ['track', '--track <name>', 'mark what is new since the last search of this name'],
  ['maxAge', '--max-age <seconds>', 'accept an identical search that ended within this time', numberOrText],
  ['reference', '--reference <word>', 'your word in affiliate links'],
  ['onFailure', '--on-failure <way>', 'fail or degrade'],
  ['strictFilters', '--strict-filters', 'fail where eBay ignores a part of the search'],
  ['priority', '--priority <class>', 'interactive, scheduled or backfill'],
  ['tenant', '--tenant <name>', 'tenant whose keyset and limits are used'],
];

const REPEATED: readonly Parse[] = [repeated, csv, aspects, vehicle, rates];

/** Options that stand for one value of their field. */
const PRESETS: Readonly<Record<string, string>> = { '--details': 'full', '--details-new': 'new' };

/** Fields under one heading of the help; all others stand under that of how a search runs. */
const HEADINGS: readonly [heading: string, paths: readonly string[]][] = [
  [
    'What to search:',
    'categoryIds items gtin epid image marketplaces maxItems maxCalls sort autoCorrect language'.split(' '),
  ],
  ['Filters, which eBay applies:', ['filters']],
  ['Place, title and seller:', ['shipTo', 'title', 'seller', 'excludePickupOnly']],
  ['Costs and margin:', ['costs']],
  ['Details and tracks:', ['variations', 'details', 'detailsMaxAge', 'facets', 'track']],
];

function headingOf(path: string): string {
  const [field = ''] = path.split('.');
  return HEADINGS.find(([, paths]) => paths.includes(field))?.[0] ?? 'How it runs:';
}

export function optionFor([, flags, description, parse]: FieldOption): Option {
  const option = new Option(flags, description);
  return parse === undefined ? option : option.argParser(parse as (text: string) => unknown);
}

/** @param only fields; default: all @param without fields that the command does not take */
export function addRequestFlags(
  command: Command,
  only?: readonly string[],
  without: readonly string[] = [],
): Command {
  for (const [path, flags, description, parse] of FIELDS) {
    const [top = ''] = path.split('.');
    if (only?.includes(top) === false || without.includes(top)) continue;
    const often = parse !== undefined && REPEATED.includes(parse) ? '; may be repeated' : '';
    const option = optionFor([path, flags, `${description}${often}`, parse && collecting(parse)]);
    option.helpGroup(headingOf(path));
    if (PRESETS[flags] !== undefined) option.preset(PRESETS[flags]);
    command.addOption(option);
  }
  return command;
}

/** A value that its option cannot read. It is reported together with everything else that is wrong. */
class Refused {
  readonly error: UsageError;

  constructor(error: UsageError) {
    this.error = error;
  }
}

function collecting(parse: Parse): Parse {
  return (text, earlier) => {
    if ((earlier as unknown) instanceof Refused) return earlier;
    try {
      return parse(text, earlier);
    } catch (error) {
      if (error instanceof UsageError) return new Refused(error);
      throw error;
    }
  };
}

/** Words of a query that a shell has divided. @throws UsageError that shows them in quotes */
export function oneQuery(command: Command): void {
  if (command.args.length <= 1) return;
  const words = command.args
    .join(' ')
    .slice(0, 100)
    .replace(/["\\$`]/g, '\\$&');
  throw new UsageError(`a query is one argument: put it in quotes: dpf ${command.name()} "${words}"`);
}

export type Defaults = { marketplace: string };

/**
 * The request of the options, unchecked.
 * @param defaults for the currency of prices
 * @throws UsageError for a value that cannot be read; Failure `invalid_request` where more is wrong
 */
export function requestFrom(query: string | undefined, options: Values, defaults: Defaults): SearchRequest {
  const request: Values = query === undefined ? {} : { query };
  const refused: Array<{ path: string; error: UsageError }> = [];
  for (const [path, flags] of FIELDS) {
    const value = options[new Option(flags).attributeName()];
    if (value instanceof Refused) refused.push({ path, error: value.error });
    else if (value !== undefined) put(request, path.split('.'), value);
  }
  addCurrency(request as SearchRequest, defaults);
  const [first] = refused;
  if (first === undefined) return request as SearchRequest;
  const others = schemaErrors(request);
  if (refused.length + others.length === 1) throw first.error;
  const errors = refused.map(({ path, error: { message } }) => ({
    ...{ path, code: 'invalid_value' },
    // The option stands before it.
    message: message.replace(/^--[\w-]+ /, ''),
  }));
  throw withOptions(
    new Failure('invalid_request', 'the request is wrong', { errors: [...errors, ...others] }),
  );
}

/** Part of a JSON Schema. */
interface Part {
  properties?: Record<string, Part>;
  items?: Part;
  enum?: readonly string[];
}

/** The values that an option of a request may have, where the schema lists them: `--sort` has `price` and others. */
export function valuesOf(option: string): readonly string[] {
  const field = FIELDS.find(([, flags]) => flags.split(' ')[0] === option);
  if (field === undefined) return [];
  let part: Part | undefined = SearchRequestSchema as Part;
  for (const step of field[0].split('.')) part = part?.properties?.[step];
  return part?.enum ?? part?.items?.enum ?? [];
}

function put(target: Values, [name = '', ...rest]: string[], value: unknown): void {
  // A file of figures and options for some of them.
  if (rest.length === 0)
    target[name] = isObject(target[name]) ? { ...(value as Values), ...target[name] } : value;
  else {
    target[name] ??= {};
    put(target[name] as Values, rest, value);
  }
}

/** Amounts need a currency. Where all marketplaces have the same one, it is added here. */
function addCurrency({ filters, costs, marketplaces }: SearchRequest, { marketplace }: Defaults): void {
  const price = filters?.price;
  if (price !== undefined && price.min === undefined && price.max === undefined)
    throw new UsageError('--currency needs --price-min or --price-max');
  const named = (marketplaces ?? [marketplace]).filter(isMarketplace);
  // A site that does not exist is an error of its own, and not one of the currency too.
  const sites = named.length === 0 && isMarketplace(marketplace) ? [marketplace] : named;
  const currencies = new Set<string>(sites.map((id) => MARKETPLACES[id].currency));
  const [currency] = currencies;
  if (currency === undefined || currencies.size !== 1) return;
  if (price !== undefined) price.currency ??= currency;
  if (costs !== undefined) costs.currency ??= currency;
}

/** The option may be repeated. */
function aspects(pair: string, earlier: Record<string, string[]> = {}): Record<string, string[]> {
  const [, name, value = ''] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
  if (name === undefined) throw wrongValue('--aspect must be NAME=VALUE, such as Color=Red', pair);
  // A name may be that of a property which every object has.
  const values = Object.hasOwn(earlier, name) ? (earlier[name] ?? []) : [];
  return { ...earlier, [name]: [...values, value] };
}

/** The option may be repeated. */
function vehicle(pair: string, earlier: Record<string, string> = {}): Record<string, string> {
  const [, name, value] = /^([^=]+)=(.+)$/s.exec(pair) ?? [];
  if (name === undefined) throw wrongValue('--fits must be NAME=VALUE, such as Make=BMW', pair);
  return { ...earlier, [name]: value as string };
}

/** `US:19406:25mi`. */
function pickupPlace(text: string): Values {
  const [, code = '', postalCode, radius, unit] = /^([^:]*):([^:]+):(\d+) ?(mi|km)$/.exec(text) ?? [];
  if (postalCode === undefined)
    throw wrongValue('--pickup must be COUNTRY:POSTAL-CODE:RADIUS, such as US:19406:25mi', text);
  return { country: countryOf('--pickup')(code), postalCode, radius: Number(radius), unit };
}

/** The picture in a file, as Base64. */
function pictureFile(path: string): string {
  const problem = (what: string) => new UsageError(`--image ${path}: ${what}`);
  const most = (MAX_IMAGE_LENGTH / 4) * 3;
  let content: Buffer;
  try {
    const { size } = statSync(path);
    if (size > most)
      throw problem(`has ${Math.ceil(size / 1000)} kB; a picture may have ${most / 1000}: make it smaller`);
    content = readFileSync(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw problem(code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`);
  }
  const image = content.toString('base64');
  if (!isPicture(image)) throw problem('is no picture: give a JPEG, PNG, GIF, WebP or the like');
  return image;
}

/** `20` or `20%`. */
function percent(text: string): string {
  return text.trim().replace(/\s*%$/, '');
}

function includedTax(text: string): Values {
  return { percent: percent(text) };
}

/** `13.25%+0.30`, `13.25%` or `+0.30`. A number alone may be meant as either. */
function feeOf(option: string) {
  return (text: string): Values => {
    const [match, share, fixed] = /^\s*(?:([\d.]+)\s*%)?\s*(?:\+\s*([\d.]+))?\s*$/.exec(text) ?? [];
    if (match === undefined || (share === undefined && fixed === undefined))
      throw wrongValue(`${option} must be such as 13.25%+0.30, 13.25% or +0.30`, text);
    return { ...(share !== undefined && { percent: share }), ...(fixed !== undefined && { fixed }) };
  };
}

/** The option may be repeated; each value may be several, separated by commas. */
function rates(text: string, earlier: Record<string, string> = {}): Record<string, string> {
  const pairs = text.split(',').map((pair) => {
    const [, code, rate] = /^\s*([A-Za-z]{3})=([\d.]+)\s*$/.exec(pair) ?? [];
    if (code === undefined || rate === undefined)
      throw wrongValue('--rate must be CODE=RATE, such as USD=0.92', pair);
    return [code.toUpperCase(), rate];
  });
  return { ...earlier, ...Object.fromEntries(pairs) };
}

/** The JSON object in a file, unchecked. @param option its name, for the error */
export function jsonFile(option: string) {
  return (path: string): Values => {
    const { content, problem } = readJsonObject(path);
    if (problem === undefined) return content;
    throw new UsageError(`${option} ${problem.name} ${problem.message}`);
  };
}

/** `US` or `US:19406`. */
export function place(text: string): Values {
  const [, name = text, postalCode] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  const country = countryOf('--ship-to', 'US or US:19406')(name);
  return postalCode === undefined ? { country } : { country, postalCode };
}

/** The code of a country in either case: another two letters would be a wrong price, not an error. */
function countryOf(option: string, example = 'US') {
  return (text: string): string => {
    const code = text.trim().toUpperCase();
    if (isCountry(code)) return code;
    const message = `${option} must be a two-letter country code, such as ${example}`;
    throw wrongValue(message, text, countryHint(text));
  };
}

/** An error about a request with the options that its fields were written as. */
export function withOptions(error: unknown): unknown {
  return namingOptions(error, requestOption);
}

/** An error about fields with the options that they were written as. @param optionOf of a path; undefined: no option is about it */
export function namingOptions(error: unknown, optionOf: (path: string) => string | undefined): unknown {
  if (!(error instanceof Failure) || error.detail.errors === undefined) return error;
  const errors = error.detail.errors.map((each) => {
    if ('option' in each) return each;
    const option = optionOf(each.path);
    const isWord = each.message.startsWith('must be one of');
    // Another field that it speaks of is named as it is typed too.
    const said = each.message.replace(FIELD_PATH, (field) => optionOf(field) ?? field);
    const message = isWord ? `${said}${HINTS[option ?? ''] ?? ''}` : said;
    return { ...each, message, option };
  });
  return new Failure(error.code, error.message, { ...error.detail, errors });
}

/** The path of a field in a message. */
const FIELD_PATH = /\b(?:filters|costs|title|seller)(?:\.[a-zA-Z]+)+/g;

/** Where else to look, behind the words that an option allows. */
const HINTS: Readonly<Record<string, string>> = {
  '--condition': '; --condition-id has finer ones, such as 2000 for certified refurbished',
};

/** Fields of a schedule that are no field of its request. */
const TIMING = ['cron', 'tz', 'every', 'start', 'end', 'limit', 'dailyCalls'];

/** Of `filters.price.min` it is `--price-min`. */
function requestOption(path: string): string | undefined {
  // Of a schedule: `auto.atLeastEvery` is `--at-least-every`.
  const bound = TIMING.includes(path) ? path : /^auto\.(\w+)$/.exec(path)?.[1];
  if (bound !== undefined) return `--${bound.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  return optionAmong(FIELDS, path.replace(/^request\./, ''));
}

/** `--price-min`, of the field that a path is in; of a path with several fields below it, the options of them all. */
export function optionAmong(fields: readonly FieldOption[], path: string): string | undefined {
  // `costs.resalePrice` has an option of its own beside that of `costs`, which comes later.
  const field = fields.find(([own]) => `${path}.`.startsWith(`${own}.`));
  const found = field === undefined ? fields.filter(([own]) => own.startsWith(`${path}.`)) : [field];
  const options = [...new Set(found.map(([, flags]) => flags.split(' ')[0] as string))];
  return options.length === 0 ? undefined : options.join(', ');
}
