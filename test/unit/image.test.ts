import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { commandNames, otherCommands } from '../../bench/image/commands.ts';

const dockerfile = readFileSync('Dockerfile', 'utf8').replaceAll(/\\\n/g, '');
const stages = dockerfile.split(/^(?=FROM )/m).slice(1);
const last = stages.at(-1) ?? '';
const version = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;

const wordsOf = (text: string, instruction: string) =>
  [...text.matchAll(new RegExp(`^${instruction} (.*)$`, 'gm'))].map(([, words = '']) =>
    words.trim().split(/\s+/),
  );

describe('the image', () => {
  it('has a base with long-term support, by tag and digest, that a build may replace', () => {
    const [, major] =
      /^ARG NODE_IMAGE=node:(\d+)\.\d+\.\d+-\w+-slim@sha256:[0-9a-f]{64}$/m.exec(dockerfile) ?? [];
    expect(Number(major) % 2).to.equal(0);
    expect(stages.map((stage) => stage.split(' AS ')[0]?.split('\n')[0]?.trim())).to.deep.equal([
      // biome-ignore-start lint/suspicious/noTemplateCurlyInString: a variable of the Dockerfile
      'FROM --platform=$BUILDPLATFORM ${NODE_IMAGE}',
      'FROM --platform=$BUILDPLATFORM ${NODE_IMAGE}',
      'FROM ${NODE_IMAGE}',
      // biome-ignore-end lint/suspicious/noTemplateCurlyInString: a variable of the Dockerfile
    ]);
  });

  it('is put together by copies alone, so that one machine builds it for every architecture', () => {
    expect(wordsOf(last, 'RUN')).to.deep.equal([]);
    expect(wordsOf(last, 'USER')).to.deep.equal([['10001:10001']]);
  });

  it('gets from the build context nothing but what its files name, and all of that', () => {
    const allowed = readFileSync('.dockerignore', 'utf8')
      .split('\n')
      .filter((line) => /^[^#]/.test(line));
    expect(allowed.shift()).to.equal('*');
    const copied = wordsOf(dockerfile, 'COPY').filter(([first]) => !first?.startsWith('--from'));
    const sources = new Set(copied.flatMap((words) => words.slice(0, -1)));
    expect(allowed.toSorted()).to.deep.equal([...sources].map((source) => `!${source}`).toSorted());

    const built = ['Dockerfile', '.dockerignore', '.github/workflows/image.yml', ...sources];
    const { paths } = parse(readFileSync('.github/workflows/image.yml', 'utf8')).on.pull_request;
    expect(paths.toSorted(), 'the workflow builds it when one of them changes').to.deep.equal(
      built.map((path) => (statSync(path).isDirectory() ? `${path}/**` : path)).toSorted(),
    );
  });

  it('is kept by scripts/image.sh in a folder below that of the caller', function () {
    if (process.platform !== 'linux') this.skip();
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'dpf-image-')));
    try {
      // Without the tools that build it, the script ends before it writes anything.
      for (const tool of ['dirname', 'realpath']) {
        const { stdout } = spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' });
        symlinkSync(stdout.trim(), join(folder, tool));
      }
      const bash = spawnSync('sh', ['-c', 'command -v bash'], { encoding: 'utf8' }).stdout.trim();
      const { status, stderr } = spawnSync(bash, ['-x', resolve('scripts/image.sh'), 'kept'], {
        cwd: folder,
        env: { PATH: folder },
        encoding: 'utf8',
      });
      expect(status, stderr).to.equal(2);
      expect(stderr).to.include(`+ folder=${folder}/kept\n`).and.include('image.sh: missing: buildah');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('has one version, in its label, in docker-compose.yml and in package.json', () => {
    expect(last).to.include(`org.opencontainers.image.version="${version}"`);
    const { services } = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
      services: Record<string, { build?: string; image: string }>;
    };
    const ours = Object.values(services).filter(({ build }) => build !== undefined);
    expect(ours.map(({ image }) => image)).to.deep.equal(
      ours.map(() => `dropship-product-finder:${version}`),
    );
    expect(ours).to.have.length(3);
  });
});

describe('the bench of the image', () => {
  it('takes the commands from the help, and finds those that it does not run', () => {
    const help =
      'Usage: dpf\n\nOptions:\n  -h  help\n\nCommands:\n  demo [options]    Run it\n  worker            Work\n                    more\n  new-one           New\n\nExit';
    expect(commandNames(help)).to.deep.equal(['demo', 'worker', 'new-one']);
    expect(otherCommands(commandNames(help))).to.deep.equal(['new-one']);
  });
});
