import { expect } from 'chai';
import fc from 'fast-check';
import { asFailure, Failure, type FailureCode, parseReason, reasonOf } from '../../src/failures.ts';

describe('a failure', () => {
  const codes: FailureCode[] = ['invalid_request', 'ebay-throttled', 'ebay-server-error', 'cancelled'];

  it('reads the same from BullMQ’s failedReason as it was written, whatever its message', () => {
    const message = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(': ', 'a: b: c', 'internal: x', ''),
    );
    fc.assert(
      fc.property(fc.constantFrom(...codes), message, (code, text) => {
        expect(parseReason(reasonOf(new Failure(code, text)))).to.deep.equal({ code, message: text });
      }),
    );
  });

  it('is internal where somebody else’s reason stands, which is kept whole', () => {
    for (const reason of ['job stalled more than allowable limit', 'TypeError: x', 'toString: x', ': x', ''])
      expect(parseReason(reason)).to.deep.equal({ code: 'internal', message: reason });
  });

  it('says whether trying again may help', () => {
    const retryable = (code: FailureCode) => new Failure(code, '').retryable;
    expect(retryable('ebay-server-error')).to.equal(true);
    expect(retryable('ebay-throttled')).to.equal(true);
    expect(retryable('ebay-refused')).to.equal(false);
    // No job waits on, and yet whoever asks again may be answered.
    expect(retryable('gave-up-waiting')).to.equal(true);
    expect(new Failure('gave-up-waiting', '').disposition).to.equal('permanent');
    expect(new Failure('redis-unavailable', '').disposition).to.equal('wait');
  });

  it('is made of anything thrown, and a failure stays itself', () => {
    const failure = new Failure('gate-closed', 'until noon', { until: 5, reason: 'quota' });
    expect(asFailure(failure)).to.equal(failure);
    expect(reasonOf(asFailure(new RangeError('too far')))).to.equal('internal: RangeError: too far');
    expect(reasonOf(asFailure('a text'))).to.equal('internal: a text');
    expect(asFailure(undefined).code).to.equal('internal');
    expect(asFailure(new Error('x'.repeat(10_000))).message).to.have.length(300);
  });

  it('has a code of the closed vocabulary and nothing that objects inherit', () => {
    expect(parseReason('item-gone: x')).to.deep.equal({ code: 'item-gone', message: 'x' });
    expect(parseReason('constructor: x')).to.deep.equal({ code: 'internal', message: 'constructor: x' });
  });
});
