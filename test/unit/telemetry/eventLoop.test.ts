import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { EventLoop } from '../../../src/telemetry/eventLoop.ts';

/** Holds the event loop up for so long. */
function hold(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('the watch on the event loop', () => {
  it('tells how late the loop usually runs, and takes one long step for no lag', async () => {
    const idle = new EventLoop();
    for (let turn = 0; turn < 30; turn += 1) await new Promise((resolve) => setTimeout(resolve, 25));
    hold(600);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const calm = idle.lagMs;
    idle.close();
    const stuck = new EventLoop();
    for (let turn = 0; turn < 4; turn += 1) {
      hold(500);
      await nextTurn();
      await new Promise((resolve) => setTimeout(resolve));
    }
    const lag = stuck.lagMs;
    stuck.close();
    expect(lag).to.be.within(300, 5000);
    expect(calm).to.be.below(lag);
  });
});
