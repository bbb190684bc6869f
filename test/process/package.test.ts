import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { freePort, isListening } from '../support/freePort.ts';
import { LONG } from '../support/long.ts';
import { useProcesses } from '../support/processes.ts';
import { snippetsIn } from '../support/readme.ts';
import { useRedis } from '../support/redis.ts';
import { useService } from '../support/service.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** What a caller may write: every export of value, types, and a call of each kind. */
const TYPED = `
import { BootError, connect, ConfigError, EbayAuthService, EbayProductCollector, Failure, loadConfig, ProductSchema,
  SearchProducer, type BrowseClient, type CollectorOptions, type Config, type ConnectOptions, type EbayAuthOptions,
  type EnqueueOptions, type FailureCode, type Logs, type MarketplaceId, type Money, type Outcome, type Product,
  type ProducerOptions, type SearchReport, type SearchRequest, type SearchSummary, type SearchEstimate, type Schedule,
  type ScheduleReport, type StandaloneOptions, type TokenData, type TokenStatus, type ImportEntry, type ImportReport,
  type WatchedEntry, type Watchlist, type WatchlistReport } from 'dropship-product-finder';
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
  const list: Watchlist = { name: 'supplies', marketplace: 'EBAY_DE', atLeastEvery: 7200 };
  const made: WatchlistReport = await searches.watchlists.put(list);
  const listings: ImportEntry[] = ['110587654321', { item: '110587654322', sku: 'HUB-7', resale: 29.99 }];
  const imported: ImportReport = await searches.watchlists.import(made.name, { entries: listings }, { mode: 'replace' });
  const watched: WatchedEntry[] = (await searches.watchlists.entries(made.name, { state: 'out-of-stock' })).entries;
  // @ts-expect-error a request has no such field
  const wrong: SearchRequest = { query: 'lamp', limit: 10 };
  // @ts-expect-error an option is typed
  const wrongOption: ConnectOptions = { commandTimeout: '1' };
  const failure = new Failure('internal', 'x');
  const code: FailureCode = failure.code;
  if (failure.retryable) throw new Error(String(wrong) + String(wrongOption) + code);
  return [outcome, price?.value, added.when, estimate.calls.total, ProductSchema.type, imported.added, watched[0]?.columns.sku].join();
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

/** What npm 7 and later know of an installed package. */
interface Installed {
  version: string;
  engines?: { node?: string };
  hasInstallScript?: boolean;
}

/** Exit code and output; a command that fails is no exception here. */
async function ended(command: string, args: string[], cwd: string) {
  const { stdout, stderr, code } = await run(command, args, { cwd, maxBuffer: 1e8 }).then(
    (output) => ({ ...output, code: 0 }),
    (error: { stdout: string; stderr: string; code: number }) => error,
  );
  return { code, output: stdout + stderr };
}

describe('the packed library, installed elsewhere', function () {
  this.timeout(180_000);
  const redis = useRedis();
  const { node } = useProcesses();
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  let folder: string;
  let home: string;
  let tarball: string;
  let installation: string;
  let demo: ReturnType<typeof ended>;
  before(async function () {
    folder = await mkdtemp(join(tmpdir(), 'dpf-package-'));
    home = join(folder, 'node_modules/dropship-product-finder');
    // The build is there already, and building here would take it from under the tests beside this one.
    await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], { cwd: ROOT });
    [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    const flags = '--prefer-offline --foreground-scripts --no-audit --no-fund --fetch-retries 0'.split(' ');
    const { code, output } = await ended(
      'npm',
      ['install', '--prefix', folder, ...flags, `./${tarball}`],
      folder,
    );
    if (/\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH)\b/.test(output)) {
      console.log('skipped: npm reaches no registry, and its cache lacks a package');
      this.skip();
    }
    expect(code, output).to.equal(0);
    installation = output;
    // It waits more than it works, so it runs beside the other tests.
    demo = ended('npx', ['--no-install', 'dpf', 'demo'], folder);
    await writeFile(join(folder, 'typed.ts'), TYPED);
    await writeFile(join(folder, 'plain.js'), PLAIN);
    await writeFile(join(folder, 'loaded.js'), LOADED);
  });
  after(async () => {
    await demo;
    await rm(folder, { recursive: true, force: true });
  });

  async function installed(): Promise<[name: string, Installed][]> {
    const text = await readFile(join(folder, 'node_modules/.package-lock.json'), 'utf8');
    const { packages } = JSON.parse(text) as { packages: Record<string, Installed> };
    return Object.entries(packages).map(([path, each]) => [path.replace(/^node_modules\//, ''), each]);
  }

  it('has the program, the schemas, the documents and what the pages and the demo need, and no sources or tests', async () => {
    expect((await readdir(home)).sort().join(' ')).to.equal(
      'CHANGELOG.md LICENSE README.md SECURITY.md config dist docs examples package.json public schemas',
    );
    const files = await readdir(home, { recursive: true });
    expect(files.filter((name) => name.endsWith('.map'))).to.deep.equal([]);
    expect(await readFile(join(home, 'dist/index.js'), 'utf8')).to.not.include('sourceMappingURL');
    expect(files.filter((name) => /^dist\/(cli|http|simulator)\/.*\.d\.ts$/.test(name))).to.deep.equal([]);
  });

  it('has every file that its documents link to, but for the pages on work in the repository', async () => {
    const files = await readdir(home, { recursive: true });
    const links = files
      .filter((name) => name.endsWith('.md'))
      .flatMap((name) =>
        [...readFileSync(join(home, name), 'utf8').matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(
          ([, target = '']) => join(dirname(name), target),
        ),
      );
    expect(links.length).to.be.greaterThan(50);
    const dead = links.filter((path) => !existsSync(join(home, path)));
    expect(
      dead.filter((path) => !/^(AGENTS\.md|CONTRIBUTING\.md|(bench|deploy|scripts|src|test)\/)/.test(path)),
    ).to.deep.equal([]);
  });

  it('brings the versions that the tests run, for every supported Node, and nothing that is compiled', async () => {
    const packages = await installed();
    const versions = Object.fromEntries(packages.map(([name, { version }]) => [name, version]));
    expect(versions).to.include({ ...dependencies, ...optionalDependencies });
    const semver = createRequire(import.meta.url)('semver');
    const engines = packages.flatMap(([name, { engines = {} }]) =>
      semver.satisfies('20.19.0', engines.node ?? '*') ? [] : [`${name}: ${engines.node}`],
    );
    expect(engines).to.deep.equal([]);
    // It looks for its binary, which other packages bring. BullMQ works without it.
    const scripts = packages.flatMap(([name, { hasInstallScript }]) => (hasInstallScript ? [name] : []));
    expect(scripts).to.deep.equal(['msgpackr-extract']);
    expect(installation).to.not.match(/EBADENGINE|\bgyp |g\+\+|make:|ERESOLVE/);
    expect(packages.filter(([name]) => /^(mocha|typescript|tsx|esbuild)$/.test(name))).to.deep.equal([]);
  });

  it('is what publint and Are the Types Wrong want it to be', async () => {
    const bytes = await readFile(join(folder, tarball));
    const { messages, pkg } = await publint({
      pack: { tarball: new Uint8Array(bytes).buffer },
      strict: true,
    });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).to.deep.equal([]);
    // A `require` of an ES module is an error in Node before 20.19 only.
    const attw = join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js');
    const args = [attw, tarball, '--ignore-rules', 'cjs-resolves-to-esm', '--format', 'json'];
    const { code, output } = await ended(process.execPath, args, folder);
    expect(code, output).to.equal(0);
    expect(Object.keys(JSON.parse(output).analysis.entrypoints['.'].resolutions)).to.deep.equal([
      'node10',
      'node16-cjs',
      'node16-esm',
      'bundler',
    ]);
  });

  it('is used by CommonJS with require, as by ES modules with import', async () => {
    await mkdir(join(folder, 'commonjs'));
    await writeFile(join(folder, 'commonjs/package.json'), '{ "type": "commonjs" }');
    await writeFile(
      join(folder, 'commonjs/used.js'),
      `const { connect } = require('dropship-product-finder');
       const { title } = require('dropship-product-finder/schemas/search-request.json');
       connect({ redisUrl: process.argv[2] }).then(async (searches) => {
         const { searchId } = await searches.enqueue({ query: 'lamp' });
         console.log(title, (await searches.get(searchId)).state);
         await searches.close();
       });`,
    );
    const used = node([join(folder, 'commonjs/used.js'), redis.url]);
    expect(await used.exit(), used.output).to.equal(0);
    expect(used.stdout).to.match(/ queued\n$/);
  });

  for (const [resolution, module] of [
    ['node16', 'node16'],
    ['nodenext', 'nodenext'],
    ['bundler', 'esnext'],
  ] as const)
    it(`has types that a strict program compiles against, by ${resolution}`, async () => {
      const files = ['typed.ts'];
      if (resolution !== 'node16') {
        // Node 16 has no attributes of imports.
        await writeFile(
          join(folder, 'schema.ts'),
          `import schema from 'dropship-product-finder/schemas/search-request.json' with { type: 'json' };
           export const title: string = schema.title;`,
        );
        files.push('schema.ts');
      }
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
      const flags = `--noEmit --strict --module ${module} --moduleResolution ${resolution} --target es2022 --types node`;
      // To check the libraries’ own types takes ten times as long, and one way to find them is enough for it.
      const skipLibraries = String(!LONG && resolution !== 'nodenext');
      const libraries = ['--typeRoots', join(ROOT, 'node_modules/@types'), '--skipLibCheck', skipLibraries];
      const args = [tsc, ...flags.split(' '), ...libraries, '--resolveJsonModule', ...files];
      expect(await ended(process.execPath, args, folder)).to.deep.equal({ code: 0, output: '' });
    });

  it('runs the demo by npx to its end, with nothing left behind, and has both of its names', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
    // npx runs what npm has put there.
    const named = await ended(
      join(folder, 'node_modules/.bin/dropship-product-finder'),
      ['--version'],
      folder,
    );
    expect(named).to.deep.equal({ code: 0, output: `${version}\n` });
    const { code, output } = await demo;
    expect(code, output).to.equal(0);
    expect(output).to.match(/Calls arrived at eBay at least \d+ ms apart/);
    const [, redisPort] = /Redis +redis:\/\/127\.0\.0\.1:(\d+)/.exec(output) ?? [];
    expect(await isListening(Number(redisPort)), 'its Redis').to.equal(false);
  });

  describe('beside a worker, answers the snippets of the README as they are', () => {
    const service = useService();
    const snippets = snippetsIn(
      () => folder,
      () => service.config.redis.url,
    );
    const dpf = () => `"${join(folder, 'node_modules/.bin/dpf')}"`;

    it('the library: it prints the outcome and a title, and ends', async () => {
      // npm has put what the package needs beside it.
      expect(snippets.installs('The library')).to.deep.equal([
        JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')).name,
      ]);
      const { code, output } = await snippets.run('The library', 'await connect(');
      expect(code, output).to.equal(0);
      expect(output).to.match(/^complete \S.*\n$/);
    });

    it('HTTP: the three commands make a key, start a server and put in a search', async function () {
      if (spawnSync('curl', ['--version']).status !== 0) {
        console.error('skipped: curl is not there (apt-get install curl)');
        this.skip();
      }
      const { code, output } = await snippets.http(dpf(), await freePort());
      expect(output, `${code}`).to.match(/\{"searchId":"s_\w+"\}/);
      const { searchId } = JSON.parse(/\{"searchId":"s_\w+"\}/.exec(output)?.[0] ?? '{}');
      const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 30_000 });
      expect(summary?.outcome).to.equal('complete');
    });

    it('the command line: the search for real keys is a right one', async () => {
      const { code, output } = await snippets.cli(dpf());
      expect(code, output).to.equal(0);
      expect(output).to.include('✔ complete · 50 products');
    });
  });

  it('is light: importing loads no queue, worker, server, metrics, log, HTTP client or schema compiler', async () => {
    const { stdout } = await run(process.execPath, [join(folder, 'loaded.js'), 'hook']);
    const { packages } = JSON.parse(stdout);
    expect(packages).to.deep.equal(['@opentelemetry/api', 'croner', 'dropship-product-finder', 'leven']);
  });

  it('is light: importing takes less than 35 MB, where a bare process has about 40', async () => {
    const { stdout } = await run(process.execPath, [join(folder, 'loaded.js')]);
    expect(JSON.parse(stdout).grown).to.be.below(35);
  });

  const FOREIGN = {
    LOG_LEVEL: 'trace',
    LOG_FORMAT: 'logfmt',
    HTTP_PORT: 'abc',
    CONFIG_FILE: '/etc/x.yaml',
    METRICS_PORT: 'off',
    REDIS_COMMAND_TIMEOUT: 'never',
    EBAY_MARKETPLACE: 'mars',
    TENANTS_FILE: '/nowhere',
  };

  it('changes nothing by being imported, reads nothing of what else its host’s environment has, and ends once closed', async () => {
    const used = node([join(folder, 'plain.js'), redis.url], FOREIGN);
    expect(await used.exit(), used.output).to.equal(0);
    const [imported = '', state] = used.stdout.split('\n');
    const { opened, listens, names } = JSON.parse(imported);
    expect({ opened, listens }).to.deep.equal({ opened: [], listens: false });
    expect(names).to.include.members([
      'connect',
      'SearchProducer',
      'EbayAuthService',
      'EbayProductCollector',
    ]);
    expect(state).to.equal('queued');
    expect(used.stderr).to.equal('');
  });

  it('reads REDIS_URL and QUEUE_PREFIX of its host’s environment', async () => {
    const env = { ...FOREIGN, REDIS_URL: redis.url, QUEUE_PREFIX: '{host}' };
    const read = node([join(folder, 'plain.js'), ''], env);
    const wrong = node([join(folder, 'plain.js'), ''], { REDIS_URL: 'localhost' });
    expect(await read.exit(), read.output).to.equal(0);
    const connection = redis.connect();
    expect(await connection.keys('{host}:ebay-search:*')).to.not.deep.equal([]);
    expect(await wrong.exit()).to.equal(1);
    expect(wrong.output).to.include('REDIS_URL holds something else, but must be a URL');
  });
});
