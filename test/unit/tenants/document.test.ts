import { expect } from 'chai';
import {
  declarationsOf,
  type FleetDocument,
  onRedisClock,
  withNewer,
} from '../../../src/fleet/fleetStore.ts';

const settings = (at: number, minApiCallInterval: number) => ({
  at,
  value: { pace: { minApiCallInterval } },
});
const NONE: FleetDocument = { added: {} };

describe('the fleet’s document', () => {
  it('takes what is new part by part and leaves the others alone', () => {
    const tenants = { at: 1, value: {} };
    const first = withNewer({ ...NONE, tenants }, { settings: settings(5, 2) });
    expect(first).to.deep.equal({
      document: { added: {}, tenants, settings: settings(5, 2) },
      changed: true,
      stale: [],
    });
    expect(withNewer(first.document, { settings: settings(6, 2) })).to.include({ changed: false });
  });

  it('never goes back to what was written earlier', () => {
    const { document } = withNewer(NONE, { settings: settings(5, 2) });
    const late = withNewer(document, { settings: settings(4, 1), schedules: { at: 4, value: [] } });
    expect(late.stale).to.deep.equal(['settings']);
    expect(late.document.settings).to.deep.equal(settings(5, 2));
    expect(late.document.schedules).to.deep.equal({ at: 4, value: [] });
  });

  it('has parts with the times of Redis’s clock, which those of a machine with a wrong clock do not decide', () => {
    const [now, day] = [1_000_000_000, 86_400_000];
    const timed = (at: number, own = now) =>
      onRedisClock({ settings: settings(at, 1) }, now, own).settings?.at;
    expect(timed(now - 1000)).to.equal(now - 1000);
    for (const ahead of [-2 * day, 2 * day])
      expect(timed(now + ahead - 1000, now + ahead)).to.equal(now - 1000);
    // A clock that was right again, and a little of what NTP leaves.
    expect(timed(now + 2 * day)).to.equal(now);
    expect(timed(now - 1000, now + 200)).to.equal(now - 1000);
  });

  it('gives a name to the file’s tenant where both have one', () => {
    const keyset = { clientIdEnv: 'ID', clientSecretEnv: 'SECRET' };
    const document: FleetDocument = {
      added: { one: keyset, two: keyset },
      tenants: { at: 1, value: { two: { ...keyset, marketplace: 'EBAY_DE' } } },
    };
    expect(Object.keys(declarationsOf(document))).to.deep.equal(['one', 'two']);
    expect(declarationsOf(document).two?.marketplace).to.equal('EBAY_DE');
  });
});
