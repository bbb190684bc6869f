import { UnrecoverableError } from 'bullmq';
import { expect } from 'chai';
import { Failure } from '../../../src/failures.ts';
import { signals } from '../../../src/queue/bullmq/signals.ts';
import { LONGEST_HOLD_MS, limitOf, verdictOn } from '../../../src/queue/search/retryPolicy.ts';

const NOW = 1_000_000;
const fresh = { attemptsMade: 0, attempts: 3, backoffMs: 1000, deadline: NOW + 1e9, now: NOW };

describe('the verdict on a failed call', () => {
  it('is to try again while attempts are left, where the trouble may pass', () => {
    const failure = new Failure('ebay-server-error', 'eBay answered 500');
    expect(verdictOn(failure, fresh)).to.include({ action: 'retry', attempt: 2, attempts: 3 });
    expect(verdictOn(failure, { ...fresh, attemptsMade: 2 }).action).to.equal('fail');
  });

  it('says until when the next attempt has begun: each wait is twice as long', () => {
    const failure = new Failure('ebay-server-error', 'eBay answered 500');
    const ends = [0, 1, 2].map((attemptsMade) => verdictOn(failure, { ...fresh, attempts: 9, attemptsMade }));
    expect(ends.map((verdict) => verdict.action === 'retry' && verdict.until - NOW)).to.deep.equal([
      1000, 2000, 4000,
    ]);
  });

  it('is to try again no more often than the failure is worth', () => {
    const failure = new Failure('ebay-bad-answer', 'no items of a total', { attempts: 2 });
    expect(verdictOn(failure, fresh)).to.include({ action: 'retry', attempt: 2, attempts: 2 });
    expect(verdictOn(failure, { ...fresh, attemptsMade: 1 }).action).to.equal('fail');
  });

  it('is to fail at once where trying again cannot help, and for a mistake of ours', () => {
    expect(verdictOn(new Failure('ebay-refused', 'bad filter'), fresh).action).to.equal('fail');
    const mistake = verdictOn(new TypeError('x is not a function'), fresh);
    expect(mistake).to.deep.include({ action: 'fail' });
    expect(mistake.failure.code).to.equal('internal');
  });

  it('holds the queue while nobody may call, at most a minute at a time, and charges no attempt', () => {
    const closed = new Failure('gate-closed', 'pause', { until: NOW + 5000, reason: 'pause' });
    expect(verdictOn(closed, { ...fresh, attemptsMade: 2 })).to.include({
      action: 'hold',
      until: NOW + 5000,
    });
    const far = new Failure('gate-closed', 'quota', { until: NOW + 1e7, reason: 'quota' });
    expect(verdictOn(far, fresh)).to.include({ action: 'hold', until: NOW + LONGEST_HOLD_MS });
  });

  it('delays only this page where only its class may not call', () => {
    const spent = new Failure('share-spent', 'share', { until: NOW + 5000, reason: 'quota' });
    expect(verdictOn(spent, fresh)).to.include({ action: 'delay', until: NOW + 5000 });
  });

  it('gives the page back at once when the process stops, and in a moment when Redis is away', () => {
    expect(verdictOn(new Failure('interrupted', 'stopping'), fresh).action).to.equal('handBack');
    expect(verdictOn(new Error('Connection is closed.'), fresh).action).to.equal('delay');
  });

  it('is to give up on what has waited until the deadline, naming what it waited for', () => {
    const closed = new Failure('gate-closed', 'the day is used up', { until: NOW + 5000 });
    const verdict = verdictOn(closed, { ...fresh, deadline: NOW });
    expect(verdict.action).to.equal('fail');
    expect(verdict.failure).to.include({ code: 'gave-up-waiting' });
    expect(verdict.failure.message).to.include('the day is used up');
  });

  it('names the setting that the deadline follows from', () => {
    const closed = new Failure('gate-closed', 'the day is used up', { until: NOW + 5000 });
    const run = { startedAt: 0, collectBy: 500 };
    expect(limitOf({ deadlineMs: 1000 }, run)).to.equal('RESULTS_TTL');
    expect(limitOf({ deadlineMs: 400 }, run)).to.equal('SEARCH_DEADLINE');
    expect(limitOf({ deadlineMs: 400 }, { startedAt: 0 })).to.equal('SEARCH_DEADLINE');
    const { failure } = verdictOn(closed, { ...fresh, deadline: NOW, limit: 'RESULTS_TTL' });
    expect(failure.message).to.include('RESULTS_TTL').and.not.include('SEARCH_DEADLINE');
  });

  it('reaches BullMQ as an error that says the code first', () => {
    const error = signals.fail(new Failure('ebay-refused', 'bad filter'));
    expect(error).to.be.instanceOf(UnrecoverableError);
    expect(error.message).to.equal('ebay-refused: bad filter');
  });
});
