import { expect } from 'chai';
import fc from 'fast-check';
import { firstOfLanes, nextInLane } from '../../../src/queue/search/callJob.ts';

const items = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ itemId: `v1|${n}|0`, marketplace: 'EBAY_US' as const }));

describe('the lanes of item calls', () => {
  it('begin with the first items and go on with those so many places on', () => {
    const wanted = items(5);
    const open = () => true;
    expect(firstOfLanes(wanted, open, 2)).to.deep.equal([wanted[0], wanted[1]]);
    expect(nextInLane(wanted, open, 'v1|1|0', 2)).to.deep.equal([wanted[3]]);
    expect(nextInLane(wanted, open, 'v1|4|0', 2)).to.deep.equal([]);
    expect(nextInLane(wanted, open, 'v1|77|0', 2)).to.deep.equal([]);
  });

  it('together call for every open item, each once, and for no other', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 60 }),
        fc.integer({ min: 1, max: 10 }),
        fc.array(fc.nat(), { maxLength: 100 }),
        (isOpen, lanes, order) => {
          const wanted = items(isOpen.length);
          const there = new Set(wanted.filter((_, n) => !isOpen[n]).map(({ itemId }) => itemId));
          const open = ({ itemId }: { itemId: string }) => !there.has(itemId);
          const underWay = firstOfLanes(wanted, open, lanes).map(({ itemId }) => itemId);
          const called: string[] = [];
          // Lanes end in any order.
          for (let n = 0; underWay.length > 0; n++) {
            const [done] = underWay.splice((order[n] ?? 0) % underWay.length, 1) as [string];
            called.push(done);
            there.add(done);
            underWay.push(...nextInLane(wanted, open, done, lanes).map(({ itemId }) => itemId));
            expect(underWay.length).to.be.at.most(lanes);
          }
          expect(called).to.have.members(wanted.filter((_, n) => isOpen[n]).map(({ itemId }) => itemId));
        },
      ),
    );
  });
});
