import type { Listing } from '../catalogue/listing.ts';
import { browseError, type ErrorDetail } from '../errors.ts';
import { readSet, splitFilters } from './filterSyntax.ts';
import type { Test } from './filters.ts';

/** Aspects that can be filtered by, with what a listing says for them. */
const ASPECTS: Readonly<Record<string, (listing: Listing) => string>> = {
  Brand: ({ wording }) => wording.brand ?? 'Unbranded',
  Type: ({ family }) => family.noun,
  Color: ({ wording }) => wording.colour,
  Colour: ({ wording }) => wording.colour,
  Farbe: ({ wording }) => wording.colour,
  Features: ({ wording }) => wording.feature,
  Model: ({ wording }) => wording.version,
};

/** `categoryId:ID,Aspect:{A|B},…`, where the category has to be the one searched in. */
export function readAspectFilter(
  text: string | null,
  categoryId: string | null,
): { tests: Test[]; warnings: ErrorDetail[] } {
  if (text === null) return { tests: [], warnings: [] };
  const parts = splitFilters(text);
  const category = parts.find(({ name }) => name === 'categoryId')?.value;
  if (category === undefined || category !== categoryId) {
    return { tests: [], warnings: [browseError(12017)] };
  }
  const tests: Test[] = [];
  const warnings: ErrorDetail[] = [];
  for (const { name, value } of parts) {
    if (name === 'categoryId') continue;
    const read = Object.hasOwn(ASPECTS, name) ? ASPECTS[name] : undefined;
    const wanted = readSet(value);
    if (read === undefined || wanted === null) {
      warnings.push(browseError(12018, { aspectFilter: `${name}:${value}` }));
    } else {
      tests.push((listing) => wanted.includes(read(listing)));
    }
  }
  return { tests, warnings };
}

/** The aspect's names and values in a set of listings, most frequent first. */
export function aspectValues(listings: readonly Listing[], name: string): [string, number][] {
  const counts = new Map<string, number>();
  for (const listing of listings) {
    const value = ASPECTS[name]?.(listing) ?? '';
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]);
}
