import { createHash } from 'node:crypto';

/**
 * How the listings of a watchlist are looked at: a search by sellers and category shows up to 200 listings a call, a call for
 * an item shows one. Which is cheaper follows from how many listings the sellers have in the category, which the first page of
 * a search says.
 */

/** What is known of a listing of the list. */
export interface Known {
  entry: string;
  /** Null: not known yet, or its name cannot stand in a filter. */
  seller: string | null;
  category: string | null;
  /** A search can show it: it is sold at a fixed price, watched as a whole, and its number left is not watched. */
  isSearchable: boolean;
  /** A call has been answered about it. */
  isKnown: boolean;
  /** It has ended, or is sold out: no search shows it. */
  isAway: boolean;
}

/** How the listings of a group are looked at. */
export interface Group {
  /** Unique in the list; another group never gets it. */
  id: string;
  /** `search`: by sellers and category; `items`: a call each; `new`: a call each for some, to learn their sellers. */
  kind: 'search' | 'items' | 'new';
  category: string | null;
  sellers: string[];
  members: string[];
  /** Listings that the search finds; null: not measured yet, so its first look asks for one page. */
  total: number | null;
  /** The search has shown one page of its listings only: the first look at all of them may show further members. */
  isPartly?: true | undefined;
}

/** `CATEGORY SELLER` → how many listings the seller has in the category, as measured. */
export type Totals = ReadonlyMap<string, number>;

const PAGE = 200;
/** eBay shows so many listings of a search (12029). */
const REACHABLE = 10_000;
/**
 * Listings that the sellers of one search have together at most: 15 pages, unless one seller has more. The last page of each
 * search is half empty on average.
 */
const MOST_TOGETHER = 3000;
/** eBay's limit is 250 (12032). All names stand in the address, of which 2,000 characters are safe everywhere. */
const MOST_SELLERS = 250;
const MOST_CHARACTERS = 1500;
/** Sellers of whom one listing is watched are measured together. */
const MEASURED_TOGETHER = 20;
const ITEMS_TOGETHER = 200;
/** Members of the group `new`. A look takes a part of them: searches then show most of the others. */
const MOST_NEW = 2000;

export const atomOf = (category: string, seller: string) => `${category} ${seller}`;

interface Atom {
  key: string;
  category: string;
  seller: string;
  members: string[];
  /** Members that a search can show now. */
  live: number;
  total: number | undefined;
  /** Not all of its listings have been looked at yet. */
  isPartly: boolean;
}

/**
 * Forms the groups. Those that there are keep their ids and their sellers where possible, since what is learned about how
 * often something changes is kept by group.
 * @param nextId a new id each time @param partly sellers of whom one page was seen only, or who are measured alone @param born what the ids of the other groups begin with
 */
export function formGroups(
  listings: readonly Known[],
  totals: Totals,
  before: readonly Group[],
  nextId: () => string,
  born = '',
  partly: ReadonlySet<string> = new Set(),
): Group[] {
  const atoms = new Map<string, Atom>();
  const alone: string[] = [];
  const unknown: string[] = [];
  for (const { entry, seller, category, isSearchable, isKnown, isAway } of listings) {
    if (!isSearchable) alone.push(entry);
    else if (seller === null || category === null) (isKnown ? alone : unknown).push(entry);
    else {
      const key = atomOf(category, seller);
      const atom = atoms.get(key) ?? {
        key,
        category,
        seller,
        members: [],
        live: 0,
        total: totals.get(key),
        isPartly: partly.has(key),
      };
      atom.members.push(entry);
      if (!isAway) atom.live += 1;
      atoms.set(key, atom);
    }
  }
  const packs = new Packs(before, nextId);
  const measured: Atom[] = [];
  const unmeasured: Atom[] = [];
  for (const atom of atoms.values()) (atom.total === undefined ? unmeasured : measured).push(atom);
  for (const atom of measured) {
    if (isWorthSearching(atom)) packs.place(atom);
    else alone.push(...atom.members);
  }
  const groups: Group[] = [];
  for (const { atoms: own, ...group } of packs.groups()) {
    const total = own.reduce((sum, atom) => sum + (atom.total ?? 0), 0);
    const live = own.reduce((sum, atom) => sum + atom.live, 0);
    const members = own.flatMap((atom) => atom.members);
    // What one seller would share with others may be a page for fewer listings than it costs calls.
    if (pagesOf(total) > Math.max(live, 1)) alone.push(...members);
    else
      groups.push({
        ...group,
        kind: 'search',
        sellers: own.map(({ seller }) => seller),
        members,
        total: Math.round(total),
        ...(own.some(({ isPartly }) => isPartly) && { isPartly: true as const }),
      });
  }
  groups.push(...measurements(unmeasured, before, nextId));
  if (unknown.length > 0)
    groups.push({
      id: `${born}new`,
      kind: 'new',
      category: null,
      sellers: [],
      members: spread(unknown).slice(0, MOST_NEW),
      total: null,
    });
  return [...groups, ...itemGroups(alone, born)];
}

export function pagesOf(total: number): number {
  return Math.max(1, Math.ceil(Math.min(total, REACHABLE) / PAGE));
}

/** Calls of a look: pages, and calls for what a search cannot reach or does not show. */
export function expectedCalls({ kind, members, total }: Pick<Group, 'kind' | 'members' | 'total'>): number {
  if (kind === 'new') return newAtOnce(members.length);
  if (kind === 'items') return members.length;
  if (total === null) return 1;
  const beyond = total > REACHABLE ? members.length * (1 - REACHABLE / total) : 0;
  return pagesOf(total) + Math.ceil(beyond + members.length / 100);
}

/** How many listings of unknown sellers a look asks for: the searches that follow show others of the same sellers. */
export function newAtOnce(unknown: number): number {
  return Math.min(unknown, PAGE, Math.max(10, Math.ceil(unknown / 40)));
}

/** In a search with others a seller takes only the part of a page that its listings fill. */
function isWorthSearching({ total = 0, live }: Atom): boolean {
  const reached = Math.min(1, REACHABLE / Math.max(total, 1));
  return Math.min(total, REACHABLE) / PAGE < live * reached;
}

/** Groups of sellers that are not measured yet: alone, or of whom one listing is watched some together. */
function measurements(atoms: readonly Atom[], before: readonly Group[], nextId: () => string): Group[] {
  const known = new Map(
    before
      .filter(({ kind, total }) => kind === 'search' && total === null)
      .map((group) => [keyOf(group), group.id]),
  );
  const groups: Group[] = [];
  const add = (some: readonly Atom[]) => {
    const category = (some[0] as Atom).category;
    const sellers = some.map(({ seller }) => seller);
    const id = known.get(keyOf({ category, sellers })) ?? nextId();
    groups.push({
      id,
      kind: 'search',
      category,
      sellers,
      members: some.flatMap(({ members }) => members),
      total: null,
    });
  };
  const single = new Map<string, Atom[]>();
  for (const atom of atoms) {
    if (atom.members.length > 1 || atom.isPartly) add([atom]);
    else single.set(atom.category, [...(single.get(atom.category) ?? []), atom]);
  }
  for (const own of single.values())
    for (let from = 0; from < own.length; from += MEASURED_TOGETHER)
      add(own.slice(from, from + MEASURED_TOGETHER));
  return groups;
}

function keyOf({ category, sellers }: Pick<Group, 'category' | 'sellers'>): string {
  return JSON.stringify([category, ...sellers]);
}

interface Pack {
  id: string;
  category: string;
  atoms: Atom[];
  total: number;
  characters: number;
  /** Sellers that it had before. */
  sellers: number;
  /** Others may join. */
  isOpen: boolean;
}

function emptyPack(id: string, category: string): Pack {
  return { id, category, atoms: [], total: 0, characters: 0, sellers: 0, isOpen: true };
}

/** Searches that are filled with sellers of one category. */
class Packs {
  readonly #packs: Pack[] = [];
  readonly #before = new Map<string, Pack>();
  readonly #nextId: () => string;

  constructor(before: readonly Group[], nextId: () => string) {
    this.#nextId = nextId;
    for (const { id, kind, category, sellers, total } of before) {
      if (kind !== 'search' || total === null || category === null) continue;
      const pack = { ...emptyPack(id, category), sellers: sellers.length };
      this.#packs.push(pack);
      for (const seller of sellers) this.#before.set(atomOf(category, seller), pack);
    }
  }

  place(atom: Atom): void {
    const own = this.#before.get(atom.key);
    const fits = (pack: Pack, most: number) =>
      pack.category === atom.category &&
      (pack.atoms.length === 0 || pack.total + (atom.total ?? 0) <= most) &&
      pack.atoms.length < MOST_SELLERS &&
      pack.characters + atom.seller.length + 3 <= MOST_CHARACTERS;
    const isAlone = own?.sellers === 1 && own.atoms.length === 0;
    // A seller stays where it is, also when the search has grown a little.
    let pack = own !== undefined && !isAlone && fits(own, MOST_TOGETHER * 1.5) ? own : undefined;
    // The first look at all of its listings is one for itself: those of the others have been seen.
    if (atom.isPartly) pack = isAlone ? own : undefined;
    else
      pack ??= this.#packs.find((each) => each.isOpen && each.atoms.length > 0 && fits(each, MOST_TOGETHER));
    // What was alone keeps its id, as it was looked at under this one.
    if (pack === undefined && isAlone) pack = own;
    if (pack === undefined) {
      pack = emptyPack(this.#nextId(), atom.category);
      this.#packs.push(pack);
    }
    if (atom.isPartly) pack.isOpen = false;
    pack.atoms.push(atom);
    pack.total += atom.total ?? 0;
    pack.characters += atom.seller.length + 3;
  }

  groups() {
    return this.#packs
      .filter(({ atoms }) => atoms.length > 0)
      .map(({ id, category, atoms }) => ({ id, category: category as string | null, atoms }));
  }
}

/** Groups that stay the same while few listings come or go. */
function itemGroups(entries: readonly string[], born: string): Group[] {
  let buckets = 1;
  while (entries.length > buckets * ITEMS_TOGETHER * 0.6) buckets *= 2;
  const members = new Map<number, string[]>();
  for (const entry of entries) {
    const bucket = hashOf(entry) % buckets;
    members.set(bucket, [...(members.get(bucket) ?? []), entry]);
  }
  return [...members].map(([bucket, own]) => ({
    id: `${born}i${buckets}x${bucket}`,
    kind: 'items' as const,
    category: null,
    sellers: [],
    members: own,
    total: null,
  }));
}

/** In an order of their own: neighbours in a file often have one seller. */
function spread(entries: readonly string[]): string[] {
  return entries.toSorted((a, b) => hashOf(a) - hashOf(b) || (a < b ? -1 : 1));
}

function hashOf(text: string): number {
  return createHash('sha1').update(text).digest().readUInt32BE();
}
