import { expect } from 'chai';
import { mapDetails } from '../../src/collector/mapDetails.ts';
import { readErrorBody } from '../../src/ebay/answer.ts';
import { readRateLimits } from '../../src/ebay/client.ts';
import { readTokenAnswer } from '../../src/ebay/oauth/tokenRequest.ts';
import { packPage, unpackPage } from '../../src/results/packing.ts';
import { answersIn, kindOf, SAMPLES } from './answers.ts';
import { checkFields, checkItem, expectProduct, isContradiction, mapped } from './checkedAnswers.ts';
import { MADE_UP } from './madeUpAnswers.ts';

const REASONS = ['not-an-object', 'no-item-id', 'no-title', 'no-price', 'bad-price'];

type Fields = Record<string, unknown>;

function checkSearch(body: unknown): void {
  const result = mapped(body);
  if (isContradiction(body as object)) {
    expect(result).to.include({ ok: false, reason: 'no-items' });
    return;
  }
  if (!result.ok) throw new Error(result.reason);
  const { products, rejected, received } = result.page;
  for (const product of products) expectProduct(product);
  const page = { ...result.page, calls: 1, latencyMs: 1 };
  expect(unpackPage(packPage(page)), 'as it is kept').to.deep.equal(page);
  for (const reason of Object.keys(rejected)) expect(REASONS).to.include(reason);
  const items = ((body as Fields).itemSummaries ?? []) as { seller?: Fields }[];
  expect(received).to.equal(items.length);
  expect(products.length + Object.values(rejected).reduce((sum, n) => sum + n, 0)).to.equal(received);
  const names = items
    .map((item) => JSON.stringify(item?.seller?.username ?? null))
    .filter((name) => name !== 'null');
  for (const { seller } of products)
    expect(names.some((name) => JSON.stringify(seller).includes(name))).to.equal(false);
}

/** Anything else is no page, for a named reason, unless warnings are all that eBay sent. */
function checkOther(body: unknown): void {
  const result = mapped(body);
  if (result.ok) expect(result.page.warnings).to.not.have.length(0);
  else expect(['error-body', 'not-a-search-answer', 'not-an-object']).to.include(result.reason);
  expect(mapDetails(body, new Date(0))).to.equal(null);
}

function testAnswers(answers: Readonly<Record<string, unknown>>): void {
  for (const name of Object.keys(answers).sort()) {
    const body = answers[name];
    const kind = kindOf(body);

    it(`${name}: products or named reasons, no exception`, () => {
      if (kind === 'search') checkSearch(body);
      else if (kind === 'item') expect(mapDetails(body, new Date(0))).to.not.equal(null);
      else checkOther(body);
    });
    if (kind === 'other') continue;

    it(`${name}: every field is what eBay said, in the product, its row of CSV and its card of the page`, () => {
      if (kind === 'search') checkFields(body);
      else checkItem(body);
    });
  }
}

/** Read by code that search answers and item answers share; eBay documents each of them for the other kind alone. */
const OF_THE_OTHER_KIND = ['item.thumbnailImages', 'page.itemSummaries[].shippingOptions[].type'];

describe('made-up answers in the shapes of eBay’s', () => {
  testAnswers(MADE_UP);

  it('have every field that the mappers read', () => {
    const reads = new Reads();
    for (const body of Object.values(MADE_UP))
      if (kindOf(body) === 'item') mapDetails(reads.watch('item', body), new Date(0));
      else mapped(reads.watch('page', body));
    expect(reads.paths).to.include.members([
      'page.itemSummaries[].price.value',
      'page.warnings[].parameters[].name',
      'item.returnTerms.returnPeriod.unit',
    ]);
    expect(reads.absentEverywhere().sort()).to.deep.equal(OF_THE_OTHER_KIND);
  });
});

describe('made-up answers that are no listings', () => {
  const object = (name: string) => MADE_UP[name] as Fields;

  it('say which error they are', () => {
    for (const errorId of [1001, 1100, 2001, 2004, 11001])
      expect(readErrorBody(object(`error-${errorId}`))).to.have.property('errorId', errorId);
  });

  it('say how many calls are left', () => {
    const reset = Date.parse('2031-01-01T08:00:00.000Z');
    expect(readRateLimits(object('rate-limits'))).to.deep.equal({ limit: 5000, remaining: 4959, reset });
  });

  it('are a token, or the reason why there is none', () => {
    const read = (name: string, status: number) => readTokenAnswer(status, JSON.stringify(MADE_UP[name]));
    expect(read('oauth-token', 200)).to.deep.include({ access_token: 'made-up', expires_in: 7200 });
    expect(() => read('oauth-invalid-client', 401))
      .to.throw()
      .with.property('reason', 'invalid_client');
  });
});

describe('real answers of eBay', () => {
  if (SAMPLES === undefined)
    it('are mapped (skipped: set EBAY_SAMPLES to a folder with captured JSON bodies)');
  else testAnswers(answersIn(SAMPLES));
});

/** Which fields of answers are read, by path: `page.itemSummaries[].price.value`. */
class Reads {
  readonly #found = new Map<string, boolean>();

  get paths(): string[] {
    return [...this.#found.keys()];
  }

  /** Those that were read and were in no answer. */
  absentEverywhere(): string[] {
    return this.paths.filter((path) => this.#found.get(path) === false);
  }

  /** The same value, whose fields are noted as they are read. */
  watch(path: string, value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    const isList = Array.isArray(value);
    return new Proxy(value, {
      get: (target, name) => {
        const inner: unknown = Reflect.get(target, name);
        if (typeof name !== 'string' || (isList && !/^\d+$/.test(name))) return inner;
        const below = isList ? `${path}[]` : `${path}.${name}`;
        if (!isList) this.#found.set(below, this.#found.get(below) === true || inner !== undefined);
        return this.watch(below, inner);
      },
    });
  }
}
