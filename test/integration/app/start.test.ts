import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { openProducer } from '../../../src/app/producer.ts';
import { startServeApp } from '../../../src/app/serve.ts';
import { startWorkerApp } from '../../../src/app/worker.ts';
import type { Config } from '../../../src/config/config.ts';
import { LogRoot } from '../../../src/telemetry/logRoot.ts';
import { type Absence, startCommandProxy } from '../../support/commandProxy.ts';
import { testConfig } from '../../support/config.ts';
import { LONG } from '../../support/long.ts';
import { useRedis } from '../../support/redis.ts';
import { QUICK, serviceEnv } from '../../support/service.ts';
import { useSimulator } from '../../support/simulator.ts';
import { waitFor } from '../../support/waitFor.ts';

const GRACE_S = 3;
/** Starts under way: more would wait for the processor longer than for Redis. */
const AT_ONCE = 5;

/** Short timeouts, so that a Redis that gives no answer is noticed soon. */
const TIMEOUTS = {
  REDIS_COMMAND_TIMEOUT: '0.3',
  REDIS_CONNECT_TIMEOUT: '0.5',
  REDIS_SOCKET_TIMEOUT: '1.5',
  WORKER_BLOCKING_READ: '1',
  EBAY_CALL_TIMEOUT: '2',
  SHUTDOWN_GRACE: String(GRACE_S),
};

const WAITS = /"message":"(waiting for Redis|Redis connection failed)"/;

describe('a start on a Redis that goes away', function () {
  this.timeout(60_000);
  const redis = useRedis('single');
  const simulator = useSimulator();
  const folder = mkdtempSync(join(tmpdir(), 'dpf-start-'));
  const schedules = join(folder, 'schedules.json');
  before(() => {
    const nightly = { name: 'nightly', every: 86_400, request: { query: 'lamp' } };
    writeFileSync(schedules, JSON.stringify({ schedules: [nightly] }));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** One process of its own fleet, whose Redis is behind a proxy. */
  async function openFleet(name: string, timeouts: Record<string, string> = TIMEOUTS) {
    const proxy = await startCommandProxy(Number(new URL(redis.url).port));
    const env = (port: number | string) => ({
      ...QUICK,
      QUEUE_PREFIX: `{${name}}`,
      HTTP_PORT: '0',
      HTTP_WITHOUT_KEYS: 'true',
      SCHEDULES_FILE: schedules,
      ...serviceEnv(`redis://127.0.0.1:${port}/0`, simulator().url),
    });
    const sink = new PassThrough().setEncoding('utf8');
    const lines: string[] = [];
    sink.on('data', (text: string) => lines.push(text));
    return {
      proxy,
      config: testConfig({ ...env(proxy.port), ...timeouts }),
      /** Of somebody whose Redis is there. */
      direct: testConfig(env(new URL(redis.url).port)),
      logs: new LogRoot({ level: 'info', levels: '', format: 'json' }, sink),
      lines,
    };
  }
  type Fleet = Awaited<ReturnType<typeof openFleet>>;

  const roles = {
    worker: {
      start: ({ config, logs }: Fleet, signal?: AbortSignal) => startWorkerApp(config, logs, { signal }),
      works: (_: unknown, { direct }: Fleet) => search(direct),
    },
    serve: {
      start: ({ config, logs }: Fleet, signal?: AbortSignal) => startServeApp(config, logs, { signal }),
      async works({ url }: { url: string }) {
        await waitFor('readiness', async () => (await fetch(`${url}/readyz`)).status === 200);
        // On a busy machine a command may take longer than these short timeouts: 503 says that it may be sent again.
        const ask = (path: string, init?: RequestInit) =>
          waitFor(path, async () => {
            const answer = await fetch(`${url}${path}`, init);
            return answer.status === 503 ? undefined : answer;
          });
        const headers = { 'content-type': 'application/json' };
        const added = await ask('/v1/searches', { method: 'POST', headers, body: '{"query":"lamp"}' });
        expect(added.status, await added.text()).to.equal(202);
        expect((await ask('/v1/schedules')).status).to.equal(200);
      },
    },
  };
  type Role = keyof typeof roles;

  async function search(config: Config) {
    const producer = openProducer(config);
    try {
      await producer.ready();
      const { searchId } = await producer.enqueue({ query: 'lamp', maxItems: 5 });
      const { summary } = await producer.waitFor(searchId, { timeoutMs: 20_000 });
      expect(summary?.outcome).to.equal('complete');
    } finally {
      await producer.close();
    }
  }

  /** How many commands this role sends until it has started. */
  async function commandsOf(role: Role): Promise<number> {
    const fleet = await openFleet(`count-${role}`);
    const app = await roles[role].start(fleet);
    const { commands } = fleet.proxy;
    await app.stop();
    await fleet.proxy.close();
    return commands;
  }

  /** Begins a start whose Redis goes away at its n-th command, and continues once the process said that it waits. */
  async function cutStart(role: Role, n: number, { how, timeouts, next }: Cutting) {
    const fleet = await openFleet(`${role}-${how}-${n}`, timeouts);
    const { proxy, lines } = fleet;
    const interrupt = new AbortController();
    proxy.cutAt(n, how);
    const starting = roles[role].start(fleet, interrupt.signal);
    let ended = false;
    const end = () => {
      ended = true;
    };
    starting.then(end, end);
    try {
      await waitFor('the cut', () => proxy.away || ended);
      const before = lines.length;
      const said = () => WAITS.test(lines.slice(before).join(''));
      // The last commands are those of parts that run by themselves by then.
      await waitFor('the line', () => said() || ended);
      await next({ fleet, starting, interrupt });
    } catch (error) {
      throw new Error(`${role}, ${how} at command ${n}: ${error}; it said ${lines.join('')}`, {
        cause: error,
      });
    } finally {
      proxy.restore();
      await starting.then((app) => app.stop()).catch(() => undefined);
      await proxy.close();
    }
  }

  interface Cutting {
    how: Absence;
    /** Each command from this one on, or each second or third of them. Default: 1. */
    first?: number;
    step?: number;
    timeouts?: Record<string, string>;
    next: (cut: CutStart) => Promise<void>;
  }

  interface CutStart {
    fleet: Fleet;
    starting: ReturnType<(typeof roles)[Role]['start']>;
    interrupt: AbortController;
  }

  /** For each command of the start; many at once, since each of them waits most of its time. */
  async function atEachCommand(role: Role, cutting: Cutting) {
    const commands = await commandsOf(role);
    expect(commands).to.be.greaterThan(6);
    const { first = 1, step = 1 } = cutting;
    const numbers = Array.from(
      { length: Math.ceil((commands - first + 1) / step) },
      (_, index) => first + index * step,
    ).values();
    const one = async () => {
      for (const n of numbers) await cutStart(role, n, cutting);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
  }

  for (const role of ['worker', 'serve'] as const) {
    // With TEST_LONG each, or each second of a worker's. The bench `start` cuts each of a worker's.
    for (const how of ['closed', 'silent'] as const)
      it(`${how} at commands of ${role}: it says so, waits, starts and works`, () =>
        atEachCommand(role, {
          how,
          ...(role === 'worker' ? { step: LONG ? 2 : 9 } : { step: LONG ? 1 : 4 }),
          first: how === 'closed' ? 1 : 2,
          async next({ fleet, starting }) {
            fleet.proxy.restore();
            await roles[role].works((await starting) as never, fleet);
          },
        }));

    it(`silent at commands of ${role}, which is told to stop: it ends within two seconds`, () =>
      atEachCommand(role, {
        how: 'silent',
        ...(role === 'worker' ? { step: LONG ? 3 : 6 } : { step: LONG ? 1 : 3 }),
        first: role === 'worker' ? 1 : 3,
        // Longer than the test waits: neither the line nor the end may come from a timeout.
        timeouts: { ...TIMEOUTS, REDIS_COMMAND_TIMEOUT: '20' },
        async next({ fleet, starting, interrupt }) {
          const toldAt = performance.now();
          interrupt.abort();
          await starting.catch(() => undefined);
          // By its last commands the worker runs, and may use the grace.
          const runs = /"message":"(worker error|tenant served)"/.test(fleet.lines.join(''));
          expect(performance.now() - toldAt).to.be.below(2000 + (runs ? 1000 * GRACE_S : 0));
        },
      }));
  }

  /** Redis's side can repair these while the process waits, so it waits as it does where they come later. */
  const refusals: Array<[what: RegExp, begin: string[], end: string[]]> = [
    [
      /NOAUTH.*asks for a password/,
      ['CONFIG', 'SET', 'requirepass', 'x'],
      ['CONFIG', 'SET', 'requirepass', ''],
    ],
    [/NOPERM/, ['ACL', 'SETUSER', 'default', '-info'], ['ACL', 'SETUSER', 'default', '+info']],
    [/READONLY/, ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
  ];
  for (const [what, begin, end] of refusals)
    it(`that answers ${what.source.slice(0, 8)}: it says so once a second, waits, starts and works`, async () => {
      const admin = redis.connect();
      await admin.ping();
      const command = ([name = '', ...args]: string[]) => admin.call(name, ...args);
      const fleet = await openFleet(`refused-${begin.join('-').toLowerCase().replaceAll('.', '')}`);
      await command(begin);
      const starting = startWorkerApp(fleet.config, fleet.logs);
      try {
        const lines = () => fleet.lines.filter((line) => WAITS.test(line) && what.test(line));
        await waitFor(
          () => fleet.lines.join(''),
          () => lines().length >= 2,
        );
      } finally {
        await command(end);
      }
      const app = await starting;
      await search(fleet.direct);
      await app.stop();
      await fleet.proxy.close();
    });

  it('silent at commands of a worker’s stop: it ends within the grace', async () => {
    const commandsOfStop = async (n?: number) => {
      const fleet = await openFleet(`stop-${n}`);
      const app = await startWorkerApp(fleet.config, fleet.logs);
      await search(fleet.direct);
      const before = fleet.proxy.commands;
      if (n !== undefined) fleet.proxy.cutAt(n, 'silent');
      const toldAt = performance.now();
      await app.stop();
      // The worker may use all of it: its commands wait for Redis. The other parts then end at once.
      expect(performance.now() - toldAt, `at command ${n}`).to.be.below(1000 * (GRACE_S + 2));
      await fleet.proxy.close();
      return fleet.proxy.commands - before;
    };
    const commands = await commandsOfStop();
    expect(commands).to.be.greaterThan(3);
    const numbers = Array.from({ length: commands }, (_, index) => index + 1).filter(
      (n) => LONG || n % 5 === 1,
    );
    await Promise.all(numbers.map(commandsOfStop));
  });
});
