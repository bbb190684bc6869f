import type { Fleet } from '../../../test/support/fleet.ts';
import type { Bed } from '../bed.ts';
import { backlog } from '../load.ts';
import { during, paceOf, timesOf, WARM_UP_S } from '../measure.ts';
import { atLeast, atMost, beside, type Scenario } from '../scenario.ts';
import { paceAtClients } from '../stamps.ts';

const INTERVAL_MS = 20;

/** A page with one listing on it, and one more page behind it: what 50 pages a second cost must not be what is measured. */
const SMALL_PAGE = JSON.stringify({
  total: 9000,
  limit: 200,
  next: 'https://api.ebay.com/buy/browse/v1/item_summary/search?q=watch&limit=200&offset=9800',
  itemSummaries: [
    {
      itemId: 'v1|1|0',
      title: 'watch',
      price: { value: '9.99', currency: 'USD' },
      buyingOptions: ['FIXED_PRICE'],
    },
  ],
});

async function start(bed: Bed, seconds: number): Promise<Fleet> {
  const fleet = await bed.fleet(4, { MIN_API_CALL_INTERVAL: String(INTERVAL_MS / 1000) }, 300);
  await fleet.ebay.arm({ fault: 'status', status: 503, share: 0.05 });
  await fleet.ebay.arm({ fault: 'status', status: 200, body: SMALL_PAGE });
  await backlog(fleet, ((seconds + WARM_UP_S) * 1000) / INTERVAL_MS);
  return fleet;
}

export const fast: Scenario = {
  name: 'fast',
  title: '4 processes at 20 ms, no 401, 5 % 503, by the clients’ own clocks too',
  // Some 3,000 calls: of a thousand a single short gap would be more than the tenth of a percent.
  seconds: 60,
  async run(bed, seconds) {
    const fleet = await start(bed, seconds);
    await during(WARM_UP_S, bed.say, '20 ms warms up');
    const { lastSeq } = await fleet.ebay.state();
    await during(seconds, bed.say, '20 ms');
    const logged = await fleet.calls(lastSeq);
    const workers = [...fleet.workers];
    await bed.clear();
    const arrivals = timesOf(bed.arrivals(logged));
    const server = paceOf(arrivals, INTERVAL_MS);
    const stamped = paceOf(timesOf(logged), INTERVAL_MS);
    const client = paceAtClients(workers, arrivals, INTERVAL_MS);
    return [
      atMost(
        `gaps below 15 ms at the client’s stamp (least ${client.minGapMs.toFixed(1)} ms)`,
        client.short,
        0,
      ),
      beside('calls stamped by clients', client.calls),
      atMost(`share of gaps below 15 ms at the server, % (${server.short})`, share(server), 0.1),
      beside(`the same by the simulator’s own stamps, % (${stamped.short})`, share(stamped)),
      atLeast(`use of ${server.calls} calls`, server.use, 0.97),
      atMost('most calls in a sliding second', server.inASecond, 1000 / INTERVAL_MS + 1),
    ];
  },
};

function share({ short, calls }: { short: number; calls: number }): number {
  return (100 * short) / Math.max(1, calls - 1);
}
