import { expect } from 'chai';
import { classOf } from '../../../src/queue/bullmq/queues.ts';
import { besideGate, type SearchReport } from '../../../src/queue/searchReader.ts';

const counts = { pages: 2, of: 5, products: 400 };

function report(own: Partial<SearchReport> = {}): SearchReport {
  const progress = { state: 'collecting' as const, ...counts };
  const collecting = { searchId: 's1', state: 'collecting', progress, summary: null, error: null };
  return { ...collecting, ...own } as SearchReport;
}

describe('the report on a search beside the gate', () => {
  const closed = { reason: 'pause', until: 5000 };

  it('says why and until when it waits, though no page of its own was turned away', () => {
    const { state, progress } = besideGate(report(), closed);
    expect(state).to.equal('waiting');
    expect(progress).to.deep.equal({ state: 'waiting', ...counts, ...closed });
  });

  it('no longer waits once the gate is open again', () => {
    const waiting = report({ state: 'waiting', progress: { state: 'waiting', ...counts, ...closed } });
    expect(besideGate(waiting, undefined)).to.deep.equal(report());
  });

  it('goes on waiting for what is not the gate’s', () => {
    const waiting = report({
      state: 'waiting',
      progress: { state: 'waiting', ...counts, reason: 'identical-search' },
    });
    expect(besideGate(waiting, undefined)).to.deep.equal(waiting);
  });

  it('leaves alone what has not begun or has ended', () => {
    for (const state of ['queued', 'done'] as const)
      expect(besideGate(report({ state }), closed)).to.deep.equal(report({ state }));
  });

  it('takes a class that nobody has checked for what it is worth', () => {
    const classes = [{ priority: 'backfill' }, { priority: 'urgent' }, { priority: 7 }, {}, null].map(
      classOf,
    );
    expect(classes).to.deep.equal(['backfill', 'interactive', 'interactive', 'interactive', 'interactive']);
  });
});
