import { expect } from 'chai';
import { CircuitWindow, grownPause } from '../../../src/ebay/gate/memoryGate.ts';

const rules = { circuitWindowMs: 1000, circuitShare: 0.5, circuitMinCalls: 4 };

describe('the circuit’s window', () => {
  it('trips at the share of enough calls', () => {
    const window = new CircuitWindow(rules);
    window.add(0, 2, 0, 'a');
    window.add(10, 1, 1, 'a');
    expect(window.tripped()).to.equal(false);
    window.add(20, 1, 1, 'a');
    expect(window.tripped()).to.equal(true);
  });

  it('forgets what is older than itself', () => {
    const window = new CircuitWindow(rules);
    window.add(100, 4, 4, 'a');
    window.add(600, 1, 1, 'a');
    expect(window.tripped()).to.equal(true);
    window.add(1100, 1, 1, 'a');
    expect(window.tripped()).to.equal(false);
  });

  it('does not trip on one process of several', () => {
    const window = new CircuitWindow(rules);
    window.add(0, 1, 0, 'a');
    window.add(0, 9, 9, 'b');
    expect(window.tripped()).to.equal(false);
    window.add(600, 1, 1, 'a');
    expect(window.tripped()).to.equal(true);
  });
});

describe('the pause after a 429 that names none', () => {
  const bounds = { throttlePauseMs: 100, maxThrottlePauseMs: 350 };

  it('doubles while they follow each other, up to a bound, and starts again after a while', () => {
    expect(grownPause({ pauseMs: 0, end: 0 }, 1000, bounds)).to.equal(100);
    expect(grownPause({ pauseMs: 100, end: 1000 }, 1399, bounds)).to.equal(200);
    expect(grownPause({ pauseMs: 200, end: 1000 }, 1001, bounds)).to.equal(350);
    expect(grownPause({ pauseMs: 100, end: 1000 }, 1400, bounds)).to.equal(100);
  });
});
