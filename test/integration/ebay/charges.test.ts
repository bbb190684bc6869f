import { expect } from 'chai';
import { Failure } from '../../../src/failures.ts';
import { testEbay } from '../../support/ebayClient.ts';
import { freePort } from '../../support/freePort.ts';
import { failureOf, inRedis } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';
import { mintToken, useSimulator } from '../../support/simulator.ts';

/** A budget of so many attempts, with what was asked of it. */
function budgetOf(calls: number) {
  const asked: string[] = [];
  const charge = {
    async take() {
      asked.push('take');
      if (asked.filter((each) => each === 'take').length > calls)
        throw new Failure('budget_exceeded', 'none is left');
    },
    async giveBack() {
      asked.push('give back');
    },
  };
  return { asked, charge };
}

describe('the attempts of a call with a budget', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());
  const simulator = useSimulator();
  const arrived = () => simulator().controls.log({ kind: 'search' }).length;
  const call = (url: string, { charge }: ReturnType<typeof budgetOf>, gate = makeGate()) => {
    const ebay = testEbay(url, { gate, mint: () => mintToken(simulator().url) });
    const asked = ebay.client.browse.search({ q: 'phone' }, {}, { class: 'interactive', charge });
    return asked.finally(() => ebay.client.close());
  };

  it('are charged each, quick retries and the replay of a refused token too', async () => {
    const budget = budgetOf(9);
    simulator().controls.arm({ fault: 'status', status: 503, count: 1 });
    simulator().controls.arm({ fault: 'expired-token', skip: 1, count: 1 });
    expect((await call(simulator().url, budget)).attempts).to.equal(3);
    expect([budget.asked, arrived()]).to.deep.equal([['take', 'take', 'take'], 3]);
  });

  it('end where the budget does, with the attempts that were made', async () => {
    const budget = budgetOf(1);
    simulator().controls.arm({ fault: 'status', status: 503 });
    const failure = await failureOf(call(simulator().url, budget));
    expect([failure.code, failure.detail.calls, arrived()]).to.deep.equal(['budget_exceeded', 1, 1]);
    expect((await makeGate().read()).used, 'of the day').to.equal(1);
  });

  it('that never left are charged once at most, and given back', async () => {
    const closed = budgetOf(9);
    const gate = makeGate();
    await gate.close(60_000, 'pause');
    expect((await failureOf(call(simulator().url, closed, gate))).code).to.equal('gate-closed');
    const taken = closed.asked.filter((each) => each === 'take').length;
    expect(closed.asked.length - taken).to.equal(taken);
    expect(arrived()).to.equal(0);
  });

  it('without a connection cost nothing', async () => {
    const budget = budgetOf(9);
    const nobody = `http://127.0.0.1:${await freePort()}`;
    expect((await failureOf(call(nobody, budget))).code).to.equal('ebay-unreachable');
    // Quick retries follow, and none of them left either.
    expect(budget.asked).to.deep.equal(['take', 'give back']);
  });
});
