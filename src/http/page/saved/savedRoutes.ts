import { Failure } from '../../../failures.ts';
import { isMarketplace, type MarketplaceId } from '../../../product/marketplaces.ts';
import { payerOf } from '../../access.ts';
import { notFound } from '../../problem.ts';
import { addressOf } from '../result/selection.ts';
import { mistakesIn } from '../search/searchForm.ts';
import type { Page, Visit } from '../visit.ts';
import { groupsOf, MAX_LOOKED_AT, type SavedPage, savedAddress, savedView } from './savedView.ts';

export function savedRoutes({ marketplace, route, show }: Page): void {
  const ownSite = isMarketplace(marketplace) ? marketplace : 'EBAY_US';

  const page = async (visit: Visit, wrongName?: SavedPage['wrongName']) => {
    const { personal, csrf, may, reply, query, form } = visit;
    const content = savedView({
      ...{ items: await personal.items(), marketplace: ownSite, csrf },
      ...{ mayEnqueue: may('enqueue'), maySchedule: may('schedule') },
      page: pageIn(form.page ?? query.page),
      ...(wrongName && { wrongName }),
    });
    return show({ ...visit, reply: wrongName ? reply.code(400) : reply }, { title: 'Saved', content });
  };

  route('GET', '/saved', 'read', (visit) => page(visit));

  route('POST', '/saved/change', 'read', async ({ personal, producer, form }) => {
    const { item = '', note, favourite, hidden } = form;
    // Nothing but what is in the list is changed here.
    if ((await personal.item(item)) === undefined) throw notFound();
    const change = {
      ...(note !== undefined && { note: note.replaceAll('\r\n', '\n') }),
      ...(favourite !== undefined && { favourite: favourite === '1' }),
      ...(hidden !== undefined && { hidden: hidden === '1' }),
    };
    await personal.save(item, change, await producer.now());
    return savedAddress(pageIn(form.page));
  });

  /** @throws Problem 404 where nothing of this site is kept */
  const groupOf = async ({ personal, form }: Visit) => {
    const group = groupsOf(await personal.items(), ownSite).find(({ site }) => site === form.site);
    if (group === undefined) throw notFound();
    return group;
  };

  route('POST', '/saved/look', 'enqueue', async (visit) => {
    const { site, items } = await groupOf(visit);
    const named = items.slice(0, MAX_LOOKED_AT).map(([itemId]) => itemId);
    const request = { marketplaces: [site], items: named };
    const { searchId } = await visit.producer.enqueue(request, payerOf(visit.caller));
    return addressOf(searchId);
  });

  route('POST', '/saved/watch', 'schedule', async (visit) => {
    const { producer, form } = visit;
    const { site, items } = await groupOf(visit);
    const name = (form.name ?? '').trim();
    try {
      const present = await siteOfList(visit, name);
      if (present !== undefined && present !== site)
        return page(visit, {
          ...nameOf(form),
          message: `the watchlist ${name} asks another marketplace: choose another name`,
        });
      if (present === undefined) await producer.watchlists.put({ name, marketplace: site });
      await producer.watchlists.import(name, { entries: items.map(([itemId]) => itemId) });
    } catch (error) {
      const [mistake] = mistakesIn(error);
      return page(visit, {
        ...nameOf(form),
        message: mistake?.message.replace(/^name: must be/, 'use') ?? 'this watchlist could not be made',
      });
    }
    return `/watching#watchlist-${encodeURIComponent(name)}`;
  });
}

function pageIn(text = ''): number {
  return /^[1-9]\d{0,3}$/.test(text) ? Number(text) : 1;
}

function nameOf({ site = '', name = '' }: Visit['form']): { site: string; text: string } {
  return { site, text: name };
}

/** Undefined where there is no list of this name. */
async function siteOfList({ producer }: Visit, name: string): Promise<MarketplaceId | undefined> {
  try {
    return (await producer.watchlists.get(name)).marketplace as MarketplaceId;
  } catch (error) {
    if (error instanceof Failure && error.code === 'watchlist_not_found') return undefined;
    throw error;
  }
}
