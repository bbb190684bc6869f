import { mapItemAnswer } from '../../src/collector/mapDetails.ts';
import type { Product, ProductDetails } from '../../src/product/product.ts';
import { pack, unpack } from '../../src/results/packing.ts';
import { HOSTS } from './checkedAnswers.ts';
import { isStated, type Json, pictureOf } from './fieldMeanings.ts';
import { amountRules, Coverage, type Rule, sameNumber, sameText, sameTime, type Tables } from './passedOn.ts';
import { LISTING } from './searchFields.ts';

type Details = ProductDetails;

/** A rule about details: an item answer without them passes nothing on. */
const of =
  (rule: (value: Json, details: Details, parent: Json) => boolean): Rule =>
  (value, { details }, parent) =>
    details !== undefined && rule(value, details, parent);

/** The same value, of a field of its own. */
const same = (field: keyof Details): Rule => of((value, details) => details[field] === value);

/** The same text, unless the seller says that there is none. */
const stated = (field: keyof Details): Rule =>
  of((value, details) =>
    isStated(value) ? details[field] === value.trim() : details[field] !== value.trim(),
  );

/** Text that one of a list holds. */
const among = (read: (details: Details) => readonly (string | null | undefined)[]): Rule =>
  of((value, details) => read(details).some((text) => sameText(text, value)));

const number = (read: (details: Details) => unknown): Rule =>
  of((value, details) => sameNumber(read(details), value));

const flags = (read: (details: Details) => readonly unknown[]): Rule =>
  of((value, details) => read(details).includes(value));

/** Of an amount that one of a list has. */
function amountsAmong(
  path: string,
  read: (details: Details) => readonly (Json | null)[],
): Record<string, Rule> {
  return {
    [`${path}.value`]: of((value, details) => read(details).some((money) => sameNumber(money?.value, value))),
    [`${path}.currency`]: of((value, details) => read(details).some((money) => money?.currency === value)),
  };
}

const pictures = (read: (details: Details) => readonly string[]): Rule =>
  of((value, details) => {
    const { name, size } = pictureOf(value);
    return read(details)
      .map(pictureOf)
      .some((shown) => shown.name === name && shown.size >= size);
  });

const services = (details: Details) => details.shippingServices;
const dates = (read: (service: Details['shippingServices'][number]) => string | null): Rule =>
  of((value, details) => services(details).some((service) => sameTime(read(service), value)));

const KINDS: Record<string, string[]> = { FIXED: ['free', 'fixed'], CALCULATED: ['calculated'] };

/** Whether the tax of this place says so. The place of a term is found by its type, which all of a site share. */
const tax = (read: (tax: Details['taxes'][number]) => unknown): Rule =>
  of((value, { taxes }, parent) =>
    taxes.some(
      (each) =>
        each.type === parent.taxType &&
        each.regions.some(({ id }) => id === parent.taxJurisdiction?.taxJurisdictionId) &&
        (read(each) === value || sameNumber(read(each), value)),
    ),
  );

const places = ({ taxes }: Details) => taxes.flatMap(({ regions }) => regions);

const regions = (path: string, read: (details: Details) => Details['shipsTo']): Record<string, Rule> => ({
  [`${path}[].regionId`]: among((details) => read(details).map(({ id }) => id)),
  [`${path}[].regionName`]: among((details) => read(details).map(({ name }) => name)),
  [`${path}[].regionType`]: among((details) => read(details).map(({ type }) => type)),
});

const STATUS: Record<string, Array<Details['availability']>> = {
  IN_STOCK: ['in-stock', 'pickup-only', 'ended'],
  LIMITED_STOCK: ['limited', 'pickup-only', 'ended'],
  OUT_OF_STOCK: ['out-of-stock', 'ended'],
};

const CONTACT = 'contact data of people and companies: not stored';
const SAME_RATE = 'the amount before eBay converted it: those of price, bid and shipping are passed on';
const PICTURE_SIZE = 'eBay reserves it for later';
const LABEL = 'what it shows is passed on as text';
const OWN_NUMBER = 'for programs that edit listings; the text is passed on';
const PROGRAM = 'eBay’s own text about a program that `programs` names';

/** Ways to fetch an item stand among the ways to send it, and are counted apart. */
const FETCHED = 'fetched';

/** An item of getItem, getItemByLegacyId and getItemsByItemGroup. */
export const ITEM: Tables = {
  passed: {
    ...LISTING.passed,
    itemEndDate: of((value, { endsAt }) => sameTime(endsAt, value)),
    categoryId: (value, { categoryIds }) => categoryIds[0] === value,
    categoryIdPath: (value, { categoryIds }) => categoryIds.toReversed().join('|') === value,
    categoryPath: (value, { categories }, { categoryIdPath }) =>
      categoryIdPath === undefined ||
      categories
        .map(({ name }) => name)
        .toReversed()
        .join('|') === value,
    'primaryItemGroup.itemGroupId': (value, { group }) => group?.id === value,
    'primaryItemGroup.itemGroupHref': (value, { group }) =>
      new URL(value).searchParams.get('item_group_id') === group?.id,
    'primaryItemGroup.itemGroupType': (value, { group }) => group?.type === value,
    'primaryItemGroup.itemGroupTitle': same('groupTitle'),
    'primaryItemGroup.itemGroupImage.imageUrl': pictures(({ groupImages }) => groupImages),
    'primaryItemGroup.itemGroupAdditionalImages[].imageUrl': pictures(({ groupImages }) => groupImages),
    subtitle: same('subtitle'),
    brand: of((value, { brand }) => (isStated(value) ? brand === value.trim() : brand !== value)),
    mpn: stated('mpn'),
    gtin: of((value, { gtin }) => gtin === (/^[0-9X]{8,14}$/.test(value) ? value : null)),
    color: stated('color'),
    size: stated('size'),
    sizeSystem: stated('sizeSystem'),
    sizeType: stated('sizeType'),
    material: stated('material'),
    pattern: stated('pattern'),
    gender: stated('gender'),
    ageGroup: stated('ageGroup'),
    'localizedAspects[].name': of(
      (name, { aspects }, { value }) => !isStated(value) || aspects[name.trim()] !== undefined,
    ),
    'localizedAspects[].value': of((value, { aspects }, { name }) => {
      const rest = (aspects[name.trim()] ?? []).reduce((text, each) => text.replace(each, ''), value);
      return !isStated(value) || /^[, ]*$/.test(rest);
    }),
    conditionDescription: of((value, details) => sameText(details.conditionDescription, value)),
    'conditionDescriptors[].name': among((details) => details.conditionDescriptors.map(({ name }) => name)),
    'conditionDescriptors[].values[].content': among((details) =>
      details.conditionDescriptors.flatMap(({ values }) => values),
    ),
    'conditionDescriptors[].values[].additionalInfo[]': among((details) =>
      details.conditionDescriptors.flatMap(({ info }) => info),
    ),
    'estimatedAvailabilities[].estimatedAvailabilityStatus': of(
      (value, { availability }) => STATUS[value]?.includes(availability) === true,
    ),
    'estimatedAvailabilities[].estimatedAvailableQuantity': same('availableQuantity'),
    'estimatedAvailabilities[].estimatedRemainingQuantity': of(
      (value, { availableQuantity }, { estimatedAvailableQuantity: other = value }) =>
        availableQuantity === other,
    ),
    'estimatedAvailabilities[].availabilityThreshold': same('availableQuantityMoreThan'),
    'estimatedAvailabilities[].availabilityThresholdType': of(
      (value, { availableQuantityMoreThan }) =>
        (availableQuantityMoreThan !== null) === (value === 'MORE_THAN'),
    ),
    'estimatedAvailabilities[].estimatedSoldQuantity': same('estimatedSoldQuantity'),
    'estimatedAvailabilities[].deliveryOptions[]': among(({ deliveryOptions }) => deliveryOptions),
    quantityLimitPerBuyer: same('quantityLimitPerBuyer'),
    lotSize: of((value, { lotSize }) => lotSize === (value === 0 ? null : value)),
    'shippingOptions[].shippingServiceCode': among((details) =>
      services(details).map((each) => each.service),
    ),
    'shippingOptions[].shippingCarrierCode': among((details) =>
      services(details).map((each) => each.carrier),
    ),
    'shippingOptions[].type': among((details) => services(details).map(({ type }) => type)),
    'shippingOptions[].shippingCostType': of((value, details) =>
      services(details).some(({ kind }) => KINDS[value]?.includes(kind)),
    ),
    ...amountsAmong('shippingOptions[].shippingCost', (details) => services(details).map(({ cost }) => cost)),
    'shippingOptions[].shippingCost.convertedFromValue': of((value, details) =>
      services(details).some(({ converted }) => sameNumber(converted?.value, value)),
    ),
    'shippingOptions[].shippingCost.convertedFromCurrency': of((value, details) =>
      services(details).some(({ converted }) => converted?.currency === value),
    ),
    ...amountsAmong('shippingOptions[].additionalShippingCostPerUnit', (details) =>
      services(details).map(({ costPerAdditionalUnit }) => costPerAdditionalUnit),
    ),
    ...amountsAmong('shippingOptions[].importCharges', (details) =>
      services(details).map(({ importCharges }) => importCharges),
    ),
    'shippingOptions[].quantityUsedForEstimate': flags((details) =>
      services(details).map(({ quantity }) => quantity),
    ),
    'shippingOptions[].minEstimatedDeliveryDate': dates(({ earliest }) => earliest),
    'shippingOptions[].maxEstimatedDeliveryDate': dates(({ latest }) => latest),
    'shippingOptions[].cutOffDateUsedForEstimate': dates(({ orderBefore }) => orderBefore),
    'shippingOptions[].fulfilledThrough': among((details) => services(details).map(({ program }) => program)),
    'shippingOptions[].shipToLocationUsedForEstimate.country': among(({ shippingTo }) => [
      shippingTo?.country,
    ]),
    'shippingOptions[].shipToLocationUsedForEstimate.postalCode': among(({ shippingTo }) => [
      shippingTo?.postalCode,
    ]),
    ...regions('shipToLocations.regionIncluded', ({ shipsTo }) => shipsTo),
    ...regions('shipToLocations.regionExcluded', ({ shipsNotTo }) => shipsNotTo),
    'taxes[].taxType': among(({ taxes }) => taxes.map(({ type }) => type)),
    'taxes[].taxPercentage': tax(({ percent }) => percent),
    'taxes[].includedInPrice': tax(({ includedInPrice }) => includedInPrice),
    'taxes[].shippingAndHandlingTaxed': tax(({ shippingTaxed }) => shippingTaxed),
    'taxes[].ebayCollectAndRemitTax': tax(({ collectedByEbay }) => collectedByEbay),
    'taxes[].taxJurisdiction.taxJurisdictionId': among((details) => places(details).map(({ id }) => id)),
    'taxes[].taxJurisdiction.region.regionName': among((details) => places(details).map(({ name }) => name)),
    'taxes[].taxJurisdiction.region.regionType': among((details) => places(details).map(({ type }) => type)),
    'returnTerms.returnsAccepted': of((value, { returns }) => returns?.accepted === value),
    'returnTerms.returnPeriod.value': number(({ returns }) => returns?.period?.value),
    'returnTerms.returnPeriod.unit': among(({ returns }) => [returns?.period?.unit]),
    'returnTerms.returnShippingCostPayer': among(({ returns }) => [returns?.paidBy]),
    'returnTerms.refundMethod': among(({ returns }) => [returns?.refund]),
    'returnTerms.returnMethod': among(({ returns }) => [returns?.method]),
    'returnTerms.restockingFeePercentage': number(({ returns }) => returns?.restockingFeePercent),
    'returnTerms.extendedHolidayReturnsOffered': flags(({ returns }) => [returns?.extendedHolidayReturns]),
    'returnTerms.returnInstructions': among(({ returns }) => [returns?.instructions]),
    'paymentMethods[].paymentMethodType': among((details) => details.paymentMethods.map(({ type }) => type)),
    'paymentMethods[].paymentMethodBrands[].paymentMethodBrandType': among((details) =>
      details.paymentMethods.flatMap(({ brands }) => brands),
    ),
    'paymentMethods[].paymentInstructions[]': among((details) =>
      details.paymentMethods.flatMap(({ instructions }) => instructions),
    ),
    'paymentMethods[].sellerInstructions[]': among((details) =>
      details.paymentMethods.flatMap(({ instructions }) => instructions),
    ),
    immediatePay: same('immediatePay'),
    enabledForGuestCheckout: same('guestCheckout'),
    eligibleForInlineCheckout: same('inlineCheckout'),
    'availableCoupons[].redemptionCode': among(({ coupons }) => coupons.map(({ code }) => code)),
    'availableCoupons[].discountType': among(({ coupons }) => coupons.map(({ type }) => type)),
    ...amountsAmong('availableCoupons[].discountAmount', ({ coupons }) =>
      coupons.map((each) => each.discount),
    ),
    'availableCoupons[].message': among(({ coupons }) => coupons.map(({ message }) => message)),
    'availableCoupons[].termsWebUrl': among(({ coupons }) => coupons.map(({ termsUrl }) => termsUrl)),
    'availableCoupons[].constraint.expirationDate': of((value, { coupons }) =>
      coupons.some(({ expiresAt }) => sameTime(expiresAt, value)),
    ),
    'addonServices[].serviceId': among(({ addons }) => addons.map(({ id }) => id)),
    'addonServices[].serviceType': among(({ addons }) => addons.map(({ type }) => type)),
    'addonServices[].selection': among(({ addons }) => addons.map(({ selection }) => selection)),
    ...amountsAmong('addonServices[].serviceFee', ({ addons }) => addons.map(({ fee }) => fee)),
    ...amountRules('ecoParticipationFee', ({ details }) => details?.ecoFee),
    ...amountRules('minimumPriceToBid', ({ details }) => details?.bidding?.minimumBid),
    uniqueBidderCount: number(({ bidding }) => bidding?.bidders),
    reservePriceMet: flags(({ bidding }) => [bidding?.reserveMet]),
    'primaryProductReviewRating.averageRating': number(({ rating }) => rating?.average),
    'primaryProductReviewRating.reviewCount': number(({ rating }) => rating?.count),
    'primaryProductReviewRating.ratingHistograms[].rating': of(
      (value, { rating }) => rating?.byStars[value] !== undefined,
    ),
    'primaryProductReviewRating.ratingHistograms[].count': of(
      (value, { rating: read }, { rating }) => read?.byStars[rating] === value,
    ),
    productFicheWebUrl: same('productSheetUrl'),
    repairScore: number(({ repairScore }) => repairScore),
    'hazardousMaterialsLabels.signalWord': among(({ hazards }) => [hazards?.signalWord]),
    'hazardousMaterialsLabels.additionalInformation': among(({ hazards }) => [hazards?.note]),
    'hazardousMaterialsLabels.statements[].statementDescription': among(
      ({ hazards }) => hazards?.statements ?? [],
    ),
    'hazardousMaterialsLabels.pictograms[].pictogramDescription': among(
      ({ hazards }) => hazards?.pictograms ?? [],
    ),
    'productSafetyLabels.statements[].statementDescription': among(({ safety }) => safety?.statements ?? []),
    'productSafetyLabels.pictograms[].pictogramDescription': among(({ safety }) => safety?.pictograms ?? []),
    'product.title': among(({ catalogue }) => [catalogue?.title]),
    'product.brand': among(({ catalogue }) => [catalogue?.brand]),
    'product.gtins[]': among(({ catalogue }) => (catalogue?.identifiers ?? []).map(({ value }) => value)),
    'product.mpns[]': among(({ catalogue }) => (catalogue?.identifiers ?? []).map(({ value }) => value)),
    'product.additionalProductIdentities[].productIdentity[].identifierType': among(({ catalogue }) =>
      (catalogue?.identifiers ?? []).map(({ type }) => type),
    ),
    'product.additionalProductIdentities[].productIdentity[].identifierValue': among(({ catalogue }) =>
      (catalogue?.identifiers ?? []).map(({ value }) => value),
    ),
    'product.image.imageUrl': pictures(({ catalogue }) => catalogue?.images ?? []),
    'product.additionalImages[].imageUrl': pictures(({ catalogue }) => catalogue?.images ?? []),
    'product.aspectGroups[].aspects[].localizedName': of(
      (value, { catalogue }) => catalogue?.aspects[value] !== undefined,
    ),
    'product.aspectGroups[].aspects[].localizedValues[]': among(({ catalogue }) =>
      Object.values(catalogue?.aspects ?? {}).flat(),
    ),
    sellerItemRevision: same('revision'),
    'warnings[].errorId': flags(({ warnings }) => warnings.map(({ errorId }) => errorId)),
    'warnings[].message': among(({ warnings }) => warnings.map(({ message }) => message)),
    'warnings[].parameters[].name': among(({ warnings }) =>
      warnings.flatMap(({ parameters = [] }) => parameters.map(({ name }) => name)),
    ),
    'warnings[].parameters[].value': among(({ warnings }) =>
      warnings.flatMap(({ parameters = [] }) => parameters.map(({ value }) => value)),
    ),
  },
  leftOut: {
    ...LISTING.leftOut,
    'seller.userId': 'eBay’s licence: no user names are stored',
    'seller.sellerLegalInfo.*': CONTACT,
    'manufacturer.*': CONTACT,
    'responsiblePersons[].*': CONTACT,
    'sellerCustomPolicies[].*': 'legal texts of the seller, which name people and addresses',
    inferredEpid: 'for partners whom eBay authorizes alone',
    [`${FETCHED}[].*`]:
      'to fetch an item is no way of sending it; deliveryOptions says that it can be fetched',
    'localizedAspects[].type': 'the form of the value: every aspect is a list',
    'shippingOptions[].guaranteedDelivery': 'eBay has ended guaranteed delivery and says to ignore it',
    'shippingOptions[].trademarkSymbol': 'a sign to be set in small letters behind the name of the service',
    'warnings[].domain': OWN_NUMBER,
    'warnings[].subdomain': OWN_NUMBER,
    'warnings[].category': OWN_NUMBER,
    'warnings[].longMessage': 'the message at greater length',
    'warnings[].inputRefIds[]': 'places in a request that has no body',
    'warnings[].outputRefIds[]': 'places in an answer that callers do not see',
    ...Object.fromEntries(
      [
        ...['addonServices[].serviceFee', 'ecoParticipationFee', 'minimumPriceToBid'],
        ...['shippingOptions[].additionalShippingCostPerUnit', 'shippingOptions[].importCharges'],
      ].flatMap((path) => [
        [`${path}.convertedFromValue`, SAME_RATE],
        [`${path}.convertedFromCurrency`, SAME_RATE],
      ]),
    ),
    ...Object.fromEntries(
      [
        ...['primaryItemGroup.itemGroupImage', 'primaryItemGroup.itemGroupAdditionalImages[]'],
        ...['product.image', 'product.additionalImages[]'],
      ].flatMap((path) => [
        [`${path}.height`, PICTURE_SIZE],
        [`${path}.width`, PICTURE_SIZE],
      ]),
    ),
  },
  dropped: {
    description: 'HTML by the seller, up to hundreds of kilobytes with scripts, pictures and contact data',
    'product.description': 'the same of the catalogue',
    'product.aspectGroups[].localizedGroupName': 'aspects are found by their own names',
    'authenticityGuarantee.*': PROGRAM,
    'authenticityVerification.*': PROGRAM,
    'charityTerms.*': 'the service does not ask for it',
    'paymentMethods[].paymentMethodBrands[].logoImage.*': 'the brand is passed on by its name',
    'hazardousMaterialsLabels.signalWordId': OWN_NUMBER,
    ...Object.fromEntries(
      ['hazardousMaterialsLabels', 'productSafetyLabels'].flatMap((path) => [
        [`${path}.statements[].statementId`, OWN_NUMBER],
        [`${path}.pictograms[].pictogramId`, OWN_NUMBER],
        [`${path}.pictograms[].pictogramUrl`, LABEL],
      ]),
    ),
  },
};

/** What a caller gets of item answers that no search answer came before, after they were kept and read again. */
export function coverageOfItems(items: readonly Json[]): Coverage {
  const coverage = new Coverage(ITEM);
  const observation = { marketplace: 'EBAY_US', observedAt: new Date(0).toISOString(), rank: 1 } as const;
  const isFetched = ({ type = '' }: Json) => /pick.?up/i.test(type);
  for (const item of items) {
    const product = mapItemAnswer(item, { ...observation, hosts: HOSTS })?.product ?? null;
    const options: Json[] = item.shippingOptions ?? [];
    const sent = {
      ...item,
      shippingOptions: options.filter((option) => !isFetched(option)),
      [FETCHED]: options.filter(isFetched),
    };
    coverage.add(sent, product && unpack<Product>(pack(product)));
  }
  return coverage;
}
