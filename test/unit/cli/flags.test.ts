import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Command } from 'commander';
import { errorText, reportOf, UsageError } from '../../../src/cli/exit.ts';
import { addRequestFlags, requestFrom, withOptions } from '../../../src/cli/flags.ts';
import { Failure } from '../../../src/failures.ts';
import { parseSearchRequest } from '../../../src/product/parseRequest.ts';
import { SearchRequestSchema } from '../../../src/product/requestSchema.ts';

const US = { marketplace: 'EBAY_US' };

function requestOf(line: string): unknown {
  const command = addRequestFlags(new Command().argument('[query]'));
  command.parse(line.split(' ').filter(Boolean), { from: 'user' });
  return requestFrom(command.args[0], command.opts(), US);
}

/** The beginning of a PNG. */
const PICTURE = 'iVBORw0KGgo=';
const folder = mkdtempSync(join(tmpdir(), 'flags-'));
const pictureFile = join(folder, 'mug.png');
writeFileSync(pictureFile, Buffer.from(PICTURE, 'base64'));
after(() => rmSync(folder, { recursive: true }));

const EVERYTHING = [
  'hub --category 3709 --marketplace EBAY_GB,EBAY_DE --max-items 450 --max-calls 9 --sort -price --currency GBP',
  '--price-min 10 --price-max 20.50 --condition NEW --condition USED --condition-id 1000 --buying-option AUCTION',
  '--delivery-country GB --delivery-postal-code SW1A --located-in GB --free-shipping --returns-accepted',
  '--delivery-option SHIP_TO_HOME --pickup gb:SW1A:25mi --located-in-region ASIA --listed-from 2026-01-31',
  '--listed-to 2026-02-01 --ends-from 2026-02-02 --ends-to 2026-02-03 --bids-min 1 --bids-max 5',
  '--exclude-category 1,2 --fits Year=2018 --fits Make=BMW --payment-method PAYPAL --program EBAY_PLUS',
  '--charity-only --charity 1000 --promoted-only --item 110000000000 --gtin 4006381333931 --epid 15032',
  `--image ${pictureFile} --auto-correct --language fr-CA --variations all --details-max-age 60 --facets`,
  '--reference autumn',
  '--seller anna,bert --exclude-seller carl --seller-account-type BUSINESS --search-in-description',
  '--aspect Color=Red --aspect Color=Blue --aspect Size=4=5 --ship-to US:19406 --title-include slim',
  '--title-exclude case --title-exclude for,parts --min-feedback-percentage 98.5 --min-feedback-score 100',
  '--exclude-pickup-only --resale 40 --costs-currency EUR --details --track hubs --max-age 60 --on-failure degrade --strict-filters --priority backfill --tenant acme',
].join(' ');

describe('the flags of dpf search', () => {
  it('make the request of all its fields', () => {
    expect(requestOf(EVERYTHING)).to.deep.equal({
      query: 'hub',
      categoryIds: ['3709'],
      marketplaces: ['EBAY_GB', 'EBAY_DE'],
      maxItems: 450,
      maxCalls: 9,
      sort: '-price',
      items: ['110000000000'],
      gtin: '4006381333931',
      epid: '15032',
      image: PICTURE,
      autoCorrect: true,
      language: 'fr-CA',
      variations: 'all',
      detailsMaxAge: 60,
      facets: true,
      reference: 'autumn',
      filters: {
        price: { min: '10', max: '20.50', currency: 'GBP' },
        conditions: ['NEW', 'USED'],
        conditionIds: ['1000'],
        buyingOptions: ['AUCTION'],
        deliveryCountry: 'GB',
        deliveryPostalCode: 'SW1A',
        deliveryOptions: ['SHIP_TO_HOME'],
        pickup: { country: 'GB', postalCode: 'SW1A', radius: 25, unit: 'mi' },
        itemLocationCountry: 'GB',
        itemLocationRegion: 'ASIA',
        itemStartDate: { from: '2026-01-31', to: '2026-02-01' },
        itemEndDate: { from: '2026-02-02', to: '2026-02-03' },
        bidCount: { min: 1, max: 5 },
        excludeCategoryIds: ['1', '2'],
        compatibility: { Year: '2018', Make: 'BMW' },
        paymentMethods: ['PAYPAL'],
        qualifiedPrograms: ['EBAY_PLUS'],
        charityOnly: true,
        charityIds: ['1000'],
        priorityListing: true,
        freeShipping: true,
        returnsAccepted: true,
        sellers: ['anna', 'bert'],
        excludeSellers: ['carl'],
        sellerAccountTypes: ['BUSINESS'],
        searchInDescription: true,
        aspects: { Color: ['Red', 'Blue'], Size: ['4=5'] },
      },
      shipTo: { country: 'US', postalCode: '19406' },
      title: { include: ['slim'], exclude: ['case', 'for,parts'] },
      seller: { minFeedbackPercentage: 98.5, minFeedbackScore: 100 },
      excludePickupOnly: true,
      costs: { resalePrice: '40', currency: 'EUR' },
      details: 'full',
      track: 'hubs',
      maxAge: 60,
      onFailure: 'degrade',
      strictFilters: true,
      priority: 'backfill',
      tenant: 'acme',
    });
  });

  it('cover every field of the schema but its version', () => {
    const fields = (schema: { properties: object }) => Object.keys(schema.properties);
    const made = requestOf(EVERYTHING) as { filters: object };
    expect(Object.keys(made)).to.have.members(fields(SearchRequestSchema).filter((field) => field !== 'v'));
    expect(Object.keys(made.filters)).to.have.members(fields(SearchRequestSchema.properties.filters));
  });

  it('refuse a file that is none, is no picture or is too large, by its name', () => {
    const text = join(folder, 'text.png');
    writeFileSync(text, 'no picture');
    const large = join(folder, 'large.png');
    writeFileSync(large, Buffer.alloc(750_001));
    for (const [path, message] of [
      [join(folder, 'none.png'), 'there is no such file'],
      [folder, 'cannot be read (EISDIR)'],
      [text, 'is no picture: give a JPEG, PNG, GIF, WebP or the like'],
      [large, 'has 751 kB; a picture may have 750: make it smaller'],
    ] as const)
      expect(() => requestOf(`--image ${path}`)).to.throw(UsageError, `--image ${path}: ${message}`);
  });

  it('refuse a place and a vehicle that cannot be read', () => {
    expect(() => requestOf('hub --pickup US:19406')).to.throw(UsageError, 'such as US:19406:25mi');
    expect(() => requestOf('hub --pickup UK:SW1A:5km')).to.throw(UsageError, 'did you mean GB');
    expect(() => requestOf('hub --fits BMW')).to.throw(UsageError, 'such as Make=BMW');
  });

  it('ask for the details of what is new', () => {
    expect(requestOf('hub --details-new')).to.deep.equal({ query: 'hub', details: 'new' });
  });

  it('say nothing of what was not asked for', () => {
    expect(requestOf('hub')).to.deep.equal({ query: 'hub' });
  });

  it('take the currency from the marketplaces where they have one in common', () => {
    const currencyOf = (line: string) =>
      (requestOf(line) as { filters: { price: { currency?: string } } }).filters.price.currency;
    expect(currencyOf('hub --price-max 5')).to.equal('USD');
    expect(currencyOf('hub --price-max 5 --marketplace EBAY_DE --marketplace EBAY_FR')).to.equal('EUR');
    expect(currencyOf('hub --price-max 5 --marketplace EBAY_DE --marketplace EBAY_US')).to.equal(undefined);
  });

  it('leave what is no number for the schema to refuse by its name', () => {
    const parsed = parseSearchRequest(requestOf('hub --max-items many'), US);
    if (parsed.ok) throw new Error('taken for a number');
    expect(parsed.errors.map(({ path }) => path)).to.deep.equal(['maxItems']);
    expect(parsed.errors[0]?.message).to.contain('1 to 10000').and.contain('"many"');
  });

  it('refuse an aspect without a value, and a currency without a price', () => {
    expect(() => requestOf('hub --aspect Color')).to.throw('NAME=VALUE');
    expect(() => requestOf('hub --currency EUR')).to.throw('--price-min');
  });

  it('refuse a country that is none by the option’s name, and suggest the one that was meant', () => {
    for (const [line, message] of [
      [
        '--ship-to Spain',
        '--ship-to must be a two-letter country code, such as US or US:19406; got "Spain"; did you mean ES (Spain)?',
      ],
      [
        '--ship-to UK:SW1A',
        '--ship-to must be a two-letter country code, such as US or US:19406; got "UK"; did you mean GB (United Kingdom)?',
      ],
      ['--ship-to SP', '--ship-to must be a two-letter country code, such as US or US:19406; got "SP"'],
      [
        '--located-in Germany',
        '--located-in must be a two-letter country code, such as US; got "Germany"; did you mean DE (Germany)?',
      ],
      [
        '--delivery-country Austria',
        '--delivery-country must be a two-letter country code, such as US; got "Austria"; did you mean AT (Austria)?',
      ],
    ] as const)
      expect(() => requestOf(`hub ${line}`)).to.throw(UsageError, message);
    expect(requestOf('hub --ship-to es:28001')).to.deep.include({
      shipTo: { country: 'ES', postalCode: '28001' },
    });
  });

  it('make costs of figures as people write them, in the currency of the marketplace', () => {
    const line =
      '--resale 39.99 --marketplace-fee 13.25%+0.30 --payment-fee 2.9% --resale-tax 19% --duty 4.7 --import-tax 19 ' +
      '--handling 1.50 --min-margin 20% --rate EUR=1.08,gbp=1.27 --rate AUD=0.66';
    expect(requestOf(`hub ${line}`)).to.deep.equal({
      query: 'hub',
      costs: {
        currency: 'USD',
        resalePrice: '39.99',
        marketplaceFee: { percent: '13.25', fixed: '0.30' },
        paymentFee: { percent: '2.9' },
        resaleTax: { percent: '19' },
        dutyPercent: '4.7',
        importTaxPercent: '19',
        handling: '1.50',
        minMarginPercent: '20',
        exchangeRates: { EUR: '1.08', GBP: '1.27', AUD: '0.66' },
      },
    });
    expect(requestOf('hub --markup 30% --payment-fee +0.30 --costs-currency EUR')).to.deep.include({
      costs: { markupPercent: '30', paymentFee: { fixed: '0.30' }, currency: 'EUR' },
    });
    for (const unclear of ['much', '13.25', '+', '13%0.30'])
      expect(() => requestOf(`hub --payment-fee ${unclear}`), unclear).to.throw(UsageError, '13.25%+0.30');
    expect(() => requestOf('hub --rate 0.92')).to.throw(UsageError, 'CODE=RATE');
  });

  it('add to a file of costs, and win over it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'costs-'));
    try {
      const file = join(folder, 'costs.json');
      writeFileSync(file, JSON.stringify({ currency: 'EUR', handling: 2, resalePrice: 10 }));
      expect(requestOf(`hub --costs ${file} --resale 12`)).to.deep.equal({
        query: 'hub',
        costs: { currency: 'EUR', handling: 2, resalePrice: '12' },
      });
      writeFileSync(file, '[]');
      expect(() => requestOf(`hub --costs ${file}`)).to.throw(UsageError, 'must hold one JSON object');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('are named in place of the fields that they fill', () => {
    const request = requestOf('hub --max-items 0 --price-min ten --condition OLD --track A');
    const parsed = parseSearchRequest({ ...(request as object), query: '' }, US);
    const error = withOptions(
      new Failure('invalid_request', 'wrong', { errors: parsed.ok ? [] : parsed.errors }),
    );
    const names = errorText(reportOf(error))
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(' ')[0]);
    expect(names.sort()).to.deep.equal(['--condition', '--max-items', '--price-min', '--track', 'query']);
    const { errors = [] } = reportOf(error);
    expect(errors.find(({ option }) => option === '--max-items')).to.include({ path: 'maxItems' });
  });
});

describe('an error about a request that was typed', () => {
  const errorOf = (line: string): string => {
    try {
      const parsed = parseSearchRequest(requestOf(line), US);
      if (parsed.ok) return '';
      throw withOptions(new Failure('invalid_request', 'wrong', { errors: parsed.errors }));
    } catch (error) {
      return errorText(reportOf(error));
    }
  };
  /** Where `!` is a right value. */
  const WRONG: Record<string, string> = {
    ...{ '--seller': 'x'.repeat(300), '--exclude-seller': 'x'.repeat(300), '--bids-min': '1' },
    ...{ '--title-include': 'x'.repeat(300), '--title-exclude': 'x'.repeat(300) },
  };
  for (const { long, required } of addRequestFlags(new Command()).options) {
    const wrong = required ? (WRONG[long as string] ?? '!') : '--item 110000000000';
    it(`names options alone: ${long} ${wrong.slice(0, 20)}`, () => {
      const text = errorOf(`x ${long} ${wrong}`);
      expect(text)
        .to.match(/--[a-z]/)
        .and.not.match(/\b(filters|costs|title|seller)\.\w/);
    });
  }

  it('names those of a range and of what it needs', () => {
    expect(errorOf('x --bids-min 1')).to.match(/--bids-min.* needs AUCTION in --buying-option/);
    const dates = errorOf('x --listed-from 2026-02-02 --listed-to 2026-01-01');
    expect(dates).to.include('--listed-to').and.not.include('filters.');
  });

  it('is none of options that dpf facets does not offer', async () => {
    const { command: facets } = await import('../../../src/cli/facets.ts');
    const options = facets({} as never).options.map(({ long }) => long);
    expect(options).to.include('--category').and.not.include('--item').and.not.include('--facets');
  });
});
