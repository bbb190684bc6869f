import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { ServiceEvent } from '../../src/events/event.ts';
import { eventOfFailure } from '../../src/events/searchEvents.ts';
import { EventStream } from '../../src/events/stream.ts';
import { Failure } from '../../src/failures.ts';
import { useCommands } from '../support/commands.ts';
import { LONG } from '../support/long.ts';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { waitFor } from '../support/waitFor.ts';

const INBOX = '{ebay}:inbox:inbox';

describe('consumers of the event stream, as processes of their own', () => {
  const server = useRedis();
  const { node, dpf } = useProcesses();
  const command = useCommands();
  let redis: Redis;
  before(() => {
    redis = server.connect();
  });

  /** Tells so many different events; returns their ids. */
  async function tell(searchId: string, count: number): Promise<string[]> {
    const stream = new EventStream({
      redis,
      prefix: '{ebay}',
      kept: 50_000,
      maxAgeMs: 60_000,
      cooldownMs: 0,
      memoryMs: 60_000,
    });
    const search = { tenant: 'default', searchId, timestamp: 1 };
    const failure = new Failure('internal', 'x');
    const events = Array.from({ length: count }, (_, attempt) =>
      eventOfFailure({ search, attempt, schedule: null, query: null }, failure, new Date(0)),
    );
    await stream.append(search, events);
    return events.map(({ id }) => id);
  }

  const inbox = async () =>
    (await redis.lrange(INBOX, 0, -1)).map((text) => (JSON.parse(text) as ServiceEvent).id);
  const pending = async (group: string) => ((await redis.xpending('{ebay}:events', group)) as [number])[0];

  it('handle each event exactly once, killed and started again and again under load', async function () {
    this.timeout(60_000);
    const start = (name: string) =>
      node(['examples/consume.js', '--name', name, '--idle', '0.5'], { REDIS_URL: server.url });
    const steady = start('steady');
    const told: string[] = [];
    for (let kill = 0; kill < (LONG ? 10 : 4); kill++) {
      const victim = start('victim');
      // More comes until the victim, too, has some in hand: it dies in the middle of them.
      await waitFor('the victim to be at work', async () => {
        told.push(...(await tell(`more-${told.length}`, 5)));
        return /^(new|known) /m.test(victim.output);
      });
      victim.signal('SIGKILL');
      await victim.exit();
    }
    await waitFor('all to be handled', async () => (await redis.llen(INBOX)) >= told.length, 30_000);
    await waitFor('all to be acknowledged', async () => (await pending('inbox')) === 0, 30_000);
    const handled = await inbox();
    expect(handled).to.have.length(told.length);
    expect(new Set(handled)).to.deep.equal(new Set(told));
    steady.signal('SIGTERM');
    expect(await steady.exit()).to.equal(0);
  });

  it('dpf events shows what is kept, follows what comes, and ends cleanly on Ctrl-C', async () => {
    const [first] = await tell('kept', 1);
    // An age that reaches back beyond the first instant of all is all that there is.
    const shown = command(['events', '--json', '--type', 'search.failed', '--since', '99999d'], {
      REDIS_URL: server.url,
    });
    expect(await shown.exit()).to.equal(0);
    expect(JSON.parse(shown.stdout)).to.deep.include({ id: first, searchId: 'kept', type: 'search.failed' });
    const follower = dpf(['events', '--follow', '--since', '1h'], { REDIS_URL: server.url });
    await follower.waitForLine(/search\.failed +kept · failed: x \(internal\)/);
    await tell('later', 1);
    await follower.waitForLine(/search\.failed +later · failed: x \(internal\)/);
    follower.signal('SIGINT');
    expect(await follower.exit()).to.equal(0);
    expect(follower.stderr).to.equal('');
    const wrong = command(['events', '--since', 'yesterday'], { REDIS_URL: server.url });
    expect(await wrong.exit()).to.equal(2);
  });
});
