import { MARKETPLACES } from '../../config/marketplaces.ts';
import type { FailureDetail } from '../../failures.ts';
import type { NormalRequest, SearchRequest } from '../../product/requestSchema.ts';
import { FIELDS, type FormProblem, type FormValues } from './searchForm.ts';

/** The request that a filled-in form means. What is no valid value goes into it as it is, to be refused by its name. */
export function requestFromForm(values: FormValues, defaults: { marketplace: string }): SearchRequest {
  const given = (name: string) => values[name]?.trim() || undefined;
  const { marketplace = defaults.marketplace } = values;
  const site = MARKETPLACES[marketplace as keyof typeof MARKETPLACES];
  const [priceMax, condition, country, postalCode] = ['priceMax', 'condition', 'country', 'postalCode'].map(
    given,
  );
  const exclude = (given('exclude') ?? '')
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
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
    ...(exclude.length > 0 && { title: { exclude: [...new Set(exclude)] } }),
    ...(given('minFeedback') && { seller: { minFeedbackPercentage: numberFrom(given('minFeedback')) } }),
  } as SearchRequest;
}

function numberFrom(text: string | undefined): unknown {
  return text === undefined || !/^\d+([.,]\d+)?$/.test(text) ? text : Number(text.replace(',', '.'));
}

/** What is wrong, beside the fields that it was written in. */
export function problemsFrom(errors: FailureDetail['errors'] = []): FormProblem[] {
  return errors.map(({ path, message }) => {
    const field = Object.entries(FIELDS).find(([, place]) => path === place || path.startsWith(`${place}.`));
    return {
      field: field?.[0] ?? '',
      message: field === undefined && path !== '' ? `${path}: ${message}` : message,
    };
  });
}

/** The conditions of a request in a few words each; the query is not among them. */
export function conditionTexts(request: NormalRequest): string[] {
  const { marketplaces, maxItems, filters, shipTo, title, seller, sort } = request;
  const { price, conditions, freeShipping } = filters;
  const range = (price?.min ? `from ${price.min} ` : '') + (price?.max ? `up to ${price.max}` : '');
  return [
    marketplaces.map((id) => id.replace('EBAY_', 'eBay ')).join(', '),
    price && `${range.trim()} ${price.currency}`,
    conditions?.map((word) => word.toLowerCase()).join(' or '),
    shipTo && `delivered to ${[shipTo.country, shipTo.postalCode].filter(Boolean).join(' ')}`,
    freeShipping && 'free shipping',
    title?.exclude && `without ${title.exclude.join(', ')}`,
    title?.include && `with ${title.include.join(', ')}`,
    seller?.minFeedbackPercentage && `sellers from ${seller.minFeedbackPercentage} %`,
    sort && `by ${sort}`,
    `at most ${maxItems.toLocaleString('en-US')}`,
  ].flatMap((text) => (text ? [text] : []));
}
