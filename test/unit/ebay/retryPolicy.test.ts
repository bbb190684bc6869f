import { expect } from 'chai';
import fc from 'fast-check';
import type { Config } from '../../../src/config/config.ts';
import {
  circuitOutcome,
  isQuickRetry,
  longestCallMs,
  quickRetryDelayMs,
  retryAfterMs,
  retryAfterOf,
  throttlePauseMs,
} from '../../../src/ebay/retryPolicy.ts';
import { Failure, type FailureCode } from '../../../src/failures.ts';

const NOW = Date.UTC(2026, 7, 1, 12);
const MAX = 900_000;
const at = (ms: number) => new Date(NOW + ms).toUTCString();

describe('the longest that a call may take', () => {
  const longest = (callTimeout: number, minApiCallInterval: number) =>
    longestCallMs({
      ebay: { connectTimeout: 5, callTimeout, quickRetryDelay: 0.3 },
      token: { requestTimeout: 10 },
      pace: { minApiCallInterval },
    } as unknown as Config);

  it('has room for two quick retries and one with a new token, each as slow as it may be and after its slot', () => {
    expect(longest(45, 1)).to.be.at.least(4 * 46_000);
    expect(longest(10, 5)).to.be.at.least(4 * 15_000);
  });
});

describe('the pause that a Retry-After names', () => {
  for (const [header, ms] of [
    ['30', 30_000],
    [' 30 ', 30_000],
    ['1.5', 1500],
    [at(60_000), 60_000],
    ['0', 1000],
    [at(-60_000), 1000],
    ['1000000000', MAX],
    [at(86_400_000), MAX],
  ] as const)
    it(`${header} means a pause of ${ms} ms`, () => {
      expect(throttlePauseMs(header, NOW, MAX)).to.equal(ms);
    });

  for (const header of [undefined, '', '-1', 'soon', 'NaN', 'Infinity', '1e9', '12 s', 'Mon, what?'])
    it(`${header} says nothing`, () => {
      expect(throttlePauseMs(header, NOW, MAX)).to.equal(undefined);
    });

  it('is nothing or within its bounds, whatever comes', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: MAX }), (header, max) => {
        const ms = throttlePauseMs(header, NOW, max);
        if (ms !== undefined) expect(ms).to.be.within(Math.min(1000, max), max);
      }),
    );
  });
});

describe('the Retry-After of an answer', () => {
  it('counts a date from the answer’s own Date, whatever this machine’s clock says', () => {
    const written = { date: at(0), 'retry-after': at(60_000) };
    for (const wrong of [-2, 0, 2].map((days) => NOW + days * 86_400_000))
      expect(throttlePauseMs(retryAfterOf(written), wrong, MAX)).to.equal(60_000);
    expect(retryAfterOf({ 'retry-after': at(60_000) })).to.equal(at(60_000));
    expect(retryAfterOf({ date: at(0), 'retry-after': '1.5' })).to.equal('1.5');
    expect(retryAfterOf({ date: at(0), 'retry-after': 'soon' })).to.equal('soon');
    expect(retryAfterOf({ date: at(0) })).to.equal(undefined);
  });
});

describe('Retry-After for a token request', () => {
  it('is taken in seconds, with a fraction too, or as a date, and never ends in the past', () => {
    const headers = ['30', '1.5', at(60_000), at(-60_000), '-1', 'soon', undefined];
    expect(headers.map((header) => retryAfterMs(header, NOW))).to.deep.equal([
      30_000,
      1500,
      60_000,
      0,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('a quick retry', () => {
  it('is made twice, of a gateway’s answer and of a connection that broke before an answer', () => {
    const reset = { code: 'ECONNRESET', answerBegan: false };
    const retried = [{ status: 502, answerBegan: true }, { status: 504, answerBegan: true }, reset];
    for (const end of retried)
      expect([0, 1, 2].map((made) => isQuickRetry(end, made))).to.deep.equal([true, true, false]);
    const final = [
      { status: 500, answerBegan: true },
      { status: 429, answerBegan: true },
      { ...reset, answerBegan: true },
      { code: 'ECONNREFUSED', answerBegan: false },
    ];
    for (const end of final) expect(isQuickRetry(end, 0)).to.equal(false);
  });

  it('comes after a delay that doubles, 50 % more or less', () => {
    expect([1, 2].map((retry) => quickRetryDelayMs(retry, 0.2, () => 0))).to.deep.equal([100, 200]);
    expect([1, 2].map((retry) => quickRetryDelayMs(retry, 0.2, () => 1))).to.deep.equal([300, 600]);
  });
});

describe('the circuit', () => {
  it('counts what is no answer of eBay, and nothing that this process did', () => {
    const outcome = (code: FailureCode) => circuitOutcome(new Failure(code, ''));
    expect(circuitOutcome(undefined)).to.equal('answered');
    for (const code of ['ebay-refused', 'item-gone', 'item-has-variations'] as const)
      expect(outcome(code)).to.equal('answered');
    expect(outcome('interrupted')).to.equal('unknown');
    for (const code of ['ebay-timeout', 'ebay-unreachable', 'ebay-server-error', 'ebay-bad-answer'] as const)
      expect(outcome(code)).to.equal('failed');
  });
});
