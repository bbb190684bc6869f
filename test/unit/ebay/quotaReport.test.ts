import { expect } from 'chai';
import type { GateState } from '../../../src/ebay/gate/gate.ts';
import { quotaReport } from '../../../src/ebay/gate/quota.ts';

const NOON = Date.parse('2026-03-02T12:00:00Z');
const MIDNIGHT = Date.parse('2026-03-03T08:00:00Z');
const SHARES = { interactive: 1, scheduled: 0.9, backfill: 0.7 };

function gateState(own: Partial<GateState> = {}): GateState {
  return {
    now: NOON,
    intervalMs: 200,
    nextSlotMs: 0,
    used: 3600,
    limit: 5000,
    remaining: 1400,
    reset: MIDNIGHT,
    classes: {
      interactive: undefined,
      scheduled: undefined,
      backfill: { until: MIDNIGHT, reason: 'quota' },
    },
    circuit: 'closed',
    countLost: false,
    mark: { ledger: 'a', granted: 3600, reset: MIDNIGHT },
    ...own,
  };
}

describe('the report on the quota', () => {
  it('says for each class what it may use up to, what is left of it, and until when it waits', () => {
    const report = quotaReport(gateState(), SHARES);
    expect(report).to.include({ limit: 5000, used: 3600, remaining: 1400, interval: 0.2, closed: null });
    expect(report.classes).to.deep.equal({
      interactive: { upTo: 5000, remaining: 1400, closed: null },
      scheduled: { upTo: 4500, remaining: 900, closed: null },
      backfill: {
        ...{ upTo: 3500, remaining: 0 },
        closed: { reason: 'quota', because: 'quota', until: '2026-03-03T08:00:00.000Z' },
      },
    });
  });
});
