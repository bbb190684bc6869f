import { expect } from 'chai';
import { MemoryGateStore } from '../../../src/ebay/gate/memoryGate.ts';
import { testGateSettings } from '../../support/gates.ts';

describe('MemoryGateStore', () => {
  it('leaves a call that was written late the room that one just in time has', async () => {
    let now = 1_700_000_000_000;
    const settings = testGateSettings({ intervalMs: 100 });
    const store = new MemoryGateStore(settings, () => now);
    const ask = await store.ask({ id: 'one', class: 'interactive', unused: [], answered: 0 });
    expect(ask).to.include({ is: 'go', waitMs: 0 });

    now += settings.lateMs;
    await store.sentLate();
    const inTime = (await store.read()).nextSlotMs;
    now += 40;
    await store.sentLate();
    expect((await store.read()).nextSlotMs).to.be.closeTo(inTime, 0.001);
  });
});
