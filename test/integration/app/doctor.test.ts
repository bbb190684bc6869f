import { expect } from 'chai';
import { examine } from '../../../src/app/doctor.ts';
import { quietLog } from '../../../src/cli/commandSetup.ts';
import type { Finding } from '../../../src/telemetry/finding.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('the doctor beside a running service', () => {
  const service = useService();
  async function findingAbout(check: string, clock?: () => number): Promise<Finding> {
    const findings: Finding[] = [];
    const options = { log: quietLog(), ...(clock ? { clock } : {}) };
    for await (const finding of examine(service.config, options)) findings.push(finding);
    const [found] = findings.filter((each) => each.check === check);
    if (found === undefined) throw new Error(`nothing about ${check}: ${JSON.stringify(findings)}`);
    return found;
  }

  it('knows whose clock is off', async () => {
    const late = await findingAbout('clock', () => Date.now() - 60_000);
    expect(late).to.include({ state: 'fail', trouble: 'degraded' });
    expect(late.message).to.match(/^this machine’s clock is (59|60|61) s behind Redis’s and eBay’s$/);
    expect(late.remedy).to.match(/^set the clock of this machine/);
    expect((await findingAbout('clock')).state).to.equal('ok');
  });

  it('tells depth and age of the queues, and what stands paused', async () => {
    await service.searches.pause();
    const [first] = await service.producer.enqueueMany([{ query: 'yoga mat' }, { query: 'tent' }]);
    const paused = await findingAbout('queues');
    expect(paused.message).to.match(
      /^ebay-search is paused: 2 searches and 0 calls wait, the oldest for \d s$/,
    );
    const redis = await service.searches.getBackend().client;
    const anHourAgo = (await service.producer.now()) - 3_600_000;
    await redis.hset(service.searches.toKey(first?.searchId ?? ''), { timestamp: anHourAgo });
    const anHourLater = await findingAbout('queues');
    expect(anHourLater.message).to.match(/the oldest for 60 min$/);
    await service.searches.resume();
  });

  it('tells the oldest failure', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 400, errorId: 12001 });
    const { searchId } = await service.search({ query: 'lamp' });
    await waitFor('the failure', () => service.searches.getFailedCount());
    const { state, message, remedy } = await findingAbout('failures');
    expect(state).to.equal('warn');
    expect(message).to.match(
      new RegExp(`^1 failed search is kept, the oldest from \\d+ s ago: ${searchId}, ebay-refused`),
    );
    expect(remedy).to.include(`dpf search --get ${searchId}`);
  });

  it('tells of a pause that eBay asked for', async () => {
    service.simulator.controls.arm({ fault: 'rate-limited', retryAfter: '120', count: 1 });
    await service.producer.enqueue({ query: 'lamp' });
    await waitFor('the pause', async () => (await findingAbout('gate')).state === 'warn' || undefined);
    expect((await findingAbout('search')).message).to.match(/^not made: /);
  });
});
