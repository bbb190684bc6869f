import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { FairTurns } from '../../../src/fleet/fairTurns.ts';

describe('turns of tenants', () => {
  it('of one come one at a time, also after failures; others do not wait for them', async () => {
    const turns = new FairTurns();
    let [now, most] = [0, 0];
    const work = async (n: number) => {
      now += 1;
      most = Math.max(most, now);
      await sleep(1);
      now -= 1;
      if (n % 2 === 0) throw new Error('no');
      return n;
    };
    const flood = Array.from({ length: 9 }, (_, n) => turns.take('flood', () => work(n)));
    let isFloodOver = false;
    const ended = Promise.allSettled(flood).finally(() => {
      isFloodOver = true;
    });
    expect(await turns.take('calm', async () => isFloodOver)).to.equal(false);
    const results = await ended;
    expect(results.map((result) => (result.status === 'fulfilled' ? result.value : 'failed'))).to.deep.equal(
      Array.from({ length: 9 }, (_, n) => (n % 2 === 0 ? 'failed' : n)),
    );
    expect(most).to.equal(1);
  });

  it('leave the others several times as much time as they took', async () => {
    const turns = new FairTurns();
    const [began, ended] = [[] as number[], [] as number[]];
    const work = async () => {
      began.push(performance.now());
      await sleep(20);
      ended.push(performance.now());
    };
    await Promise.all([1, 2, 3].map(() => turns.take('flood', work)));
    for (const n of [0, 1]) {
      const [from, to, next] = [began[n], ended[n], began[n + 1]] as [number, number, number];
      // Timers are a millisecond early at times, never more.
      expect(next - to).to.be.at.least(3 * Math.min(to - from, 60));
    }
  });
});
