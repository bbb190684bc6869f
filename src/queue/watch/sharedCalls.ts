import { createHash, hash } from 'node:crypto';
import type { PageAnswer } from '../../collector/answers.ts';
import { MAX_PAGE_SIZE } from '../../collector/paging.ts';
import { normalForm } from '../../product/parseRequest.ts';
import type { Product } from '../../product/product.ts';
import { MAX_QUERY_LENGTH, type NormalRequest } from '../../product/requestSchema.ts';

/**
 * Searches that share a call. Searches for new listings that differ in one word only are asked for together, `(a, b, c)`,
 * and the answer is split: a member gets the products that its own call would have shown it, or makes that call itself.
 */

/** A schedule whose search may share a call. */
export interface Sharer {
  readonly name: string;
  /** What it looks for. */
  readonly word: string;
  /** What its request must have in common with those it shares with, see `shareKeyOf`. */
  readonly key: string;
  /** Changes expected a day. */
  readonly rate: number;
  readonly value: number;
}

/** Schedules that share a call. */
export interface SharedGroup {
  /** Stays as long as the group does, also where members join or leave. */
  readonly id: string;
  readonly key: string;
  readonly members: readonly string[];
}

/** One word of a script with spaces: eBay documents `(a, b)` for single keywords, and no escape of its signs. */
const WORD = /^[\p{L}\p{N}]{2,60}$/u;
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;
/** They may be signs of the grammar too. */
const RESERVED = new Set(['and', 'or', 'not']);

/** The word that a request looks for; undefined where it may share no call. */
export function wordOf(request: NormalRequest): string | undefined {
  const { query, sort, marketplaces, track, maxItems, filters } = request;
  const word = normalWord(query ?? '');
  const isPlain =
    sort === 'newlyListed' &&
    marketplaces.length === 1 &&
    track !== undefined &&
    maxItems > 1 &&
    !request.facets &&
    !request.autoCorrect &&
    // A description is not in the answer: no word of it says why a product is there.
    !filters.searchInDescription;
  return isPlain && WORD.test(word) && !UNSPACED.test(word) && !RESERVED.has(word) ? word : undefined;
}

/** What decides on eBay's answer. Everything else is applied to the answer here, or asked for afterwards. */
function askedOf(request: NormalRequest) {
  const { categoryIds, marketplaces, sort, filters, shipTo, language, reference, strictFilters } = request;
  return { categoryIds, marketplaces, sort, filters, shipTo, language, reference, strictFilters };
}

/** The same for requests that differ at eBay in their word only. */
export function shareKeyOf(request: NormalRequest): string {
  return digest(JSON.stringify(normalForm(askedOf(request) as NormalRequest)));
}

/** The search whose answer is split: one call, the newest listings of all members. */
export function sharedRequest(first: NormalRequest, words: readonly string[]): NormalRequest {
  const { v, tenant, priority } = first;
  const own = Object.entries(askedOf(first)).filter(([, value]) => value !== undefined);
  return {
    ...(v !== undefined && { v }),
    ...(Object.fromEntries(own) as ReturnType<typeof askedOf>),
    query: jointQuery(words),
    maxItems: MAX_PAGE_SIZE,
    maxCalls: 1,
    details: 'none',
    maxAge: 0,
    onFailure: 'fail',
    priority,
    tenant,
  } as NormalRequest;
}

/** A single word needs no group. */
export function jointQuery(words: readonly string[]): string {
  const different = [...new Set(words)].sort();
  return different.length === 1 ? (different[0] as string) : `(${different.join(', ')})`;
}

/** Changes a day beyond which half of a page would be filled within two hours, so that members would often miss its reach. */
const MOST_CHANGES = MAX_PAGE_SIZE * 6;
/** Groups are formed again where that saves this part of the expected delay: a new group is looked at once more. */
const WORTH_FORMING = 0.1;

/**
 * Puts schedules into groups, each of them into one at most; one that is in none makes calls of its own.
 *
 * With a fixed number of calls the least total delay is proportional to (Σ √w)², where w is the sum of value × rate of what
 * a call shows. Each merging makes it smaller, most where the largest are together: groups are filled from the largest down.
 * @param previous groups as they are: they stay where forming them again saves little
 */
export function formGroups(sharers: readonly Sharer[], previous: readonly SharedGroup[] = []): SharedGroup[] {
  const sorted = sharers.toSorted((a, b) => worthOf(b) - worthOf(a) || (a.name < b.name ? -1 : 1));
  const byName = new Map(sharers.map((sharer) => [sharer.name, sharer]));
  const kept = previous.map(({ id, key, members }) => {
    const group = new Forming(key, id);
    for (const name of members) {
      const sharer = byName.get(name);
      if (sharer !== undefined && group.hasRoomFor(sharer)) group.add(sharer);
    }
    return group;
  });
  fill(kept, sorted);
  const ideal = fill([], sorted);
  if (costOf(kept, sorted) <= (1 + WORTH_FORMING) * costOf(ideal, sorted)) return groupsOf(kept);
  // The group that has most of a former one's members keeps its id, and with it the time of its last look.
  for (const former of previous) {
    const common = ({ members }: Forming) =>
      members.filter(({ name }) => former.members.includes(name)).length;
    const heir = ideal.filter(({ id }) => id === '').toSorted((a, b) => common(b) - common(a))[0];
    if (heir !== undefined && common(heir) > former.members.length / 2) heir.id = former.id;
  }
  return groupsOf(ideal);
}

function worthOf({ rate, value }: Sharer): number {
  return rate * value;
}

/** Each into the first group that has room. @param sorted the largest first */
function fill(groups: Forming[], sorted: readonly Sharer[]): Forming[] {
  const placed = new Set(groups.flatMap(({ members }) => members.map(({ name }) => name)));
  for (const sharer of sorted) {
    if (placed.has(sharer.name) || sharer.rate > MOST_CHANGES) continue;
    const group = groups.find((each) => each.hasRoomFor(sharer));
    if (group !== undefined) group.add(sharer);
    else {
      const begun = new Forming(sharer.key);
      begun.add(sharer);
      groups.push(begun);
    }
  }
  return groups;
}

/** Σ √w of all that is looked at. */
function costOf(groups: readonly Forming[], sharers: readonly Sharer[]): number {
  const grouped = new Set(groups.flatMap(({ members }) => members.map(({ name }) => name)));
  const alone = sharers.filter(({ name }) => !grouped.has(name)).map(worthOf);
  return [...groups.map(({ worth }) => worth), ...alone].reduce((sum, worth) => sum + Math.sqrt(worth), 0);
}

function groupsOf(forming: readonly Forming[]): SharedGroup[] {
  const groups = forming.filter(({ members }) => members.length > 1);
  const taken = new Set(groups.map(({ id }) => id));
  return groups.map(({ id, key, members }) => {
    const names = members.map(({ name }) => name);
    let own = id;
    // A group that began with the same members, and has others now, keeps the id that follows from them.
    for (let text = `${key} ${names.join(' ')}`; own === ''; text += ' ') {
      const next = digest(text);
      if (!taken.has(next)) own = next;
    }
    taken.add(own);
    return { id: own, key, members: names };
  });
}

class Forming {
  id: string;
  readonly key: string;
  readonly members: Sharer[] = [];
  worth = 0;
  #rate = 0;
  readonly #words = new Set<string>();

  constructor(key: string, id = '') {
    this.key = key;
    this.id = id;
  }

  hasRoomFor({ key, word, rate }: Sharer): boolean {
    if (key !== this.key || this.#rate + rate > MOST_CHANGES) return false;
    if (this.#words.has(word)) return true;
    const words = [...this.#words];
    return (
      jointQuery([...words, word]).length <= MAX_QUERY_LENGTH &&
      // What one of two similar words finds, the other may find too: each would ask about the products of the other.
      !words.some((each) => areSimilar(folded(each), folded(word)))
    );
  }

  add(sharer: Sharer): void {
    this.members.push(sharer);
    this.worth += worthOf(sharer);
    this.#rate += sharer.rate;
    this.#words.add(sharer.word);
  }
}

/** What a call of its own has shown about a member. Instants are ms since the epoch. */
export interface OwnLook {
  /** When eBay answered the last call of its own: which listings it finds was known then. */
  own: number;
  /** Until when its listings have been seen, by a call of its own or a shared one. */
  seen: number;
}

/** A listing may begin to be found so much later than its date says, in days: twice the lag that eBay's index is said to have. */
const INDEX_LAG = 1 / 48;

/** How long after its date a listing may begin to be found, ms. */
export function indexLagMs(dayMs: number): number {
  return dayMs * INDEX_LAG;
}

/** Some make it up to so much earlier than after a day, so that not all of a group do at once. */
const SPREAD = 0.2;

/** Whether a member is to make a call of its own in any case: it does so once a day. It shows what is found by other means. */
export function isOwnTurn({ name, own }: { name: string; own: number }, now: number, dayMs: number): boolean {
  const fraction = hash('sha1', name, 'buffer').readUInt32BE() / 2 ** 32;
  return now - own >= dayMs * (1 - SPREAD * fraction);
}

/** A member when an answer is split. */
export interface Member extends OwnLook {
  word: string;
  /** Whether its track holds this product. */
  knows: (itemId: string) => boolean;
}

/** Why a member makes a call of its own. */
export type OwnCallReason =
  /** The answer does not reach back to what the member has seen. */
  | 'reach'
  /** Whether a product belongs to it cannot be decided. */
  | 'unsure'
  /** eBay ignored a filter, corrected the query or showed nothing. */
  | 'answer';

/**
 * For each member the part of a shared answer that its own call would have shown, or why it must make that call.
 *
 * A product is the member's where its track knows it or its title has the word. It is not where the member's last call of
 * its own, made when the product was listed already, did not show it. It is undecided where its title has a similar word,
 * which may have the same stem, and where it has no member's word at all: eBay may have found it for any of them by other
 * means (an aspect, a category). One that another member's word explains counts as that one's alone.
 * @param margin how long after its date a listing may begin to be found, ms
 */
export function splitAnswer(
  page: PageAnswer,
  members: readonly Member[],
  margin: number,
): Array<PageAnswer | OwnCallReason> {
  const { products, warnings, correctedQuery } = page;
  if (products.length === 0 || warnings.length > 0 || correctedQuery !== undefined)
    return members.map(() => 'answer');
  const titles = products.map(({ title }) => indexed(title));
  const dates = products.map(({ listedAt }) =>
    listedAt === null ? Number.POSITIVE_INFINITY : Date.parse(listedAt),
  );
  const fits = members.map(({ word, knows, own }) =>
    products.map(({ itemId }, index): Fit => {
      if (knows(itemId)) return 'yes';
      const fit = fitOf(titles[index] as IndexedTitle, word);
      return fit !== 'yes' && (dates[index] as number) < own - margin ? 'not-shown' : fit;
    }),
  );
  const isExplained = products.map((_, index) => fits.some((fit) => EXPLAINING.has(fit[index] as Fit)));
  return members.map(({ seen }, place) => {
    if (page.hasNext && !reachesBackTo(seen - margin, dates)) return 'reach';
    const part: Product[] = [];
    for (const [index, product] of products.entries()) {
      const fit = fits[place]?.[index];
      if (fit === 'yes') part.push({ ...product, rank: part.length + 1 });
      else if (fit === 'similar' || (fit === 'no' && !isExplained[index])) return 'unsure';
    }
    return partOf(page, part);
  });
}

/** `not-shown`: a call of the member's own would have shown it, and did not. */
type Fit = 'yes' | 'similar' | 'no' | 'not-shown';
const EXPLAINING: ReadonlySet<Fit> = new Set(['yes', 'similar']);

function partOf({ facets: _, nextOffset: _next, ...page }: PageAnswer, products: Product[]): PageAnswer {
  const isWhole = !page.hasNext && Object.keys(page.rejected).length === 0;
  return {
    ...page,
    total: products.length,
    hasNext: !isWhole,
    // Behind the page is nothing that the member has not seen.
    ...(!isWhole && { endsAtKnown: true }),
    received: products.length,
    rejected: {},
    products,
    calls: 0,
  };
}

/** Of the last half of a page, so many must be older: eBay's order by date is not exact. */
const REACHED = 0.9;

function reachesBackTo(time: number, dates: readonly number[]): boolean {
  const tail = dates.slice(Math.floor(dates.length / 2));
  return tail.filter((date) => date < time).length >= REACHED * tail.length;
}

/** The words of a title, the same without accents, and these written as one. */
interface IndexedTitle {
  words: readonly string[];
  plain: readonly string[];
  joined: string;
}

function indexed(title: string): IndexedTitle {
  const words =
    title
      .normalize('NFC')
      .toLowerCase()
      .match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
  const plain = words.map(folded);
  return { words, plain, joined: plain.join('') };
}

function fitOf({ words, plain, joined }: IndexedTitle, word: string): 'yes' | 'similar' | 'no' {
  if (words.includes(word)) return 'yes';
  const own = folded(word);
  // `t shirt` and `t-shirt` for `tshirt`, and the other way round.
  return joined.includes(own) || plain.some((each) => areSimilar(each, own)) ? 'similar' : 'no';
}

/** Most of what its own answer shows must be decided by its word, or shared calls would save little. */
const MOST_SIMILAR = 0.1;

/** Whether a member's own answer shows nothing but products that its word explains: then a shared answer can be split. */
export function isExplained(products: readonly Pick<Product, 'title'>[], word: string): boolean {
  const fits = products.map(({ title }) => fitOf(indexed(title), word));
  const similar = fits.filter((fit) => fit === 'similar').length;
  return !fits.includes('no') && similar <= MOST_SIMILAR * fits.length;
}

function normalWord(text: string): string {
  return text.normalize('NFC').trim().toLowerCase();
}

const PLAIN = /^[a-z0-9]*$/;

/** Without accents. */
function folded(word: string): string {
  return PLAIN.test(word) ? word : word.normalize('NFKD').replace(/\p{M}/gu, '').replaceAll('ß', 'ss');
}

/** Endings of words are at most so long. */
const ENDING = 3;
const STEM = 3;

/** Whether two words without accents may have one stem, or one begins with the other. Numbers have no endings. */
function areSimilar(a: string, b: string): boolean {
  if (a.startsWith(b) || b.startsWith(a)) return true;
  let common = 0;
  while (a[common] === b[common]) common += 1;
  const stem = Math.max(STEM, Math.min(a.length, b.length) - ENDING);
  return common >= stem && !/\p{N}/u.test(a.slice(common) + b.slice(common));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
