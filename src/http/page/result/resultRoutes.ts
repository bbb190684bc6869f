import type { Product } from '../../../product/product.ts';
import type { SearchRequest } from '../../../product/requestSchema.ts';
import { searchTitle } from '../../../product/subject.ts';
import { payerOf } from '../../access.ts';
import { languageOf } from '../../api/products.ts';
import { valuesOf } from '../../auth/login.ts';
import { notFound, Problem } from '../../problem.ts';
import { html } from '../html.ts';
import type { Page, Visit } from '../visit.ts';
import { compareView, MAX_COMPARED } from './compareView.ts';
import { downloads, fileName } from './downloads.ts';
import { itemView, type ShownItem, siblingsOf } from './itemView.ts';
import { loosened } from './nothingFoundView.ts';
import { productCard } from './productView.ts';
import { resultCache } from './resultCache.ts';
import { resultView } from './resultView.ts';
import {
  addressOf,
  type FileFormat,
  itemAddressOf,
  jobAddress,
  mainCurrency,
  select,
  selectionFrom,
} from './selection.ts';
import { statusView } from './statusView.ts';

/** How often browsers without scripts load a running search again, seconds. */
const REFRESH_S = 3;
const FORMATS: readonly FileFormat[] = ['csv', 'xlsx', 'ndjson'];

/** Undefined for those who may not see the dashboard. */
function jobOf({ may, params, caller }: Visit): string | undefined {
  return may('operate') ? jobAddress(params.id, caller.tenant) : undefined;
}

export function resultRoutes({ marketplace, route, send, show }: Page): void {
  const productsOf = resultCache();
  const downloadOf = downloads();

  const found = async ({ producer, params: { id }, caller, query, personal }: Visit) => {
    const report = await producer.get(id);
    const [request, products, saved] = await Promise.all([
      producer.request(id),
      productsOf(caller.tenant, producer, report),
      personal.items(),
    ]);
    const selection = selectionFrom(query, mainCurrency(products));
    return { report, request, products, saved, query, selection };
  };

  route('GET', '/searches/:id', 'read', async (visit) => {
    const { csrf, producer, may } = visit;
    const known = await found(visit);
    const now = await producer.now();
    const rights = { mayEnqueue: may('enqueue'), maySchedule: may('schedule'), job: jobOf(visit) };
    return show(visit, {
      title: known.request === undefined ? 'Search' : searchTitle(known.request),
      content: resultView({ ...known, marketplace, csrf, now, ...rights }),
      scripts: ['search', 'result'],
      ...(known.report.state !== 'done' && { refresh: REFRESH_S }),
    });
  });

  for (const format of FORMATS)
    route('GET', `/searches/:id/products.${format}`, 'read', async (visit) => {
      const { reply, producer } = visit;
      const { request, products, selection, saved, query } = await found(visit);
      const file = await downloadOf({
        ...{ format, saved, products: select(products, selection, saved) },
        ...{ excel: query.excel === '1', locale: languageOf(reply.request) },
      });
      const name = fileName(request, format, await producer.now());
      return reply
        .type(file.type)
        .headers({ vary: 'accept-language', 'content-disposition': `attachment; filename="${name}"` })
        .send(file.body);
    });

  /** @throws Problem 404 for a product that is not in the result */
  const itemOf = async (visit: Visit): Promise<Omit<ShownItem, 'now'> & { products: readonly Product[] }> => {
    const { params, csrf, may } = visit;
    const { itemId } = params as unknown as { itemId: string };
    const { request, products, saved } = await found(visit);
    const product = products.find((each) => each.itemId === itemId);
    if (product === undefined) throw notFound();
    return {
      ...{ searchId: params.id, request, product, products, siblings: siblingsOf(products, product) },
      ...{ saved: saved.get(itemId), csrf, mayEnqueue: may('enqueue') },
    };
  };

  route('GET', '/searches/:id/items/:itemId', 'read', async (visit) => {
    const item = await itemOf(visit);
    const content = itemView({ ...item, now: await visit.producer.now() });
    return show(visit, { title: item.product.title, content, scripts: ['result'] });
  });

  route('POST', '/searches/:id/items/:itemId/keep', 'read', async (visit) => {
    const { reply, producer, personal, form, query } = visit;
    const item = await itemOf(visit);
    const { searchId, product } = item;
    const now = await producer.now();
    const flag = (name: 'favourite' | 'hidden') => form[name] !== undefined && { [name]: form[name] === '1' };
    const note = form.note?.replaceAll('\r\n', '\n');
    const change = {
      ...{ site: product.marketplace, ...flag('favourite'), ...flag('hidden') },
      ...(note !== undefined && { note }),
    };
    const failed = await personal.save(product.itemId, change, now).then(
      (saved) => ({ saved }),
      (error: unknown) => {
        if (error instanceof Problem && error.status === 400 && note !== undefined) return { error };
        throw error;
      },
    );
    if ('error' in failed) {
      const wrongNote = { text: note ?? '', message: `${failed.error.message}: it has ${note?.length}` };
      const content = itemView({ ...item, now, wrongNote });
      return show(
        { ...visit, reply: reply.code(400) },
        { title: product.title, content, scripts: ['result'] },
      );
    }
    const selection = selectionFrom(query, mainCurrency(item.products));
    const { saved } = failed;
    // The page's script shows these in the place of the present ones.
    if (form.part !== undefined) {
      const site = (item.request?.marketplaces.length ?? 1) > 1;
      const card = productCard(product, { now, site, list: { searchId, selection, saved } });
      return send(
        reply,
        html`${form.part === 'item' && itemView({ ...item, saved, now })}<ul class="changed">${card}</ul>`,
      );
    }
    return form.from === 'item' ? itemAddressOf(searchId, product.itemId) : addressOf(searchId, selection);
  });

  route('POST', '/searches/:id/items/:itemId/look', 'enqueue', async (visit) => {
    const { producer, caller } = visit;
    const { product, request } = await itemOf(visit);
    const { marketplace: site, itemId, legacyItemId, group } = product;
    const look: SearchRequest = {
      marketplaces: [site],
      items: [group === null || legacyItemId === null ? itemId : legacyItemId],
      ...(group !== null && { variations: 'all' as const }),
      ...(request?.shipTo && { shipTo: request.shipTo }),
      ...(request?.costs && { costs: withoutConditions(request.costs) }),
    };
    const { searchId } = await producer.enqueue(look, payerOf(caller));
    return addressOf(searchId);
  });

  route('GET', '/searches/:id/compare', 'read', async (visit) => {
    const { params, query } = visit;
    const { products, selection } = await found(visit);
    const chosen = [...new Set(valuesOf(query.item))];
    const compared = chosen
      .slice(0, MAX_COMPARED)
      .flatMap((id) => products.find(({ itemId }) => itemId === id) ?? []);
    const content = compareView({
      searchId: params.id,
      selection,
      products: compared,
      chosen: chosen.length,
    });
    return show(visit, { title: 'Compare', content, scripts: ['result'] });
  });

  route('POST', '/searches/:id/loosen', 'enqueue', async ({ producer, params: { id }, form, caller }) => {
    const searched = await producer.request(id);
    const loose = searched && loosened(searched, form.without ?? '');
    if (loose === undefined) throw notFound();
    const { searchId } = await producer.enqueue(loose, payerOf(caller));
    return addressOf(searchId);
  });

  route('GET', '/searches/:id/status', 'read', async (visit) => {
    const { reply, producer, params, csrf, may } = visit;
    const report = await producer.get(params.id);
    const options = { csrf, now: await producer.now(), mayEnqueue: may('enqueue'), job: jobOf(visit) };
    return send(reply, statusView(report, options));
  });

  for (const action of ['cancel', 'retry'] as const)
    route('POST', `/searches/:id/${action}`, 'enqueue', async ({ producer, params: { id }, caller }) => {
      await (action === 'retry' ? producer.retry(id, payerOf(caller)) : producer.cancel(id));
      return addressOf(id);
    });
}

/** A listing that a person asks for is shown whatever its margin. */
function withoutConditions(costs: NonNullable<SearchRequest['costs']>): NonNullable<SearchRequest['costs']> {
  const { minMarginPercent: _percent, minMarginAmount: _amount, ...figures } = costs;
  return figures;
}
