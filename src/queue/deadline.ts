import { Failure } from '../failures.ts';

/**
 * What `work` gives, unless it takes longer than `ms`: BullMQ waits for a Redis that is away without end.
 * @throws Failure `redis-unavailable`
 */
export async function withinDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    const refuse = () => reject(new Failure('redis-unavailable', `Redis did not answer within ${ms} ms`));
    timer = setTimeout(refuse, ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
    // Its own end, if it ever comes, interests nobody any more.
    work.catch(() => undefined);
  }
}
