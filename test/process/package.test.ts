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

/** What a caller may write: every export of value, types, and a call of each kind. */
const TYPED = `
import { BootError, connect, ConfigError, EbayAuthService, EbayProductCollector, Failure, loadConfig, ProductSchema,
  SearchProducer, type BrowseClient, type CollectorOptions, type Config, type ConnectOptions, type EbayAuthOptions,
  type EnqueueOptions, type FailureCode, type Logs, type MarketplaceId, type Money, type Outcome, type Product,
  type ProducerOptions, type SearchReport, type SearchRequest, type SearchSummary, type SearchEstimate, type Schedule,
  type ScheduleReport, type StandaloneOptions, type TokenData, type TokenStatus } from 'dropship-product-finder';
import schema from 'dropship-product-finder/schemas/search-request.json' with { type: 'json' };
export async function use(options: ConnectOptions): Promise<string> {
  const searches: SearchProducer = await connect({ ...options, marketplace: 'EBAY_DE', commandTimeout: 1 });
  const request: SearchRequest = { query: 'lamp', maxItems: 10, filters: { price: { max: '20', currency: 'USD' } } };
  const estimate: SearchEstimate = await searches.estimate(request);
  const once: EnqueueOptions = { idempotencyKey: 'one' };
  const { searchId } = await searches.enqueue(request, once);
  const report: SearchReport = await searches.waitFor(searchId, { onProgress: ({ state }) => console.log(state) });
  const summary: SearchSummary | null = report.summary;
  const outcome: Outcome | undefined = summary?.outcome;
  const products: Product[] = await searches.products(searchId);
  const price: Money | null | undefined = products[0]?.total;
  const schedule: Schedule = { name: 'lamps', every: 3600, request };
  const added: ScheduleReport = await searches.schedule.add(schedule);
  // @ts-expect-error a request has no such field
  const wrong: SearchRequest = { query: 'lamp', limit: 10 };
  // @ts-expect-error an option is typed
  const wrongOption: ConnectOptions = { commandTimeout: '1' };
  const failure = new Failure('internal', 'x');
  const code: FailureCode = failure.code;
  if (failure.retryable) throw new Error(String(wrong) + String(wrongOption) + code);
  return [schema.title, outcome, price?.value, added.when, estimate.calls.total, ProductSchema.type].join();
}
export async function alone(tokens: StandaloneOptions['tokens'], log: Logs): Promise<MarketplaceId[]> {
  const config: Config = loadConfig({ env: {}, files: [] });
  const options: EbayAuthOptions = { config, log: log.component('auth') };
  const auth = new EbayAuthService(options);
  const status: TokenStatus = await auth.status();
  const token: TokenData | null = await auth.retrieveToken();
  const collector = EbayProductCollector.standalone({ config, tokens });
  const browsing = (browse: BrowseClient): CollectorOptions => ({ browse });
  const producing = (producer: ProducerOptions) => new SearchProducer(producer);
  if (collector instanceof BootError || status instanceof ConfigError) throw new Error(String([token, browsing, producing]));
  return ['EBAY_DE'];
}
`;

/** Prints the packages that importing loads, and how much memory the process then has more, MB. */
const LOADED = `
import { createRequire, register } from 'node:module';
import { MessageChannel } from 'node:worker_threads';
const { port1, port2 } = new MessageChannel();
const urls = [];
port1.on('message', (url) => urls.push(url));
const hook = 'let port; export function initialize(data) { port = data.port; }' +
  'export function load(url, context, next) { port.postMessage(url); return next(url, context); }';
const before = process.memoryUsage().rss;
if (process.argv[2] === 'hook')
  register('data:text/javascript,' + encodeURIComponent(hook), { data: { port: port2 }, transferList: [port2] });
await import('dropship-product-finder');
const grown = (process.memoryUsage().rss - before) / 1e6;
await new Promise((resolve) => setTimeout(resolve, 100));
urls.push(...Object.keys(createRequire(import.meta.url).cache));
const packages = urls.flatMap((url) => /.*node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1] ?? []);
console.log(JSON.stringify({ grown, packages: [...new Set(packages)].sort() }));
process.exit();
`;

/** Importing leaves the process as it was; using and closing lets it end by itself. */
const PLAIN = `
const listened = process.eventNames().join();
const library = await import('dropship-product-finder');
const opened = process.getActiveResourcesInfo().filter((name) => /Timeout|Immediate|TCP|UDP|FSWatch/.test(name));
console.log(JSON.stringify({ opened, listens: process.eventNames().join() !== listened, names: Object.keys(library) }));
if (process.argv[2] !== undefined) {
  const searches = await library.connect(process.argv[2] === '' ? {} : { redisUrl: process.argv[2] });
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
    await writeFile(join(folder, 'loaded.js'), LOADED);
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
    const args = [...flags.split(' '), types, '--resolveJsonModule', '--skipLibCheck', 'false', 'typed.ts'];
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

  it('is light: importing loads no queue, worker, server, metrics, log or HTTP client', async () => {
    const { stdout } = await run(process.execPath, [join(folder, 'loaded.js'), 'hook']);
    const { packages } = JSON.parse(stdout);
    expect(packages).to.deep.equal([
      'ajv',
      'croner',
      'dropship-product-finder',
      'fast-deep-equal',
      'fast-uri',
      'json-schema-traverse',
      'leven',
      'p-throttle',
    ]);
  });

  it('is light: importing takes less than 30 MB, where a bare process has about 40', async () => {
    const { stdout } = await run(process.execPath, [join(folder, 'loaded.js')]);
    expect(JSON.parse(stdout).grown).to.be.below(30);
  });

  it('reads nothing of its host’s environment but REDIS_URL and QUEUE_PREFIX', async () => {
    const env = {
      LOG_LEVEL: 'trace',
      LOG_FORMAT: 'logfmt',
      HTTP_PORT: 'abc',
      CONFIG_FILE: '/etc/x.yaml',
      METRICS_PORT: 'off',
      REDIS_COMMAND_TIMEOUT: 'never',
      EBAY_MARKETPLACE: 'mars',
      TENANTS_FILE: '/nowhere',
    };
    const used = node([join(folder, 'plain.js'), redis.url], env);
    expect(await used.exit(), used.output).to.equal(0);
    expect(used.stdout).to.match(/^queued$/m);
    expect(used.stderr).to.equal('');
    const read = node([join(folder, 'plain.js'), ''], {
      ...env,
      REDIS_URL: redis.url,
      QUEUE_PREFIX: '{host}',
    });
    expect(await read.exit(), read.output).to.equal(0);
    const connection = redis.connect();
    expect(await connection.keys('{host}:ebay-search:*')).to.not.deep.equal([]);
    const wrong = node([join(folder, 'plain.js'), ''], { REDIS_URL: 'localhost' });
    expect(await wrong.exit()).to.equal(1);
    expect(wrong.output).to.include('REDIS_URL holds something else, but must be a URL');
  });

  it('lets the process end by itself once closed', async () => {
    const used = node([join(folder, 'plain.js'), redis.url]);
    expect(await used.exit(), used.output).to.equal(0);
    expect(used.stdout).to.match(/^queued$/m);
  });
});
