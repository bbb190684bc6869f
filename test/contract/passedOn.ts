import type { Product } from '../../src/product/product.ts';
import type { Document, Property } from './documents.ts';
import type { Json } from './fieldMeanings.ts';

/**
 * What of eBay's JSON a product passes on, counted leaf by leaf. A path is that of a wire field, lists without their places:
 * `categories[].categoryName`.
 */
export interface Leaf {
  path: string;
  value: unknown;
  /** The object that the field stands in. */
  parent: Json;
}

/** Every value that was sent; null says nothing. */
export function leavesOf(json: unknown, path = '', parent: Json = {}): Leaf[] {
  if (json === null || json === undefined) return [];
  if (Array.isArray(json)) return json.flatMap((entry) => leavesOf(entry, `${path}[]`, parent));
  if (typeof json !== 'object') return [{ path, value: json, parent }];
  return Object.entries(json).flatMap(([name, value]) =>
    leavesOf(value, path === '' ? name : `${path}.${name}`, json),
  );
}

/** Whether the product says what was sent, in the meaning that its own field has. */
export type Rule = (value: Json, product: Product, parent: Json, item: Json) => boolean;

export interface Tables {
  /** Path → how its value is found in the product. */
  passed: Readonly<Record<string, Rule>>;
  /** Path → why nobody gets it; `seller.sellerLegalInfo.*` for all below. None of them counts. */
  leftOut: Readonly<Record<string, string>>;
  /** The same of what a caller may have: each value counts as sent and not passed on. */
  dropped?: Readonly<Record<string, string>>;
}

/** Whether a path is in one of the tables. */
export function isKnown({ passed, leftOut, dropped = {} }: Tables, path: string): boolean {
  return path in passed || isIn(leftOut, path) || isIn(dropped, path);
}

function isIn(table: Readonly<Record<string, string>>, path: string): boolean {
  const all = (key: string) => key.endsWith('.*') && path.startsWith(key.slice(0, -1));
  return path in table || Object.keys(table).some(all);
}

export class Coverage {
  sent = 0;
  passed = 0;
  /** Paths of neither table. */
  readonly unknown = new Set<string>();
  /** Values that a rule did not find: path → the first of them. */
  readonly lost = new Map<string, unknown>();
  readonly leftOut = new Map<string, number>();

  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** @param product null where eBay's JSON became none: all that it said is lost. */
  add(item: Json, product: Product | null): void {
    for (const { path, value, parent } of leavesOf(item)) {
      const rule = this.#tables.passed[path];
      if (isIn(this.#tables.leftOut, path)) this.leftOut.set(path, (this.leftOut.get(path) ?? 0) + 1);
      else if (!isKnown(this.#tables, path)) this.unknown.add(path);
      else {
        this.sent += 1;
        if (product !== null && rule?.(value, product, parent, item)) this.passed += 1;
        else if (!this.lost.has(path)) this.lost.set(path, value);
      }
    }
  }

  /** Of what a caller may have. */
  get share(): number {
    return this.passed / this.sent;
  }

  toString(): string {
    const lost = JSON.stringify([...this.lost]);
    return `${this.passed} of ${this.sent} values; not found: ${lost}; left out: ${JSON.stringify([...this.leftOut])}`;
  }
}

/** What rules compare, without a mapper of the service. */

export const sameNumber = (stated: unknown, sent: unknown): boolean =>
  stated !== null && stated !== undefined && Number(stated) === Number(sent);

export const sameTime = (stated: string | null | undefined, sent: string): boolean =>
  stated !== null && stated !== undefined && Date.parse(stated) === Date.parse(sent);

/** Spaces and line ends are one space each in a product. */
export const sameText = (stated: string | null | undefined, sent: string): boolean =>
  stated?.replace(/\s+/g, ' ') === sent.trim().replace(/\s+/g, ' ');

/** Rules for the four fields of an amount. */
export function amountRules(
  path: string,
  read: (product: Product, parent: Json) => Product['price'] | undefined,
  readConverted?: (product: Product, parent: Json) => Product['price'] | undefined,
): Record<string, Rule> {
  const original: Record<string, Rule> = readConverted
    ? {
        [`${path}.convertedFromValue`]: (value, product, parent) =>
          sameNumber(readConverted(product, parent)?.value, value),
        [`${path}.convertedFromCurrency`]: (value, product, parent) =>
          readConverted(product, parent)?.currency === value,
      }
    : {};
  return {
    [`${path}.value`]: (value, product, parent) => sameNumber(read(product, parent)?.value, value),
    [`${path}.currency`]: (value, product, parent) => read(product, parent)?.currency === value,
    ...original,
  };
}

/** The paths of all values below a schema of the document. */
export function pathsOf(document: Document, schema: string): string[] {
  const below = (property: Property, path: string): string[] => {
    const name = property.$ref?.split('/').at(-1);
    if (name !== undefined) return inside(name, `${path}.`);
    return property.items ? below(property.items, `${path}[]`) : [path];
  };
  const inside = (name: string, prefix: string): string[] =>
    Object.entries(document.components.schemas[name]?.properties ?? {}).flatMap(([field, property]) =>
      below(property, prefix + field),
    );
  return inside(schema, '');
}
