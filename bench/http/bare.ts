/** The least that an HTTP way into a queue can be: one Fastify route, one `queue.add`. */
import { Queue } from 'bullmq';
import fastify from 'fastify';
import { Redis } from 'ioredis';

const [, , redisUrl = ''] = process.argv;
const queue = new Queue('bare', { connection: new Redis(redisUrl) });
const app = fastify();
app.post('/', async (request, reply) => {
  const job = await queue.add('search', request.body);
  return reply.code(202).send({ searchId: job.id });
});
console.log(JSON.stringify({ url: await app.listen({ port: 0 }) }));
