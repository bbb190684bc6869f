import { expect } from 'chai';
import { openEbay } from '../../src/app/client.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import type { QuotaReport } from '../../src/ebay/gate/quota.ts';
import type { SearchEstimate } from '../../src/queue/search/estimate.ts';
import { useCommands } from '../support/commands.ts';
import { testConfig } from '../support/config.ts';
import { useRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';
import { waitFor } from '../support/waitFor.ts';

describe('dpf quota and dpf search --dry-run', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const simulator = useSimulator();
  const dpf = useCommands();
  const env = () => serviceEnv(redis.url, simulator().url);

  async function printed(args: string[]): Promise<string> {
    const command = dpf(args, env());
    expect(await command.exit(), command.output).to.equal(0);
    return command.stdout;
  }

  it('show the ledger as it is; with --reconcile as eBay counts', async () => {
    simulator().controls.quota({ limit: 2000, used: 1450, resetInS: 3600 });
    const before = JSON.parse(await printed(['quota', '--json'])) as QuotaReport;
    expect(before).to.include({ limit: 5000, used: 0, remaining: 5000, interval: 1, circuit: 'closed' });

    const { limit, used, classes } = JSON.parse(
      await printed(['quota', '--json', '--reconcile']),
    ) as QuotaReport;
    expect({ limit, used }).to.deep.equal({ limit: 2000, used: 1450 });
    expect(classes.backfill.closed?.reason).to.equal('quota');
    expect(classes.interactive).to.deep.equal({ upTo: 2000, remaining: 550, closed: null });
    expect(await printed(['quota'])).to.match(/1,450 of 2,000, 550 left/);
  });

  it('say that eBay did not answer with its count (exit 4)', async () => {
    simulator().controls.arm({ fault: 'status', status: 503, on: { endpoint: 'rate-limit' } });
    const asked = dpf(['quota', '--reconcile'], env());
    expect(await asked.exit(), asked.output).to.equal(4);
    expect(asked.stderr).to.match(/eBay did not answer with its count/);
  });

  it('say what is wrong with the credentials that --reconcile needs (exit 3)', async () => {
    const asked = dpf(['quota', '--reconcile'], { REDIS_URL: redis.url });
    expect(await asked.exit(), asked.output).to.equal(3);
    expect(asked.stderr).to.match(/EBAY_CLIENT_ID/);
  });

  it('tell what a search costs without enqueueing it, and when it could be done while the gate is closed', async () => {
    const { gate, redis: connection, close } = openEbay(testConfig(env()), quietLog());
    await waitFor('Redis', () => connection.ping().catch(() => undefined));
    await gate.close(600_000, 'pause');
    close();

    const asked = ['search', 'phone', '--max-items', '450', '--dry-run'];
    const { calls, shareOfRemaining, earliestFinish } = JSON.parse(
      await printed([...asked, '--json']),
    ) as SearchEstimate;
    expect(calls.total).to.equal(3);
    expect(shareOfRemaining).to.equal(3 / 5000);
    expect(Date.parse(earliestFinish) - Date.now()).to.be.within(500_000, 603_000);
    expect(await printed(asked)).to.match(/3 calls, at most 15/);
    expect(await redis.connect().keys('{ebay}:ebay-search:s_*')).to.deep.equal([]);
    expect(simulator().controls.log({ kind: 'search' })).to.deep.equal([]);
  });
});
