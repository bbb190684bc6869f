import { expect } from 'chai';
import { FairTurns } from '../../../src/tenants/fairTurns.ts';

describe('turns of tenants', () => {
  const steps = async () => new Promise((resolve) => setImmediate(resolve));

  it('go round, however much one of them has waiting', async () => {
    const turns = new FairTurns(1);
    const order: string[] = [];
    const work = (tenant: string) => turns.take(tenant, async () => void order.push(tenant));
    await Promise.all(['flood', 'flood', 'flood', 'flood', 'a', 'b', 'a'].map(work));
    expect(order.join(' ')).to.equal('flood flood a b flood a flood');
  });

  it('let as many go on at once as they are told, and as many again after failures', async () => {
    const turns = new FairTurns(2);
    let [now, most] = [0, 0];
    const work = async (n: number) => {
      now += 1;
      most = Math.max(most, now);
      await steps();
      now -= 1;
      if (n % 2 === 0) throw new Error('no');
    };
    const ended = await Promise.allSettled(
      Array.from({ length: 9 }, (_, n) => turns.take('a', () => work(n))),
    );
    expect(ended.filter(({ status }) => status === 'rejected')).to.have.length(5);
    expect(most).to.equal(2);
    expect(await turns.take('b', async () => 'done')).to.equal('done');
  });
});
