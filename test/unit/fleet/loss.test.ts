import { expect } from 'chai';
import type { Census } from '../../../src/fleet/census.ts';
import { type DataState, goneText, lossKind, lossOf, lossText } from '../../../src/fleet/loss.ts';

const census = (at: number, more: Partial<Census> = {}): Census => ({
  at,
  apiKeys: [],
  schedules: [],
  paused: [],
  tracks: [],
  searches: 0,
  ...more,
});
const known = (more: Partial<DataState> = {}): DataState => ({
  mark: '1000-a',
  version: 7,
  census: census(100_000),
  loss: undefined,
  replaced: [],
  ...more,
});

describe('a loss of Redis’s data', () => {
  it('is seen by the mark, the version and the census, and an ordinary restart is none', () => {
    expect(lossKind(known(), known())).to.equal(undefined);
    expect(lossKind(known(), known({ version: 8, census: census(110_000) }))).to.equal(undefined);
    // One census is lost where Redis lost its last second.
    expect(lossKind(known(), known({ census: census(90_000) }))).to.equal(undefined);
    expect(lossKind(known(), known({ census: census(80_000) }))).to.equal('older');
    expect(lossKind(known(), known({ version: 6 }))).to.equal('older');
    expect(lossKind(known(), known({ mark: '', version: 0, census: undefined }))).to.equal('empty');
    // Marked by a process that began after the loss, and of data from before an earlier loss.
    expect(lossKind(known(), known({ mark: '2000-b', version: 0 }))).to.equal('empty');
    expect(lossKind(known(), known({ mark: '1000-0' }))).to.equal('older');
  });

  it('names what is gone, and adds what an earlier one took', () => {
    const before = census(1000, {
      apiKeys: ['shop', 'admin'],
      schedules: ['a'],
      searches: 12,
      tracks: ['t'],
    });
    const first = lossOf('empty', known({ census: before }), census(2000, { apiKeys: ['admin'] }));
    expect(lossText(first)).to.equal('Redis lost its data at 1970-01-01T00:00:02.000Z');
    expect(goneText(first)).to.equal(
      '1 API key (shop), 1 schedule added by command (a), 1 track of a schedule (t), ' +
        'about 12 searches that had not ended, results, events and counts',
    );
    const later = census(3000, { apiKeys: ['admin'], paused: ['ebay-calls'], searches: 1 });
    const second = lossOf('empty', known({ census: later, loss: first }), census(4000));
    expect(lossText(second)).to.match(/, 2 times since the last that was acknowledged$/);
    expect(second.gone).to.deep.include({ apiKeys: ['shop', 'admin'], paused: ['ebay-calls'], searches: 13 });
  });

  it('names alerts and channels, also beside what a release without them counted', () => {
    const before = census(1000, { alerts: ['drops', 'shop/gone'], channels: ['hook'] });
    const loss = lossOf(
      'older',
      known({ census: before }),
      census(2000, { alerts: ['drops'], channels: [] }),
    );
    expect(goneText(loss)).to.match(/^1 channel \(hook\), 1 alert \(shop\/gone\), /);
    const later = lossOf('older', known({ loss }), census(3000, { alerts: ['drops'] }));
    expect(later.gone).to.deep.include({ alerts: ['shop/gone'], channels: ['hook'] });
  });

  it('says so where no worker had counted, and cuts long lists', () => {
    const unknown = lossOf('empty', known({ census: undefined }), census(2000));
    expect(goneText(unknown)).to.match(/^what it held is not known/);
    const apiKeys = Array.from({ length: 25 }, (_, n) => `key${n}`);
    const many = lossOf('older', known({ census: census(1000, { apiKeys, searches: 3 }) }), census(2000));
    expect(goneText(many)).to.match(/^25 API keys \(key0, .*key19, …\), what was added or changed since/);
    expect(lossText(many)).to.match(/^Redis went back to older data at /);
  });
});
