import { chance, type Listing } from './listing.ts';

/**
 * What only an item answer says of selling. Taxes come in 4 of 7 real ones; for the others no share is known.
 *
 * @param epid of the product that reviews are about
 * @param amount money as eBay writes it
 */
export function itemTerms<Amount>(
  listing: Listing,
  epid: string | undefined,
  amount: (cents: number) => Amount,
) {
  const { site, dice, conditionId, auction } = listing;
  const isUsed = conditionId === '3000';
  const hasCoupon = chance(listing, 'coupon', 0.08);
  return {
    subtitle: chance(listing, 'subtitle', 0.05) ? 'Sent on the day of the order' : undefined,
    conditionDescription: isUsed && chance(listing, 'wear', 0.5) ? 'Light signs of use.' : undefined,
    lotSize: chance(listing, 'lot', 0.05) ? 2 + (dice % 9) : 0,
    quantityLimitPerBuyer: chance(listing, 'limit', 0.1) ? 5 : undefined,
    taxes: site.country === 'US' ? Object.entries(STATES).map(([id, name]) => taxOf(id, name)) : undefined,
    paymentMethods: [
      {
        paymentMethodType: 'WALLET',
        paymentMethodBrands: ['PAYPAL', 'GOOGLE_PAY'].map((brand) => ({ paymentMethodBrandType: brand })),
      },
      {
        paymentMethodType: 'CREDIT_CARD',
        paymentMethodBrands: ['VISA', 'MASTERCARD'].map((brand) => ({ paymentMethodBrandType: brand })),
      },
    ],
    immediatePay: chance(listing, 'immediate', 0.6) ? true : undefined,
    availableCoupons: hasCoupon ? [coupon(site.currency)] : undefined,
    primaryProductReviewRating: epid !== undefined && dice % 3 === 0 ? rating(dice) : undefined,
    minimumPriceToBid:
      auction === null ? undefined : amount(auction.bidCents + (auction.bids === 0 ? 0 : 50)),
    uniqueBidderCount: auction === null ? undefined : Math.min(auction.bids, 1 + (dice % 5)),
  };
}

/** A few of those with a sales tax that eBay collects. */
const STATES = { AL: 'Alabama', CA: 'California', NY: 'New York', TX: 'Texas' };

function taxOf(taxJurisdictionId: string, regionName: string) {
  return {
    taxJurisdiction: { region: { regionName, regionType: 'STATE_OR_PROVINCE' }, taxJurisdictionId },
    taxType: 'STATE_SALES_TAX',
    shippingAndHandlingTaxed: true,
    includedInPrice: false,
    ebayCollectAndRemitTax: true,
  };
}

function coupon(currency: string) {
  return {
    redemptionCode: 'SAVE5',
    discountType: 'ITEM_PRICE',
    discountAmount: { value: '5.00', currency },
    message: '5.00 off your order',
    constraint: { expirationDate: '2031-01-01T00:00:00.000Z' },
  };
}

function rating(dice: number) {
  const [five, four] = [1 + (dice % 40), dice % 11];
  const reviewCount = five + four;
  const averageRating = ((five * 5 + four * 4) / reviewCount).toFixed(1);
  const ratingHistograms = [
    { rating: '5', count: five },
    { rating: '4', count: four },
  ];
  return { reviewCount, averageRating, ratingHistograms };
}
