import { Redis } from 'ioredis';
import { ApiKeys } from '../../src/http/auth/apiKeys.ts';
import { startDpf } from '../../test/support/processes.ts';
import { startTestRedis } from '../../test/support/redis.ts';
import { numberFlags } from '../flags.ts';
import { fillQueue } from './fill.ts';

export const HELP = `npm run bench -- dashboard [--jobs 1000000] [--rounds 20] [--json]
  Pages of the dashboard over a queue with so many searches, one of which has 10 MB of data, while /livez is asked beside it.`;

/** ms. */
const LIMITS = { page: 2000 };
const HUGE = 's_huge';

export async function run(args: string[]): Promise<boolean> {
  const flags = numberFlags(args, { jobs: 1000000, rounds: 20 });
  const figures = await measure(flags.jobs, flags.rounds);
  if (flags.json) console.log(JSON.stringify({ bench: 'dashboard', ...figures }, null, 2));
  else console.table(figures.pages);
  return figures.pages.every(({ slowestMs }) => slowestMs <= LIMITS.page);
}

async function measure(jobs: number, rounds: number) {
  const server = await startTestRedis();
  const redis = new Redis(server.url);
  const { key } = await new ApiKeys(redis, '{ebay}').add({
    name: 'bench',
    tenant: 'default',
    roles: ['operate'],
    expiresAt: null,
  });
  await fillQueue(redis, jobs, HUGE);
  const serve = startDpf(['serve'], { REDIS_URL: server.url, HTTP_PORT: '0' });
  try {
    const [url = ''] = await serve.waitForLine(/http:\/\/127\.0\.0\.1:\d+/);
    const cookie = await logIn(url, key);
    const beside = askAgainAndAgain(`${url}/livez`);
    const pages = [];
    for (const [page, path] of Object.entries(pathsOf(jobs)))
      pages.push({ page, ...(await timed(`${url}/admin/queues${path}`, cookie, rounds)) });
    return { jobs, rounds, pages, livezSlowestMs: await beside.stop() };
  } finally {
    await serve.stop();
    redis.disconnect();
    await server.stop();
  }
}

function pathsOf(jobs: number): Record<string, string> {
  const list = (status: string, page: number) =>
    `/api/queues?activeQueue=ebay-search&status=${status}&page=${page}&jobsPerPage=100`;
  return {
    'overview, no queue chosen': '/api/queues',
    'latest of every state': list('latest', 1),
    'completed, first page': list('completed', 1),
    'completed, in the middle': list('completed', Math.ceil(jobs / 2 / 2 / 100)),
    'waiting by priority, last page': list('prioritized', Math.floor(jobs / 2 / 100)),
    'failed, with the job of 10 MB': list('failed', 1),
    'the job of 10 MB': `/api/queues/ebay-search/${HUGE}`,
    'its tree': `/api/queues/ebay-search/${HUGE}/flow`,
    schedules: '/api/job-schedulers',
  };
}

async function timed(url: string, cookie: string, rounds: number) {
  const took: number[] = [];
  let bytes = 0;
  for (let round = 0; round < rounds; round += 1) {
    const startedAt = performance.now();
    const response = await fetch(url, { headers: { cookie } });
    bytes = (await response.arrayBuffer()).byteLength;
    took.push(performance.now() - startedAt);
    if (response.status !== 200) throw new Error(`${url}: ${response.status}`);
  }
  took.sort((a, b) => a - b);
  const at = (share: number) => Math.round(took[Math.floor((took.length - 1) * share)] as number);
  return { medianMs: at(0.5), slowestMs: at(1), kB: Math.ceil(bytes / 1024) };
}

async function logIn(url: string, key: string): Promise<string> {
  const response = await fetch(`${url}/admin/queues/login`, {
    method: 'POST',
    headers: { origin: url },
    body: new URLSearchParams({ key }),
    redirect: 'manual',
  });
  return response.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
}

/** How long the slowest answer took that somebody else had to wait for, ms. */
function askAgainAndAgain(url: string) {
  let going = true;
  let slowest = 0;
  const asking = (async () => {
    while (going) {
      const startedAt = performance.now();
      await (await fetch(url)).arrayBuffer();
      slowest = Math.max(slowest, performance.now() - startedAt);
    }
  })();
  return {
    async stop() {
      going = false;
      await asking;
      return Math.round(slowest);
    },
  };
}
