import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { ACCIDENTS, type Accident } from '../../bench/monitoring/accidents.ts';
import { World } from '../../bench/monitoring/world.ts';
import { dashboardQueries } from '../support/dashboard.ts';
import { hasPrometheus } from '../support/prometheus.ts';
import { waitFor } from '../support/waitFor.ts';

const PATIENCE_MS = 60_000;

/** Nothing changes between two evaluations, and each look costs Prometheus some work. */
const LOOK_MS = 1000;

/** The short sibling of `npm run bench -- monitoring`, which lets every alert fire. */
describe('a Prometheus that watches a worker and a server', function () {
  this.timeout(120_000);
  let world: World;
  before(async function () {
    if (!hasPrometheus()) return this.skip(); // Debian's package prometheus.
    world = await World.start(1);
  });
  after(() => world?.stop());

  it('has data for every query of the dashboard', async () => {
    const missing = new Map(dashboardQueries('10s').map(({ query, panel }) => [query, panel]));
    await waitFor(
      'data',
      async () => {
        await sleep(LOOK_MS);
        // A rate needs a second event: one more token.
        await world.clearToken();
        for (const query of missing.keys())
          if (await world.prometheus.hadData(query, world.since)) missing.delete(query);
        return missing.size === 0;
      },
      PATIENCE_MS,
    ).catch(() => expect([...missing]).to.deep.equal([]));
  });

  it('sees the queues counted once, and nothing to complain about', async () => {
    const [counting] = await world.prometheus.query('count(count by (instance) (dpf_queue_jobs))');
    expect(counting?.value).to.equal(1);
    // The test above asks for a token with each look at the dashboard: on a slow machine that is an alarm of its own.
    const firing = (await world.prometheus.firing()).filter((alert) => alert !== 'DpfTokenRequestsMany');
    expect(firing).to.deep.equal([]);
  });

  for (const alert of ['DpfThrottled', 'DpfJobsQuarantined', 'DpfLogLinesLost'])
    it(`sounds ${alert} when it happens`, async () => {
      const accident = ACCIDENTS.find(({ alerts }) => alerts.includes(alert)) as Accident;
      expect(await world.prometheus.firing()).to.not.include(alert);
      await accident.break(world);
      await waitFor(
        alert,
        async () => {
          await sleep(LOOK_MS);
          return (await world.prometheus.firing()).includes(alert);
        },
        PATIENCE_MS,
      );
      await accident.mend(world);
    });
});
