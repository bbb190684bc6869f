import { expect } from 'chai';
import sinon from 'sinon';
import { createRates } from '../../../src/simulator/catalogue/rates.ts';
import { get, mintToken, SEARCH, useSimulator } from '../../support/simulator.ts';
import { waitFor } from '../../support/waitFor.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 1, 16);

describe("the simulator's exchange rates", () => {
  afterEach(() => sinon.restore());

  it('follow from the seed and the clock, and change once an hour', () => {
    const clock = sinon.useFakeTimers(START);
    const [rates, same, other] = [createRates(1, START), createRates(1, START), createRates(2, START)];
    const first = rates.between('GBP', 'USD');
    expect(same.between('GBP', 'USD')).to.equal(first);
    expect(other.between('GBP', 'USD')).to.not.equal(first);
    clock.tick(HOUR_MS - 1);
    expect(rates.between('GBP', 'USD')).to.equal(first);
    clock.tick(1);
    expect(rates.between('GBP', 'USD')).to.not.equal(first);
    expect(rates.between('GBP', 'USD')).to.be.closeTo(first, 0.001);
  });

  it('stay within a few percent over a year, and are each the inverse of the way back', () => {
    const clock = sinon.useFakeTimers(START);
    const rates = createRates(1, START);
    const seen = Array.from({ length: 365 }, () => {
      clock.tick(24 * HOUR_MS);
      expect(rates.between('EUR', 'CNY') * rates.between('CNY', 'EUR')).to.be.closeTo(1, 1e-9);
      return rates.between('EUR', 'USD');
    });
    expect(Math.max(...seen)).to.be.within(1.01, 1.03);
    expect(Math.min(...seen)).to.be.within(0.97, 0.99);
  });

  it('go on from where they are when the speed changes, and stay there at 0', () => {
    const clock = sinon.useFakeTimers(START);
    const rates = createRates(1, START);
    clock.tick(3 * HOUR_MS);
    const reached = rates.step();
    rates.setSpeed(0);
    clock.tick(50 * HOUR_MS);
    expect(rates.step()).to.equal(reached);
    rates.setSpeed(3600);
    clock.tick(2000);
    expect(rates.step()).to.equal(reached + 2);
  });
});

interface Shown {
  itemId: string;
  itemHref: string;
  price: { value: string; convertedFromValue?: string };
}

describe('converted prices of the simulator', () => {
  const simulator = useSimulator();
  let token: string;
  before(async () => {
    token = await mintToken(simulator().url);
  });
  afterEach(() => simulator().controls.configure({ rateSpeed: 0 }));
  const search = async (query: string) => {
    const response = await get(simulator().url, `${SEARCH}?q=phone+case&limit=200&${query}`, token);
    return ((await response.json()) as { itemSummaries: Shown[] }).itemSummaries;
  };
  const isConverted = ({ price }: Shown) => price.convertedFromValue !== undefined;

  it('move with the rates while what the seller set stays, in searches and items alike', async () => {
    const earlier = await search('');
    simulator().controls.configure({ rateSpeed: 1e9 });
    const later = await waitFor('six prices that moved', async () => {
      const now = await search('');
      return now.filter(({ price }, at) => price.value !== earlier[at]?.price.value).length > 5 ? now : null;
    });
    simulator().controls.configure({ rateSpeed: 0 });
    const kept = await search('');
    expect(await search('')).to.deep.equal(kept);
    expect(later.map(({ itemId }) => itemId)).to.deep.equal(earlier.map(({ itemId }) => itemId));
    for (const [index, { price, itemHref }] of later.entries()) {
      const before = earlier[index]?.price;
      expect(price.convertedFromValue).to.equal(before?.convertedFromValue);
      if (price.convertedFromValue === undefined) expect(price).to.deep.equal(before);
      else {
        const item = (await (await get('', itemHref, token)).json()) as Shown;
        expect(item.price).to.deep.equal(kept[index]?.price);
      }
    }
  });

  it('are filtered and changed as they are shown', async () => {
    for (const { price } of await search('filter=price:[8..12],priceCurrency:USD'))
      expect(Number(price.value)).to.be.within(8, 12);
    const { itemId, price } = (await search('')).find(isConverted) as Shown;
    simulator().controls.changeListing(itemId, { price: '4.56' });
    const changed = (await search('')).find((item) => item.itemId === itemId);
    expect(changed?.price.value).to.equal('4.56');
    expect(changed?.price.convertedFromValue).to.not.equal(price.convertedFromValue);
  });
});
