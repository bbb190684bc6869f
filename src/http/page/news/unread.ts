import type { Redis } from 'ioredis';
import { unreadNews } from '../../../events/news.ts';
import { personalKey } from '../../../queue/budgets.ts';
import type { Caller } from '../../auth/authenticator.ts';

/** Field in what a person keeps: up to which event the news were read. See `PersonalStore`. */
const FIELD = 'news';

/** How many news a person has not read, at most `MOST_UNREAD`; one round trip. */
export function unreadOf(
  { redis, prefix }: { redis: Redis; prefix: string },
  { tenant, id }: Pick<Caller, 'tenant' | 'id'>,
): Promise<number> {
  return unreadNews(redis, { prefix, tenant }, { key: personalKey(prefix, tenant, id), field: FIELD });
}
