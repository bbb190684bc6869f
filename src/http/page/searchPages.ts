import { Failure } from '../../failures.ts';
import type { SearchEstimate } from '../../queue/search/estimate.ts';
import { countText, distanceText, html, numberText } from './html.ts';
import type { Pages } from './pages.ts';
import { resultView } from './resultView.ts';
import { schedulesView } from './scheduleView.ts';
import {
  type FormProblem,
  type FormValues,
  problemsFrom,
  requestFromForm,
  searchForm,
} from './searchForm.ts';
import { ResultCache, selectionFrom } from './selection.ts';
import { newsView, quotaView, statusView } from './statusView.ts';
import type { Visitor } from './visitors.ts';

/** For browsers without scripts: how often a search under way is looked at, seconds. */
const REFRESH_S = 3;

export function searchPages(pages: Pages): void {
  const { producerOf, marketplace } = pages;
  const results = new ResultCache();

  pages.get('/', 'read', async (_, reply, visitor) =>
    pages.show(reply, visitor, { title: 'Search', content: await home(pages, visitor, {}) }),
  );

  pages.post('/searches', 'enqueue', async (request, reply, visitor) => {
    const values = (request.body ?? {}) as FormValues;
    try {
      const { searchId } = await (await producerOf(visitor.caller.tenant)).enqueue(
        requestFromForm(values, pages),
      );
      return reply.redirect(`/searches/${encodeURIComponent(searchId)}`, 303);
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'invalid_request') throw error;
      const content = await home(pages, visitor, values, problemsFrom(error.detail.errors));
      return pages.show(reply.code(400), visitor, { title: 'Search', content });
    }
  });

  pages.post('/estimate', 'read', async (request, reply, visitor) => {
    const values = (request.body ?? {}) as FormValues;
    try {
      const producer = await producerOf(visitor.caller.tenant);
      const estimate = await producer.estimate(requestFromForm(values, { marketplace }));
      return pages.part(reply, html`${estimateText(estimate, Date.now())}`);
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'invalid_request') throw error;
      return pages.part(reply, html`${problemsFrom(error.detail.errors)[0]?.message}`);
    }
  });

  pages.get('/searches/:id', 'read', async (request, reply, visitor) => {
    const { id = '' } = request.params;
    const producer = await producerOf(visitor.caller.tenant);
    const report = await producer.get(id);
    const [asked, products] = await Promise.all([
      producer.request(id),
      results.products(visitor.caller.tenant, producer, report),
    ]);
    const content = resultView({
      report,
      request: asked,
      products,
      selection: selectionFrom(request.query),
      csrf: visitor.csrf,
      now: Date.now(),
    });
    return pages.show(reply, visitor, {
      title: asked?.query ?? 'Search',
      content,
      ...(report.state === 'done' ? {} : { refresh: REFRESH_S }),
    });
  });

  pages.get('/searches/:id/status', 'read', async (request, reply, visitor) => {
    const report = await (await producerOf(visitor.caller.tenant)).get(request.params.id ?? '');
    return pages.part(reply, statusView(report, visitor.csrf, Date.now()));
  });

  for (const action of ['cancel', 'retry'] as const)
    pages.post(`/searches/:id/${action}`, 'enqueue', async (request, reply, visitor) => {
      const { id = '' } = request.params;
      await (await producerOf(visitor.caller.tenant))[action](id);
      return reply.redirect(`/searches/${encodeURIComponent(id)}`, 303);
    });
}

async function home(
  { producerOf, quotaOf, latestOf, marketplace }: Pages,
  { caller: { tenant }, csrf }: Visitor,
  values: FormValues,
  problems: readonly FormProblem[] = [],
) {
  const now = Date.now();
  const producer = await producerOf(tenant);
  const [quota, latest, schedules] = await Promise.all([
    quotaOf(tenant),
    latestOf(tenant),
    producer.schedule.list(),
  ]);
  return html`<h1 class="quiet">Search eBay</h1>
${searchForm(values, { marketplace, csrf, problems })}
<div class="columns">
  <div>${schedulesView(schedules, csrf, now)}</div>
  <div>${quotaView(quota, now)}${newsView(latest)}</div>
</div>`;
}

function estimateText({ calls, remaining, ahead, earliestFinish }: SearchEstimate, now: number): string {
  const queue = ahead === 0 ? '' : ` · ${countText(ahead, 'call')} ahead of it`;
  return `At most ${countText(calls.total, 'call')} of the ${numberText(remaining)} left today${queue} · done ${distanceText(earliestFinish, now)} at the earliest`;
}
