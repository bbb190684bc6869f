import type { Product } from '../../src/product/product.ts';
import { pictureOf } from './fieldMeanings.ts';
import { amountRules, type Rule, sameNumber, sameText, sameTime, type Tables } from './passedOn.ts';

/** eBay names a picture several times, in several sizes: the largest one is passed on. */
export const isShown: Rule = (url, { images }) => {
  const sent = pictureOf(url);
  return images.map(pictureOf).some(({ name, size }) => name === sent.name && size >= sent.size);
};

/** `"0.0"` is no share of anything but a negative score. */
export const isRated: Rule = (value, { seller }, { feedbackScore = 0 }) =>
  Number(value) === 0 && feedbackScore >= 0
    ? seller.feedbackPercentage === null
    : sameNumber(seller.feedbackPercentage, value);

const SHOWN_BY: Record<string, Product['priceDisplay']> = {
  ONLY_SHOW_ON_REQUEST: 'ON_REQUEST',
  ONLY_SHOW_WHEN_ADDED_IN_CART: 'IN_CART',
};

const KINDS: Record<string, Array<Product['shipping']['kind']>> = {
  FIXED: ['free', 'fixed'],
  CALCULATED: ['calculated'],
};

/** eBay's discount is what is left of the original price when the price is paid. */
const isDifference: Rule = (value, { originalPrice, price }) =>
  originalPrice !== null &&
  price !== null &&
  Math.abs(Number(originalPrice.value) - Number(price.value) - Number(value)) < 0.005;

const SAME_RATE = 'the amount before eBay converted it: those of price, bid and shipping are passed on';
const RESERVED = 'eBay reserves it for later';
const STREET = 'the street and county of a private person';

/** What search answers and item answers say alike. */
export const LISTING: Tables = {
  passed: {
    itemId: (value, { itemId }) => itemId === value,
    legacyItemId: (value, { legacyItemId }) => legacyItemId === value,
    title: (value, { title }) => sameText(title, value),
    itemWebUrl: (value, { url }) => url === value,
    itemAffiliateWebUrl: (value, { affiliateUrl }) => affiliateUrl === value,
    'image.imageUrl': isShown,
    'additionalImages[].imageUrl': isShown,
    'thumbnailImages[].imageUrl': isShown,
    ...amountRules(
      'price',
      ({ price, auction }) => price ?? auction?.currentBid,
      ({ converted, auction }) => converted ?? auction?.converted,
    ),
    ...amountRules(
      'currentBidPrice',
      ({ auction }) => auction?.currentBid,
      ({ auction }) => auction?.converted,
    ),
    bidCount: (value, { auction }) => auction?.bidCount === value,
    itemEndDate: (value, { auction }) => sameTime(auction?.endsAt, value),
    'buyingOptions[]': (value, { buyingOptions }) => buyingOptions.includes(value),
    ...amountRules('marketingPrice.originalPrice', ({ originalPrice }) => originalPrice),
    'marketingPrice.discountPercentage': (value, { discountPercent }) => sameNumber(discountPercent, value),
    'marketingPrice.discountAmount.value': isDifference,
    'marketingPrice.discountAmount.currency': (value, { originalPrice, price }) =>
      originalPrice?.currency === value && price?.currency === value,
    'marketingPrice.priceTreatment': (value, { priceTreatment }) => priceTreatment === value,
    priceDisplayCondition: (value, { priceDisplay }) => priceDisplay === SHOWN_BY[value],
    ...amountRules('unitPrice', ({ unitPrice }) => unitPrice?.price),
    unitPricingMeasure: (value, { unitPrice }) => unitPrice?.per === value.trim(),
    condition: (value, { condition }) => condition === value.trim(),
    conditionId: (value, { conditionId }) => conditionId === value,
    'seller.feedbackPercentage': isRated,
    'seller.feedbackScore': (value, { seller }) => seller.feedbackScore === value,
    'seller.sellerAccountType': (value, { seller }) => seller.accountType === value,
    topRatedBuyingExperience: (value, { topRatedPlus }) => topRatedPlus === value,
    'itemLocation.city': (value, { location }) => location.city === value.trim(),
    'itemLocation.stateOrProvince': (value, { location }) => location.stateOrProvince === value.trim(),
    'itemLocation.country': (value, { location }) => location.country === value,
    'itemLocation.postalCode': (value, { location }) => location.postalCode === value.trim(),
    'qualifiedPrograms[]': (value, { programs }) => programs.includes(value),
    shortDescription: (value, { shortDescription }) =>
      value.trim() === '' ||
      (shortDescription !== null &&
        sameText(shortDescription, value.trim().slice(0, shortDescription.length))),
    adultOnly: (value, { adultOnly }) => adultOnly === value,
    energyEfficiencyClass: (value, product) => product.energyEfficiencyClass === value,
    tyreLabelImageUrl: (value, { tyreLabelUrl }) => tyreLabelUrl === value,
    watchCount: (value, { watchCount }) => watchCount === value,
    epid: (value, { epid }) => epid === value,
    itemCreationDate: (value, { createdAt }) => sameTime(createdAt, value),
    listingMarketplaceId: (value, { listingMarketplace }) => listingMarketplace === value,
    priorityListing: (value, { promoted }) => promoted === value,
  },
  leftOut: {
    'seller.username': 'eBay’s licence: no user names are stored',
    'itemLocation.addressLine1': STREET,
    'itemLocation.addressLine2': STREET,
    'itemLocation.county': STREET,
    ...Object.fromEntries(
      ['marketingPrice.originalPrice', 'marketingPrice.discountAmount', 'unitPrice'].flatMap((path) => [
        [`${path}.convertedFromValue`, SAME_RATE],
        [`${path}.convertedFromCurrency`, SAME_RATE],
      ]),
    ),
    ...Object.fromEntries(
      ['image', 'additionalImages[]', 'thumbnailImages[]'].flatMap((path) => [
        [`${path}.height`, RESERVED],
        [`${path}.width`, RESERVED],
      ]),
    ),
  },
};

/** An item summary of a search answer. */
export const SUMMARY: Tables = {
  passed: {
    ...LISTING.passed,
    'leafCategoryIds[]': (value, { categoryIds }) => categoryIds.includes(value),
    'categories[].categoryId': (value, { categories }) => categories.some(({ id }) => id === value),
    'categories[].categoryName': (value, { categories }, { categoryId }) =>
      categories.some(({ id, name }) => id === categoryId && sameText(name, value)),
    'shippingOptions[].shippingCostType': (value, { shipping }) =>
      KINDS[value]?.includes(shipping.kind) === true,
    ...amountRules(
      'shippingOptions[].shippingCost',
      ({ shipping }) => shipping.cost,
      ({ shipping }) => shipping.converted,
    ),
    'shippingOptions[].minEstimatedDeliveryDate': (value, { delivery }) =>
      sameTime(delivery?.earliest, value),
    'shippingOptions[].maxEstimatedDeliveryDate': (value, { delivery }) => sameTime(delivery?.latest, value),
    'pickupOptions[].pickupLocationType': (value, { pickup }) => pickup.includes(value),
    'distanceFromPickupLocation.value': (value, { pickupDistance }) =>
      sameNumber(pickupDistance?.value, value),
    'distanceFromPickupLocation.unitOfMeasure': (value, { pickupDistance }) =>
      pickupDistance?.unit === value.trim(),
    availableCoupons: (value, { coupons }) => coupons === value,
    itemGroupHref: (value, { group }) => new URL(value).searchParams.get('item_group_id') === group?.id,
    itemGroupType: (value, { group }) => group?.type === value,
    itemOriginDate: (value, { listedAt }) => sameTime(listedAt, value),
    compatibilityMatch: (value, { compatibility }) => compatibility?.match === value,
    ...Object.fromEntries(
      (['name', 'localizedName', 'value'] as const).map((field): [string, Rule] => [
        `compatibilityProperties[].${field}`,
        (value, { compatibility }) =>
          compatibility?.properties.some((property) => property[field] === value.trim()) === true,
      ]),
    ),
  },
  leftOut: {
    ...LISTING.leftOut,
    itemHref: 'an address of the API itself, made of itemId',
    'shippingOptions[].guaranteedDelivery': 'eBay has ended guaranteed delivery and says to ignore it',
  },
};
