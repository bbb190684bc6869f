import { expect } from 'chai';
import { listingCard, productCard } from '../../../../src/http/page/result/productView.ts';
import { listingsOf } from '../../../../src/text/listings.ts';
import { aspects, productOf, variation } from '../../collector/listing.ts';

const NOW = Date.parse('2026-02-03T04:05:06Z');
const cardOf = (change: Record<string, unknown>, own: object = {}) =>
  String(productCard({ ...productOf(change), ...own }, { now: NOW }));

describe('the card of a product', () => {
  it('shows a minimum advertised price after a step of the person only, and one of the cart not at all', () => {
    const discount = { originalPrice: { value: '20.00', currency: 'USD' }, discountPercentage: '38' };
    const change = { marketingPrice: discount, priceDisplayCondition: 'ONLY_SHOW_ON_REQUEST' };
    const landed = {
      cost: '15.50',
      currency: 'USD',
      parts: { item: '12.50', shipping: '3.00' },
      unknown: [],
    };
    const margin = { amount: '4.00', percent: 20 };
    const [before = '', after = ''] = cardOf(change, { landed, margin }).split(
      '<summary>Price shown on request</summary>',
    );
    expect(before).to.include('<details class="on-request">').and.not.match(/\$\d/);
    const [inside = '', outside = ''] = after.split('</details>');
    for (const amount of ['$15.50', '$12.50', '$20.00', '$4.00']) expect(inside).to.include(amount);
    expect(outside).to.not.match(/\$\d/);
    const inCart = cardOf({ priceDisplayCondition: 'ONLY_SHOW_WHEN_ADDED_IN_CART' }, { landed, margin });
    expect(inCart).to.include('eBay shows the price in the cart').and.not.match(/\$\d/);
  });

  it('says what a price was, what is promoted, coupons, and that nothing is sent', () => {
    const discount = { originalPrice: { value: '20.00', currency: 'USD' }, discountPercentage: '38' };
    const card = cardOf({ marketingPrice: discount, priorityListing: true, availableCoupons: true });
    expect(card).to.match(/\$12\.50 <del><span class="quiet">was <\/span>\$20\.00<\/del> −38 %/);
    expect(card).to.include('<li>Promoted</li><li>Coupon</li>');
    expect(cardOf({ shippingOptions: undefined, pickupOptions: [{}] })).to.include('<li>Pick-up only</li>');
  });

  it('marks a link that earns a commission, and follows no other kind of address', () => {
    const card = cardOf({ itemAffiliateWebUrl: 'https://www.ebay.com/itm/1001?campid=5' });
    expect(card).to.include('<a href="https://www.ebay.com/itm/1001?campid=5"').and.include('Affiliate link');
    const hostile = cardOf({}, { affiliateUrl: 'javascript:alert(1)' });
    expect(hostile).to.not.match(/javascript|Affiliate link/);
  });

  it('shows an unknown landed cost as unknown, and names the part', () => {
    const landed = {
      cost: null,
      currency: 'USD',
      parts: { item: '12.50', shipping: null },
      unknown: ['shipping'],
    };
    expect(cardOf({}, { landed, margin: null })).to.include('Landed unknown (shipping) · margin unknown');
  });
});

describe('the card of a listing', () => {
  it('has a row for each variation, whose texts stay texts', () => {
    const products = [
      variation(1, aspects({ '<b>Color': '<i>Red' })),
      variation(2, aspects({ '<b>Color': 'Blue' })),
    ];
    const [listing] = listingsOf(products);
    const card = String(listingCard(listing as NonNullable<typeof listing>, { now: NOW }));
    expect(card.match(/<tr data-variation=/g)).to.have.length(2);
    expect(card)
      .to.include('&lt;b&gt;Color')
      .and.include('&lt;i&gt;Red')
      .and.not.match(/<[bi]>/);
    expect(card).to.include('2 variations');
  });

  it('keeps a minimum advertised price of a variation out of sight too', () => {
    const change = { priceDisplayCondition: 'ONLY_SHOW_WHEN_ADDED_IN_CART' };
    const [listing] = listingsOf([variation(1, change)]);
    expect(String(listingCard(listing as NonNullable<typeof listing>, { now: NOW }))).to.not.match(/\$\d/);
  });
});
