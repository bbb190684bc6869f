import { MAX_IMAGE_LENGTH } from '../../../product/requestSchema.ts';
import { estimateTexts } from '../../../text/searches.ts';
import { distanceText } from '../../../text/values.ts';
import { payerOf } from '../../access.ts';
import type { FormValues } from '../../auth/login.ts';
import { notFound } from '../../problem.ts';
import { type Document, html } from '../html.ts';
import { addressOf } from '../result/selection.ts';
import type { Answer, Page, Visit } from '../visit.ts';
import { narrowedRequest } from './facetView.ts';
import { homeView } from './homeView.ts';
import { type Filled, mistakesIn, requestFromForm, understoodText } from './searchForm.ts';

/** Of a form with a picture: its Base64, which a form writes a little longer. */
const FORM_LIMIT = 1.2 * MAX_IMAGE_LENGTH;

export function searchRoutes(page: Page): void {
  const { marketplace, route, send, show } = page;

  route('GET', '/', 'read', async (visit) => show(visit, await home(page, visit, [])));

  const add: Answer = async (visit) => {
    const { reply, producer, form, caller } = visit;
    try {
      const request = requestFromForm(form as FormValues, marketplace);
      const { searchId } = await producer.enqueue(request, payerOf(caller));
      return addressOf(searchId);
    } catch (error) {
      const document = await home(page, visit, mistakesIn(error));
      return show({ ...visit, reply: reply.code(400) }, document);
    }
  };
  route('POST', '/searches', 'enqueue', add, { bodyLimit: FORM_LIMIT });

  route('POST', '/searches/:id/narrow', 'enqueue', async ({ producer, params: { id }, form, caller }) => {
    const searched = await producer.request(id);
    if (searched === undefined) throw notFound();
    const { searchId } = await producer.enqueue(
      narrowedRequest(searched, form as FormValues),
      payerOf(caller),
    );
    return addressOf(searchId);
  });

  route('POST', '/estimate', 'read', async ({ reply, producer, form, caller }) => {
    try {
      const request = requestFromForm(form, marketplace);
      const understood = understoodText(request);
      const estimate = await producer.estimate(request, payerOf(caller));
      const now = await producer.now();
      const texts = estimateTexts(estimate, (iso) => distanceText(iso, now));
      const { calls, share, budget, queue, finish } = texts;
      const left = budget === undefined ? '' : ` · ${budget}`;
      return send(
        reply,
        html`${understood && `${understood} · `}${calls} · ${share}${left} · ${queue} · done ${finish}`,
      );
    } catch (error) {
      return send(reply, html`${mistakesIn(error)[0]?.message}`);
    }
  });
}

async function home(
  { quotaOf, latestOf, marketplace }: Page,
  { caller: { tenant }, csrf, producer, form: values }: Visit,
  mistakes: Filled['mistakes'],
): Promise<Document> {
  const [quota, events, schedules, now] = await Promise.all([
    quotaOf(tenant),
    latestOf(tenant),
    producer.schedule.list(),
    producer.now(),
  ]);
  const shown = { values, marketplace, mistakes, quota, events, schedules, csrf, now };
  return { title: 'Search', content: homeView(shown), scripts: ['search'] };
}
