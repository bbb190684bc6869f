import { pick, type Random } from '../random.ts';
import type { Family } from './families.ts';
import type { Language } from './marketplaces.ts';

/** Made-up brands: none of them is meant to be anyone's. */
const BRANDS = [
  [
    'Voltara',
    'Nexley',
    'Kordia',
    'Brightfen',
    'Ostrava',
    'Lumiq',
    'Pelwick',
    'Tarnhill',
    'Quorra',
    'Zephling',
  ],
  ['Haldane & Roe', 'Mirelle', 'Fjordik', 'Anvilox', 'Corvane', 'Dunmarsh', 'Elquist', 'Grantlow', 'Ivoria'],
].flat();

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

export interface Wording {
  readonly title: string;
  readonly brand: string | null;
  readonly colour: string;
  readonly feature: string;
  readonly version: string;
}

/** Writes a seller's title and remembers what it says, which the item's aspects repeat. */
export function writeTitle(random: Random, family: Family, language: Language): Wording {
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

/** Every word that any title of the family could hold, so that whole families can be passed over. */
export function vocabulary(family: Family, language: Language): string {
  const german = language === 'de' ? family.german : '';
  return [
    family.noun,
    german,
    ...family.features,
    ...family.versions,
    ...BRANDS,
    ...COLOURS,
    ...TAILS[language],
  ].join(' ');
}
