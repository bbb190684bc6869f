import type { FastifyReply } from 'fastify';
import type { Priority } from '../../product/requestSchema.ts';
import { classOf } from '../../queue/bullmq/queues.ts';
import type { Allowance, SearchProducer } from '../../queue/producer.ts';
import { callerOf, payerOf } from '../access.ts';
import type { Caller } from '../auth/authenticator.ts';
import { rateLimitHeaders } from '../problem.ts';

/**
 * Says with an answer what the caller may still spend today: of its tightest budget (its key's, its tenant's), else of what the
 * class may use of the day. An answer stands without it where Redis does not say.
 */
export async function sayAllowance(
  { caller }: { caller: Caller | null },
  reply: FastifyReply,
  producer: SearchProducer,
  callClass: Priority = 'interactive',
): Promise<Allowance | undefined> {
  const payer = payerOf(callerOf({ caller }));
  const allowance = await producer.allowance(callClass, payer).catch(() => undefined);
  if (allowance !== undefined) reply.headers(rateLimitHeaders(allowance));
  return allowance;
}

/** The class of what a body asks for: of several searches, the first one's. */
export function classIn(body: unknown): Priority {
  return classOf(Array.isArray(body) ? body[0] : body);
}
