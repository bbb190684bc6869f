import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';

interface Step {
  env?: Record<string, string>;
  id?: string;
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
}

interface Job {
  permissions?: Record<string, string>;
  if?: string;
  needs?: string | string[];
  'timeout-minutes'?: number;
  steps: Step[];
}

interface Workflow {
  on: Record<string, unknown>;
  permissions?: Record<string, string>;
  jobs: Record<string, Job>;
}

const FOLDER = '.github/workflows';
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

/** What a job may write, beyond reading the repository. */
const MAY_WRITE: Record<string, string[]> = {
  'docs deploy': ['id-token', 'pages'],
  'release npm': ['attestations', 'id-token'],
  'release image': ['attestations', 'id-token', 'packages'],
  'release release': ['contents'],
};

describe('the workflows', () => {
  const files = readdirSync(FOLDER);
  const texts = new Map(files.map((file) => [file, readFileSync(join(FOLDER, file), 'utf8')]));
  const workflows = new Map([...texts].map(([file, text]) => [file, parse(text) as Workflow]));
  const jobs = [...workflows].flatMap(([file, { jobs: own }]) =>
    Object.entries(own).map(([name, job]) => ({ name: `${file.replace('.yml', '')} ${name}`, job })),
  );
  const steps = jobs.flatMap(({ name, job }) => job.steps.map((step) => ({ name, step })));

  it('are those of tests, image, chart, documents and releases', () => {
    expect(files.toSorted()).to.deep.equal(['chart.yml', 'docs.yml', 'image.yml', 'release.yml', 'test.yml']);
  });

  it('use actions by commit alone, one commit for each action, with the version beside it', () => {
    const uses = [...texts.values()].flatMap((text) => text.match(/uses: .*/g) ?? []);
    expect(uses.length).to.equal(steps.filter(({ step }) => step.uses !== undefined).length);
    for (const use of uses) expect(use).to.match(/^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    const actions = new Set(uses.map((use) => use.split('@')[0]));
    expect(new Set(uses).size, [...new Set(uses)].join('\n')).to.equal(actions.size);
  });

  it('read the repository and write nothing, except where a job says so', () => {
    for (const [file, { permissions }] of workflows)
      expect(permissions, file).to.deep.equal({ contents: 'read' });
    const writes = jobs.flatMap(({ name, job: { permissions = {} } }) => {
      const may = Object.keys(permissions).filter((scope) => permissions[scope] === 'write');
      return may.length > 0 ? [[name, may.toSorted()]] : [];
    });
    expect(Object.fromEntries(writes)).to.deep.equal(MAY_WRITE);
  });

  it('leave no credentials in a checkout, and no job without an end', () => {
    const checkouts = steps.filter(({ step }) => step.uses?.startsWith('actions/checkout@'));
    expect(checkouts.length).to.be.greaterThan(4);
    for (const { name, step } of checkouts)
      expect(step.with, name).to.have.property('persist-credentials', false);
    for (const { name, job } of jobs) expect(job['timeout-minutes'], name).to.be.within(5, 60);
  });

  it('call scripts that package.json has', () => {
    const called = steps.flatMap(({ step: { run = '' } }) =>
      [...run.matchAll(/npm (?:run )?(test|[\w:]+)(?= *$)/gm)].map(([, script = '']) => script),
    );
    const matrix = [...texts.values()].flatMap((text) => text.match(/'test:\w+'/g) ?? []);
    expect(called).to.include.members(['check', 'test', 'docs']);
    for (const script of [...called, ...matrix.map((name) => name.slice(1, -1))])
      expect(scripts, script).to.have.property(script);
  });

  it('put no text of a pull request or a commit into a shell', () => {
    for (const { name, step } of steps) expect(step.run ?? '', name).to.not.include('${{');
  });

  it('test on each release of Node that is supported, from the least that the package allows', () => {
    const text = texts.get('test.yml') as string;
    expect(/node: \[(.*)\]/.exec(text)?.[1]).to.equal("'20.19', '22', '24', '26'");
  });

  it('publish only what was tested, and say in the release what the changelog says of it', () => {
    const release = workflows.get('release.yml') as Workflow;
    expect(release.on).to.deep.equal({ push: { tags: ['v*'] } });
    const { npm, image } = release.jobs;
    expect([npm?.needs, image?.needs]).to.deep.equal([['verify', 'image'], 'verify']);

    const notes = release.jobs.verify?.steps.find(({ id }) => id === 'notes')?.run as string;
    const folder = mkdtempSync(join(tmpdir(), 'dpf-notes-'));
    const [older] = [...readFileSync('CHANGELOG.md', 'utf8').matchAll(/^## \[(\d+\.\d+\.\d+)\]/gm)].slice(-1);
    const written = (of: string) => {
      const script = notes.replace('CHANGELOG.md', `'${resolve('CHANGELOG.md')}'`);
      execFileSync('bash', ['-euo', 'pipefail', '-c', script], {
        cwd: folder,
        env: { ...process.env, VERSION: of },
      });
      return readFileSync(join(folder, 'notes.md'), 'utf8');
    };
    expect(written(older?.[1] as string))
      .to.match(/^- /m)
      .and.not.match(/^## /m);
    expect(() => written('99.0.0')).to.throw();
  });

  it('publish to npm as the last step of its job, after the image, and give the release the artifacts of this workflow alone', () => {
    const { jobs: own } = workflows.get('release.yml') as Workflow;
    expect(own.npm?.steps.at(-1)?.run).to.match(/^npm publish /);
    for (const result of ["verify.result == 'success'", "image.result == 'success'"])
      expect(own.npm?.if).to.include(result);
    const all = Object.values(own).flatMap((job) => job.steps);
    const using = (action: string) => all.filter(({ uses }) => uses?.startsWith(`${action}@`));
    const uploaded = using('actions/upload-artifact').map((step) => step.with?.name);
    const [download, ...others] = using('actions/download-artifact');
    expect(others).to.deep.equal([]);
    expect(download?.with).to.include({ pattern: `{${uploaded}}`, 'merge-multiple': true });
    for (const { env } of using('docker/build-push-action'))
      expect(env).to.include({ DOCKER_BUILD_RECORD_UPLOAD: 'false' });
  });
});
