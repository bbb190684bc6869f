import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../../src/redis/embedded.ts';
import { REDIS_IMAGE, REDIS_SOURCE, redisServer } from '../../../src/redis/ensureServer.ts';
import { bundle } from '../../support/bundle.ts';
import { waitFor } from '../../support/waitFor.ts';

const which = (program: string) =>
  execFileSync('/bin/sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();

describe('a Redis server where none is installed', () => {
  let folder: string;
  let mirror: Server;
  let answer: (response: ServerResponse) => void;
  let downloads: number;
  let lines: string[];
  let env: NodeJS.ProcessEnv;
  let real: string;
  const running: EmbeddedRedis[] = [];
  const programs: ChildProcess[] = [];

  before(async () => {
    real = which('redis-server || command -v valkey-server');
    mirror = createServer((_, response) => {
      downloads += 1;
      answer(response);
    }).listen(0, '127.0.0.1');
    await once(mirror, 'listening');
  });
  const bundles = mkdtempSync(join(tmpdir(), 'ensure-bundles-'));
  after(() => {
    mirror.close();
    rmSync(bundles, { recursive: true });
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ensure-'));
    [downloads, lines] = [0, []];
    mkdirSync(join(folder, 'bin'));
    for (const tool of ['tar', 'gzip', 'make', 'cc', 'chmod', 'sleep', 'grep', 'setsid'])
      symlinkSync(which(tool), join(folder, 'bin', tool));
    env = { PATH: join(folder, 'bin'), HOME: folder };
  });
  afterEach(async () => {
    for (const server of running.splice(0)) await server.stop();
    for (const program of programs.splice(0)) program.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  const cached = () => {
    const cache = join(folder, '.cache', 'dropship-product-finder');
    return existsSync(cache) ? readdirSync(cache, { recursive: true }) : [];
  };
  const say = (line: string) => void lines.push(line);
  const start = async (options: { container?: boolean } = {}) => {
    const server = await startEmbeddedRedis({ env, say, ...options });
    running.push(server);
    const redis = new Redis(server.url);
    try {
      return await redis.ping();
    } finally {
      redis.disconnect();
    }
  };
  const refusal = () =>
    redisServer({ env, say }).then(
      () => 'found',
      (error: Error) => error.message,
    );

  /** Lets the mirror serve a source whose `make redis-server` runs `recipe`, and names it and its checksum. */
  function serveSource(recipe: string): string {
    const source = join(folder, 'redis-9.9.9');
    mkdirSync(join(source, 'src'), { recursive: true });
    writeFileSync(join(source, 'Makefile'), `redis-server:\n${recipe.replace(/^/gm, '\t')}\n`);
    execFileSync('tar', ['-czf', join(folder, 'source.tar.gz'), '-C', folder, 'redis-9.9.9']);
    const archive = readFileSync(join(folder, 'source.tar.gz'));
    answer = (response) => response.writeHead(200, { 'content-length': archive.length }).end(archive);
    const { port } = mirror.address() as AddressInfo;
    env.REDIS_SOURCE_URL = `http://127.0.0.1:${port}/redis.tar.gz`;
    env.REDIS_SOURCE_SHA256 = createHash('sha256').update(archive).digest('hex');
    return env.REDIS_SOURCE_SHA256;
  }
  const nameOf = (sha256: string) => `redis-${sha256.slice(0, 12)}-${process.platform}-${process.arch}`;
  const working = () =>
    `printf '#!/bin/sh\\nexec ${real} "$$@"\\n' > src/redis-server\nchmod 755 src/redis-server`;

  it('is built from a source with the right checksum, with progress; the next start uses it', async () => {
    const name = nameOf(serveSource(working()));
    expect(await start()).to.equal('PONG');
    expect(cached()).to.have.members([name, join(name, 'redis-server')]);
    expect(lines.join('\n')).to.match(
      /^no redis-server .*: downloading http:.*\n(downloaded .*\n)*downloaded 100 % of .*\nbuilding redis-.*\nbuilt .*, which later starts use$/,
    );
    lines = [];
    expect(await start()).to.equal('PONG');
    expect([lines, downloads]).to.deep.equal([[], 1]);
  });

  it('is built by two processes at once without harm', async () => {
    const name = nameOf(serveSource(working()));
    expect(await Promise.all([start(), start()])).to.deep.equal(['PONG', 'PONG']);
    expect(downloads).to.equal(2);
    expect(cached()).to.have.members([name, join(name, 'redis-server')]);
  });

  it('is not built from a source with another checksum', async () => {
    const actual = serveSource(working());
    env.REDIS_SOURCE_SHA256 = REDIS_SOURCE.sha256;
    expect(await refusal()).to.equal(
      'no redis-server or valkey-server on the PATH, and none could be built ' +
        `(the SHA-256 of ${env.REDIS_SOURCE_URL} is ${actual}, not ${REDIS_SOURCE.sha256}): install Redis 7 or Valkey first`,
    );
    expect(cached()).to.deep.equal([]);
  });

  it('leaves nothing where the mirror or the build fails, and says why', async () => {
    serveSource('echo out of memory >&2\nexit 1');
    expect(await refusal()).to.match(/\(make: \*\*\* \[.*Error 1\): install/);
    answer = (response) => response.writeHead(404).end();
    expect(await refusal()).to.include(`(${env.REDIS_SOURCE_URL} answers 404)`);
    answer = (response) => response.destroy();
    expect(await refusal()).to.match(/none could be built \((?!fetch failed).+\): install/);
    expect(cached()).to.deep.equal([]);
  });

  for (const missing of ['make', 'cc', 'tar'])
    it(`is not downloaded without ${missing}: one line says what to install`, async () => {
      serveSource(working());
      rmSync(join(folder, 'bin', missing));
      writeFileSync(join(folder, 'bin', 'brew'), '#!/bin/false', { mode: 0o755 });
      expect(await refusal()).to.equal(
        'no redis-server or valkey-server on the PATH: run `brew install redis` first',
      );
      expect([lines, downloads]).to.deep.equal([[], 0]);
    });

  it('removes what a killed build has left more than an hour ago, and no build under way', async () => {
    const name = nameOf(serveSource(working()));
    const cache = join(folder, '.cache', 'dropship-product-finder');
    for (const left of ['building-killed', 'building-now'])
      mkdirSync(join(cache, left, 'src'), { recursive: true });
    const old = Date.now() / 1000 - 3601;
    utimesSync(join(cache, 'building-killed'), old, old);
    expect(await start()).to.equal('PONG');
    expect(readdirSync(cache)).to.have.members([name, 'building-now']);
  });

  it('is not taken from the cache where it does not run: one line says which folder to remove', async () => {
    const built = join(folder, '.cache', 'dropship-product-finder', nameOf(serveSource(working())));
    mkdirSync(built, { recursive: true });
    writeFileSync(join(built, 'redis-server'), '#!/bin/sh\necho Exec format error >&2; exit 126', {
      mode: 0o755,
    });
    expect(await refusal()).to.equal(
      `${built}/redis-server does not run on this system (Exec format error): remove ${built}`,
    );
    rmSync(built, { recursive: true });
    expect(await start()).to.equal('PONG');
  });

  const sources = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
  const REQUIRE = ['scripts/requireRedis.ts'];
  const DEMO = ['src/main.ts', 'demo'];
  /** Each program as one file, since reading its modules would take longer than what is tested. */
  const bundled = new Map<string, Promise<string>>();
  function bundleOf(program: string): Promise<string> {
    const made = bundled.get(program) ?? bundle(sources(program), mkdtempSync(join(bundles, 'program-')));
    bundled.set(program, made);
    return made;
  }
  /** From the sources, beside much other work. */
  const STARTS_MS = 60_000;

  /** Starts a program of the sources as root, interrupts it once `begun`, and gives how it ends. */
  async function interrupted(
    [program = '', ...args]: string[],
    begun: () => boolean,
    signal: NodeJS.Signals = 'SIGINT',
  ) {
    const root = 'data:text/javascript,process.getuid=()=>0';
    const child = spawn(process.execPath, ['--import', root, await bundleOf(program), ...args], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    programs.push(child);
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    const closed = once(child, 'close');
    await waitFor('its beginning', begun, STARTS_MS);
    child.kill(signal);
    return {
      closed: closed.then(([code]) => ({ code, output })),
      says: (pattern: RegExp) => waitFor(String(pattern), () => pattern.test(output)),
    };
  }
  const isWritten = (pid: string) => existsSync(pid) && readFileSync(pid, 'utf8').endsWith('\n');
  const runs = (pid: string) => existsSync(`/proc/${readFileSync(pid, 'utf8').trim()}`);

  for (const [during, recipe, signal] of [
    ['Ctrl-C ends the download', '', 'SIGINT'],
    ['Ctrl-C ends the build', 'echo $$$$ > $(HOME)/pid; exec sleep 600', 'SIGINT'],
    ['its terminal is closed during the build', 'echo $$$$ > $(HOME)/pid; exec sleep 600', 'SIGHUP'],
  ] as const)
    it(`leaves nothing and no process when ${during}`, async function () {
      this.timeout(STARTS_MS + 20_000);
      serveSource(recipe);
      if (recipe === '') answer = (response) => response.writeHead(200).write('the beginning');
      const pid = join(folder, 'pid');
      const begun = () => cached().length > 0 && (recipe === '' ? downloads === 1 : isWritten(pid));
      const { closed } = await interrupted(REQUIRE, begun, signal);
      const { code, output } = await closed;
      expect(output).to.match(/\ninterrupted\n$/);
      expect([code, cached()]).to.deep.equal([130, []]);
      if (recipe !== '') expect(runs(pid)).to.equal(false);
    });

  /** Its `slow` command takes until the file `go` exists. */
  function addAptGet(slow: 'update' | 'install') {
    const [pid, calls] = [join(folder, 'pid'), join(folder, 'apt.calls')];
    const script = `#!/bin/sh
echo $1 >> ${calls}
[ $1 = ${slow} ] || exit 0
echo $$ > ${pid}
while [ -e ${pid} ] && [ ! -e ${folder}/go ]; do sleep 0.05; done
echo $1 ended >> ${calls}
`;
    writeFileSync(join(folder, 'bin', 'apt-get'), script, { mode: 0o755 });
    return { pid, begun: () => isWritten(pid), calls: () => readFileSync(calls, 'utf8').trim().split('\n') };
  }

  for (const [name, program, last] of [
    ['the check before the tests', REQUIRE, /\ninterrupted\n$/],
    ['the demo', DEMO, /\ndpf: interrupted\n$/],
  ] as const) {
    it(`ends apt-get update at once, and nothing follows, when Ctrl-C ends ${name}`, async function () {
      this.timeout(STARTS_MS + 20_000);
      const { pid, begun, calls } = addAptGet('update');
      serveSource(working());
      const { code, output } = await (await interrupted([...program], begun)).closed;
      expect(output).to.match(last);
      expect([code, calls(), runs(pid), downloads]).to.deep.equal([130, ['update'], false, 0]);
    });

    it(`lets apt-get install come to its end, and nothing follows, when Ctrl-C ends ${name}`, async function () {
      this.timeout(STARTS_MS + 20_000);
      const { begun, calls } = addAptGet('install');
      serveSource(working());
      const { closed, says } = await interrupted([...program], begun);
      await says(/interrupted: waiting for apt-get, so that/);
      expect(calls()).to.deep.equal(['update', 'install']);
      writeFileSync(join(folder, 'go'), '');
      const { code, output } = await closed;
      expect(output).to.match(last);
      expect([code, calls(), downloads]).to.deep.equal([130, ['update', 'install', 'install ended'], 0]);
    });
  }

  /** An engine whose containers are processes of the real server. */
  function addEngine(name: string, info = 'exit 0', first = ''): () => string[] {
    const calls = join(folder, `${name}.calls`);
    writeFileSync(
      join(folder, 'bin', name),
      `#!/bin/sh
echo "$@" >> ${calls}
case $1 in
info) ${info} ;;
image) exit 1 ;;
run)
  while [ "$1" != --publish ]; do shift; done
  port=\${2#127.0.0.1:}
  while [ "$1" != redis-server ]; do shift; done
  shift 2
  [ $(grep -c '^run ' ${calls}) -gt 1 ] || { ${first || ':'}; }
  exec ${real} --bind 127.0.0.1 --port \${port%:6379} --dir ${folder} "$@" ;;
esac
`,
      { mode: 0o755 },
    );
    return () => (existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : []);
  }

  for (const image of [REDIS_IMAGE, 'mirror.example/redis:8'])
    it(`runs in a container of ${image} on a loopback port where an engine answers, and nothing is built`, async () => {
      const calls = addEngine('docker');
      serveSource(working());
      if (image !== REDIS_IMAGE) env.REDIS_IMAGE = image;
      expect(await start({ container: true })).to.equal('PONG');
      const [{ port } = { port: 0 }] = running;
      const [info, inspect, pull, run, ...others] = calls();
      expect([info, inspect, pull]).to.deep.equal(['info', `image inspect ${image}`, `pull ${image}`]);
      expect(run)
        .to.match(/^run --rm .*--user 999:999/)
        .and.include(`--publish 127.0.0.1:${port}:6379 `);
      expect(run).to.include(` ${image} --protected-mode no --save  --maxmemory-policy noeviction`);
      expect([others, downloads, cached()]).to.deep.equal([[], 0, []]);
    });

  it('skips an engine that does not answer and one that has an error', async () => {
    const pid = join(folder, 'pid');
    const silent = `sleep 600 & echo $! > ${pid}; wait`;
    const calls = [addEngine('docker', silent), addEngine('podman', 'echo no machine >&2; exit 125')];
    serveSource(working());
    expect(await start({ container: true })).to.equal('PONG');
    expect(calls.map((each) => each())).to.deep.equal([['info'], ['info']]);
    expect(lines.slice(0, 2)).to.deep.equal([
      'no Redis from docker: no answer',
      'no Redis from podman: no machine',
    ]);
    expect(downloads).to.equal(1);
    await waitFor('the end of what the engine started', () => !runs(pid));
  });

  it('takes an engine that leaves a process with its output, which does not hold up the start', async () => {
    const pid = join(folder, 'pid');
    const calls = addEngine('docker', `setsid sleep 600 & echo $! > ${pid}; exit 0`);
    try {
      expect(await start({ container: true })).to.equal('PONG');
      expect(calls().map((call) => call.split(' ')[0])).to.deep.equal(['info', 'image', 'pull', 'run']);
      expect([lines.length, runs(pid)]).to.deep.equal([1, true]);
    } finally {
      process.kill(Number(readFileSync(pid, 'utf8')));
    }
  });

  const HELP = "Run 'docker run --help' for more information";
  const refused = (cause: string) =>
    `echo 'docker: Error response from daemon: ${cause}' >&2; echo; echo "${HELP}"; exit 125`;

  for (const [program, first] of [
    ['Docker', () => refused('Bind for 127.0.0.1:6379 failed: port is already allocated.')],
    ['Redis', () => `exec ${real} --bind 127.0.0.1 --port ${(mirror.address() as AddressInfo).port}`],
  ] as const)
    it(`takes another port where ${program} says that another program has taken it`, async () => {
      const calls = addEngine('docker', undefined, first());
      expect(await start({ container: true })).to.equal('PONG');
      const ports = calls().flatMap((call) => /--publish 127.0.0.1:(\d+):/.exec(call)?.[1] ?? []);
      expect(new Set(ports).size).to.equal(2);
    });

  it('says why a container did not start, not where its help is', async () => {
    const calls = addEngine('docker', undefined, refused('no space left on device.'));
    const error = await start({ container: true }).catch((error: Error) => error.message);
    expect(error).to.equal(
      `${join(folder, 'bin/docker')} did not start: docker: Error response from daemon: no space left on device.`,
    );
    expect(calls().filter((call) => call.startsWith('run '))).to.have.length(1);
  });

  it('is no container for the tests', async () => {
    const calls = addEngine('docker');
    rmSync(join(folder, 'bin', 'make'));
    expect(await refusal()).to.match(/^no redis-server/);
    expect(calls()).to.deep.equal([]);
  });

  it('is in a container the one of docker-compose.yml', () => {
    const compose = readFileSync(new URL('../../../docker-compose.yml', import.meta.url), 'utf8');
    expect(compose).to.include(`image: ${REDIS_IMAGE}\n`);
    expect(dirname(REDIS_SOURCE.url)).to.match(/^https:/);
    expect(REDIS_SOURCE.url).to.include(`redis-${REDIS_SOURCE.version}.`);
  });
});
