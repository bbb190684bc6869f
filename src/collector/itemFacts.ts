import type {
  WireAspect,
  WireCatalogueAspect,
  WireCatalogueProduct,
  WireConditionDescriptor,
  WireHazardLabels,
  WireItem,
  WireLabels,
  WireRatingCount,
  WireReviewRating,
} from '../ebay/wire.ts';
import type { ProductDetails } from '../product/product.ts';
import { readImages } from './mapItem.ts';
import { entries } from './saleTerms.ts';
import { decimal, distinct, fields, identifier, list, naturalNumber, text } from './untrusted.ts';

/** What an item answer says of the goods: names, numbers, aspects, condition, labels, reviews. All of it may be any JSON. */

type Unread<Wire> = { [Name in keyof Wire]?: unknown };

/** Aspect names in the languages of the sites that are searched. */
const BRAND = ['brand', 'marke', 'marque', 'marca', 'merk', 'marka', '品牌'];
const MANUFACTURER = [
  'manufacturer',
  'hersteller',
  'fabricant',
  'fabricante',
  'produttore',
  'fabrikant',
  'producent',
];
const MPN = [
  'mpn',
  'manufacturer part number',
  'herstellernummer',
  'numéro de pièce fabricant',
  'codice produttore',
  'número de pieza del fabricante',
  'fabrikantnummer',
  'numer katalogowy części',
  '製造商零件編號',
];
const GTIN = ['gtin', 'ean', 'upc', 'isbn'];
/** Names of companies and part numbers hold commas that divide nothing. */
const SINGLE = new Set([...BRAND, ...MANUFACTURER, ...MPN, ...GTIN]);

/** Texts that a seller enters where eBay demands a value and the product has none. Compared in lower case. */
const NOT_STATED = new Set([
  // The text of each site for a missing product identifier: `ProductIdentifierUnavailableText` in the answer of eBay's
  // Trading call GeteBayDetails. The list by site is the one that the feed service Lengow publishes in its help.
  ...['does not apply', 'nicht zutreffend', 'non applicable', 'non applicabile', 'no aplicable'],
  ...['niet van toepassing', 'nie dotyczy', '不适用', '不適用'],
  // The same in other words.
  ...[
    "ne s'applique pas",
    "doesn't apply",
    'not applicable',
    'not available',
    'not specified',
    'unspecified',
  ],
  ...['trifft nicht zu', 'entfällt', 'nicht angegeben', 'ohne angabe', 'keine angabe', 'nicht verfügbar'],
  ...['non spécifié', 'non précisé', 'aucun', 'aucune', 'sans objet'],
  ...['non specificato', 'non disponibile', 'nessuno', 'nessuna', 'non si applica'],
  ...['no se aplica', 'no especificado', 'sin especificar', 'no disponible', 'ninguno', 'ninguna'],
  ...[
    'niet gespecificeerd',
    'n.v.t.',
    'nvt',
    'geen',
    'nie określono',
    'brak',
    'nieokreślone',
    '未指定',
    '沒有',
  ],
  ...['none', 'n/a', 'na', 'n.a.', 'n. a.', 'null', 'nil', 'unknown', 'unbekannt', 'tbd', 'keine', 'kein'],
]);

/** Text that states something: neither a phrase of the table nor punctuation alone, such as `-`. */
function stated(value: unknown, maxLength = 200): string | null {
  const said = text(value, maxLength);
  if (said === null || !/[\p{L}\p{N}]/u.test(said)) return null;
  return NOT_STATED.has(said.toLowerCase().replace(/[’`´]/g, "'")) ? null : said;
}

/** UPC, EAN and ISBN are 8 to 14 digits, the last of an ISBN-10 maybe an X. One digit repeated stands for none. */
function readGtin(value: unknown): string | null {
  const gtin = identifier(value, 50);
  return gtin !== null && /^(\d{8,14}|\d{9}X)$/.test(gtin) && !/^(\d)\1+$/.test(gtin) ? gtin : null;
}

type Facts = Pick<
  ProductDetails,
  | 'brand'
  | 'mpn'
  | 'gtin'
  | 'color'
  | 'size'
  | 'sizeSystem'
  | 'sizeType'
  | 'material'
  | 'pattern'
  | 'gender'
  | 'ageGroup'
  | 'aspects'
>;

/** The aspects, and those that eBay names apart from the list. */
export function readFacts(item: Unread<WireItem>): Facts {
  const aspects = readAspects(item.localizedAspects);
  return {
    brand: stated(item.brand) ?? aspectOf(aspects, BRAND) ?? aspectOf(aspects, MANUFACTURER),
    mpn: stated(item.mpn) ?? aspectOf(aspects, MPN),
    gtin: readGtin(item.gtin) ?? readGtin(aspectOf(aspects, GTIN)),
    color: stated(item.color),
    size: stated(item.size),
    sizeSystem: stated(item.sizeSystem, 60),
    sizeType: stated(item.sizeType),
    material: stated(item.material),
    pattern: stated(item.pattern),
    gender: stated(item.gender, 100),
    ageGroup: stated(item.ageGroup, 100),
    aspects: Object.fromEntries(aspects),
  };
}

function readAspects(value: unknown): Map<string, string[]> {
  const aspects = new Aspects();
  for (const aspect of entries<WireAspect>(value, 200)) {
    const name = text(aspect.name, 100);
    if (name !== null) aspects.add(name, readValues(aspect.value, SINGLE.has(name.toLowerCase())));
  }
  return aspects.read();
}

/** Values by name, each once. A name may come again with more of them. */
class Aspects {
  readonly #values = new Map<string, Set<string>>();

  add(name: string, values: readonly string[]): void {
    // An own key of this name would reach the prototype of a copy of the aspects.
    if (values.length === 0 || name === '__proto__') return;
    const known = this.#values.get(name) ?? new Set();
    for (const value of values) if (known.size < MOST_VALUES) known.add(value);
    this.#values.set(name, known);
  }

  read(): Map<string, string[]> {
    return new Map([...this.#values].map(([name, values]) => [name, [...values]]));
  }
}

/** Of one name. */
const MOST_VALUES = 200;

/**
 * eBay's documents say that several values come as one text (`STRING_ARRAY`), and real answers join them with a comma and
 * a space whatever the type says: `"DirectX 12 Ultimate, CUDA, OpenCL 2.0"`.
 */
function readValues(value: unknown, single: boolean): string[] {
  if (Array.isArray(value)) return distinct(value.slice(0, 50).map((one) => stated(one, 500)));
  const said = stated(value, 500);
  if (said === null) return [];
  return single ? [said] : distinct(said.split(SEPARATOR).map((one) => stated(one, 500)));
}

/**
 * Between two values, and not: inside brackets; before a part of a name, as in `Korea, Republic of` and `Acme, Inc.`, which
 * are names in eBay's own lists.
 */
const SEPARATOR =
  /, (?![^()]*\))(?!(?:Republic|Democratic|Federated|United|Islamic|State|Province|Rep\.|Inc|Ltd|LLC|Co\b|Corp|GmbH)[\s.]?)/;

function aspectOf(aspects: ReadonlyMap<string, string[]>, names: readonly string[]): string | null {
  for (const [name, [value]] of aspects) {
    if (value !== undefined && names.includes(name.toLowerCase())) return text(value, 200);
  }
  return null;
}

export function readConditionDescriptors(value: unknown): ProductDetails['conditionDescriptors'] {
  return entries<WireConditionDescriptor>(value, 20).flatMap((descriptor) => {
    const name = text(descriptor.name, 200);
    if (name === null) return [];
    const values = list(descriptor.values).slice(0, 50);
    const info = values.flatMap((each) => list(fields(each)?.additionalInfo));
    return {
      name,
      values: texts(values.map((each) => fields(each)?.content)),
      info: texts(info),
    };
  });
}

function texts(values: readonly unknown[], maxLength = 500): string[] {
  return distinct(values.slice(0, 50).map((value) => text(value, maxLength)));
}

export function readRating(value: unknown): ProductDetails['rating'] {
  const rating: Unread<WireReviewRating> | null = fields(value);
  if (rating === null) return null;
  const average = decimal(rating.averageRating);
  const count = naturalNumber(rating.reviewCount);
  const byStars = new Map<string, number>();
  for (const { rating: stars, count } of entries<WireRatingCount>(rating.ratingHistograms, 10)) {
    const [name, reviews] = [identifier(stars, 5), naturalNumber(count)];
    if (name !== null && /^[\d.]+$/.test(name) && reviews !== null) byStars.set(name, reviews);
  }
  // Of no review eBay may say 0.0, which is no number of stars.
  const isAverage = average !== null && average >= 1 && average <= 5 && count !== 0;
  if (!isAverage && !count && byStars.size === 0) return null;
  return { average: isAverage ? average : null, count, byStars: Object.fromEntries(byStars) };
}

export function readHazards(value: unknown): ProductDetails['hazards'] {
  const labels: Unread<WireHazardLabels> = fields(value) ?? {};
  const read = {
    signalWord: text(labels.signalWord, 100),
    ...labelsOf(labels),
    note: text(labels.additionalInformation, 1000),
  };
  const isEmpty = read.signalWord === null && read.note === null && isUnlabelled(read);
  return isEmpty ? null : read;
}

export function readSafety(value: unknown): ProductDetails['safety'] {
  const read = labelsOf(fields(value) ?? {});
  return isUnlabelled(read) ? null : read;
}

type Labels = NonNullable<ProductDetails['safety']>;

function labelsOf({ statements, pictograms }: Unread<WireLabels>): Labels {
  return {
    statements: texts(list(statements).map((each) => fields(each)?.statementDescription)),
    pictograms: texts(
      list(pictograms).map((each) => fields(each)?.pictogramDescription),
      200,
    ),
  };
}

function isUnlabelled({ statements, pictograms }: Labels): boolean {
  return statements.length + pictograms.length === 0;
}

export function readCatalogue(value: unknown, hosts: RegExp | undefined): ProductDetails['catalogue'] {
  const product: Unread<WireCatalogueProduct> | null = fields(value);
  if (product === null) return null;
  const { title, brand, image, additionalImages } = product;
  return {
    title: text(title, 500),
    brand: stated(brand),
    identifiers: readIdentifiers(product),
    images: readImages({ image, additionalImages }, hosts),
    aspects: Object.fromEntries(readCatalogueAspects(product)),
  };
}

type Identifier = NonNullable<ProductDetails['catalogue']>['identifiers'][number];

function readIdentifiers(product: Unread<WireCatalogueProduct>): Identifier[] {
  const identities = list(product.additionalProductIdentities)
    .slice(0, 50)
    .flatMap((group) => list(fields(group)?.productIdentity).slice(0, 50))
    .map((each) => [fields(each)?.identifierType, fields(each)?.identifierValue]);
  const gtins = list(product.gtins).map((value) => ['GTIN', value]);
  const mpns = list(product.mpns).map((value) => ['MPN', value]);
  const read = new Map<string, Identifier>();
  for (const [type, value] of [...gtins, ...mpns, ...identities].slice(0, 200)) {
    const [name, number] = [identifier(type, 40), stated(value)];
    if (name !== null && number !== null) read.set(`${name} ${number}`, { type: name, value: number });
  }
  return [...read.values()];
}

function readCatalogueAspects({ aspectGroups }: Unread<WireCatalogueProduct>): Map<string, string[]> {
  const aspects = new Aspects();
  for (const group of list(aspectGroups).slice(0, 50))
    for (const aspect of entries<WireCatalogueAspect>(fields(group)?.aspects, 200)) {
      const name = text(aspect.localizedName, 100);
      if (name !== null) aspects.add(name, readValues(list(aspect.localizedValues), false));
    }
  return aspects.read();
}
