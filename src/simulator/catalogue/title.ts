import leven from 'leven';
import { pick, type Random } from '../random.ts';
import { FAMILIES, type Family } from './families.ts';
import type { Language } from './marketplaces.ts';

/** Made-up brands: none of them is meant to be a real one. */
const BRANDS = (
  'Voltara|Nexley|Kordia|Brightfen|Ostrava|Lumiq|Pelwick|Tarnhill|Quorra|Zephling|' +
  'Haldane & Roe|Mirelle|Fjordik|Anvilox|Corvane|Dunmarsh|Elquist|Grantlow|Ivoria'
).split('|');

export const COLOURS = ['Black', 'White', 'Blue', 'Red', 'Green', 'Grey', 'Pink', 'Silver', 'Gold', 'Purple'];

const TAILS: Readonly<Record<Language, readonly string[]>> = {
  en: ['Fast Shipping', 'Gift', 'New', 'UK Stock', 'Free Returns', 'Tested', 'Best Price', 'Bundle'],
  de: ['Neu', 'OVP', 'Blitzversand', 'Händler', 'Garantie', 'Geschenk', 'Top Zustand'],
  fr: ['Neuf', 'Livraison rapide', 'Garantie', 'Cadeau', 'Très bon état'],
  it: ['Nuovo', 'Spedizione gratuita', 'Garanzia', 'Regalo'],
  es: ['Nuevo', 'Envío gratis', 'Garantía', 'Regalo'],
  nl: ['Nieuw', 'Gratis verzending', 'Garantie', 'Cadeau'],
  pl: ['Nowy', 'Szybka wysyłka', 'Gwarancja', 'Prezent'],
};

/** eBay's own limit on a title. */
const MAX_TITLE = 80;

/** Writes a seller's title. The words it is made of come with it: the item's aspects repeat them. */
export function writeTitle(random: Random, family: Family, language: Language) {
  const brand = random() < 0.7 ? pick(random, BRANDS) : null;
  const feature = pick(random, family.features);
  const second = pick(random, family.features);
  const version = pick(random, family.versions);
  const colour = pick(random, COLOURS);
  const parts = [
    brand,
    feature,
    family.noun,
    language === 'de' && random() < 0.6 ? family.german : null,
    random() < 0.75 ? version : null,
    second !== feature && random() < 0.5 ? second : null,
    random() < 0.45 ? colour : null,
    random() < 0.2 ? pick(random, TAILS[language]) : null,
  ].filter((part) => part !== null);
  while (parts.join(' ').length > MAX_TITLE) parts.pop();
  return { title: parts.join(' '), brand, colour, feature, version };
}

/** Every word that any title of the family could hold, so that whole families can be skipped. */
export function vocabulary(family: Family, language: Language): string {
  const german = language === 'de' ? family.german : '';
  const { noun, features, versions } = family;
  return [noun, german, ...features, ...versions, ...BRANDS, ...COLOURS, ...TAILS[language]].join(' ');
}

/**
 * Words as the search engine sees them: lower case, split at anything that is no letter or digit,
 * without a plural `s`, so that `phone cases` finds a `Phone Case`.
 */
function words(text: string): string[] {
  const found = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return found.map((word) => (word.length > 3 && word.endsWith('s') ? word.slice(0, -1) : word));
}

/** A title prepared for `matchesKeywords`: every word has a space on both sides. */
export function indexed(text: string): string {
  return ` ${words(text).join(' ')} `;
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

/** Keywords with every word that no title holds replaced by one that differs in one letter, where there is one. */
export function correctKeywords(q: string, language: Language): string {
  const known = new Set(FAMILIES.flatMap((family) => words(vocabulary(family, language))));
  return q.replace(/[\p{L}\p{N}]{4,}/gu, (written) => {
    const [word = ''] = words(written);
    return known.has(word) ? written : ([...known].find((each) => leven(word, each) === 1) ?? written);
  });
}

/** Whether an index (see `indexed`) has the words of every term. */
export function matchesKeywords(terms: readonly KeywordTerm[], index: string): boolean {
  return terms.every((term) =>
    term.some((alternative) => alternative.every((word) => index.includes(` ${word} `))),
  );
}
