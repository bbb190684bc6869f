/** The least that an HTTP way into this queue can be: one Fastify route, one `queue.add` of the very job, nothing checked. */
import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import fastify from 'fastify';
import { Redis } from 'ioredis';

const [, , redisUrl = ''] = process.argv;
const queue = new Queue('bare', { connection: new Redis(redisUrl), prefix: '{ebay}' });

/** What `dpf serve` fills in, and how it wants the job done: a larger job with a priority costs Redis and BullMQ more. */
const FILLED_IN = {
  marketplaces: ['EBAY_US'],
  details: 'none',
  maxAge: 0,
  onFailure: 'fail',
  priority: 'interactive',
  tenant: 'default',
  v: 1,
  filters: {},
};
const KEEP = { age: 21_600, count: 10_000 };
const OPTIONS = { attempts: 1, priority: 2, removeOnComplete: KEEP, removeOnFail: KEEP };

const app = fastify();
app.post('/', async (request, reply) => {
  const data = { ...(request.body as object), ...FILLED_IN };
  const jobId = `s_${randomUUID().replaceAll('-', '')}`;
  const job = await queue.add('search', data, { ...OPTIONS, jobId });
  return reply.code(202).send({ searchId: job.id });
});
console.log(JSON.stringify({ url: await app.listen({ port: 0 }) }));
