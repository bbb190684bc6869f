import { expect } from 'chai';
import type { Product } from '../../src/product/product.ts';

/**
 * What each field of a product must be, read from eBay's own JSON by the meanings that eBay documents. It calls nothing of
 * the service: an error that a mapper makes is not made here as well.
 */

// biome-ignore lint/suspicious/noExplicitAny: captured JSON of any shape.
export type Json = any;

/** Hundredths or thousandths would round: amounts are compared as text without leading and trailing zeros. */
function plain(value: unknown): string {
  const [whole = '', fraction = ''] = String(value).split('.');
  const digits = fraction.replace(/0+$/, '');
  return `${whole.replace(/^0+(?=\d)/, '')}${digits === '' ? '' : `.${digits}`}`;
}

function expectMoney(actual: Product['price'] | undefined, value: unknown, currency: unknown): void {
  expect(actual?.currency).to.equal(currency);
  expect(plain(actual?.value)).to.equal(plain(value));
}

const isReadable = (amount: Json) =>
  amount !== undefined && amount !== null && Number(amount.value) >= 0 && /^[A-Z]{3}$/.test(amount.currency);

const takesBids = ({ buyingOptions = [] }: Json) => buyingOptions.includes('AUCTION');

/** eBay: FIXED_PRICE is the set price of Buy It Now; a pure auction has bids alone. */
export function checkPrice(item: Json, { price, converted, auction }: Product): void {
  const bidsAlone = takesBids(item) && !item.buyingOptions.includes('FIXED_PRICE');
  if (bidsAlone || !isReadable(item.price)) expect(price).to.equal(null);
  else expectMoney(price, item.price.value, item.price.currency);
  if (price === null || item.price.convertedFromValue === undefined) expect(converted).to.equal(null);
  else expectMoney(converted, item.price.convertedFromValue, item.price.convertedFromCurrency);
  expect(auction !== null).to.equal(takesBids(item));
  if (auction === null) return;
  if (isReadable(item.currentBidPrice))
    expectMoney(auction.currentBid, item.currentBidPrice.value, item.currentBidPrice.currency);
  expect(auction.bidCount).to.equal(item.bidCount ?? null);
  if (item.itemEndDate) expect(Date.parse(auction.endsAt ?? '')).to.equal(Date.parse(item.itemEndDate));
}

/** eBay: FIXED is a flat rate, CALCULATED depends on the buyer; only a cost that is named can be paid. */
export function checkShipping(item: Json, product: Product): void {
  const { price, shipping, total, delivery } = product;
  const options = (item.shippingOptions ?? []).filter((option: Json) => !/pick.?up/i.test(option.type ?? ''));
  const usable = options.filter(
    ({ shippingCostType, shippingCost }: Json) =>
      isReadable(shippingCost) && (shippingCostType === 'FIXED' || Number(shippingCost.value) > 0),
  );
  const own = usable.filter(({ shippingCost }: Json) => shippingCost.currency === price?.currency);
  const choice = own.length > 0 ? own : usable;
  if (choice.length === 0) {
    expect(shipping.cost).to.equal(null);
    expect(total).to.equal(null);
    if (options.length > 0) expect(shipping.kind).to.be.oneOf(['calculated', 'unknown']);
    else expect(shipping.kind).to.equal(canOnlyBeFetched(item) ? 'pickup-only' : 'unknown');
    return;
  }
  const least = Math.min(...choice.map(({ shippingCost }: Json) => Number(shippingCost.value)));
  const best = choice.find(({ shippingCost }: Json) => Number(shippingCost.value) === least);
  expectMoney(shipping.cost, best.shippingCost.value, best.shippingCost.currency);
  expect(shipping.kind).to.equal(
    best.shippingCostType === 'CALCULATED' ? 'calculated' : least === 0 ? 'free' : 'fixed',
  );
  if (best.shippingCost.convertedFromValue === undefined) expect(shipping.converted).to.equal(undefined);
  else
    expectMoney(
      shipping.converted,
      best.shippingCost.convertedFromValue,
      best.shippingCost.convertedFromCurrency,
    );
  if (price === null || price.currency !== best.shippingCost.currency) expect(total).to.equal(null);
  else {
    expect(total?.currency).to.equal(price.currency);
    expect(Number(total?.value)).to.be.closeTo(Number(item.price.value) + least, 0.000_001);
  }
  checkDates(best, delivery);
}

function checkDates(
  { minEstimatedDeliveryDate: first, maxEstimatedDeliveryDate: last }: Json,
  delivery: Json,
) {
  if (!first && !last) expect(delivery).to.equal(null);
  for (const [day, stated] of [
    [delivery?.earliest, first],
    [delivery?.latest, last],
  ])
    if (stated) expect(Date.parse(day)).to.equal(Date.parse(stated));
    else expect(day ?? null).to.equal(null);
}

/** eBay: pickupOptions are the pick-up places of a listing; deliveryOptions the ways by which an item is delivered. */
function canOnlyBeFetched({ pickupOptions, estimatedAvailabilities, shippingOptions }: Json): boolean {
  const ways = (estimatedAvailabilities ?? []).flatMap(({ deliveryOptions = [] }: Json) => deliveryOptions);
  const fetched = ['SELLER_ARRANGED_LOCAL_PICKUP', 'IN_STORE_PICKUP'];
  return (
    (pickupOptions ?? []).length > 0 ||
    (shippingOptions ?? []).length > 0 ||
    (ways.length > 0 && ways.every((way: string) => fetched.includes(way)))
  );
}

/** `https://i.ebayimg.com/thumbs/images/g/NAME/s-l225.jpg`: the name, and the length of the longer side. */
export function pictureOf(address: string): { name: string; size: number } {
  const parts = new URL(address).pathname.split('/');
  const size = Number(/^(?:s-l)?(\d+)/.exec(parts.at(-1) ?? '')?.[1] ?? 0);
  return { name: parts.at(-2) ?? '', size };
}

/** eBay: `image` is the primary image, the additional ones come after it; thumbnails show the primary one. */
export function checkImages(item: Json, { images }: Product): void {
  const address = (image: Json) => image?.imageUrl as string | undefined;
  const main = [address(item.image), ...(item.thumbnailImages ?? []).map(address)].filter((url) => url);
  const others = (item.additionalImages ?? []).map(address).filter((url: string | undefined) => url);
  const sent = [...main, ...others].map((url) => pictureOf(url as string));
  const largest = new Map<string, number>();
  for (const { name, size } of sent) largest.set(name, Math.max(size, largest.get(name) ?? 0));
  const delivered = images.map(pictureOf);
  expect(delivered.map(({ name }) => name)).to.have.members([...largest.keys()]);
  expect(delivered.map(({ size }) => size)).to.deep.equal(delivered.map(({ name }) => largest.get(name)));
  expect(delivered[0]?.name).to.equal(sent[0]?.name);
  for (const url of images) expect([...main, ...others]).to.include(url);
}

export function checkIdentity(item: Json, product: Product): void {
  expect(product.itemId).to.equal(item.itemId);
  const [, legacy, variation] = String(item.itemId).split('|');
  expect(product.legacyItemId).to.equal(item.legacyItemId ?? legacy);
  expect(product.title).to.equal(item.title.trim());
  expect(product.url).to.be.oneOf([item.itemWebUrl, item.itemAffiliateWebUrl]);
  expect(product.url).to.include(legacy);
  expect(product.epid).to.equal(item.epid ?? null);
  expect(product.group !== null).to.equal(item.itemGroupHref !== undefined || variation !== '0');
  if (item.itemGroupHref)
    expect(product.group?.id).to.equal(new URL(item.itemGroupHref).searchParams.get('item_group_id'));
}

export function checkRest(item: Json, product: Product): void {
  expect(product.condition).to.equal(item.condition ?? null);
  expect(product.conditionId).to.equal(item.conditionId ?? null);
  expect(product.buyingOptions).to.deep.equal(item.buyingOptions);
  expect(product.topRatedPlus).to.equal(item.topRatedBuyingExperience ?? null);
  const { country, city, postalCode } = item.itemLocation ?? {};
  expect(product.location.country).to.equal(country ?? null);
  expect(product.location.city).to.equal(city?.trim() ?? null);
  expect(product.location.postalCode).to.equal(postalCode ?? null);
}

/** eBay: `"0.0"` is sent for sellers without recent feedback, so it is no share of anything but a negative score. */
export function checkRating({ seller }: Json, product: Product): void {
  const { feedbackPercentage: stated, feedbackScore: score = null } = seller ?? {};
  const known = stated !== undefined && (Number(stated) > 0 || (score ?? 0) < 0);
  expect(product.seller.feedbackPercentage).to.equal(known ? Number(stated) : null);
  expect(product.seller.feedbackScore).to.equal(score);
  if (seller?.username) expect(JSON.stringify(product.seller)).to.not.include(seller.username);
}

/** Of a search answer alone. */
export function checkListing(item: Json, product: Product): void {
  const leaves = item.leafCategoryIds ?? [];
  const categories = (item.categories ?? []).map(({ categoryId }: Json) => categoryId);
  expect(product.categoryIds.slice(0, leaves.length)).to.deep.equal(leaves);
  expect(product.categoryIds).to.have.members([...new Set([...leaves, ...categories])]);
  const listed = item.itemOriginDate ?? item.itemCreationDate;
  expect(product.listingMarketplace).to.equal(item.listingMarketplaceId ?? null);
  expect(product.promoted).to.equal(item.priorityListing ?? null);
  expect(product.listedAt && Date.parse(product.listedAt)).to.equal(listed ? Date.parse(listed) : null);
}

const STATED = /[\p{L}\p{N}]/u;
const PHRASE =
  /^(does not apply|n\/?a|none|unknown|nicht zutreffend|non applicable|non applicabile|no aplicable|niet van toepassing|nie dotyczy)$/i;

/** Whether a text says something of the goods. */
export function isStated(text: string): boolean {
  return STATED.test(text) && !PHRASE.test(text.trim());
}

function expectStated(actual: string | null | undefined, text: string | undefined): void {
  if (text === undefined) return;
  expect(actual).to.equal(isStated(text) ? text.trim() : null);
}

/** Of an item answer alone. */
export function checkDetails(item: Json, { details }: Product): void {
  const [stock = {}] = item.estimatedAvailabilities ?? [];
  expectStated(details?.brand, item.brand);
  expectStated(details?.mpn, item.mpn);
  if (/^\d{8,14}$/.test(item.gtin ?? '')) expect(details?.gtin).to.equal(item.gtin);
  const quantity = stock.estimatedAvailableQuantity ?? stock.estimatedRemainingQuantity ?? null;
  expect(details?.availableQuantity).to.equal(quantity);
  expect(details?.availableQuantityMoreThan).to.equal(
    quantity === null ? (stock.availabilityThreshold ?? null) : null,
  );
  expect(details?.estimatedSoldQuantity).to.equal(stock.estimatedSoldQuantity ?? null);
  checkReturns(item, details?.returns);
  checkServices(item, details?.shippingServices ?? []);
  checkTaxes(item, details?.taxes ?? []);
  for (const [regions, sent] of [
    [details?.shipsTo, item.shipToLocations?.regionIncluded],
    [details?.shipsNotTo, item.shipToLocations?.regionExcluded],
  ])
    expect(regions).to.deep.equal(
      (sent ?? []).map(({ regionId = null, regionName = null, regionType = null }: Json) => ({
        id: regionId,
        name: regionName,
        type: regionType,
      })),
    );
  for (const [name, sent] of [
    ['lotSize', item.lotSize || undefined],
    ['quantityLimitPerBuyer', item.quantityLimitPerBuyer],
    ['conditionDescription', item.conditionDescription],
    ['subtitle', item.subtitle],
    ['revision', item.sellerItemRevision],
    ['immediatePay', item.immediatePay],
    ['guestCheckout', item.enabledForGuestCheckout],
    ['inlineCheckout', item.eligibleForInlineCheckout],
    ['color', item.color],
    ['size', item.size],
    ['material', item.material],
  ] as const)
    expect(details?.[name], name).to.equal(sent ?? null);
  const { averageRating, reviewCount } = item.primaryProductReviewRating ?? {};
  expect(details?.rating?.average).to.equal(averageRating && Number(averageRating));
  expect(details?.rating?.count).to.equal(reviewCount);
  if (stock.estimatedAvailabilityStatus === 'OUT_OF_STOCK')
    expect(details?.availability).to.be.oneOf(['out-of-stock', 'ended']);
  else if (!(stock.deliveryOptions ?? []).includes('SHIP_TO_HOME'))
    expect(details?.availability).to.not.be.oneOf(['in-stock', 'limited']);
  for (const { name, value } of item.localizedAspects ?? []) {
    const values = details?.aspects[name] ?? [];
    if (!isStated(value)) continue;
    expect(value, name).to.include(values[0]);
    const rest = values.reduce((text, each) => text.replace(each, ''), value);
    expect(rest, `${name}: nothing but commas is lost`).to.match(/^[, ]*$/);
  }
}

function checkReturns({ returnTerms: terms }: Json, returns: Json): void {
  if (terms === undefined) return;
  const { value, unit } = terms.returnPeriod ?? {};
  expect(returns).to.deep.equal({
    accepted: terms.returnsAccepted,
    days: unit === 'CALENDAR_DAY' ? value : null,
    period: unit === undefined ? null : { value, unit },
    paidBy: terms.returnShippingCostPayer ?? null,
    refund: terms.refundMethod ?? null,
    method: terms.returnMethod ?? null,
    restockingFeePercent: terms.restockingFeePercentage ? Number(terms.restockingFeePercentage) : null,
    extendedHolidayReturns: terms.extendedHolidayReturnsOffered ?? null,
    instructions: terms.returnInstructions ?? null,
  });
}

/** eBay: every shipping option has its own cost and dates; to fetch an item is no way of sending it. */
function checkServices({ shippingOptions = [], price }: Json, services: Json[]): void {
  const sent = shippingOptions.filter(({ type = '' }: Json) => !/pick.?up/i.test(type));
  expect(services.map(({ service }) => service)).to.deep.equal(
    sent.map(({ shippingServiceCode = null }: Json) => shippingServiceCode),
  );
  for (const [index, service] of services.entries()) {
    const { shippingCost: cost, shippingCostType: kind, ...option } = sent[index];
    expect(service.type).to.equal(option.type ?? null);
    if (service.cost === null)
      expect(isReadable(cost) && (Number(cost.value) > 0 || kind === 'FIXED')).to.equal(false);
    else expectMoney(service.cost, cost.value, cost.currency);
    expect(service.kind === 'free').to.equal(
      kind === 'FIXED' && isReadable(cost) && Number(cost.value) === 0,
    );
    const more = option.additionalShippingCostPerUnit;
    if (more) expectMoney(service.costPerAdditionalUnit, more.value, more.currency);
    for (const [day, stated] of [
      [service.earliest, option.minEstimatedDeliveryDate],
      [service.latest, option.maxEstimatedDeliveryDate],
    ])
      expect(day && Date.parse(day)).to.equal(stated ? Date.parse(stated) : null);
  }
  const priced = services.filter(({ cost }) => cost?.currency === price?.currency);
  const costs = priced.map(({ cost }) => Number(cost.value));
  if (costs.length > 0)
    expect(Number(services.find(({ cheapest }) => cheapest)?.cost.value)).to.equal(Math.min(...costs));
  const days = services.filter(({ latest }) => latest).map(({ latest }) => Date.parse(latest));
  const fastest = services.filter((service) => service.fastest);
  expect(fastest).to.have.length(days.length > 0 ? 1 : 0);
  if (days.length > 0) expect(Date.parse(fastest[0].latest)).to.equal(Math.min(...days));
}

/** eBay: one entry for each place that has a tax. */
function checkTaxes({ taxes: sent = [] }: Json, taxes: Json[]): void {
  const places = taxes.flatMap(({ regions }) => regions);
  expect(places).to.have.length(sent.length);
  for (const { taxJurisdiction: place, ...terms } of sent) {
    const tax = taxes.find(
      ({ regions, type }) =>
        type === terms.taxType && regions.some(({ id }: Json) => id === place.taxJurisdictionId),
    );
    expect(tax?.percent).to.equal(terms.taxPercentage ? Number(terms.taxPercentage) : null);
    expect(tax?.includedInPrice).to.equal(terms.includedInPrice ?? null);
    expect(tax?.shippingTaxed).to.equal(terms.shippingAndHandlingTaxed ?? null);
    expect(tax?.collectedByEbay).to.equal(terms.ebayCollectAndRemitTax ?? null);
    expect(tax?.regions.map(({ name }: Json) => name)).to.include(place.region.regionName);
  }
}

/** A line of CSV as RFC 4180 reads it. */
export function cellsOf(line: string): string[] {
  const cells: string[] = [];
  let quoted = false;
  let cell = '';
  for (let at = 0; at < line.length; at++) {
    const sign = line[at] as string;
    if (quoted && sign === '"' && line[at + 1] === '"') {
      cell += '"';
      at += 1;
    } else if (sign === '"') quoted = !quoted;
    else if (sign === ',' && !quoted) {
      cells.push(cell);
      cell = '';
    } else cell += sign;
  }
  return [...cells, cell];
}

/** A row of CSV says what eBay said. */
export function checkRow(item: Json, row: Record<string, string | undefined>, product: Product): void {
  const unquoted = (text = '') => text.replace(/^'(?=[=+\-@])/, '');
  expect(row.itemId).to.equal(item.itemId);
  expect(unquoted(row.title)).to.equal(item.title.trim());
  expect(row.url).to.be.oneOf([item.itemWebUrl, item.itemAffiliateWebUrl]);
  if (product.price !== null) expect(plain(row.price)).to.equal(plain(item.price.value));
  expect(row.priceCurrency).to.equal(product.price?.currency ?? '');
  expect(row.total).to.equal(product.total?.value ?? '');
  expect(row.shippingCost).to.equal(product.shipping.cost?.value ?? '');
  expect(row.converted).to.equal(product.converted?.value ?? '');
  expect(row.images?.split(' ').filter(Boolean)).to.deep.equal(product.images);
  expect(row.image).to.equal(product.images[0] ?? '');
  expect(row.conditionId).to.equal(item.conditionId ?? '');
  expect(row.sellerFeedbackPercentage).to.equal(String(product.seller.feedbackPercentage ?? ''));
  expect(row.topRatedPlus).to.equal(String(item.topRatedBuyingExperience ?? ''));
  expect(row.deliveryLatest).to.equal(product.delivery?.latest ?? '');
  expect(row.detailsAspects).to.equal(product.details ? JSON.stringify(product.details.aspects) : '');
  expect(row.detailsMpn).to.equal(product.details?.mpn ?? '');
}

/** Text as HTML shows it. */
function textOf(html: string): string {
  const signs: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
  return html.replace(/<[^>]+>/g, '').replace(/&(#?\w+);/g, (all, name: string) => signs[name] ?? all);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sept?', 'Oct', 'Nov', 'Dec'];

/** The amounts in a text such as `$1,200.50 + free shipping`. */
function amountsIn(text: string): number[] {
  return [...text.matchAll(/\d[\d,]*(?:\.\d+)?/g)].map(([amount]) => Number(amount.replaceAll(',', '')));
}

function checkAmounts(item: Json, delivered: string, parts: string, product: Product): void {
  const { price, shipping, total } = product;
  if (total === null) expect(amountsIn(delivered)).to.deep.equal([]);
  else expect(amountsIn(delivered)).to.deep.equal([Number(total.value)]);
  if (price !== null) expect(amountsIn(parts)[0]).to.equal(Number(item.price.value));
  if (shipping.cost === null) expect(parts).to.not.include('free');
}

/** A minimum advertised price is in no sight before a step of the person. */
function checkHeldBack(card: string, { price, total, originalPrice }: Product): void {
  const inSight = textOf(card.replace(/<details class="on-request">.*?<\/details>/s, ''));
  for (const amount of [price, total, originalPrice])
    if (amount !== null) expect(inSight).to.not.include(Number(amount.value).toFixed(2));
}

/** A card of the page says what eBay said. */
export function checkCard(item: Json, card: string, product: Product): void {
  const { shipping, delivery, images, seller } = product;
  const part = (pattern: RegExp) => textOf(pattern.exec(card)?.[0] ?? '');
  expect(part(/<h3>.*?<\/h3>/s)).to.equal(item.title.trim());
  expect(textOf(/<a href="([^"]*)"/.exec(card)?.[1] ?? '')).to.be.oneOf([
    item.itemWebUrl,
    item.itemAffiliateWebUrl,
  ]);
  if (product.priceDisplay !== null) checkHeldBack(card, product);
  if (product.priceDisplay !== 'IN_CART') {
    checkAmounts(item, part(/<p class="total.*?<\/p>/s), part(/<p class="small parts">.*?<\/p>/s), product);
    expect(part(/<p class="small parts">.*?<\/p>/s).includes('pick-up only')).to.equal(
      shipping.kind === 'pickup-only',
    );
  }
  const arrival = part(/<p class="small arrives">.*?<\/p>/s);
  expect(arrival !== '').to.equal(delivery !== null);
  if (delivery?.latest) {
    const [, month, day] = /^\d{4}-(\d\d)-(\d\d)/.exec(delivery.latest) ?? [];
    expect(arrival).to.match(new RegExp(`\\b${Number(day)} ${MONTHS[Number(month) - 1]}`));
  }
  const picture = /<img src="([^"]*)"/.exec(card)?.[1];
  if (images[0] === undefined) expect(picture).to.equal(undefined);
  else expect(pictureOf(textOf(picture ?? '')).name).to.equal(pictureOf(images[0]).name);
  if (seller.feedbackPercentage === null) expect(textOf(card)).to.not.include('% positive');
  else expect(textOf(card)).to.include(`${seller.feedbackPercentage.toFixed(1)} % positive`);
  expect(textOf(card).includes('★')).to.equal(item.topRatedBuyingExperience === true);
  if (product.promoted !== null)
    expect(card.includes('<li>Promoted</li>')).to.equal(item.priorityListing === true);
}
