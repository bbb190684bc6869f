import type {
  WireAddon,
  WireCoupon,
  WireItem,
  WireItemShippingOption,
  WirePaymentMethod,
  WireReturnTerms,
  WireShipToPlace,
  WireShipToRegion,
  WireTax,
} from '../ebay/wire.ts';
import { compare } from '../product/money.ts';
import type { ProductDetails } from '../product/product.ts';
import { isPickup, readCost } from './mapItem.ts';
import {
  amount,
  distinct,
  fields,
  flag,
  identifier,
  instant,
  list,
  naturalNumber,
  percentage,
  text,
  webAddress,
} from './untrusted.ts';

/** What an item answer says of selling: how it is sent and where, taxes, returns, payment. All of it may be any JSON. */

type Unread<Wire> = { [Name in keyof Wire]?: unknown };
type Service = ProductDetails['shippingServices'][number];
type Region = ProductDetails['shipsTo'][number];

/** More than eBay sends, so that no answer grows without bound. */
const MOST = { services: 50, regions: 500, taxes: 500, others: 50 };

/** The first `most` entries that are objects. */
export function entries<Wire>(value: unknown, most: number): Unread<Wire>[] {
  return list(value)
    .slice(0, most)
    .flatMap((entry) => (fields(entry) ?? []) as Unread<Wire> | []);
}

/** @param currency of the price: only costs in it are part of a total. */
export function readServices(options: unknown, currency: string | undefined): Service[] {
  const services = entries<WireItemShippingOption>(options, MOST.services)
    .filter(({ type }) => !isPickup(type))
    .map(readService);
  const cheapest = cheapestOf(services, currency);
  const fastest = fastestOf(services);
  return services.map((service) => ({
    ...service,
    cheapest: service === cheapest,
    fastest: service === fastest,
  }));
}

type Unmarked = Omit<Service, 'cheapest' | 'fastest'>;

function readService(option: Unread<WireItemShippingOption>): Unmarked {
  const { kind, cost, converted = null } = readCost(option) ?? { kind: 'unknown', cost: null };
  return {
    service: text(option.shippingServiceCode, 100),
    carrier: text(option.shippingCarrierCode, 100),
    type: text(option.type, 60),
    kind: kind === 'pickup-only' ? 'unknown' : kind,
    cost,
    converted,
    costPerAdditionalUnit: amount(option.additionalShippingCostPerUnit),
    importCharges: amount(option.importCharges),
    quantity: naturalNumber(option.quantityUsedForEstimate),
    earliest: instant(option.minEstimatedDeliveryDate),
    latest: instant(option.maxEstimatedDeliveryDate),
    orderBefore: instant(option.cutOffDateUsedForEstimate),
    program: text(option.fulfilledThrough, 60),
  };
}

/** Amounts of two currencies are never compared: then there is no cheapest one, unless the price decides for one of them. */
function cheapestOf(services: readonly Unmarked[], currency: string | undefined): Unmarked | undefined {
  const known = services.filter(({ cost }) => cost !== null);
  const own = known.filter(({ cost }) => cost?.currency === currency);
  const candidates = own.length > 0 ? own : known;
  if (new Set(candidates.map(({ cost }) => cost?.currency)).size > 1) return undefined;
  return least(candidates, byCost);
}

function byCost(a: Unmarked, b: Unmarked): number {
  return a.cost === null || b.cost === null ? 0 : (compare(a.cost, b.cost) ?? 0);
}

/** The one that has arrived for sure before the others; of two the one that may come earlier, then the cheaper one. */
function fastestOf(services: readonly Unmarked[]): Unmarked | undefined {
  const time = (instant: string | null) =>
    instant === null ? Number.POSITIVE_INFINITY : Date.parse(instant);
  const order = (a: string | null, b: string | null) => (a === b ? 0 : time(a) - time(b));
  return least(
    services.filter(({ latest }) => latest !== null),
    (a, b) => order(a.latest, b.latest) || order(a.earliest, b.earliest) || byCost(a, b),
  );
}

/** The first of those that no other one comes before. */
function least<Value>(values: readonly Value[], order: (a: Value, b: Value) => number): Value | undefined {
  return values.reduce<Value | undefined>(
    (best, value) => (best === undefined || order(value, best) < 0 ? value : best),
    undefined,
  );
}

/** The place is the same for all options: the buyer's, or the site's. */
export function readShippingTo(options: unknown): ProductDetails['shippingTo'] {
  for (const option of entries<WireItemShippingOption>(options, MOST.services)) {
    const place: Unread<WireShipToPlace> = fields(option.shipToLocationUsedForEstimate) ?? {};
    const { country } = place;
    const postalCode = text(place.postalCode, 20);
    const isCountry = typeof country === 'string' && /^[A-Z]{2}$/.test(country);
    if (isCountry || postalCode !== null) return { country: isCountry ? country : null, postalCode };
  }
  return null;
}

export function readRegions(value: unknown): Region[] {
  return entries<WireShipToRegion>(value, MOST.regions).flatMap((region) =>
    regionOf(region.regionId, region.regionName, region.regionType),
  );
}

function regionOf(...said: [id: unknown, name: unknown, type: unknown]): Region[] {
  const [id, name, type] = [text(said[0], 60), text(said[1], 100), text(said[2], 60)];
  return id === null && name === null ? [] : [{ id, name, type }];
}

/** A site with a sales tax names every state, mostly with the same terms: those stand together. */
export function readTaxes(value: unknown): ProductDetails['taxes'] {
  const taxes = new Map<string, ProductDetails['taxes'][number]>();
  for (const tax of entries<WireTax>(value, MOST.taxes)) {
    const terms = {
      type: text(tax.taxType, 60),
      percent: percentage(tax.taxPercentage),
      includedInPrice: flag(tax.includedInPrice),
      shippingTaxed: flag(tax.shippingAndHandlingTaxed),
      collectedByEbay: flag(tax.ebayCollectAndRemitTax),
    };
    const place = fields(tax.taxJurisdiction);
    const region = fields(place?.region);
    const regions = regionOf(place?.taxJurisdictionId, region?.regionName, region?.regionType);
    if (regions.length === 0 && Object.values(terms).every((term) => term === null)) continue;
    const key = JSON.stringify(terms);
    const same = taxes.get(key);
    if (same === undefined) taxes.set(key, { ...terms, regions });
    else same.regions.push(...regions);
  }
  return [...taxes.values()];
}

export function readReturns(value: unknown): ProductDetails['returns'] {
  const terms: Unread<WireReturnTerms> | null = fields(value);
  if (typeof terms?.returnsAccepted !== 'boolean') return null;
  const { value: length, unit: stated } = fields(terms.returnPeriod) ?? {};
  const [count, unit] = [naturalNumber(length), identifier(stated, 40)];
  const payer = terms.returnShippingCostPayer;
  return {
    accepted: terms.returnsAccepted,
    days: unit === 'CALENDAR_DAY' || unit === 'DAY' ? count : null,
    period: count === null || unit === null ? null : { value: count, unit },
    paidBy: payer === 'BUYER' || payer === 'SELLER' ? payer : null,
    refund: text(terms.refundMethod, 60),
    method: text(terms.returnMethod, 60),
    restockingFeePercent: percentage(terms.restockingFeePercentage),
    extendedHolidayReturns: flag(terms.extendedHolidayReturnsOffered),
    instructions: text(terms.returnInstructions, 2000),
  };
}

export function readPaymentMethods(value: unknown): ProductDetails['paymentMethods'] {
  return entries<WirePaymentMethod>(value, MOST.others).flatMap((method) => {
    const type = text(method.paymentMethodType, 60);
    const brands = list(method.paymentMethodBrands).slice(0, MOST.others);
    const instructions = [...list(method.paymentInstructions), ...list(method.sellerInstructions)];
    const read = {
      type,
      brands: distinct(brands.map((brand) => text(fields(brand)?.paymentMethodBrandType, 60))),
      instructions: distinct(instructions.slice(0, MOST.others).map((each) => text(each, 500))),
    };
    return type === null && read.brands.length + read.instructions.length === 0 ? [] : read;
  });
}

export function readCoupons(value: unknown, hosts: RegExp | undefined): ProductDetails['coupons'] {
  return entries<WireCoupon>(value, MOST.others).flatMap((coupon) => {
    const read = {
      code: text(coupon.redemptionCode, 100),
      type: text(coupon.discountType, 60),
      discount: amount(coupon.discountAmount),
      message: text(coupon.message, 500),
      termsUrl: webAddress(coupon.termsWebUrl, 2048, hosts),
      expiresAt: instant(fields(coupon.constraint)?.expirationDate),
    };
    return isEmpty(read) ? [] : read;
  });
}

export function readAddons(value: unknown): ProductDetails['addons'] {
  return entries<WireAddon>(value, MOST.others).flatMap((addon) => {
    const read = {
      id: text(addon.serviceId, 100),
      type: text(addon.serviceType, 60),
      selection: text(addon.selection, 60),
      fee: amount(addon.serviceFee),
    };
    return isEmpty(read) ? [] : read;
  });
}

export function readBidding(item: Unread<WireItem>): ProductDetails['bidding'] {
  const read = {
    minimumBid: amount(item.minimumPriceToBid),
    bidders: naturalNumber(item.uniqueBidderCount),
    reserveMet: flag(item.reservePriceMet),
  };
  return isEmpty(read) ? null : read;
}

function isEmpty(values: object): boolean {
  return Object.values(values).every((value) => value === null);
}
