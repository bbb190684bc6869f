import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { DEMO_CREDENTIALS } from '../../src/simulator/tokens.ts';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';
import { waitFor } from '../support/waitFor.ts';

const DOCKERFILE = readFileSync('Dockerfile', 'utf8');

/** The very command of the image. Its working directory there is the root of this repository. */
const CHECK = JSON.parse(/^HEALTHCHECK .*CMD (\[.*\])$/m.exec(DOCKERFILE)?.[1] ?? '') as string[];

/** How long the image lets it take, s. */
const TIMEOUT_S = Number(/^HEALTHCHECK .*--timeout=(\d+)s/m.exec(DOCKERFILE)?.[1]);

function startCheck(socket: string) {
  const [program = '', ...args] = CHECK;
  const check = spawn(program, args, { env: { PATH: process.env.PATH, HEALTH_SOCKET: socket } });
  let said = '';
  check.stdout.on('data', (chunk) => {
    said += chunk;
  });
  const ended = once(check, 'close').then(([code]) => ({ code: code as number, said }));
  return { pid: check.pid as number, ended };
}

describe('the health check of the image', function () {
  this.timeout(120_000);
  const redis = useRedis();
  const simulator = useSimulator();
  const { dpf } = useProcesses();
  const folder = mkdtempSync(join(tmpdir(), 'dpf-health-'));
  after(() => rmSync(folder, { recursive: true }));

  const socketOf = (name: string) => join(folder, `${name}.sock`);
  const health = async (name: string) => (await startCheck(socketOf(name)).ended).code;

  it('has a setting of the image that names the socket, on a file system that may be written', () => {
    expect(DOCKERFILE).to.match(/^ENV HEALTH_SOCKET=\/tmp\//m);
    expect(readFileSync('docker-compose.yml', 'utf8'))
      .to.include('tmpfs: [/tmp]')
      .and.not.match(/test: \[CMD, node/);
  });

  it('is right for every command: healthy while it lives, not before it, while it is frozen and after it', async () => {
    const tenants = join(folder, 'tenants.json');
    const own = { clientIdEnv: 'TOYS_ID', clientSecretEnv: 'TOYS_SECRET' };
    writeFileSync(tenants, JSON.stringify({ tenants: { toys: own } }));
    const { clientId, clientSecret } = DEMO_CREDENTIALS;
    const tenantsOnly = { EBAY_CLIENT_ID: '', EBAY_CLIENT_SECRET: '', TENANTS_FILE: tenants };
    const keyset = { TOYS_ID: clientId, TOYS_SECRET: clientSecret };
    const open = { HTTP_PORT: '0', HTTP_WITHOUT_KEYS: 'true' };
    const commands: Record<string, [args: string[], env?: Record<string, string>]> = {
      worker: [['worker']],
      'worker-without-redis': [['worker'], { REDIS_URL: 'redis://127.0.0.1:1/0' }],
      'worker-serve-of-tenants': [['worker', '--serve'], { ...tenantsOnly, ...keyset, ...open }],
      serve: [['serve'], open],
      demo: [['demo', '--keep']],
    };
    const each = Object.entries(commands).map(async ([name, [args, env]]) => {
      await checkLife(name, args, { ...serviceEnv(redis.url, simulator().url), ...env });
    });
    await Promise.all(each);
  });

  async function checkLife(name: string, args: string[], env: Record<string, string> = {}) {
    expect(await health(name), `${name} before it`).to.equal(1);
    const running = dpf(args, { ...env, HEALTH_SOCKET: socketOf(name) });
    // Each look is a process.
    await waitFor(
      () => `${name}: ${running.output}`,
      () => existsSync(socketOf(name)) || !running.running,
      60_000,
    );
    await waitFor(
      () => `${name}: ${running.output}`,
      async () => (await health(name)) === 0,
    );
    running.signal('SIGSTOP');
    expect(await health(name), `${name}, frozen`).to.equal(1);
    running.signal('SIGCONT');
    await waitFor(`${name} to go on`, async () => (await health(name)) === 0);
    running.signal('SIGKILL');
    await running.exit();
    expect(await health(name), `${name} after it`).to.equal(1);
  }

  it('finds the process that was started again where a killed one left its socket, and no second one beside it', async () => {
    const env = { HEALTH_SOCKET: socketOf('again') };
    await checkLife('again', ['simulate', '--port', '0']);
    expect(existsSync(env.HEALTH_SOCKET)).to.equal(true);
    const next = dpf(['simulate', '--port', '0'], env);
    // It prints its address once the socket answers.
    await next.waitForLine(/http:/);
    expect(await health('again')).to.equal(0);
    const second = dpf(['simulate', '--port', '0'], env);
    await second.waitForLine(/HEALTH_SOCKET .* cannot be opened: another process answers there/);
    await second.stop();
    expect(await health('again')).to.equal(0);
  });

  it('costs at most 15 MB and 100 ms of CPU, and ends within its time where nothing answers', async function () {
    if (!existsSync('/proc/self/status')) this.skip();
    const socket = socketOf('mute');
    // Takes connections and says nothing, so that the check can be looked at while it waits.
    const mute = createServer().listen(socket);
    const startedAt = performance.now();
    const asked = once(mute, 'connection');
    const check = startCheck(socket);
    await asked;
    const kilobytes = Number(
      /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${check.pid}/status`, 'utf8'))?.[1],
    );
    // After the name in brackets: the 14th and 15th field of the line, in hundredths of a second.
    const fields = readFileSync(`/proc/${check.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    const cpuMs = 10 * (Number(fields[11]) + Number(fields[12]));
    expect(kilobytes).to.be.within(1, 15 * 1024);
    expect(cpuMs).to.be.within(0, 100);
    expect((await check.ended).code).to.equal(1);
    expect(performance.now() - startedAt).to.be.below(1000 * TIMEOUT_S);
    mute.close();
  });
});
