import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { freePort } from '../support/freePort.ts';
import { builtProgram } from '../support/processes.ts';
import { snippetsIn } from '../support/readme.ts';
import { useService } from '../support/service.ts';

/** The built program, as a shell calls it. */
const DPF = () => `"${process.execPath}" "${builtProgram()}"`;

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What a reader of the README types in a new folder, in the README's words. */
describe('the snippets of the README in a new project', function () {
  this.timeout(60_000);
  const service = useService();
  let folder: string;
  const snippets = snippetsIn(
    () => folder,
    () => service.config.redis.url,
  );
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dpf-readme-'));
    // As `npm init -y` writes it.
    await writeFile(
      join(folder, 'package.json'),
      '{ "name": "mine", "version": "1.0.0", "type": "commonjs" }',
    );
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** As npm does it, from this machine's packages: those that are named and what they depend on, nothing optional. */
  async function install(names: string[]): Promise<void> {
    const wanted = [...names];
    const done = new Set<string>();
    for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
      if (done.has(name)) continue;
      done.add(name);
      const from = join(ROOT, 'node_modules', name);
      await cp(from, join(folder, 'node_modules', name), { recursive: true });
      const { dependencies = {} } = JSON.parse(await readFile(join(from, 'package.json'), 'utf8'));
      wanted.push(...Object.keys(dependencies));
    }
  }

  it('plain BullMQ: with the packages that it names, and nothing else, it prints the outcome and ends', async () => {
    const names = snippets.installs('Plain BullMQ');
    expect(names).to.deep.equal(['bullmq', 'ioredis']);
    await install(names);
    const { code, output } = await snippets.run('Plain BullMQ', 'QueueEvents');
    expect(code, output).to.equal(0);
    expect(output).to.match(/^complete \d+\n$/);
  });

  it('the library: installed from its folder, it prints the outcome and a title, and ends', async () => {
    expect(snippets.installs('The library')).to.deep.equal(['dropship-product-finder']);
    // npm links a folder.
    await mkdir(join(folder, 'node_modules'));
    await symlink(ROOT, join(folder, 'node_modules/dropship-product-finder'));
    builtProgram();
    const { code, output } = await snippets.run('The library', 'await connect(');
    expect(code, output).to.equal(0);
    expect(output).to.match(/^complete \S.*\n$/);
  });

  it('HTTP: the three commands make a key, start a server and put in a search', async function () {
    if (spawnSync('curl', ['--version']).status !== 0) {
      console.error('skipped: curl is not there (apt-get install curl)');
      this.skip();
    }
    const { code, output } = await snippets.http(DPF(), await freePort());
    expect(output, `${code}`).to.match(/\{"searchId":"s_\w+"\}/);
    const { searchId } = JSON.parse(/\{"searchId":"s_\w+"\}/.exec(output)?.[0] ?? '{}');
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 30_000 });
    expect(summary?.outcome).to.equal('complete');
  });

  it('the command line: the search for real keys is a right one', async () => {
    const { code, output } = await snippets.cli(DPF());
    expect(code, output).to.equal(0);
    expect(output).to.include('✔ complete · 50 products');
  });
});
