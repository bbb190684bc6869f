import { expect } from 'chai';
import { runScenario } from '../../bench/alerts/scenario.ts';

describe('alerts while workers are killed', function () {
  this.timeout(240_000);

  it('reach every receiver under one id and in order, none lost, where 20 workers are killed', async () => {
    const outcome = await runScenario({
      ...{ kills: 20, arrivalMs: 400, pauseMs: 100, workers: 3, tracks: 2, looks: 1, everyMs: 300, seed: 20 },
      channels: ['sound', 'failing', 'refusing'],
    });
    expect(outcome.kills).to.equal(20);
    expect(outcome.wanted).to.be.greaterThan(0);
    for (const { channel, taken, ...evidence } of outcome.channels) {
      const { lost, unwanted, otherId, overtaken, repeated } = evidence;
      const none = { lost: 0, unwanted: 0, otherId: 0, overtaken: 0 };
      expect({ lost, unwanted, otherId, overtaken }, channel).to.deep.equal(none);
      expect(taken, channel).to.equal(channel === 'refusing' ? 0 : outcome.wanted);
      // One kill can repeat the message that is under way, and no other.
      expect(repeated, channel).to.be.at.most(outcome.kills);
    }
  });
});
