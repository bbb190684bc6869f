import { expect } from 'chai';
import type { BudgetState } from '../../../src/failures.ts';
import { Failure } from '../../../src/failures.ts';
import { withinBudgets } from '../../../src/queue/budgets.ts';
import { refusalOf } from '../../../src/queue/intake.ts';

const day = { limit: 5000, used: 1000 };
const left = (calls: number): BudgetState => ({
  ...{ kind: 'tenant', name: 'default', limit: 100, used: 0, reserved: 0, left: calls },
  reset: '2026-03-03T08:00:00.000Z',
});

describe('a budget beside the day', () => {
  it('leaves a plan as many calls as the tighter of both', () => {
    expect(withinBudgets(day, [], 0.9)).to.deep.equal(day);
    expect(withinBudgets(day, [left(40), left(90)], 0.9)).to.deep.equal({ limit: 5000, used: 4460 });
    expect(withinBudgets(day, [left(4000)], 0.9)).to.deep.equal(day);
    expect(withinBudgets(day, [left(0)], 0.9).used).to.equal(4500);
  });

  it('is a reason of its own among those of refused searches', () => {
    expect(refusalOf(new Failure('budget_exceeded', 'none is left'))).to.equal('budget');
  });
});
