import { expect } from 'chai';
import { ALERT_CONDITIONS } from '../../../../src/product/alertSchema.ts';
import { judgeLabelled } from '../../../support/listingHistories.ts';

/** `LABELLED_HISTORIES=10000` judges more of them. */
const HISTORIES = Number(process.env.LABELLED_HISTORIES ?? 150);

describe('alerts at their defaults over labelled histories of listings', function () {
  this.timeout(60_000 + HISTORIES * 100);

  it('are at least 98 in 100 of the wanted ones, and at most 1 in 100 is unwanted, of each condition', () => {
    const { results, wrong } = judgeLabelled(HISTORIES, 20);
    for (const on of ALERT_CONDITIONS) {
      const { wanted, found, sent, unwanted } = results[on];
      expect(wanted, on).to.be.above(HISTORIES / 40);
      expect(found / wanted, `${on}: ${JSON.stringify(wrong)}`).to.be.at.least(0.98);
      expect(unwanted / sent, `${on}: ${JSON.stringify(wrong)}`).to.be.at.most(0.01);
    }
  });
});
