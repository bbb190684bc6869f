import type { FastifyReply, FastifyRequest } from 'fastify';
import { countryName, isCountry, isPostalCode } from '../../../product/countries.ts';
import { isMarketplace, siteName } from '../../../product/marketplaces.ts';
import type { Product } from '../../../product/product.ts';
import type { NormalRequest } from '../../../product/requestSchema.ts';
import { countText, numberText } from '../../../text/values.ts';
import { cameByTls } from '../../auth/login.ts';
import { type Html, html } from '../html.ts';

/** Where this browser has things delivered to, and on which site it searches. */
export type Destination = Partial<Record<'country' | 'postalCode' | 'marketplace', string>>;

const COOKIE = 'dpf_destination';
const LIFE_S = 365 * 24 * 3600;

/** What this browser has sent; values that no form has sent are left out. */
export function destinationOf({ cookies }: FastifyRequest): Destination {
  const { country, postalCode, marketplace } = Object.fromEntries(new URLSearchParams(cookies[COOKIE] ?? ''));
  const isKnown = country !== undefined && isCountry(country);
  const fits = postalCode !== undefined && postalCode.length <= 10 && isPostalCode(postalCode, country ?? '');
  return {
    ...(isKnown && { country }),
    ...(isKnown && fits && { postalCode }),
    ...(marketplace !== undefined && isMarketplace(marketplace) && { marketplace }),
  };
}

/** Remembers for a year where somebody searched and had things delivered to. @param basePath of the server */
export function rememberDestination(reply: FastifyReply, destination: Destination, basePath: string): void {
  const value = new URLSearchParams(destination as Record<string, string>);
  reply.setCookie(COOKIE, String(value), { ...attributes(reply, basePath), maxAge: LIFE_S });
}

export function forgetDestination(reply: FastifyReply, basePath: string): void {
  reply.clearCookie(COOKIE, attributes(reply, basePath));
}

function attributes({ request }: FastifyReply, basePath: string) {
  const secure = cameByTls(request);
  return { path: basePath || '/', sameSite: 'strict', httpOnly: true, secure } as const;
}

/** What is remembered, in words; undefined: nothing. */
export function destinationText({ country, postalCode, marketplace }: Destination): string | undefined {
  const place = country && [countryName(country), postalCode].filter(Boolean).join(' ');
  return [place, marketplace && siteName(marketplace)].filter(Boolean).join(', ') || undefined;
}

/** Beside a result: how many delivered prices are unknown, and what may help; null where all are known. */
export function unknownPricesHint(
  products: readonly Product[],
  request: NormalRequest | undefined,
): Html | null {
  const unknown = products.filter(({ total }) => total === null).length;
  if (unknown === 0 || request === undefined) return null;
  const { country, postalCode } = request.shipTo ?? {};
  const remedy =
    country === undefined
      ? html`<a href="#country">Add a country</a> to deliver to, and eBay knows more of them.`
      : postalCode === undefined
        ? html`<a href="#postalCode">Add a postal code</a>, and eBay knows more of them.`
        : html`Their sellers name no shipping to there.`;
  const many =
    unknown === products.length
      ? 'all of them'
      : `${numberText(unknown)} of ${countText(products.length, 'product')}`;
  return html`<p class="small unknown-prices">The delivered price of ${many} is unknown. ${remedy}</p>`;
}
