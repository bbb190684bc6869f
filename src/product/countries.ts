import { closestMatch } from 'leven';

/** Officially assigned codes of ISO 3166-1 alpha-2, as in the Online Browsing Platform of ISO in 2025. */
const CODES = `
  AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY
  BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK
  FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR
  IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK
  ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM
  PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF
  TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW`
  .trim()
  .split(/\s+/);

/** Languages whose names of countries are understood. */
const LANGUAGES = ['en', 'de', 'fr', 'es', 'it'];

/** What people also write, as `plain` makes it. */
const ALIASES: Readonly<Record<string, string>> = {
  america: 'US',
  burma: 'MM',
  czechrepublic: 'CZ',
  england: 'GB',
  greatbritain: 'GB',
  holland: 'NL',
  hongkong: 'HK',
  ivorycoast: 'CI',
  macau: 'MO',
  scotland: 'GB',
  turkey: 'TR',
  uae: 'AE',
  uk: 'GB',
  usa: 'US',
  wales: 'GB',
};

export function isCountry(code: string): boolean {
  return CODES.includes(code);
}

/** How postal codes are written where that is certain. Of GB and CA the first half is one too, and of NL the digits. */
const POSTAL_CODES: readonly [countries: string, form: RegExp, example: string][] = [
  ['US', /^\d{5}(-?\d{4})?$/, '19406 or 19406-1234'],
  ['DE ES FR IT', /^\d{5}$/, '10115'],
  ['AT AU BE CH', /^\d{4}$/, '1010'],
  ['SG', /^\d{6}$/, '018956'],
  ['PL', /^\d{2}-?\d{3}$/, '00-001'],
  ['NL', /^\d{4}( ?[A-Z]{2})?$/i, '1012 AB'],
  ['GB', /^[A-Z]{1,2}\d[A-Z\d]?( ?\d[A-Z]{2})?$/i, 'SW1A 1AA'],
  ['CA', /^[A-Z]\d[A-Z]( ?\d[A-Z]\d)?$/i, 'K1A 0B1'],
];

/** Whether a postal code has its country's form; of other countries any has. */
export function isPostalCode(code: string, country: string): boolean {
  return POSTAL_CODES.find(([countries]) => countries.includes(country))?.[1].test(code) ?? true;
}

/** A postal code as a country writes it, where that is known. */
export function postalCodeSuch(country: string): string {
  return POSTAL_CODES.find(([countries]) => countries.includes(country))?.[2] ?? '';
}

/** The English name of a country; a code without one is its own name. */
export function countryName(code: string): string {
  return isCountry(code) ? nameIn(namesIn('en'), code) : code;
}

/** English names by code, in the order of the names. */
export function countryNames(): Record<string, string> {
  const english = namesIn('en');
  const { compare } = new Intl.Collator('en');
  const names = CODES.map((code) => [code, nameIn(english, code)] as const);
  return Object.fromEntries(names.sort(([, one], [, other]) => compare(one, other)));
}

/** The code of the country that a text most likely means; undefined where none is near. */
export function countryMeant(text: string): string | undefined {
  const wanted = plain(text.slice(0, 64));
  if (wanted === '') return undefined;
  const byName = new Map(Object.entries(ALIASES));
  for (const language of LANGUAGES) {
    const names = namesIn(language);
    for (const code of CODES) byName.set(plain(nameIn(names, code)), code);
  }
  const maxDistance = Math.floor(wanted.length / 3);
  return byName.get(wanted) ?? byName.get(closestMatch(wanted, [...byName.keys()], { maxDistance }) ?? '');
}

/** The end of a message about a text that is no country. */
export function countryHint(text: string): string {
  const meant = countryMeant(text);
  return meant === undefined ? '' : `; did you mean ${meant} (${countryName(meant)})?`;
}

function namesIn(language: string): Intl.DisplayNames {
  return new Intl.DisplayNames(language, { type: 'region' });
}

function nameIn(names: Intl.DisplayNames, code: string): string {
  return names.of(code) ?? code;
}

/** Letters alone, without accents and case. */
function plain(text: string): string {
  return text.normalize('NFD').toLowerCase().replace(/\P{L}/gu, '');
}
