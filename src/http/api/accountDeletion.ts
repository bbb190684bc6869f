import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseObject } from '../../ebay/answer.ts';
import { type NotificationKeys, readSignature } from '../../ebay/notificationKeys.ts';
import { Failure } from '../../failures.ts';
import { type DeletionNotice, missingSettings, readNotice } from '../../fleet/accountDeletion.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { countAMinute, type Routes, valuesOf } from '../access.ts';
import { type Problem, problem } from '../problem.ts';

export interface AccountDeletionOptions {
  /** EBAY_DELETION_TOKEN and EBAY_DELETION_URL. */
  settings: { deletionToken: string; deletionUrl: string };
  keys: () => Pick<NotificationKeys, 'hasSigned'>;
  notices: { receive(notice: DeletionNotice): Promise<boolean> };
  log: Logger;
}

type Challenge = { Querystring: { challenge_code?: unknown } };

export const DELETION_PATH = '/ebay/account-deletion';
/** eBay's notices have about 500. */
const MOST_BYTES = 8192;
/** eBay takes an answer within 3 s; what comes later counts as none, and the notice is sent again. */
const ANSWER_MS = 2500;
/** Requests a minute of one address to this process. Behind a proxy all have its address. */
const MOST_A_MINUTE = 300;

/**
 * The address that eBay sends notices of deleted accounts to. Without a key: eBay's signature stands for it. A notice is stored
 * and answered; a worker erases the account.
 */
export function accountDeletionRoutes({ settings, keys, notices, log }: AccountDeletionOptions): Routes {
  const { deletionToken: token, deletionUrl: url } = settings;
  const missing = missingSettings(settings);
  const counted = countAMinute();
  const admit = (address: string) => {
    if (missing.length > 0)
      throw problem(404, 'not_configured', `no notices are taken here: set ${missing.join(' and ')}`);
    const { count, resetS } = counted(address);
    if (count > MOST_A_MINUTE)
      throw problem(429, 'rate_limited', `an address may send ${MOST_A_MINUTE} requests a minute here`, {
        retryAfter: resetS,
      });
  };

  return (app) => {
    // The signature is one of the bytes as they came, so nothing parses them before it is checked.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_: unknown, body: Buffer) => body);
    app.addHook('onRequest', async (request) => admit(request.ip));
    const config = { access: 'public' as const };

    app.get<Challenge>(DELETION_PATH, { config }, async (request, reply) => {
      const { challenge_code: code } = request.query;
      if (typeof code !== 'string' || code === '' || code.length > 1000)
        throw problem(400, 'invalid_parameter', 'eBay sends a code here', { path: 'challenge_code' });
      const challengeResponse = createHash('sha256').update(code).update(token).update(url).digest('hex');
      return reply.send({ challengeResponse });
    });

    app.post(DELETION_PATH, { config, bodyLimit: MOST_BYTES }, async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const headers = valuesOf('x-ebay-signature', request.raw);
      const signature = headers.length === 1 ? readSignature(headers[0] as string) : undefined;
      if (signature === undefined) throw unsigned();
      const late = new AbortController();
      const isSigned = await Promise.race([
        keys().hasSigned(body, signature),
        sleep(ANSWER_MS, undefined, { signal: late.signal, ref: false }).then(() => {
          throw new Failure('ebay-timeout', 'eBay did not say its key in time');
        }),
      ])
        .catch((error) => {
          throw unknownKey(error) ?? error;
        })
        .finally(() => late.abort());
      if (!isSigned) throw unsigned();
      const notice = readNotice(parseObject(body.toString('utf8')));
      if (notice === undefined)
        throw problem(400, 'invalid_notice', 'the body is no notice of a deleted account');
      if (notice === 'other') log.warn('notice of another topic left alone');
      else {
        const { notificationId } = notice;
        const isNew = await notices.receive(notice);
        log.info(isNew ? 'notice of a deleted account taken' : 'notice came again', { notificationId });
      }
      return reply.code(204).send();
    });
  };
}

/** As eBay's own library answers a wrong signature. */
function unsigned(): Problem {
  return problem(412, 'invalid_signature', 'X-EBAY-SIGNATURE is no signature of eBay’s for this body');
}

/** eBay sends a notice again that is answered so. Undefined: the error has another cause. */
function unknownKey(error: unknown): Problem | undefined {
  if (!(error instanceof Failure) || error.code === 'redis-unavailable') return undefined;
  const { until } = error.detail;
  const retryAfter = until === undefined ? 60 : Math.max(1, Math.ceil((until - Date.now()) / 1000));
  const message = `the key of this signature is not known, and eBay does not say it now (${error.code})`;
  return problem(503, 'key_unknown', message, { retryAfter });
}
