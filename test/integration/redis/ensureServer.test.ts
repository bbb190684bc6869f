import { execFileSync, spawn } from 'node:child_process';
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

  before(async () => {
    real = which('redis-server || command -v valkey-server');
    mirror = createServer((_, response) => {
      downloads += 1;
      answer(response);
    }).listen(0, '127.0.0.1');
    await once(mirror, 'listening');
  });
  after(() => mirror.close());

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ensure-'));
    [downloads, lines] = [0, []];
    mkdirSync(join(folder, 'bin'));
    for (const tool of ['tar', 'gzip', 'make', 'cc', 'chmod', 'sleep'])
      symlinkSync(which(tool), join(folder, 'bin', tool));
    env = { PATH: join(folder, 'bin'), HOME: folder };
  });
  afterEach(async () => {
    for (const server of running.splice(0)) await server.stop();
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
  const working = () =>
    `printf '#!/bin/sh\\nexec ${real} "$$@"\\n' > src/redis-server\nchmod 755 src/redis-server`;

  it('is built from a source with the right checksum, with progress; the next start uses it', async () => {
    const name = `redis-${serveSource(working()).slice(0, 12)}`;
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
    const name = `redis-${serveSource(working()).slice(0, 12)}`;
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

  for (const [during, recipe] of [
    ['the download', ''],
    ['the build', 'echo $$$$ > $(HOME)/pid; exec sleep 600'],
  ] as const)
    it(`leaves nothing and no process when Ctrl-C ends ${during}`, async () => {
      serveSource(recipe);
      if (recipe === '') answer = (response) => response.writeHead(200).write('the beginning');
      const script = fileURLToPath(new URL('../../../scripts/requireRedis.ts', import.meta.url));
      const child = spawn(process.execPath, ['--import', 'tsx', script], {
        env,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let output = '';
      child.stderr.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
      const pid = join(folder, 'pid');
      await waitFor('its beginning', () => (recipe === '' ? downloads === 1 : existsSync(pid)));
      expect(cached()).to.not.deep.equal([]);
      child.kill('SIGINT');
      await once(child, 'close');
      expect(output).to.match(/\ninterrupted\n$/);
      expect(cached()).to.deep.equal([]);
      if (recipe !== '') expect(existsSync(`/proc/${readFileSync(pid, 'utf8').trim()}`)).to.equal(false);
    });

  /** An engine whose containers are processes of the real server. */
  function addEngine(name: string, info = 'exit 0'): () => string[] {
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
    const calls = [addEngine('docker', 'sleep 600'), addEngine('podman', 'echo no machine >&2; exit 125')];
    serveSource(working());
    expect(await start({ container: true })).to.equal('PONG');
    expect(calls.map((each) => each())).to.deep.equal([['info'], ['info']]);
    expect(lines.slice(0, 2)).to.deep.equal([
      'no Redis from docker: no answer',
      'no Redis from podman: no machine',
    ]);
    expect(downloads).to.equal(1);
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
