import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** What a stranger may write: every export of value, types, and a call of each kind. */
const TYPED = `
import { connect, Failure, SearchProducer, type ConnectOptions, type Product, type SearchReport,
  type SearchRequest, type SearchSummary, type SearchEstimate, type Schedule, type ScheduleReport } from 'dropship-product-finder';
import schema from 'dropship-product-finder/schemas/search-request.json' with { type: 'json' };
export async function use(options: ConnectOptions): Promise<string> {
  const searches: SearchProducer = await connect(options);
  const request: SearchRequest = { query: 'lamp', maxItems: 10, filters: { price: { max: '20', currency: 'USD' } } };
  const estimate: SearchEstimate = await searches.estimate(request);
  const { searchId } = await searches.enqueue(request, { idempotencyKey: 'one' });
  const report: SearchReport = await searches.waitFor(searchId, { onProgress: ({ state }) => console.log(state) });
  const summary: SearchSummary | null = report.summary;
  const products: Product[] = await searches.products(searchId);
  const schedule: Schedule = { name: 'lamps', every: 3600, request };
  const added: ScheduleReport = await searches.schedule.add(schedule);
  // @ts-expect-error a request has no such field
  const wrong: SearchRequest = { query: 'lamp', limit: 10 };
  if (new Failure('internal', 'x').retryable) throw new Error(String(wrong));
  return [schema.title, summary?.outcome, products[0]?.total?.value, added.when, estimate.calls.total].join();
}
`;

/** Importing leaves the process as it was; using and closing lets it end by itself. */
const PLAIN = `
const listened = process.eventNames().join();
const library = await import('dropship-product-finder');
const opened = process.getActiveResourcesInfo().filter((name) => /Timeout|Immediate|TCP|UDP|FSWatch/.test(name));
console.log(JSON.stringify({ opened, listens: process.eventNames().join() !== listened, names: Object.keys(library) }));
if (process.argv[2] !== undefined) {
  const searches = await library.connect({ redisUrl: process.argv[2] });
  const { searchId } = await searches.enqueue({ query: 'lamp' });
  console.log((await searches.get(searchId)).state);
  await searches.close();
}
`;

describe('the packed library, installed elsewhere', function () {
  this.timeout(120_000);
  const redis = useRedis();
  const { node } = useProcesses();
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dpf-package-'));
    const home = join(folder, 'node_modules/dropship-product-finder');
    await mkdir(home, { recursive: true });
    // The build is there already, and building here would take it from under the tests beside this one.
    await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], { cwd: ROOT });
    const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
    await run('tar', ['-xzf', join(folder, tarball), '--strip-components', '1', '-C', home]);
    await symlink(join(ROOT, 'node_modules'), join(home, 'node_modules'));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await writeFile(join(folder, 'typed.ts'), TYPED);
    await writeFile(join(folder, 'plain.js'), PLAIN);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('has the program, the schemas and what the pages and the demo need, and no sources or tests', async () => {
    const files = await readdir(join(folder, 'node_modules/dropship-product-finder'));
    expect(files.sort().join(' ')).to.equal(
      'LICENSE README.md config dist node_modules package.json public schemas',
    );
  });

  it('has types that a strict program compiles against', async () => {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const flags = '--noEmit --strict --module nodenext --target es2022 --types node --typeRoots';
    const types = join(ROOT, 'node_modules/@types');
    const args = [...flags.split(' '), types, '--resolveJsonModule', '--skipLibCheck', 'typed.ts'];
    const { stdout } = await run(process.execPath, [tsc, ...args], { cwd: folder }).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).to.equal('');
  });

  it('changes nothing by being imported', async () => {
    const imported = node([join(folder, 'plain.js')]);
    expect(await imported.exit(), imported.output).to.equal(0);
    const { opened, listens, names } = JSON.parse(imported.stdout);
    expect({ opened, listens }).to.deep.equal({ opened: [], listens: false });
    expect(names).to.include.members([
      'connect',
      'SearchProducer',
      'EbayAuthService',
      'EbayProductCollector',
    ]);
    expect(imported.stderr).to.equal('');
  });

  it('lets the process end by itself once closed', async () => {
    const used = node([join(folder, 'plain.js'), redis.url]);
    expect(await used.exit(), used.output).to.equal(0);
    expect(used.stdout).to.match(/^queued$/m);
  });
});
