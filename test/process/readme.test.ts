import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { builtProgram } from '../support/processes.ts';
import { snippetsIn } from '../support/readme.ts';
import { useService } from '../support/service.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What a reader of the README types in a new folder, in the README's words; package.test.ts has what npm installs. */
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
      const filter = (path: string) => !/\.(map|[cm]?ts)$/.test(path);
      await cp(from, join(folder, 'node_modules', name), { recursive: true, filter });
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
});
