import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { waitFor } from '../../test/support/waitFor.ts';
import { CALLS, commandNames, otherCommands, serviceOf } from './commands.ts';
import { composeServices, demoEnvFile, type Service } from './compose.ts';
import { Container, type Image, readImage, type Surroundings } from './container.ts';
import { copyRedis, REDIS_FOLDER } from './redis.ts';

const DEFAULT_FOLDER = join(tmpdir(), 'dropship-product-finder-image');

export const HELP = `npm run bench -- image [--folder ${DEFAULT_FOLDER}] [--built] [--json]
  Builds the image with scripts/image.sh and runs it with runc as docker-compose.yml says: worker, serve, simulate and demo
  as a user without rights on a read-only root, and every other command once. Measures size, start, memory and health
  check. --built takes the image that an earlier run left in the folder. Needs root on Linux and Debian's packages buildah,
  debootstrap, runc and redis-server; with a docker compose client it checks docker-compose.yml too.`;

const LIMITS = { oursMb: 90 };

const TOOLS = ['buildah', 'debootstrap', 'npm', 'runc', 'ldd', 'redis-server', 'redis-cli'];

const PASSWORDS = {
  REDIS_WORKER_PASSWORD: 'w-1',
  REDIS_PRODUCER_PASSWORD: 'p-1',
  REDIS_TOKEN_READER_PASSWORD: 't-1',
  REDIS_BACKUP_PASSWORD: 'b-1',
};

export async function run(args: string[]): Promise<boolean> {
  const { values } = parseArgs({
    args,
    options: {
      folder: { type: 'string', default: DEFAULT_FOLDER },
      built: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const missing = TOOLS.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
  if (missing.length > 0 || process.getuid?.() !== 0) {
    console.error(
      `the image was not built and not run: ${missing.length > 0 ? `${missing.join(', ')} missing` : 'not root'}`,
    );
    return false;
  }
  const kept = resolve(values.folder);
  if (!values.built && spawnSync('scripts/image.sh', [kept], { stdio: ['ignore', 2, 2] }).status !== 0)
    return false;
  const folder = mkdtempSync(join(tmpdir(), 'dpf-containers-'));
  chmodSync(folder, 0o711);
  const fleet = new Fleet(folder, readImage(kept));
  try {
    const figures = await fleet.measure();
    if (values.json) console.log(JSON.stringify({ bench: 'image', ...figures }, null, 2));
    else {
      const { processes, commands, ...others } = figures;
      console.table(processes);
      console.table(commands);
      console.log(others);
    }
    return figures.faults.length === 0 && figures.size.oursMb <= LIMITS.oursMb;
  } finally {
    await fleet.stop();
    rmSync(folder, { recursive: true });
  }
}

/** The services of docker-compose.yml in one network of their own, in which each port is free. */
class Fleet {
  readonly #services = composeServices(PASSWORDS);
  readonly #folder: string;
  readonly #image: Image;
  readonly #surroundings: Surroundings;
  readonly #faults: string[] = [];
  readonly #containers: Container[] = [];
  /** The process whose network the others share. */
  #network: number | undefined;

  constructor(folder: string, image: Image) {
    this.#folder = folder;
    this.#image = image;
    this.#surroundings = { image, folder, envFile: demoEnvFile() };
    copyRedis(join(folder, 'redis'));
    mkdirSync(join(folder, 'backup'));
    // Compose gives each service's name an address.
    writeFileSync(join(folder, 'hosts'), `127.0.0.1 localhost ${Object.keys(this.#services).join(' ')}\n`);
  }

  async measure() {
    const compose = composeConfig();
    this.#expect(!compose.includes('refused'), `docker compose config: ${compose}`);
    await this.#checkAlone();
    const redis = this.#start('redis', this.#withRedis(this.#service('redis')));
    this.#network = await waitFor('the network', () => redis.pid().catch(() => undefined));
    const [, check = ''] = this.#service('redis').healthcheck?.test ?? [];
    await waitFor(
      () => redis.output,
      async () => (await redis.exec(['sh', '-c', check])).code === 0,
    );

    const simulator = this.#start('simulator', this.#service('simulator'));
    const simulated = await this.#processFigures('simulate', simulator, /eBay simulator/);
    const first = await this.#call(CALLS[0]);
    const worker = this.#start('worker', this.#service('worker'));
    const working = await this.#processFigures('worker', worker, /worker started/);
    const serve = this.#start('serve', this.#service('serve'));
    const serving = await this.#processFigures('serve', serve, /"serving"/);
    const commands = [first];
    for (const call of CALLS.slice(1)) commands.push(await this.#call(call));
    for (const name of otherCommands(await this.#commandNames()))
      commands.push(await this.#call({ as: 'worker', args: [name, '--help'], exits: [0] }));
    commands.push(...(await this.#demos()));
    await this.#checkPages(serve);
    const processes = [];
    for (const [figures, container] of [
      [simulated, simulator],
      [working, worker],
      [serving, serve],
    ] as const)
      processes.push({ ...figures, mostMemoryMb: (await container.memory()).most });
    for (const container of [serve, worker, simulator]) {
      const code = await container.stop(this.#image.stopSignal as NodeJS.Signals);
      this.#expect(
        code === 0,
        `${container.name} ended with ${code} on ${this.#image.stopSignal}: ${container.output.slice(-500)}`,
      );
    }
    const [base = 0, ...ours] = this.#image.layers;
    const megabytes = (bytes: number) => Math.round(bytes / 1e5) / 10;
    const oursBytes = ours.reduce((sum, bytes) => sum + bytes, 0);
    return {
      size: { allMb: megabytes(base + oursBytes), oursMb: megabytes(oursBytes), limitMb: LIMITS.oursMb },
      processes,
      commands,
      compose,
      faults: this.#faults,
    };
  }

  /** What needs no other process: rights, and the health check where no process runs. */
  async #checkAlone() {
    const worker = this.#service('worker');
    const probe =
      'touch /app/x /etc/x /x 2>&1; touch /tmp/x && id -u && grep -E "^(CapEff|CapBnd|NoNewPrivs)" /proc/self/status';
    const { said } = await this.#once('probe', { ...worker, entrypoint: ['sh', '-c', probe], command: [] });
    this.#expect(
      /^(.*Read-only file system\n){3}10001\nCapEff:\s0+\nCapBnd:\s0+\nNoNewPrivs:\s1\n$/.test(said),
      `a container has rights that it must not have: ${said}`,
    );
    const unhealthy = await this.#once('unhealthy', {
      ...worker,
      entrypoint: this.#image.healthcheck,
      command: [],
    });
    this.#expect(unhealthy.code === 1, `the health check ends with ${unhealthy.code} where no process runs`);
  }

  /** Without a Redis in the image it says so in one line. With one that is mounted it runs. */
  async #demos() {
    const [without, mounted] = [
      { ...this.#service('simulator'), command: ['demo'] },
      this.#withRedis({ ...this.#service('simulator'), command: ['demo'] }),
    ];
    const refused = await this.#timed('demo, no Redis on the PATH', without);
    this.#expect(refused.exit === 4 && refused.lines === 1, `demo without Redis: ${refused.said}`);
    const shown = await this.#timed('demo, with a Redis', mounted);
    this.#expect(shown.exit === 0, `demo: ${shown.said}`);
    return [refused, shown].map(({ command, exit, ms }) => ({ command, exit, ms }));
  }

  async #commandNames(): Promise<string[]> {
    const { code, said } = await this.#once('help', { ...this.#service('worker'), command: ['--help'] });
    const names = commandNames(said);
    this.#expect(code === 0 && names.includes('worker'), `--help: ${said}`);
    return names;
  }

  /** The pages whose files come from packages. */
  async #checkPages(serve: Container) {
    const script = `for (const path of ['/docs', '/docs/json', '/docs/static/swagger-ui-bundle.js', '/readyz'])
      console.log(path, (await fetch('http://127.0.0.1:3000' + path)).status)`;
    const { said } = await serve.exec(['node', '--input-type=module', '--eval', script]);
    this.#expect(
      said.split('\n').filter((line) => line.endsWith(' 200')).length === 4,
      `pages of serve: ${said}`,
    );
  }

  async #processFigures(name: string, container: Container, ready: RegExp) {
    const readyMs = await container.printed(ready);
    const startedAt = performance.now();
    const { code, said } = await container.exec(this.#image.healthcheck);
    const healthCheckMs = Math.round(performance.now() - startedAt);
    this.#expect(code === 0, `${name}: its health check says ${said}`);
    return { name, readyMs, healthCheckMs, memoryMb: (await container.memory()).now };
  }

  async #call(call = CALLS[0]) {
    if (call === undefined) throw new Error('no calls');
    const service = serviceOf(call, this.#services, this.#folder);
    const { command, exit, ms, said, stdout } = await this.#timed(call.args.join(' '), service);
    this.#expect(
      call.exits.includes(exit ?? -1) && (call.prints?.test(said) ?? true),
      `${command} ended with ${exit}: ${said.slice(-1500)}`,
    );
    if (call.as === 'backup') writeFileSync(join(this.#folder, 'backup/backup.ndjson'), stdout);
    return { command, exit, ms };
  }

  async #timed(command: string, service: Service) {
    process.stderr.write(`${command}\n`);
    const startedAt = performance.now();
    const { code, said, stdout } = await this.#once(`call-${this.#containers.length}`, service);
    const ms = Math.round(performance.now() - startedAt);
    return { command, exit: code, ms, said, stdout, lines: said.trim().split('\n').length };
  }

  async #once(
    name: string,
    service: Service,
  ): Promise<{ code: number | null; said: string; stdout: string }> {
    const container = this.#start(name, service);
    const code = await container.exit;
    return { code, said: container.output, stdout: container.stdout };
  }

  #start(name: string, service: Service): Container {
    const volumes = [...(service.volumes ?? []), `${this.#folder}/hosts:/etc/hosts:ro`];
    const container = Container.start(name, { ...service, volumes }, this.#surroundings, this.#network);
    this.#containers.push(container);
    return container;
  }

  #withRedis(service: Service): Service {
    const path = this.#image.env.find((pair) => pair.startsWith('PATH='))?.slice('PATH='.length);
    return {
      ...service,
      environment: { ...service.environment, PATH: `${REDIS_FOLDER}:${path}` },
      volumes: [...(service.volumes ?? []), `${this.#folder}/redis:${REDIS_FOLDER}:ro`],
    };
  }

  #service(name: string): Service {
    const service = this.#services[name];
    if (service === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
    return service;
  }

  #expect(holds: boolean, fault: string) {
    if (!holds) this.#faults.push(fault);
  }

  async stop(): Promise<void> {
    // Redis last: its network is the others'.
    for (const container of this.#containers.toReversed())
      if (container.running) await container.stop('SIGTERM', 5000);
  }
}

/** What the compose client says of docker-compose.yml with each profile. */
function composeConfig(): string {
  const compose = (...args: string[]) =>
    spawnSync('docker', ['compose', ...args], { encoding: 'utf8', env: { ...process.env, ...PASSWORDS } });
  if (compose('version').status !== 0) return 'not checked: docker compose is missing';
  const profiles = compose('config', '--profiles').stdout.trim().split('\n');
  const refused = [[], ...profiles.map((profile) => ['--profile', profile])]
    .map((flags) => compose(...flags, 'config', '--quiet'))
    .filter(({ status }) => status !== 0);
  return refused.length > 0
    ? `refused: ${refused[0]?.stderr}`
    : `accepted, without a profile and with ${profiles.join(', ')}`;
}
