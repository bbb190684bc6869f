import type { Role } from './apiKeys.ts';

/** What a key with a role may do, after "may". In the order in which people need them. */
export const ROLE_TEXTS: Readonly<Record<Role, string>> = {
  read: 'see searches, products, news and alerts',
  enqueue: 'start and cancel searches',
  schedule: 'change schedules, watchlists, alerts and channels',
  operate: 'see the queues and the metrics',
};

/** `see searches, products, news and alerts; start and cancel searches` */
export function rolesText(roles: readonly Role[]): string {
  const texts = Object.entries(ROLE_TEXTS).filter(([role]) => roles.includes(role as Role));
  return texts.map(([, text]) => text).join('; ');
}
