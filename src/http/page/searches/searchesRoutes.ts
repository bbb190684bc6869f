import { payerOf } from '../../access.ts';
import { problem } from '../../problem.ts';
import type { Page, Visit } from '../visit.ts';
import { filterFrom, listView, queryOf, type Searches, searchesView, underWay } from './searchesView.ts';

/** How often browsers without scripts load the list again while something is under way, seconds. */
const REFRESH_S = 10;

/** The list of all searches. */
export function searchListRoutes({ route, send, show }: Page): void {
  const read = async ({ producer, query, caller, may, csrf }: Visit): Promise<Searches> => {
    const filter = filterFrom(query);
    const [part, now] = await Promise.all([producer.list(queryOf(filter)), producer.now()]);
    const { tenant } = caller;
    return { filter, part, tenant, mayChange: may('enqueue'), mayOperate: may('operate'), csrf, now };
  };

  route('GET', '/searches', 'read', async (visit) => {
    const shown = await read(visit);
    return show(visit, {
      title: 'Searches',
      content: searchesView(shown),
      scripts: ['searches'],
      ...(underWay(shown.part) > 0 && { refresh: REFRESH_S }),
    });
  });

  route('GET', '/searches/list', 'read', async (visit) => send(visit.reply, listView(await read(visit))));

  route('POST', '/searches/change', 'enqueue', async ({ producer, form, caller }) => {
    const { id = '', action, back = '' } = form;
    if (action === 'cancel') await producer.cancel(id);
    else if (action === 'retry') await producer.retry(id, payerOf(caller));
    else throw problem(400, 'invalid_parameter', 'must be cancel or retry', { path: 'action' });
    // A path of this list: no other site can redirect through it.
    return /^\/searches(\?[\x21-\x7e]*)?$/.test(back) ? back : '/searches';
  });
}
