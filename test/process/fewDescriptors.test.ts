import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { requireDescriptors } from '../../src/config/descriptors.ts';
import { BootError } from '../../src/failures.ts';
import { LONG } from '../support/long.ts';
import { builtProgram } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';
import { TenantFiles } from '../support/tenants.ts';
import { waitFor } from '../support/waitFor.ts';

describe('a process with few file descriptors', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const simulator = useSimulator();
  let children: ChildProcess[] = [];
  let sockets: Socket[] = [];
  before(function () {
    if (process.platform !== 'linux') this.skip();
  });
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    for (const socket of sockets) socket.destroy();
    [children, sockets] = [[], []];
  });

  function start(limit: number, args: readonly string[], env: Record<string, string> = {}) {
    const command = `ulimit -n ${limit} && exec "${process.execPath}" "${builtProgram()}" ${args.join(' ')}`;
    const own = {
      PATH: process.env.PATH,
      HTTP_PORT: '0',
      HTTP_WITHOUT_KEYS: 'true',
      LOG_FORMAT: 'json',
      ...env,
    };
    const child = spawn('sh', ['-c', command], {
      env: { ...serviceEnv(redis.url, simulator().url), ...own },
    });
    children.push(child);
    const running = { child, output: '' };
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        running.output += chunk;
      });
    return running;
  }

  for (const [args, limits] of [
    [['worker'], [25, 200]],
    [['serve'], [60]],
    [['worker', '--serve'], [150]],
  ] as const)
    it(`as ${args.join(' ')}: one line with the limit and the remedy, and exit 3, at any limit`, () =>
      Promise.all(
        (LONG ? [25, 60, 150, 200] : limits).map(async (limit) => {
          const running = start(limit, args);
          const [code] = await once(running.child, 'close');
          const lines = running.output.trim().split('\n');
          expect(lines, `with ${limit}`).to.have.length(1);
          expect(lines[0]).to.match(
            /^dpf: this process may open \d+ files and connections, but .*ulimit -n \d+.*LimitNOFILE=\d+/,
          );
          expect(code, `with ${limit}`).to.equal(3);
        }),
      ));

  it('needs more of them for more tenants, slots and streams, and no more than it says', () => {
    const needs = { tenants: 1, concurrency: 10, streams: 0 };
    const leastFor = (more: object) => {
      for (let limit = 1; ; limit += 1)
        try {
          requireDescriptors({ ...needs, ...more }, limit);
          return limit;
        } catch (error) {
          expect(error).to.be.instanceOf(BootError);
          expect((error as Error).message).to.contain(`may open ${limit} files`);
        }
    };
    const least = leastFor({});
    expect(leastFor({ tenants: 3 })).to.equal(least + 2 * 13);
    expect(leastFor({ concurrency: 30 })).to.equal(least + 20);
    expect(leastFor({ streams: 200 })).to.equal(least + 200);
  });

  it('as worker --serve needs those of all tenants and of HTTP at once', async () => {
    const files = new TenantFiles(['one', 'two']);
    files.declare({ one: {}, two: {} });
    const own = { TENANTS_FILE: files.tenantsFile, HTTP_MAX_STREAMS: '200', WORKER_CONCURRENCY: '10' };
    const env = { ...files.env, ...own };
    // Enough for one tenant with HTTP, and for three without.
    const running = start(420, ['worker', '--serve'], env);
    try {
      const [code] = await once(running.child, 'close');
      expect(code).to.equal(3);
      expect(running.output).to.match(
        /may open 420 .* 439 are needed \(200 to start, 13 for each of 3 tenants, 200 for HTTP\)/,
      );
    } finally {
      files.remove();
    }
  });

  it('says while it runs that they run out, and goes on once there are some', async () => {
    const env = { HTTP_MAX_STREAMS: '10' };
    const running = start(215, ['serve'], env);
    const url = await waitFor(
      () => running.output,
      () => /"url":"(http:[^"]+)"/.exec(running.output)?.[1],
      30_000,
    );
    const { hostname, port } = new URL(url);
    const open = () => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      sockets.push(socket);
    };
    for (let n = 0; n < 250; n += 1) open();
    await waitFor(
      () => running.output,
      () => /"file descriptors run out.*"limit":215/.test(running.output),
      30_000,
    );
    for (const socket of sockets.splice(0)) socket.destroy();
    await waitFor('an answer', () =>
      fetch(`${url}/livez`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    expect(running.child.exitCode).to.equal(null);
  });
});
