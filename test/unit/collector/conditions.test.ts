import { expect } from 'chai';
import { conditionsOf, dropReasonOf } from '../../../src/collector/assemble.ts';
import { productOf, request } from './listing.ts';

const passes = (title: string, words: { include?: string[]; exclude?: string[] }) =>
  conditionsOf(request({ title: words }))(productOf({ title }));

describe('title words', () => {
  const CASES: [title: string, word: string, found: boolean][] = [
    ['iPhone 12 case', 'CASE', true],
    ['iPhone 12 showcase', 'case', false],
    ['iPhone 12 cases', 'case', false],
    ['iPhone 12, box only!', 'box only', true],
    ['iPhone 12 box  only', 'box only', true],
    ['iPhone 12 box not only', 'box only', false],
    ['C++ primer', 'c++', true],
    ['a.c', 'a.c', true],
    ['abc', 'a.c', false],
    ['Schüler-Gerät DEFEKT', 'gerät', true],
    ['Geräte', 'gerät', false],
    ['ГРАФИЧЕСКАЯ карта', 'графическая', true],
    ['cafe\u0301 set', 'café', true],
    ['cafe\u0301s', 'café', false],
    ['任天堂ゲーム機本体', 'ゲーム', true],
    ['8 GB RAM', '8', true],
    ['128 GB RAM', '8', false],
    ['hub (new)', '(new)', true],
    ['[a|b]', '[a|b]', true],
  ];
  for (const [title, word, found] of CASES) {
    it(`${JSON.stringify(word)} ${found ? 'is' : 'is not'} a whole word of ${JSON.stringify(title)}`, () => {
      expect(passes(title, { include: [word] })).to.equal(found);
      expect(passes(title, { exclude: [word] })).to.equal(!found);
    });
  }

  it('must all be there to be included, and none of them to be excluded', () => {
    expect(passes('red usb hub', { include: ['red', 'hub'] })).to.equal(true);
    expect(passes('red usb hub', { include: ['red', 'blue'] })).to.equal(false);
    expect(passes('red usb hub', { exclude: ['blue', 'hub'] })).to.equal(false);
    expect(passes('red usb hub', { include: ['hub'], exclude: ['broken'] })).to.equal(true);
  });
});

describe('seller figures', () => {
  const trusted = conditionsOf(request({ seller: { minFeedbackPercentage: 98, minFeedbackScore: 100 } }));
  const sold = (feedbackPercentage?: string, feedbackScore?: number) =>
    productOf({ seller: { feedbackPercentage, feedbackScore } });

  it('pass from the named ones on', () => {
    expect(trusted(sold('98.0', 100))).to.equal(true);
    expect(trusted(sold('97.9', 100))).to.equal(false);
    expect(trusted(sold('100.0', 99))).to.equal(false);
  });

  it('do not pass when they are unknown', () => {
    expect(trusted(sold(undefined, 100))).to.equal(false);
    expect(trusted(sold('100.0'))).to.equal(false);
    expect(conditionsOf(request())(sold())).to.equal(true);
  });
});

describe('the reason why a product is dropped', () => {
  const sold = (feedbackPercentage: string, feedbackScore: number) =>
    productOf({ seller: { feedbackPercentage, feedbackScore } });
  const reason = dropReasonOf(
    request({ title: { exclude: ['broken'] }, seller: { minFeedbackPercentage: 98, minFeedbackScore: 100 } }),
  );

  it('is the first of them', () => {
    expect(reason(productOf({ title: 'broken hub', seller: {} }))).to.equal('title');
    expect(reason(sold('97.0', 100))).to.equal('seller-rating');
    expect(reason(sold('98.0', 100))).to.equal(null);
  });

  it('tells a seller without recent feedback from a bad one', () => {
    expect(reason(sold('0.0', 500))).to.equal('seller-rating-unknown');
    expect(reason(sold('0.0', 5))).to.equal('seller-rating');
    expect(reason(sold('0.0', -5))).to.equal('seller-rating');
    expect(dropReasonOf(request())(sold('0.0', 500))).to.equal(null);
  });

  it('is that nothing is sent, where the request asks for what is', () => {
    const fetched = productOf({ shippingOptions: undefined, pickupOptions: [{}] });
    expect(dropReasonOf(request({ excludePickupOnly: true }))(fetched)).to.equal('pickup-only');
    expect(dropReasonOf(request({ excludePickupOnly: false }))(fetched)).to.equal(null);
    expect(dropReasonOf(request({ excludePickupOnly: true }))(productOf())).to.equal(null);
  });
});
