import { csvForm, productCsv } from '../../../product/csv.ts';
import { searchTitle } from '../../../product/subject.ts';
import { payerOf } from '../../access.ts';
import { languageOf } from '../../api/products.ts';
import type { Page, Visit } from '../visit.ts';
import { nameFrom } from '../watching/scheduleForm.ts';
import { resultView } from './resultView.ts';
import { addressOf, resultCache, select, selectionFrom } from './selection.ts';
import { statusView } from './statusView.ts';

/** How often browsers without scripts load a running search again, seconds. */
const REFRESH_S = 3;

export function resultRoutes({ marketplace, route, send, show }: Page): void {
  const productsOf = resultCache();

  const found = async ({ producer, params: { id }, caller, query }: Visit) => {
    const report = await producer.get(id);
    const [request, products] = await Promise.all([
      producer.request(id),
      productsOf(caller.tenant, producer, report),
    ]);
    return { report, request, products, selection: selectionFrom(query) };
  };

  route('GET', '/searches/:id', 'read', async (visit) => {
    const { csrf, producer } = visit;
    const { report, request, products, selection } = await found(visit);
    const now = await producer.now();
    return show(visit, {
      title: request === undefined ? 'Search' : searchTitle(request),
      content: resultView({ report, request, products, selection, marketplace, csrf, now }),
      scripts: ['search', 'result'],
      ...(report.state !== 'done' && { refresh: REFRESH_S }),
    });
  });

  route('GET', '/searches/:id/products.csv', 'read', async (visit) => {
    const { reply, query } = visit;
    const { request, products, selection } = await found(visit);
    const name = request === undefined ? 'products' : nameFrom(request);
    const form = csvForm({ excel: query.excel === '1', locale: languageOf(reply.request) });
    return reply
      .type('text/csv; charset=utf-8; header=present')
      .headers({ vary: 'accept-language', 'content-disposition': `attachment; filename="${name}.csv"` })
      .send(productCsv(select(products, selection), undefined, form));
  });

  route('GET', '/searches/:id/status', 'read', async ({ reply, producer, params, csrf }) =>
    send(reply, statusView(await producer.get(params.id), csrf, await producer.now())),
  );

  for (const action of ['cancel', 'retry'] as const)
    route('POST', `/searches/:id/${action}`, 'enqueue', async ({ producer, params: { id }, caller }) => {
      await (action === 'retry' ? producer.retry(id, payerOf(caller)) : producer.cancel(id));
      return addressOf(id);
    });
}
