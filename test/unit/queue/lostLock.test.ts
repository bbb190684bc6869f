import { expect } from 'chai';
import { isLockLost } from '../../../src/queue/bullmq/worker.ts';

describe('a job that is another worker’s by now', () => {
  it('is known by what BullMQ says of its lock', () => {
    const words = [
      'Missing lock for job s_1-r1-p1. moveToDelayed',
      'Lock mismatch for job s_1-r1-p1. Cmd moveToDelayed from active',
      'Missing key for job s_1-r1-p1. changePriority',
    ];
    for (const word of words) expect(isLockLost(new Error(word)), word).to.equal(true);
    expect(isLockLost(new Error('eBay answered 500'))).to.equal(false);
    expect(isLockLost('Missing lock for job x')).to.equal(false);
  });
});
