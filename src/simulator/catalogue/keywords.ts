/**
 * Words as the search engine sees them: lower case, split at anything that is no letter or digit,
 * without a plural `s`, so that `phone cases` finds a `Phone Case`.
 */
export function words(text: string): string[] {
  const found = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return found.map((word) => (word.length > 3 && word.endsWith('s') ? word.slice(0, -1) : word));
}

/** A title prepared for `contains`: every word has a space on both sides. */
export function indexed(text: string): string {
  return ` ${words(text).join(' ')} `;
}

export function contains(index: string, word: string): boolean {
  return index.includes(` ${word} `);
}

/** All of these must hold; each holds when every word of one of its alternatives is there. */
export type KeywordTerm = readonly (readonly string[])[];

/** Reads eBay's keyword syntax: a space means AND, `(a, b)` means OR. */
export function parseKeywords(q: string): KeywordTerm[] {
  const terms: KeywordTerm[] = [];
  for (const part of q.match(/\([^)]*\)?|[^\s(]+/g) ?? []) {
    if (part.startsWith('(')) {
      const alternatives = part.replace(/[()]/g, '').split(',').map(words);
      terms.push(alternatives.filter((each) => each.length > 0));
    } else {
      for (const word of words(part)) terms.push([[word]]);
    }
  }
  return terms.filter((term) => term.length > 0);
}

export function matchesKeywords(terms: readonly KeywordTerm[], has: (word: string) => boolean): boolean {
  return terms.every((term) => term.some((alternative) => alternative.every(has)));
}
