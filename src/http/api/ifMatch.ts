import type { FastifyReply } from 'fastify';
import { Type } from '../../product/type.ts';
import { versionOf } from '../../queue/schedules/definition.ts';

export const IfMatch = Type.Object({
  'if-match': Type.Optional(
    Type.String({
      maxLength: 100,
      description: 'change it only where its ETag is still this one; *: only where there is one',
    }),
  ),
});

/** The version that a caller has seen; `*`: any, as RFC 9110 says. */
export function seenIn(headers: { 'if-match'?: string | undefined }): string | undefined {
  const tag = headers['if-match']?.trim();
  return tag === '*' ? tag : tag?.replace(/^"([\w-]*)"$/, '$1');
}

/** Gives an answer the ETag of what a caller has written; what is found out about it meanwhile changes none. */
export function tagged<Report>(reply: FastifyReply, report: Report, written: object): Report {
  reply.header('etag', `"${versionOf(written)}"`);
  return report;
}
