/**
 * A service that asks for searches, a process of its own: by the library, or with nothing but BullMQ (argv: `library` or
 * `plain`). Its parent tells it what to ask for, as `askers.ts` says, and gets the ids. JavaScript, because a loader for
 * TypeScript would take longer than all that it does.
 */
const ask = await { library, plain }[process.argv[2]]();
process.on('message', async ({ word, request, times, schedule }) => {
  process.send(await ask(word, Array(times).fill(request), schedule));
});
process.on('disconnect', () => process.exit());
process.send('ready');

/** Asks again when Redis took too long on a busy machine; the word stands for the same searches then. */
async function library() {
  const { connect } = await import('dropship-product-finder');
  const searches = await patiently(() => connect());
  return async (idempotencyKey, requests, schedule) => {
    const [added] = await Promise.all([
      patiently(() => searches.enqueueMany(requests, { idempotencyKey })),
      schedule && patiently(() => searches.schedule.add(schedule)),
    ]);
    return added.map(({ searchId }) => searchId);
  };
}

async function plain() {
  const { Queue } = await import('bullmq');
  const queue = new Queue('ebay-search', { connection: { url: process.env.REDIS_URL }, prefix: '{ebay}' });
  return async (word, requests) => {
    const jobs = requests.map((data, index) => ({
      name: 'search',
      data,
      opts: { jobId: `${word}-${index}` },
    }));
    return (await queue.addBulk(jobs)).map(({ id }) => id);
  };
}

async function patiently(what) {
  for (;;) {
    try {
      return await what();
    } catch (error) {
      if (error.code !== 'redis-unavailable') throw error;
    }
  }
}
