import { run } from '../../src/cli/program.ts';
import { plainTerminal } from '../unit/cli/plainTerminal.ts';
import { filePlaces, type Places, redisPlaces } from './canaries.ts';
import { DashboardVisitor } from './dashboardVisitor.ts';
import type { PlantedService } from './plantedService.ts';
import type { RunningProcess } from './processes.ts';

/** What processes wrote, what Redis and the disk hold, and a worker's metrics. */
export async function writtenPlaces(service: PlantedService, processes: RunningProcess[]): Promise<Places> {
  const { redis, folder, env } = service;
  const places = new Map([...(await redisPlaces(redis)), ...filePlaces(folder)]);
  for (const { pid, stdout, stderr } of processes) {
    places.set(`stdout of ${pid}`, stdout);
    places.set(`stderr of ${pid}`, stderr);
  }
  for (const path of ['/metrics', '/readyz'])
    places.set(`worker's ${path}`, await textOf(fetch(`http://127.0.0.1:${env.METRICS_PORT}${path}`)));
  return places;
}

/** Answers of the HTTP server: every search with its failure, and requests that hold API keys where none belong. */
export async function answeredPlaces({ env, canaries, searchIds }: PlantedService): Promise<Places> {
  const origin = `http://127.0.0.1:${env.HTTP_PORT}`;
  const keys = [...canaries].flatMap(([name, key]) => (name.startsWith('API key') ? [key] : []));
  const places: Places = new Map();
  const get = async (path: string, key: string, method = 'GET') => {
    const headers = { authorization: `Bearer ${key}` };
    places.set(`answer ${places.size}`, await textOf(fetch(`${origin}${path}`, { method, headers })));
  };
  const [mine = ''] = keys;
  for (const id of searchIds) await get(`/v1/searches/${id}`, mine);
  for (const id of searchIds.slice(-5))
    for (const part of ['events', 'products']) await get(`/v1/searches/${id}/${part}`, mine);
  for (const path of ['/metrics', '/readyz', '/v1/quota', '/v1/schedules', '/docs/json', '/'])
    await get(path, mine);
  for (const key of keys)
    for (const form of [
      key,
      ...['', 'x', 'xx'].map((before) => Buffer.from(before + key).toString('base64')),
    ]) {
      const word = encodeURIComponent(form);
      for (const path of [`/v1/searches/${word}`, `/nowhere?api_key=${word}`]) await get(path, key);
      await get('/v1/quota', form);
      await get(`/v1/schedules/${word}`, key, 'DELETE');
    }
  return places;
}

/** What the dashboard shows of all queues, and of each failed job by itself. */
export async function shownPlaces({ env, canaries }: PlantedService): Promise<Places> {
  const visitor = new DashboardVisitor({ app: { url: `http://127.0.0.1:${env.HTTP_PORT}` } });
  await visitor.logIn(canaries.get('API key 0') as string);
  const places: Places = new Map();
  const see = async (path: string) => {
    const text = await textOf(visitor.send('GET', path));
    places.set(`dashboard ${places.size}`, text);
    return text;
  };
  await see('/');
  for (const queue of ['ebay-search', 'ebay-calls', 'ebay-search-toys', 'ebay-calls-toys'])
    for (const status of ['failed', 'completed', 'latest']) {
      const text = await see(`/api/queues?activeQueue=${queue}&status=${status}&page=1&jobsPerPage=100`);
      const { queues } = JSON.parse(text.slice(text.indexOf('\n'))) as {
        queues: Array<{ name: string; jobs: Array<{ id: string }> }>;
      };
      const jobs = queues.find(({ name }) => name === queue)?.jobs ?? [];
      if (status !== 'failed') continue;
      for (const { id } of jobs)
        for (const part of ['', '/logs']) await see(`/api/queues/${queue}/${encodeURIComponent(id)}${part}`);
    }
  return places;
}

/** What commands say, with the right settings and with wrong ones that hold a secret where it was mistyped. */
export async function saidPlaces({ env, canaries, searchIds }: PlantedService): Promise<Places> {
  const secretOf = (name: string) => canaries.get(name) as string;
  const [id = ''] = searchIds.slice(-1);
  const all: Array<[args: string[], change?: Record<string, string>]> = [
    ...['config --json', 'config --fleet --json', 'token --json', 'quota --json', 'tenants show toys'].map(
      (line): [string[]] => [line.split(' ')],
    ),
    [['token', '--refresh'], { EBAY_CLIENT_SECRET: `${secretOf('Cert ID of default')}x` }],
    [['doctor']],
    [['events', '--json']],
    [['keys', 'list', '--json']],
    [['search', '--get', id, '--no-wait', '--json']],
    [['token', '--client-secret', secretOf('Cert ID of default')]],
    [['quota'], { REDIS_URL: `${env.REDIS_URL}`.replace('//:', '//:x') }],
    [['quota'], { REDIS_URL: `${env.REDIS_URL}`.replace(/:\d+\//, ':port/') }],
    [['config'], { TOKEN_ENCRYPTION_KEYS: `new:${secretOf('encryption key')}x` }],
    [['config'], { EBAY_TOKEN_URL: `https://u:${secretOf('Cert ID of default')}@api.ebay.com/` }],
    [['config'], { EBAY_ENVIRONMENT: secretOf('Cert ID of default') }],
    [['keys', 'revoke', secretOf('API key 2')]],
    [['search', '--get', secretOf('API key 1'), '--no-wait']],
  ];
  const before = { ...process.env };
  const places: Places = new Map();
  try {
    for (const [args, change] of all) {
      Object.assign(process.env, env, change);
      const terminal = plainTerminal();
      const exit = await run(args, terminal);
      for (const name of Object.keys(change ?? {})) delete process.env[name];
      places.set(
        `command ${places.size} ${args[0]}, exit ${exit}`,
        [...terminal.out, ...terminal.err].join('\n'),
      );
    }
  } finally {
    for (const name of Object.keys(env)) delete process.env[name];
    Object.assign(process.env, before);
  }
  return places;
}

async function textOf(asked: Promise<Response>): Promise<string> {
  const response = await asked;
  return `${JSON.stringify([...response.headers])}\n${await response.text()}`;
}
