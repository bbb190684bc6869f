import { expect } from 'chai';
import { FleetClock } from '../../../src/ebay/oauth/ledger.ts';
import { MemoryLedger } from '../../../src/ebay/oauth/memoryLedger.ts';
import { testConfig } from '../../support/config.ts';

describe('the mint ledger in memory', () => {
  let now = Date.UTC(2026, 2, 1, 12);
  const ledger = (env: Record<string, string> = {}) =>
    new MemoryLedger(testConfig(env).token, new FleetClock(() => now));
  const ask = (refusedId = '') => ({ reason: 'missing' as const, requester: 'me', stale: '', refusedId });

  it('grants one request an interval', async () => {
    const book = ledger({ TOKEN_REQUEST_INTERVAL: '2' });
    expect(await book.permit(ask())).to.include({ kind: 'granted', mintsToday: 1, failures: 0 });
    now += 500;
    expect(await book.permit(ask())).to.deep.equal({ kind: 'wait', ms: 1500 });
    expect(await book.untilNext()).to.equal(1500);
    now += 1500;
    expect(await book.permit(ask())).to.include({ kind: 'granted', mintsToday: 2 });
  });

  it('grants none during a pause, and a success forgets how many failed', async () => {
    const book = ledger({ TOKEN_REQUEST_INTERVAL: '0' });
    await book.failed('me', { ms: 1000, reason: 'timeout' });
    expect(await book.permit(ask())).to.deep.equal({ kind: 'paused', ms: 1000, reason: 'timeout' });
    now += 1000;
    expect(await book.permit(ask())).to.include({ kind: 'granted', failures: 1 });
    book.succeeded();
    expect(await book.permit(ask())).to.include({ kind: 'granted', failures: 0 });
  });

  it('grants no more than the day’s budget, and starts afresh with eBay’s next day', async () => {
    const book = ledger({ TOKEN_REQUEST_INTERVAL: '0', DAILY_MINT_LIMIT: '1' });
    await book.permit(ask());
    expect(await book.permit(ask())).to.deep.equal({ kind: 'spent', mintsToday: 1 });
    now += 24 * 3_600_000;
    expect(await book.permit(ask())).to.include({ kind: 'granted', mintsToday: 1 });
  });

  it('stops at the third token refused in a row, counting each token once and none that was accepted', async () => {
    const book = ledger({ TOKEN_REQUEST_INTERVAL: '0' });
    for (const id of ['a', 'a', 'b', 'b']) expect((await book.permit(ask(id))).kind).to.equal('granted');
    await book.accepted('c');
    for (const id of ['c', 'd', 'e']) expect((await book.permit(ask(id))).kind).to.equal('granted');
    expect(await book.permit(ask('f'))).to.include({ kind: 'paused', reason: 'tokens-refused' });
    expect(await book.state()).to.deep.include({ refusedInARow: 3 });
    await book.clear();
    expect((await book.permit(ask())).kind).to.equal('granted');
  });
});
