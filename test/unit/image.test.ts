import { readFileSync } from 'node:fs';
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
