import { expect } from 'chai';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

/** What a stranger may put into the public queue, and the code that it must fail with. */
const PAYLOADS: Array<[what: string, name: string, data: unknown, code: string]> = [
  ['null', 'search', null, 'invalid_payload'],
  ['an array', 'search', [{ query: 'phone case' }], 'invalid_payload'],
  ['a text', 'search', 'phone case', 'invalid_payload'],
  ['an empty object', 'search', {}, 'invalid_payload'],
  [
    'a key that reaches for the prototype',
    'search',
    JSON.parse('{"query":"x","__proto__":{"v":1}}'),
    'invalid_payload',
  ],
  ['ten megabytes', 'search', { query: 'x'.repeat(10_000_000) }, 'invalid_payload'],
  ['megabytes of keys', 'search', { query: 'x', filters: wide(100_000) }, 'invalid_payload'],
  ['a version that is no number', 'search', { v: 'two', query: 'x' }, 'invalid_payload'],
  ['an unknown job name', 'serach', { query: 'phone case' }, 'unknown_job_type'],
];

function wide(keys: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: keys }, (_, index) => [`k${index}`, index]));
}

/** Options that would run a job for ever and keep it for ever. */
const GREEDY = { attempts: 1e9, backoff: 1, removeOnComplete: false, removeOnFail: false };

describe('a job that a stranger added', () => {
  const service = useService({
    RETAINED_SEARCHES: '3',
    NEWER_VERSION_DELAY: '0.05',
    NEWER_VERSION_TIMEOUT: '0.3',
  });

  for (const [what, name, data, code] of PAYLOADS)
    it(`fails at once as ${code} when its payload is ${what}`, async () => {
      await service.searches.add(name, data, { ...GREEDY, jobId: 'odd' });
      const { error } = await service.producer.waitFor('odd', { timeoutMs: 10_000 });
      expect(error?.code).to.equal(code);
      const job = await service.searches.getJob('odd');
      expect(job?.attemptsMade).to.equal(1);
      expect(service.calledOffsets()).to.deep.equal([]);
    });

  it('is kept no longer and no more often than the job defaults say, whatever its options', async () => {
    const ids = Array.from({ length: 8 }, (_, index) => `greedy-${index}`);
    for (const id of ids)
      await service.searches.add('search', id < 'greedy-4' ? {} : { query: 'zzyzx', maxItems: 1 }, {
        ...GREEDY,
        jobId: id,
      });
    await waitFor('the queue to be empty', async () => {
      const { prioritized, waiting, active, ...rest } = await service.searches.getJobCounts();
      return (prioritized ?? 0) + (waiting ?? 0) + (active ?? 0) + (rest['waiting-children'] ?? 0) === 0;
    });
    const { completed = 0, failed = 0 } = await service.searches.getJobCounts('completed', 'failed');
    expect(completed).to.equal(3);
    expect(failed).to.equal(3);
  });

  it('waits for a worker that can read it when its version is newer, then fails as unknown_payload_version; a retry waits again', async () => {
    await service.searches.add('search', { v: 7, query: 'phone case' }, { ...GREEDY, jobId: 'newer' });
    let began = 0;
    for (const attempts of [1, 2]) {
      // Its wait begins with this run of the job.
      const seen = await waitFor('the search to be put aside', async () => {
        const report = await service.producer.get('newer');
        const { since = 0 } = ((await service.searches.getJob('newer'))?.progress ?? {}) as {
          since?: number;
        };
        return report.progress?.reason === 'newer-version' && since > began ? report : undefined;
      });
      expect(seen.state).to.equal('waiting');
      const { error } = await service.producer.waitFor('newer', { timeoutMs: 10_000 });
      expect(error?.code).to.equal('unknown_payload_version');
      expect((await service.searches.getJob('newer'))?.attemptsMade).to.equal(attempts);
      began = Date.now();
      await service.producer.retry('newer');
    }
  });

  it('is what its search lacks, when it is a page that no worker could read for too long', async () => {
    const [jobId, request] = ['parent', { query: 'phone case', maxItems: 210 }];
    await service.calls.pause();
    await service.searches.add('search', request, { jobId });
    const page = await waitFor('its page', () => service.calls.getJob(`${jobId}-r1-p1`));
    await page.updateData({ ...page.data, v: 7 });
    await service.calls.resume();
    const { error } = await service.producer.waitFor(jobId, { timeoutMs: 10_000 });
    expect(error?.code).to.equal('unknown_payload_version');
    expect(service.calledOffsets()).to.deep.equal([]);
  });

  it('does no harm in the calls queue either', async () => {
    for (const [index, [, , data]] of PAYLOADS.slice(0, 5).entries())
      await service.calls.add('page', data, { ...GREEDY, jobId: `page-${index}` });
    await waitFor('all of them to fail', async () => {
      const jobs = await Promise.all([0, 1, 2, 3, 4].map((index) => service.calls.getJob(`page-${index}`)));
      return jobs.every((job) => job === undefined || job.failedReason?.startsWith('invalid_payload'));
    });
    const { summary } = await service.search({ query: 'phone case', maxItems: 10 });
    expect(summary?.outcome).to.equal('complete');
  });
});
