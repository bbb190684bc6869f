import { expect } from 'chai';
import { type Absence, startCommandProxy } from '../support/commandProxy.ts';
import { type RunningCommand, startCommand, useCommands } from '../support/commands.ts';
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
  const processes = useProcesses();
  const dpf = useCommands();
  const portOf = (url: string) => Number(new URL(url).port);
  const env = (port: number) => serviceEnv(`redis://127.0.0.1:${port}/0`, simulator().url);

  const AT_ANY_COMMAND: Array<[args: string[], at: number]> = [
    // Connecting; the configuration of the fleet; adding the search.
    ...[1, 2, 4, 6, 8].map((at): [string[], number] => [['search', 'lamp', '--no-wait'], at]),
    [['quota'], 4],
    [['token'], 7],
    [['schedule', 'list'], 5],
    [['keys', 'list'], 4],
  ];

  before('load what the commands load, which would be a part of their time', async () => {
    const commands = new Set(AT_ANY_COMMAND.map(([args]) => args.join(' ')));
    for (const each of commands) await startCommand(each.split(' '), env(portOf(redis.url))).exit();
    await startCommand(['quota', '--reconcile'], { REDIS_URL: redis.url }).exit();
  });

  /** What it does when Redis is cut off once `at` says so. */
  async function cut(
    args: string[],
    how: Absence,
    at: number | RegExp,
    start: (args: string[], env: Record<string, string>) => RunningCommand = (...command) =>
      dpf(...command, { tries: 1 }),
  ) {
    const proxy = await startCommandProxy(portOf(redis.url));
    if (typeof at === 'number') proxy.cutAt(at, how);
    const command = start(args, env(proxy.port));
    if (typeof at !== 'number') {
      await command.waitForLine(at);
      proxy.cut(how);
    }
    await waitFor('the cut', () => proxy.away || !command.running, 60_000);
    const cutAt = performance.now();
    const exit = await command.exit();
    const tookMs = performance.now() - cutAt;
    expect(exit, `${args.join(' ')}, ${how} at ${at}: ${command.output}`).to.equal(4);
    expect(tookMs, `${args.join(' ')}, ${how} at ${at}`).to.be.below(AT_MOST_MS);
    await proxy.close();
    return command.stderr.trim().split('\n');
  }

  for (const how of ['closed', 'silent'] as const)
    it(`${how} at any command, says so in one line and exits with 4`, async () => {
      for (const lines of await Promise.all(AT_ANY_COMMAND.map(([args, at]) => cut(args, how, at)))) {
        expect(lines).to.have.length(1);
        expect(lines[0]).to.match(/^dpf: .*Redis/);
      }
    });

  for (const how of ['closed', 'silent'] as const)
    it(`${how} while it waits for its search, says how to get that later`, async () => {
      // A connection on which nothing comes keeps a process alive, so that one must end by itself.
      const start = how === 'silent' ? processes.dpf : undefined;
      const lines = await cut(['search', 'lamp'], how, /queued/, start);
      const [, searchId = ''] = /dpf search --get (s_\w+)$/.exec(lines.at(-1) ?? '') ?? [];
      expect(lines.at(-1)).to.match(/^dpf: .*Redis.*the search was accepted/);
      const later = dpf(['search', '--get', searchId, '--no-wait'], env(portOf(redis.url)));
      expect(await later.exit(), later.output).to.equal(0);
      expect(later.stdout).to.contain(`${searchId} is queued`);
    });
});
