import { asFailure, Failure } from '../../../failures.ts';
import { isMarketplace } from '../../../product/marketplaces.ts';
import { MAX_IMAGE_LENGTH, type SearchRequest } from '../../../product/requestSchema.ts';
import { payerOf } from '../../access.ts';
import type { FormValues } from '../../auth/login.ts';
import { notFound } from '../../problem.ts';
import { type Document, html } from '../html.ts';
import { newestNews } from '../news/newsRoutes.ts';
import { addressOf } from '../result/selection.ts';
import type { Answer, Page, Visit } from '../visit.ts';
import { destinationOf, forgetDestination, rememberDestination } from './destination.ts';
import { estimateView } from './estimateView.ts';
import { requestFromForm, understoodText, valuesFrom } from './formRequest.ts';
import { homeView } from './homeView.ts';
import { labelOf, type Mistake, mistakesIn } from './mistakes.ts';
import { changedRequest } from './narrowing.ts';
import type { CategoryChoice, Filled } from './searchForm.ts';
import { categoryIdIn } from './typed.ts';

/** Of a form with a picture: its Base64, which a form writes a little longer. */
const FORM_LIMIT = 1.2 * MAX_IMAGE_LENGTH;

/** What of a form is not searched yet. */
type Wrong = Pick<Filled, 'values' | 'mistakes' | 'categories'>;

export function searchRoutes(page: Page): void {
  const { app, marketplace, route, send, show } = page;

  route('GET', '/', 'read', async (visit) => {
    const values = { ...destinationOf(visit.reply.request), ...visit.query };
    return show(visit, await home(page, visit, { values, mistakes: [] }));
  });

  const refuse = async (visit: Visit, wrong: Wrong) =>
    show({ ...visit, reply: visit.reply.code(400) }, await home(page, visit, wrong));

  const add: Answer = async (visit) => {
    const { reply, producer, form, caller } = visit;
    let values = { ...form } as FormValues;
    const { id, mistake, categories } = await categoryOf(page, visit);
    if (id !== undefined) values = { ...values, category: id };
    const request = await withPicture(visit, requestFromForm(values, marketplace));
    try {
      if (mistake !== undefined) {
        // What else is wrong is said at once.
        const { categoryIds: _category, ...rest } = request;
        await producer.estimate(rest as SearchRequest, payerOf(caller));
        return refuse(visit, { values: form, mistakes: [mistake], categories });
      }
      const { searchId } = await producer.enqueue(request, payerOf(caller));
      const { marketplace: site } = values;
      rememberDestination(reply, { ...request.shipTo, ...(site && { marketplace: site }) }, app.basePath);
      return addressOf(searchId, request.sort === 'price' ? { order: 'delivered' } : {});
    } catch (error) {
      const mistakes = [...mistakesIn(error, values, marketplace), ...(mistake ? [mistake] : [])];
      return refuse(visit, { values: form, mistakes, categories });
    }
  };
  route('POST', '/searches', 'enqueue', add, { bodyLimit: FORM_LIMIT });

  route('POST', '/searches/:id/narrow', 'enqueue', async (visit) => {
    const { producer, params, form, caller } = visit;
    const searched = await producer.request(params.id);
    if (searched === undefined) throw notFound();
    try {
      const { searchId } = await producer.enqueue(changedRequest(searched, form), payerOf(caller));
      return addressOf(searchId);
    } catch (error) {
      const values = valuesFrom(searched, params.id);
      return refuse(visit, { values, mistakes: mistakesIn(error, values, marketplace) });
    }
  });

  route('POST', '/forget-destination', 'read', async ({ reply }) => {
    forgetDestination(reply, app.basePath);
    return '/';
  });

  route('POST', '/estimate', 'read', async ({ reply, producer, form, caller }) => {
    // A category changes no number of calls, and its name is looked up once the search is started.
    const { category = '', ...others } = form;
    const values = { ...others, ...(categoryIdIn(category.slice(0, 200)) !== undefined && { category }) };
    try {
      const request = requestFromForm(values as FormValues, marketplace);
      // A category alone is enough to search for.
      if (category.trim() !== '') request.categoryIds ??= ['0'];
      const understood = understoodText(request);
      const estimate = await producer.estimate(request, payerOf(caller));
      return send(
        reply,
        html`${understood && `${understood} · `}${estimateView(estimate, await producer.now())}`,
      );
    } catch (error) {
      const [first] = mistakesIn(error, form, marketplace);
      const label = labelOf(first?.field ?? '');
      return send(
        reply,
        html`<span class="few">${label && `${label.replace(/\?$/, '')}: `}${first?.message}</span>`,
      );
    }
  });
}

/** The picture of a search that is changed is in that search alone. */
async function withPicture({ producer, form }: Visit, request: SearchRequest): Promise<SearchRequest> {
  const { imageOf } = form;
  const isAsked = request.query === undefined && request.gtin === undefined && request.items === undefined;
  if (!imageOf || request.image !== undefined || !isAsked) return request;
  const image = (await producer.request(imageOf).catch(() => undefined))?.image;
  return image === undefined ? request : { ...request, image };
}

interface TypedCategory {
  /** Undefined: none was typed, or its number. */
  id?: string;
  mistake?: Mistake;
  categories?: readonly CategoryChoice[];
}

/** The category that was typed by its name. Of several that it may mean a person chooses one. */
async function categoryOf(
  { categoriesOf, marketplace }: Page,
  { form, caller }: Visit,
): Promise<TypedCategory> {
  // A button of a choice sends its own value behind that of the field.
  const text = form.category?.split('\n').at(-1)?.trim().slice(0, 100) ?? '';
  if (text === '' || categoryIdIn(text) !== undefined) return text === '' ? {} : { id: text };
  const { names } = categoriesOf(caller.tenant);
  const site = form.marketplace ?? marketplace;
  const field = 'category';
  if (!isMarketplace(site)) return {};
  try {
    const { categories } = await names.suggested(site, text);
    const same = categories.filter(({ name }) => name.toLowerCase() === text.toLowerCase());
    const [only] = same.length > 0 ? same : categories;
    if (only !== undefined && (same.length === 1 || categories.length === 1)) return { id: only.id };
    if (only === undefined)
      return {
        mistake: { field, message: 'eBay knows no category for this: enter its number, or other words.' },
      };
    return { categories, mistake: { field, message: 'Several categories fit. Choose one:' } };
  } catch (thrown) {
    const { code } = asFailure(thrown);
    if (code === 'internal' && !(thrown instanceof Failure)) throw thrown;
    const message = 'eBay’s names of categories cannot be read now: enter the number of the category.';
    return { mistake: { field, message } };
  }
}

async function home(page: Page, visit: Visit, wrong: Wrong): Promise<Document> {
  const { quotaOf, marketplace } = page;
  const { caller, csrf, producer, reply } = visit;
  const [quota, news, schedules, lists, now] = await Promise.all([
    quotaOf(caller.tenant),
    newestNews(page, visit),
    producer.schedule.list(),
    producer.watchlists.list(),
    producer.now(),
  ]);
  const destination = destinationOf(reply.request);
  const shown = { ...wrong, marketplace, destination, quota, news, schedules, csrf, now };
  return {
    title: 'Search',
    content: homeView({ ...shown, watchlists: lists.length, mayEnqueue: visit.may('enqueue') }),
    scripts: ['search'],
  };
}
