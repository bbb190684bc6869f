import { expect } from 'chai';
import { mapItem } from '../../../src/collector/mapItem.ts';
import { text } from '../../../src/collector/untrusted.ts';
import { simulatorHosts } from '../../../src/config/checks.ts';
import { INVISIBLE } from '../../../src/ebay/answer.ts';
import { linkableHosts, listingUrl, MARKETPLACE_IDS } from '../../../src/product/marketplaces.ts';
import { testConfig } from '../../support/config.ts';
import { listing, productOf, rejectionOf, SIGHTING } from './listing.ts';

describe('a listing becomes a product', () => {
  it('with every field of it', () => {
    expect(productOf()).to.deep.equal({
      itemId: 'v1|1001|0',
      legacyItemId: '1001',
      marketplace: 'EBAY_US',
      listingMarketplace: 'EBAY_AU',
      title: 'USB hub, 4 ports',
      url: 'https://www.ebay.com/itm/1001',
      images: ['https://i.ebayimg.com/main.jpg', 'https://i.ebayimg.com/side.jpg'],
      price: { value: '12.50', currency: 'USD' },
      shipping: { kind: 'fixed', cost: { value: '3.00', currency: 'USD' } },
      total: { value: '15.50', currency: 'USD' },
      delivery: null,
      converted: null,
      originalPrice: null,
      discountPercent: null,
      priceTreatment: null,
      priceDisplay: null,
      unitPrice: null,
      auction: null,
      coupons: null,
      programs: [],
      shortDescription: null,
      condition: 'New',
      conditionId: '1000',
      buyingOptions: ['FIXED_PRICE'],
      topRatedPlus: true,
      seller: { feedbackPercentage: 99.5, feedbackScore: 1200, accountType: null, topRated: true },
      location: { country: 'US', stateOrProvince: null, city: null, postalCode: '432**' },
      pickup: [],
      pickupDistance: null,
      categoryIds: ['3709', '58058'],
      categories: [
        { id: '3709', name: null },
        { id: '58058', name: null },
      ],
      adultOnly: null,
      energyEfficiencyClass: null,
      tyreLabelUrl: null,
      watchCount: null,
      compatibility: null,
      epid: null,
      group: null,
      listedAt: '2026-01-02T03:04:05.000Z',
      createdAt: '2026-01-02T03:04:05.000Z',
      observedAt: '2026-02-03T04:05:06.000Z',
      rank: 1,
      promoted: false,
    });
  });

  it('never with the name of its seller', () => {
    const product = productOf({ seller: { username: 'jane-doe', userId: 'abc123', feedbackScore: 5 } });
    expect(JSON.stringify(product)).to.not.include('jane-doe').and.not.include('abc123');
  });

  it('total = price + shipping, and null while shipping is unknown or in another currency', () => {
    expect(productOf({ shippingOptions: undefined }).total).to.equal(null);
    const abroad = [{ shippingCostType: 'FIXED', shippingCost: { value: '1.00', currency: 'GBP' } }];
    expect(productOf({ shippingOptions: abroad })).to.deep.include({ total: null });
  });

  it('with the original amount where eBay converted the price', () => {
    const price = {
      value: '2962.09',
      currency: 'EUR',
      convertedFromValue: '2539.00',
      convertedFromCurrency: 'GBP',
    };
    expect(productOf({ price }).converted).to.deep.equal({ value: '2539.00', currency: 'GBP' });
    const auction = productOf({
      price: undefined,
      currentBidPrice: price,
      buyingOptions: ['AUCTION'],
    }).auction;
    expect(auction?.converted).to.deep.equal({ value: '2539.00', currency: 'GBP' });
  });

  it('url falls back to the affiliate url', () => {
    const itemAffiliateWebUrl = 'https://www.ebay.com/itm/1001?campid=1';
    expect(productOf({ itemAffiliateWebUrl }).url).to.equal('https://www.ebay.com/itm/1001');
    expect(productOf({ itemAffiliateWebUrl, itemWebUrl: undefined }).url).to.equal(itemAffiliateWebUrl);
    expect(productOf({ itemAffiliateWebUrl, itemWebUrl: 'javascript:alert(1)' }).url).to.equal(
      itemAffiliateWebUrl,
    );
  });

  for (const itemWebUrl of [undefined, '', 'javascript:alert(1)', 'http://'])
    it(`url is made of site and id where eBay's is ${JSON.stringify(itemWebUrl)}`, () => {
      expect(productOf({ itemWebUrl }).url).to.equal('https://www.ebay.com/itm/1001');
      const bare = listing({ itemWebUrl, itemId: 'v1|55|66', legacyItemId: undefined });
      const mapped = mapItem(bare, { ...SIGHTING, marketplace: 'EBAY_GB' });
      expect('product' in mapped && mapped.product.url).to.equal('https://www.ebay.co.uk/itm/55');
    });

  it('has an address on every site that is searched', () => {
    for (const id of MARKETPLACE_IDS)
      expect(new URL(listingUrl(id, '1001')).pathname, id).to.equal('/itm/1001');
  });

  it('primary image first, unique, blanks and other schemes ignored', () => {
    const image = (imageUrl: unknown) => ({ imageUrl });
    const additionalImages = [
      'https://b.ebayimg.com/1',
      'https://a.ebayimg.com/1',
      '',
      'data:image/png;base64,AA',
      null,
      'ftp://c.ebayimg.com',
      'https://b.ebayimg.com/1',
    ].map(image);
    expect(productOf({ image: image('https://a.ebayimg.com/1'), additionalImages }).images).to.deep.equal([
      'https://a.ebayimg.com/1',
      'https://b.ebayimg.com/1',
    ]);
  });

  const ELSEWHERE = [
    'https://evil.example/itm/1001',
    'https://www.ebay.com@evil.example/itm/1001',
    'https://www.ebay.com:pass@evil.example/',
    'https://www.ebay.com.evil.example/itm/1001',
    'https://evil-ebay.com/itm/1001',
    'https://ebay.com.co/itm/1001',
    'https://www.ebay.evil/itm/1001',
    'https://evil.example\\@www.ebay.com/itm/1001',
    'https://www.ebay.com\\@evil.example/itm/1001',
    'https://www.ebay.com:8443/itm/1001',
    'https://xn--ebay-9za.com/itm/1001',
    'https://еbay.com/itm/1001',
    '//evil.example/itm/1001',
    'https://127.0.0.1/itm/1001',
    'https://[::1]/itm/1001',
    'https://www.ebay.com/itm/\u202e1001',
  ];
  for (const address of ELSEWHERE)
    it(`no link and no picture leads to ${JSON.stringify(address)}`, () => {
      const image = { imageUrl: address };
      const change = { itemWebUrl: address, itemAffiliateWebUrl: address, image, thumbnailImages: [image] };
      const { url, images } = productOf({ ...change, additionalImages: [image] });
      expect(url).to.equal('https://www.ebay.com/itm/1001');
      expect(images).to.deep.equal([]);
    });

  const EBAYS = [
    ...MARKETPLACE_IDS.map((id) => listingUrl(id, '1001')),
    'https://ebay.com/itm/1001',
    'https://www.ebay.com/itm/Cable/1001?hash=item1:g:a&amdata=enc%3AAQ#a',
    'https://www.befr.ebay.be/itm/1001',
    'https://cafr.ebay.ca/itm/1001',
    'http://www.sandbox.ebay.com/itm/1001',
    'http://i.ebayimg.sandbox.ebay.com/00/s/a/$_1.JPG',
    'https://rover.ebay.com/rover/1/711-53200-19255-0/1?mpre=https%3A%2F%2Fwww.ebay.com%2Fitm%2F1001',
    'https://i.ebayimg.com/images/g/a/s-l1600.jpg',
    'https://galleryplus.ebayimg.com/ws/web/1_2_0_1/225x225.jpg',
    'https://ir.ebaystatic.com/pictures/aw/pics/stockimage1.jpg',
    'HTTPS://WWW.EBAY.DE/itm/Schlüssel/1001',
  ];
  for (const address of EBAYS)
    it(`${address} is eBay's`, () => {
      const { url, images } = productOf({ itemWebUrl: address, image: { imageUrl: address } });
      expect([url, images[0]]).to.deep.equal([address, address]);
    });

  it('a simulated eBay on loopback lends its host to links and pictures, another one does not', () => {
    const hostsOf = (env: Record<string, string>) => linkableHosts(simulatorHosts(testConfig(env).ebay));
    const here = 'http://127.0.0.1:4010/itm/1001';
    const there = 'http://simulator:4010/itm/1001';
    const read = (itemWebUrl: string, env: Record<string, string>) => {
      const json = listing({ itemWebUrl, image: { imageUrl: itemWebUrl }, additionalImages: [] });
      const mapped = mapItem(json, { ...SIGHTING, hosts: hostsOf(env) });
      return 'product' in mapped && mapped.product.url === itemWebUrl && mapped.product.images.length === 1;
    };
    expect(read(here, { EBAY_API_URL: 'http://127.0.0.1:4010' })).to.equal(true);
    expect(read(here, { EBAY_API_URL: 'http://localhost:4010' })).to.equal(true);
    expect(read(there, { EBAY_API_URL: 'http://simulator:4010', EBAY_ALLOW_HTTP: 'true' })).to.equal(true);
    expect(read('https://www.ebay.com/itm/1', { EBAY_API_URL: 'http://127.0.0.1:4010' })).to.equal(true);
    for (const env of [
      {},
      { EBAY_API_URL: 'https://simulator:4010' },
      { EBAY_API_URL: 'https://proxy.internal' },
    ])
      for (const address of [here, there])
        expect(read(address, env as Record<string, string>)).to.equal(false);
  });

  it('a thumbnail stands in for a missing image', () => {
    const change = {
      image: undefined,
      additionalImages: undefined,
      thumbnailImages: [{ imageUrl: 'https://a.ebayimg.com/t' }],
    };
    expect(productOf(change).images).to.deep.equal(['https://a.ebayimg.com/t']);
    expect(productOf({ image: undefined, additionalImages: undefined }).images).to.deep.equal([]);
  });

  const eBay = (picture: string, size: string, path = 'images') => ({
    imageUrl: `https://i.ebayimg.com/${path}/g/${picture}/s-l${size}.jpg`,
  });

  it('each picture once, in its largest size, the main one first', () => {
    const change = {
      image: eBay('main', '225', 'thumbs/images'),
      thumbnailImages: [eBay('main', '1600')],
      additionalImages: [
        eBay('side', '225', 'thumbs/images'),
        eBay('main', '500'),
        eBay('side', '960'),
        eBay('back', '225'),
        { imageUrl: 'https://galleryplus.ebayimg.com/ws/web/1_2_0_1/225x225.jpg' },
        { imageUrl: 'https://galleryplus.ebayimg.com/ws/web/1_3_0_1/225x225.jpg' },
      ],
    };
    expect(productOf(change).images).to.deep.equal([
      'https://i.ebayimg.com/images/g/main/s-l1600.jpg',
      'https://i.ebayimg.com/images/g/side/s-l960.jpg',
      'https://i.ebayimg.com/images/g/back/s-l225.jpg',
      'https://galleryplus.ebayimg.com/ws/web/1_2_0_1/225x225.jpg',
      'https://galleryplus.ebayimg.com/ws/web/1_3_0_1/225x225.jpg',
    ]);
  });

  it('a smaller thumbnail changes nothing, nor does one of another picture', () => {
    const image = eBay('main', '500');
    for (const thumbnail of [eBay('main', '225'), eBay('other', '1600')])
      expect(
        productOf({ image, additionalImages: undefined, thumbnailImages: [thumbnail] }).images,
      ).to.deep.equal([image.imageUrl]);
  });

  it('a variation names its group; ids without legacyItemId yield it', () => {
    const href = 'https://api.ebay.com/buy/browse/v1/item/get_items_by_item_group?item_group_id=77';
    const grouped = { itemGroupHref: href, itemGroupType: 'SELLER_DEFINED_VARIATIONS' };
    expect(productOf(grouped).group).to.deep.equal({ id: '77', type: 'SELLER_DEFINED_VARIATIONS' });
    const bare = productOf({ itemId: 'v1|55|66', legacyItemId: undefined });
    expect(bare).to.deep.include({ legacyItemId: '55', group: { id: '55', type: null } });
  });

  it('listed when first listed, else when created', () => {
    const itemOriginDate = '2024-06-09T19:22:05.000Z';
    expect(productOf({ itemOriginDate }).listedAt).to.equal(itemOriginDate);
    expect(productOf({ itemCreationDate: 'yesterday' }).listedAt).to.equal(null);
  });

  it('odd fields become null, not errors', () => {
    const odd = productOf({
      condition: 7,
      conditionId: 3000,
      seller: { feedbackPercentage: 'NaN', feedbackScore: '1200' },
      topRatedBuyingExperience: 'yes',
      itemLocation: { country: 'usa', city: '\u0000', postalCode: null },
      leafCategoryIds: 'none',
      categories: [null, 5, { categoryId: 58058 }],
      epid: {},
      itemGroupHref: 'not a url',
    });
    expect(odd).to.deep.include({
      condition: '7',
      conditionId: '3000',
      seller: { feedbackPercentage: null, feedbackScore: 1200, accountType: null, topRated: null },
      location: { country: null, stateOrProvince: null, city: null, postalCode: null },
      categoryIds: ['58058'],
      categories: [{ id: '58058', name: null }],
      epid: null,
      group: null,
    });
  });

  const dollars = (value: unknown) => ({ value, currency: 'USD' });

  it('with the discount that the seller grants, of which eBay sometimes names the percentage alone', () => {
    const marketingPrice = {
      originalPrice: dollars('25.00'),
      discountPercentage: '50',
      discountAmount: dollars('12.50'),
      priceTreatment: 'MARKDOWN',
    };
    expect(productOf({ marketingPrice })).to.deep.include({
      price: dollars('12.50'),
      originalPrice: dollars('25.00'),
      discountPercent: 50,
      priceTreatment: 'MARKDOWN',
      priceDisplay: null,
    });
    const bare = productOf({ marketingPrice: { discountPercentage: '0' } });
    expect(bare).to.deep.include({ originalPrice: null, discountPercent: 0, priceTreatment: null });
  });

  for (const [condition, treatment, display] of [
    ['ONLY_SHOW_ON_REQUEST', undefined, 'ON_REQUEST'],
    ['ONLY_SHOW_WHEN_ADDED_IN_CART', undefined, 'IN_CART'],
    ['ONLY_SHOW_WHEN_ADDED_IN_CART', 'MINIMUM_ADVERTISED_PRICE', 'IN_CART'],
    ['A_CONDITION_OF_LATER', undefined, 'ON_REQUEST'],
    [undefined, 'MINIMUM_ADVERTISED_PRICE', 'ON_REQUEST'],
    [undefined, 'LIST_PRICE', null],
    [null, undefined, null],
  ])
    it(`the price of ${condition ?? 'no condition'}, ${treatment ?? 'no treatment'} is shown ${display ?? 'at once'}`, () => {
      const marketingPrice = { priceTreatment: treatment };
      const product = productOf({ priceDisplayCondition: condition, marketingPrice });
      expect(product.priceDisplay).to.equal(display);
      // A program gets the amount all the same.
      expect(product.price).to.deep.equal(dollars('12.50'));
    });

  it('with all that eBay says of it, however few listings have that', () => {
    const product = productOf({
      unitPrice: dollars('1.25'),
      unitPricingMeasure: '100g',
      availableCoupons: true,
      qualifiedPrograms: ['EBAY_PLUS', 'EBAY_PLUS', 'AUTHENTICITY_GUARANTEE'],
      shortDescription: 'Four ports,\nnew.',
      seller: { sellerAccountType: 'INDIVIDUAL' },
      itemLocation: { country: 'US', stateOrProvince: 'Ohio' },
      pickupOptions: [{ pickupLocationType: 'STORE' }, { pickupLocationType: 'ARRANGED_LOCATION' }],
      distanceFromPickupLocation: { value: '4.2', unitOfMeasure: ' mi' },
      adultOnly: true,
      energyEfficiencyClass: 'A++',
      tyreLabelImageUrl: 'https://i.ebayimg.com/tyre.jpg',
      watchCount: 12,
      compatibilityMatch: 'POSSIBLE',
      compatibilityProperties: [{ name: 'Make', localizedName: 'Marke', value: 'BMW' }, { name: 'Year' }],
      itemAffiliateWebUrl: 'https://www.ebay.com/itm/1001?campid=1',
      itemOriginDate: '2025-01-02T03:04:05.000Z',
    });
    expect(product).to.deep.include({
      unitPrice: { price: dollars('1.25'), per: '100g' },
      coupons: true,
      programs: ['EBAY_PLUS', 'AUTHENTICITY_GUARANTEE'],
      shortDescription: 'Four ports, new.',
      pickup: ['STORE', 'ARRANGED_LOCATION'],
      pickupDistance: { value: 4.2, unit: 'mi' },
      adultOnly: true,
      energyEfficiencyClass: 'A++',
      tyreLabelUrl: 'https://i.ebayimg.com/tyre.jpg',
      watchCount: 12,
      compatibility: {
        match: 'POSSIBLE',
        properties: [{ name: 'Make', localizedName: 'Marke', value: 'BMW' }],
      },
      affiliateUrl: 'https://www.ebay.com/itm/1001?campid=1',
      listedAt: '2025-01-02T03:04:05.000Z',
      createdAt: '2026-01-02T03:04:05.000Z',
    });
    expect(product.seller.accountType).to.equal('INDIVIDUAL');
    expect(product.location.stateOrProvince).to.equal('Ohio');
  });

  it('and odd ones among those are null too', () => {
    const odd = productOf({
      marketingPrice: { originalPrice: 5, discountPercentage: '140', priceTreatment: {} },
      unitPrice: dollars('free'),
      availableCoupons: 'true',
      qualifiedPrograms: { a: 1 },
      seller: { sellerAccountType: 'ALIEN' },
      pickupOptions: [null, { pickupLocationType: 'IN A SHOP' }],
      distanceFromPickupLocation: { value: '-4', unitOfMeasure: 'mi' },
      tyreLabelImageUrl: 'https://evil.example/tyre.jpg',
      itemAffiliateWebUrl: 'https://evil.example/itm/1001',
      watchCount: -1,
      compatibilityProperties: [{ name: 'Make' }, 5],
    });
    const plain = productOf({ seller: {} });
    expect(odd).to.deep.equal(plain);
  });

  for (const [sent, read] of [
    ['2026-01-02T03:04:05.678Z', '2026-01-02T03:04:05.678Z'],
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.000Z'],
    ['2026-01-02T03:04:05.678+01:00', '2026-01-02T02:04:05.678Z'],
    ['2026-01-31T03:04:05.000Z', '2026-01-31T03:04:05.000Z'],
    ['2026-01-02T24:00:00.000Z', '2026-01-03T00:00:00.000Z'],
    ['2026-13-02T03:04:05.000Z', null],
    ['2026-01-00T03:04:05.000Z', null],
    ['2026-01-02T03:60:05.000Z', null],
    ['2026-01-02', null],
  ])
    it(`${sent} is ${read ?? 'no point in time'}`, () => {
      expect(productOf({ itemCreationDate: sent }).createdAt).to.equal(read);
    });

  it('each category once, the leaf first, with its name wherever that stands', () => {
    const { categoryIds, categories } = productOf({
      leafCategoryIds: ['3709', '3709'],
      categories: [
        { categoryId: '58058', categoryName: 'Computers' },
        { categoryId: '3709', categoryName: ' USB Hubs ' },
        { categoryId: '3709' },
      ],
    });
    expect(categories).to.deep.equal([
      { id: '3709', name: 'USB Hubs' },
      { id: '58058', name: 'Computers' },
    ]);
    expect(categoryIds).to.deep.equal(['3709', '58058']);
  });

  const HIDDEN = {
    'a turn of direction': '\u202e',
    'an isolate': '\u2066',
    'the end of an isolate': '\u2069',
    'a mark of direction': '\u200f',
    'the Arabic letter mark': '\u061c',
    'a space of no width': '\u200b',
    'a soft hyphen': '\u00ad',
    'a byte order mark': '\ufeff',
    'a filler': '\u3164',
    'a tag': '\u{e0041}',
    'an annotation': '\ufffa',
  };
  for (const [what, sign] of Object.entries(HIDDEN))
    it(`${what} is taken off every text`, () => {
      const plain = productOf({
        title: 'exe.gpj',
        condition: 'New',
        itemLocation: { country: 'US', city: 'Rome' },
      });
      const city = `${sign}Ro${sign}me${sign}`;
      const hidden = productOf({
        title: `exe.${sign}gpj${sign}`,
        condition: `${sign}New`,
        itemLocation: { country: 'US', city },
      });
      expect(hidden).to.deep.equal(plain);
      expect(rejectionOf(listing({ title: ` ${sign}${sign} ` }))).to.equal('no-title');
    });

  it('no sign of the basic plane that is not seen stays in a text', () => {
    const unseen = new RegExp(`[\\p{Cc}\\p{Zl}\\p{Zp}\\p{Cs}]|${INVISIBLE.source}`, 'u');
    const left = Array.from({ length: 0x1_0000 }, (_, code) => String.fromCharCode(code)).filter((sign) =>
      [`${sign}ab`, `a${sign}b`, `ab${sign}`].some((sent) => unseen.test(text(sent, 10) ?? '')),
    );
    expect(left).to.deep.equal([]);
  });

  it('text keeps what emoji and other scripts are written with', () => {
    for (const title of ['👩‍🔧 toolbox ❤️', 'می‌خواهم', 'שלום', 'مرحبا', 'Größe 5″ – “new”', '苹果 手机壳'])
      expect(productOf({ title }).title).to.equal(title);
    expect(productOf({ title: 'two\u2028lines' }).title).to.equal('two lines');
  });

  const RATED: [percentage: unknown, score: unknown, known: number | null][] = [
    ['0.0', 6, null],
    ['0.0', 0, null],
    ['0.0', undefined, null],
    [0, 500, null],
    ['0.0', -2, 0],
    ['0.1', 6, 0.1],
    ['100.0', 0, 100],
    ['100.1', 6, null],
  ];
  for (const [feedbackPercentage, feedbackScore, known] of RATED)
    it(`${feedbackPercentage} % of a score of ${feedbackScore} is ${known ?? 'unknown'}`, () => {
      const { seller } = productOf({ seller: { feedbackPercentage, feedbackScore } });
      expect(seller.feedbackPercentage).to.equal(known);
    });

  it('Top Rated Plus is said of the listing; the old field of the seller says the same', () => {
    for (const topRatedBuyingExperience of [true, false, undefined]) {
      const { topRatedPlus, seller } = productOf({ topRatedBuyingExperience });
      expect(topRatedPlus).to.equal(topRatedBuyingExperience ?? null);
      expect(seller.topRated).to.equal(topRatedPlus);
    }
  });

  it('pick-up only where it can be fetched and nothing is sent', () => {
    const pickupOptions = [{ pickupLocationType: 'ARRANGED_LOCATION' }];
    expect(productOf({ pickupOptions, shippingOptions: undefined })).to.deep.include({
      shipping: { kind: 'pickup-only', cost: null },
      total: null,
    });
    expect(productOf({ pickupOptions }).shipping.kind).to.equal('fixed');
    expect(productOf({ pickupOptions: [], shippingOptions: undefined }).shipping.kind).to.equal('unknown');
  });

  it('promoted, and listed on another site, only where eBay says so', () => {
    expect(productOf({ priorityListing: true }).promoted).to.equal(true);
    const silent = productOf({ priorityListing: undefined, listingMarketplaceId: undefined });
    expect(silent).to.include({ promoted: null, listingMarketplace: null, marketplace: 'EBAY_US' });
  });

  it('text is bounded and free of control characters', () => {
    expect(productOf({ title: ` a\u0000\u001b[31mb\nc ` }).title).to.equal('a [31mb c');
    expect(productOf({ title: '😀'.repeat(500) }).title.length).to.be.at.most(300);
    expect(productOf({ title: `${'x'.repeat(299)}😀` }).title).to.equal('x'.repeat(299));
  });
});

describe('an auction', () => {
  const bid = {
    currentBidPrice: { value: '4.00', currency: 'USD' },
    bidCount: 0,
    itemEndDate: '2026-03-01T00:00:00.000Z',
  };
  const auction = {
    currentBid: { value: '4.00', currency: 'USD' },
    bidCount: 0,
    endsAt: '2026-03-01T00:00:00.000Z',
  };

  it('has no price while it is a pure one, and is kept', () => {
    const pure = { ...bid, buyingOptions: ['AUCTION'], price: undefined };
    expect(productOf(pure)).to.deep.include({ price: null, total: null, auction });
  });

  it('does not take its bid for a price', () => {
    const copied = { ...bid, buyingOptions: ['AUCTION'], price: { value: '4.00', currency: 'USD' } };
    expect(productOf(copied)).to.deep.include({ price: null, auction });
  });

  it('with an immediate price has both', () => {
    const both = productOf({ ...bid, buyingOptions: ['FIXED_PRICE', 'AUCTION'] });
    expect(both).to.deep.include({ price: { value: '12.50', currency: 'USD' }, auction });
  });

  it('is kept where the price of a fixed sale cannot be read', () => {
    const price = { value: 'NaN', currency: 'USD' };
    const both = { ...bid, price, buyingOptions: ['FIXED_PRICE', 'AUCTION'] };
    expect(productOf(both)).to.deep.include({ price: null, total: null, auction });
  });

  it('is told by the buying options alone: an old fixed-price listing carries a current bid too', () => {
    expect(productOf(bid).auction).to.equal(null);
  });
});

describe('a listing is rejected, by name, when it', () => {
  const REJECTED: [reason: string, when: string, json: unknown][] = [
    ['not-an-object', 'is null', null],
    ['not-an-object', 'is a list', []],
    ['not-an-object', 'is text', 'item'],
    ['no-item-id', 'has no id', listing({ itemId: undefined })],
    ['no-item-id', 'has an id with a space', listing({ itemId: 'v1|1 2|0' })],
    ['no-item-id', 'has an id of 10 kB', listing({ itemId: 'v'.repeat(10_000) })],
    ['no-title', 'has no title', listing({ title: undefined })],
    ['no-title', 'has a title of control characters', listing({ title: '\u0000\u0007' })],
    [
      'no-item-id',
      'has an id of no listing, and no address',
      listing({ itemId: 'x', legacyItemId: undefined, itemWebUrl: undefined }),
    ],
    ['no-price', 'is of fixed price without a price', listing({ price: undefined })],
    ['no-price', 'has only a bid and no buying options', listing({ price: null, buyingOptions: undefined })],
    ['bad-price', 'has a price that is no number', listing({ price: { value: 'NaN', currency: 'USD' } })],
    ['bad-price', 'has a price without a currency', listing({ price: { value: '1.00' } })],
    ['bad-price', 'has a negative price', listing({ price: { value: '-1.00', currency: 'USD' } })],
    ['bad-price', 'costs nothing', listing({ price: { value: '0.00', currency: 'USD' } })],
  ];
  for (const [reason, when, json] of REJECTED) {
    it(`${when}: ${reason}`, () => {
      expect(rejectionOf(json)).to.equal(reason);
    });
  }

  it('but not a classified ad without a price, which has none to name', () => {
    const ad = productOf({ buyingOptions: ['CLASSIFIED_AD'], price: undefined });
    expect(ad).to.deep.include({ price: null, auction: null, total: null });
  });

  it('but not for a price that is a number', () => {
    expect(productOf({ price: { value: 12.5, currency: 'USD' } }).price?.value).to.equal('12.50');
  });
});
