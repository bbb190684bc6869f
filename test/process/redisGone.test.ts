import { expect } from 'chai';
import { type Absence, startCommandProxy } from '../support/commandProxy.ts';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';
import { waitFor } from '../support/waitFor.ts';

/** A command gives up after 2 s; the rest is for the end of a process on a busy machine. */
const AT_MOST_MS = 4000;

describe('a command that ends, whose Redis goes away', function () {
  this.timeout(120_000);
  const redis = useRedis('single');
  const simulator = useSimulator();
  const { dpf } = useProcesses();
  const portOf = (url: string) => Number(new URL(url).port);
  const env = (port: number) => serviceEnv(`redis://127.0.0.1:${port}/0`, simulator().url);

  /** What it does when Redis is cut off once `at` says so. */
  async function cut(args: string[], how: Absence, at: number | RegExp) {
    const proxy = await startCommandProxy(portOf(redis.url));
    if (typeof at === 'number') proxy.cutAt(at, how);
    const command = dpf(args, env(proxy.port));
    if (typeof at !== 'number') {
      await command.waitForLine(at);
      proxy.cut(how);
    }
    // Nine processes start at once.
    await waitFor('the cut', () => proxy.away || !command.running, 60_000);
    const cutAt = performance.now();
    const exit = await command.exit();
    const tookMs = performance.now() - cutAt;
    expect(exit, `${args.join(' ')}, ${how} at ${at}: ${command.output}`).to.equal(4);
    expect(tookMs, `${args.join(' ')}, ${how} at ${at}`).to.be.below(AT_MOST_MS);
    await proxy.close();
    return command.stderr.trim().split('\n');
  }

  // Connecting; the configuration of the fleet; adding the search.
  for (const how of ['closed', 'silent'] as const)
    it(`${how} at any command, says so in one line and exits with 4`, async () => {
      const commands = [1, 2, 4, 6, 8].map((n) => cut(['search', 'lamp', '--no-wait'], how, n));
      commands.push(cut(['quota'], how, 4), cut(['token'], how, 7));
      commands.push(cut(['schedule', 'list'], how, 5), cut(['keys', 'list'], how, 4));
      for (const lines of await Promise.all(commands)) {
        expect(lines).to.have.length(1);
        expect(lines[0]).to.match(/^dpf: .*Redis/);
      }
    });

  for (const how of ['closed', 'silent'] as const)
    it(`${how} while it waits for its search, says how to get that later`, async () => {
      const lines = await cut(['search', 'lamp'], how, /queued/);
      const [, searchId = ''] = /dpf search --get (s_\w+)$/.exec(lines.at(-1) ?? '') ?? [];
      expect(lines.at(-1)).to.match(/^dpf: .*Redis.*the search was accepted/);
      const later = dpf(['search', '--get', searchId, '--no-wait'], env(portOf(redis.url)));
      expect(await later.exit(), later.output).to.equal(0);
      expect(later.stdout).to.contain(`${searchId} is queued`);
    });
});
