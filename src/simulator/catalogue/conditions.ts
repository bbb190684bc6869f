import type { Language } from './marketplaces.ts';

/** Condition ids are the same everywhere; their texts follow the language of the listing's site. */
const TEXTS: Readonly<Record<string, Readonly<Record<Language, string>>>> = {
  '1000': { en: 'New', de: 'Neu', fr: 'Neuf', it: 'Nuovo', es: 'Nuevo', nl: 'Nieuw', pl: 'Nowy' },
  '1500': {
    en: 'Open box',
    de: 'Neu: Sonstige',
    fr: 'Ouvert (jamais utilisé)',
    it: 'Nuovo (altro)',
    es: 'Caja abierta',
    nl: 'Nieuw: overige',
    pl: 'Nowy inny',
  },
  '2020': {
    en: 'Very Good - Refurbished',
    de: 'Sehr gut - Refurbished',
    fr: 'Très bon état - Reconditionné',
    it: 'Ottimo - Ricondizionato',
    es: 'Muy bueno - Reacondicionado',
    nl: 'Zeer goed - Refurbished',
    pl: 'Bardzo dobry - odnowiony',
  },
  '2030': {
    en: 'Good - Refurbished',
    de: 'Gut - Refurbished',
    fr: 'Bon état - Reconditionné',
    it: 'Buono - Ricondizionato',
    es: 'Bueno - Reacondicionado',
    nl: 'Goed - Refurbished',
    pl: 'Dobry - odnowiony',
  },
  '3000': {
    en: 'Used',
    de: 'Gebraucht',
    fr: 'Occasion',
    it: 'Usato',
    es: 'De segunda mano',
    nl: 'Gebruikt',
    pl: 'Używany',
  },
  '7000': {
    en: 'For parts or not working',
    de: 'Als Ersatzteil / defekt',
    fr: 'Pour pièces détachées',
    it: 'Per parti di ricambio',
    es: 'Para piezas o no funciona',
    nl: 'Voor onderdelen of defect',
    pl: 'Na części lub uszkodzony',
  },
};

/** Ids that eBay knows although no listing of the simulator has them. */
const ALSO_KNOWN = new Set(['1750', '2000', '2010', '2500', '2750', '2990', '3010', '4000', '5000', '6000']);

export function conditionText(id: string, language: Language): string {
  return TEXTS[id]?.[language] ?? 'Unspecified';
}

export function isConditionId(id: string): boolean {
  return Object.hasOwn(TEXTS, id) || ALSO_KNOWN.has(id);
}

/** The coarse value of the `conditions` filter that an id belongs to. */
export function conditionClass(id: string | null): 'NEW' | 'USED' | 'UNSPECIFIED' {
  if (id === null) return 'UNSPECIFIED';
  return Number(id) < 2000 ? 'NEW' : 'USED';
}
