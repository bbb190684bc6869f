import { Queue } from 'bullmq';
import { expect } from 'chai';
import { shortTrace } from '../../../src/http/dashboard/dashboard.ts';
import { DashboardVisitor } from '../../support/dashboardVisitor.ts';
import { useHttpService } from '../../support/httpService.ts';
import { BREAKAGES } from '../../support/storedJobs.ts';

interface Listed {
  queues: Array<{
    name: string;
    counts: Record<string, number>;
    jobs: Array<{ id: string; name: string; data: unknown }>;
  }>;
}

const ATTACKS = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  "';alert(1)//",
  '{{constructor.constructor("alert(1)")()}}',
  'javascript:alert(1)',
  '</script><script>alert(1)</script>',
  '\u2028<b>\u202Etxt',
];

const CANARIES = ['v^1.1#i^1#r^0#canary', 'Bearer canary0123456789', 'redis://user:canary-pass@redis:6379'];

describe('jobs on the dashboard', () => {
  const service = useHttpService();
  let operator: DashboardVisitor;
  let queue: Queue;
  beforeEach(async () => {
    operator = new DashboardVisitor(service);
    await operator.logIn(await service.key(['operate']));
    queue = new Queue('ebay-search', { connection: service.redis, prefix: '{ebay}' });
  });
  afterEach(() => queue.close());

  const list = async (name = 'ebay-search', status = 'latest') => {
    const path = `/api/queues?activeQueue=${name}&status=${status}&page=1&jobsPerPage=20`;
    const { queues } = await operator.json<Listed>(path);
    const found = queues.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no ${name} among ${queues.map((each) => each.name)}`);
    return found;
  };

  it('say what they search for', async () => {
    const request = {
      query: 'usb c hub',
      marketplaces: ['EBAY_US', 'EBAY_DE'],
      maxItems: 450,
      track: 'hubs',
    };
    await queue.add('search', request);
    await queue.add('search', { categoryIds: ['9355'], priority: 'backfill' });
    await queue.add('search', { filters: { charityIds: ['530196605'] } });
    await queue.add('search', { categoryIds: [], filters: { charityIds: [{}, 7] } });
    await queue.add('search', { categoryIds: 'x', filters: [] });
    const names = (await list()).jobs.map(({ name }) => name);
    expect(names).to.have.members([
      'search “usb c hub” · EBAY_US, EBAY_DE · 450 items · track hubs',
      'search category 9355 · backfill',
      'search charity 530196605',
      'search 2 charities',
      'search ?',
    ]);
  });

  it('lead to the result of their search, and its tree says how long calls took and why one failed', async () => {
    const calls = new Queue('ebay-calls', { connection: service.redis, prefix: '{ebay}' });
    const { id = '' } = await queue.add('search', { query: 'lamp' });
    const parent = { id, queue: queue.qualifiedName };
    const call = { search: { searchId: id } };
    const page = await calls.add('page 1: lamp (EBAY_US)', call, { parent });
    const ended = { processedOn: 1000, finishedOn: 2500, failedReason: 'ebay-timeout: no answer' };
    await service.redis.hset(calls.toKey(page.id as string), ended);
    await calls.add('page 2', { search: 'x' });
    await calls.close();
    const link = { displayText: 'Result', href: `/searches/${id}` };
    const linksOf = async (name: string) =>
      (await list(name)).jobs.map((job) => (job as { externalUrl?: unknown }).externalUrl);
    expect(await linksOf('ebay-search')).to.deep.equal([link]);
    expect(await linksOf('ebay-calls')).to.have.deep.members([link, undefined]);
    const tree = JSON.stringify(await operator.json(`/api/queues/ebay-search/${id}/flow`));
    expect(tree).to.include('page 1 · 1.5 s · failed: ebay-timeout: lamp (EBAY_US)');
  });

  it('that cannot be read are shown as that, and the others beside them', async () => {
    const redis = service.redis;
    for (const [what, damage] of Object.entries(BREAKAGES)) {
      const { id = '' } = await queue.add('search', { query: 'lamp' });
      const good = await queue.add('search', { query: 'good lamp' });
      await damage(redis, queue.toKey(id));
      const { jobs } = await list();
      expect(
        jobs.map((job) => job.id),
        what,
      ).to.have.members([id, good.id]);
      expect(jobs.find((job) => job.id === id)?.name, what).to.match(/^\(cannot be read/);
      expect((await operator.send('GET', `/api/queues/ebay-search/${id}`)).status, what).to.equal(200);
      expect((await operator.send('GET', `/api/queues/ebay-search/${id}/flow`)).status, what).to.equal(200);
      await redis.flushall();
      await operator.logIn(await service.key(['operate']));
    }
  });

  it('that are huge are left off, with their size', async () => {
    const { id } = await queue.add('search', { query: 'x'.repeat(10 * 1024 * 1024) });
    const response = await operator.send('GET', '/api/queues?activeQueue=ebay-search&page=1&jobsPerPage=20');
    const text = await response.text();
    expect(text.length).to.be.below(20_000);
    expect(text).to.include('(too large to show: 10.0 MB)');
    const alone = await (await operator.send('GET', `/api/queues/ebay-search/${id}`)).text();
    expect(alone).to.include('too large to show').and.have.length.below(5000);
  });

  it('bring no markup and no secret onto a page, wherever it stands in them', async () => {
    const redis = service.redis;
    const ids: string[] = [];
    for (const text of [...ATTACKS, ...CANARIES]) {
      const data = { query: text, [text]: { deep: [text], password: 'canary-word' } };
      const job = await queue.add(text, data, { jobId: `id${ids.length}` });
      ids.push(job.id as string);
      await job.updateProgress({ state: 'collecting', note: text, token: 'canary-token' });
      await queue.addJobLog?.(job.id as string, text);
      await redis.hset(
        queue.toKey(job.id as string),
        'failedReason',
        text,
        'returnvalue',
        JSON.stringify({ text }),
      );
      await redis.hset(queue.toKey(job.id as string), 'stacktrace', JSON.stringify([text]));
    }
    await queue.upsertJobScheduler(
      '<b>nightly',
      { every: 3_600_000 },
      { name: '<i>', data: { secret: 'canary-word' } },
    );
    const paths = [
      '/api/queues?activeQueue=ebay-search&page=1&jobsPerPage=50',
      '/api/job-schedulers',
      ...ids.flatMap((id) => ['', '/logs', '/flow'].map((part) => `/api/queues/ebay-search/${id}${part}`)),
    ];
    for (const path of paths) {
      const response = await operator.send('GET', path);
      const text = await response.text();
      expect(response.status, text).to.equal(200);
      expect(response.headers.get('content-type'), path).to.match(/^application\/json/);
      expect(response.headers.get('x-content-type-options'), path).to.equal('nosniff');
      expect(text, path).to.not.match(/<|canary-|canary0|#canary/);
      expect(() => JSON.parse(text), path).to.not.throw();
    }
  });

  it('show where they failed without the folders of this machine', async () => {
    const { id = '' } = await queue.add('search', { query: 'lamp' });
    const trace =
      'Error: x\n    at f (/srv/app/node_modules/bullmq/a.js:1:2)\n    at g (file:///srv/app/dist/b.js:3:4)';
    await service.redis.hset(queue.toKey(id), 'stacktrace', JSON.stringify([trace]), 'failedReason', 'x');
    const { job } = await operator.json<{ job: { stacktrace: string[] } }>(`/api/queues/ebay-search/${id}`);
    expect(job.stacktrace).to.deep.equal([
      'Error: x\n    at f (node_modules/bullmq/a.js:1:2)\n    at g (dist/b.js:3:4)',
    ]);
  });

  it('show a trace of any form at once', () => {
    const lines = ['/'.repeat(1_000_000), '/src'.repeat(250_000), `file://${'/a'.repeat(500_000)}`];
    const since = performance.now();
    for (const line of lines) expect(shortTrace(line)).to.be.a('string');
    expect(performance.now() - since).to.be.below(2000);
    expect(shortTrace('at f (file:///home/me/app/src/a.ts:1:2) and /x/node_modules/b/dist/c.js')).to.equal(
      'at f (src/a.ts:1:2) and node_modules/b/dist/c.js',
    );
  });

  it('show nothing of Redis itself', async () => {
    expect((await operator.send('GET', '/api/redis/stats')).status).to.equal(403);
  });

  it('are those of the login’s own tenant', async () => {
    await queue.add('search', { query: 'lamp' });
    const stranger = new DashboardVisitor(service);
    await stranger.logIn(await service.key(['operate'], 'other'));
    const answer = await stranger.send('GET', '/api/queues', { 'x-dashboard-tenant': 'default' });
    const { queues } = (await answer.json()) as Listed;
    const own = ['ebay-search-other', 'ebay-calls-other', 'ebay-alerts-other'];
    expect(queues.map(({ name }) => name)).to.deep.equal(own);
    expect((await stranger.send('GET', '/api/queues/ebay-search/1')).status).to.equal(404);
  });
});
