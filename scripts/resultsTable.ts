/**
 * The tables of fields in docs/results.md, made from the schemas of products and summaries.
 * `node --import tsx scripts/resultsTable.ts` writes them between their markers.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { TSchema } from 'typebox';
import { CSV_COLUMNS } from '../src/product/csv.ts';
import { ProductSchema } from '../src/product/product.ts';
import { SearchSummarySchema } from '../src/product/summary.ts';

export const RESULTS_PAGE = new URL('../docs/results.md', import.meta.url);

/** What of JSON Schema the public schemas use. */
interface Schema {
  type?: string;
  format?: string;
  description?: string;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
}

export interface Field {
  path: string;
  type: string;
  meaning: string;
  /** The field of eBay's answer. */
  ebay: string;
  /** When it is null or absent. */
  without: string;
}

/** Every field below a schema, objects before their own fields. */
export function fieldsOf(schema: TSchema): Field[] {
  return below(schema as Schema, '');
}

function below({ properties = {}, required = [] }: Schema, prefix: string): Field[] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = prefix + name;
    const value = field.anyOf?.find(({ type }) => type !== 'null') ?? field;
    const { meaning, ebay, nullWhen } = partsOf(field.description ?? value.description ?? '');
    const without = [
      field.anyOf?.some(({ type }) => type === 'null') ? `null: ${nullWhen || 'not known'}` : '',
      required.includes(name) ? '' : 'may be absent',
    ];
    const own = {
      path,
      type: typeOf(value),
      meaning,
      ebay,
      without: without.filter((text) => text !== '').join('; '),
    };
    if (isMoney(value)) return [own];
    return [own, ...below(value, `${path}.`), ...below(value.items ?? {}, `${path}[].`)];
  });
}

/** A description ends with `(eBay: SOURCE; null: WHEN)`, a part of it, or `; null: WHEN`. */
function partsOf(description: string): { meaning: string; ebay: string; nullWhen: string } {
  const start = Math.max(description.lastIndexOf(' (eBay: '), description.lastIndexOf(' (null: '));
  if (start < 0 || !description.endsWith(')')) {
    const [meaning = '', nullWhen = ''] = description.split('; null: ');
    return { meaning, ebay: '', nullWhen };
  }
  const parts = description.slice(start + 2, -1);
  const [source = '', nullWhen = ''] = parts.split(/(?:^|; )null: /);
  return { meaning: description.slice(0, start), ebay: source.replace(/^eBay: /, ''), nullWhen };
}

function isMoney({ properties = {} }: Schema): boolean {
  return Object.keys(properties).join() === 'value,currency';
}

function typeOf(schema: Schema): string {
  if (schema.enum) return schema.enum.join(', ');
  if (isMoney(schema)) return 'money';
  if (schema.format === 'date-time') return 'instant';
  if (schema.items) return `list of ${typeOf(schema.items)}`;
  const [each] = Object.values(schema.patternProperties ?? {});
  return each ? `record of ${typeOf(each)}` : (schema.type ?? '');
}

/** Enumerations of more values than this are left to the schema. */
const SHOWN_VALUES = 12;

function shown({ type }: Field): string {
  const values = type.split(', ');
  return values.length > SHOWN_VALUES ? `one of ${values.length}, such as ${values.at(-1)}` : type;
}

function table(head: readonly string[], rows: readonly string[][]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

const TABLES: Readonly<Record<string, () => string>> = {
  product: () =>
    table(
      ['field', 'type or values', 'meaning', 'from eBay’s', 'null or absent'],
      fieldsOf(ProductSchema).map((field) => [
        `\`${field.path}\``,
        shown(field),
        field.meaning,
        field.ebay,
        field.without,
      ]),
    ),
  summary: () =>
    table(
      ['field', 'type or values', 'meaning', 'null or absent'],
      fieldsOf(SearchSummarySchema).map((field) => [
        `\`${field.path}\``,
        shown(field),
        field.meaning,
        field.without,
      ]),
    ),
  columns: () =>
    table(
      ['column', 'field'],
      [...CSV_COLUMNS].map(([name, { path }]) => [`\`${name}\``, `\`${path.replace('.0', '[0]')}\``]),
    ),
};

/** `page` with the tables as they must be. @throws Error without their markers */
export function withResultsTables(page: string): string {
  return Object.entries(TABLES).reduce((text, [name, make]) => {
    const [start, end] = [`<!-- ${name}: made by scripts/resultsTable.ts -->`, `<!-- end of ${name} -->`];
    const [from, to] = [text.indexOf(start), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`docs/results.md lacks the markers ${start} and ${end}`);
    return `${text.slice(0, from + start.length)}\n${make()}\n${text.slice(to)}`;
  }, page);
}

if (process.argv[1] === import.meta.filename)
  writeFileSync(RESULTS_PAGE, withResultsTables(readFileSync(RESULTS_PAGE, 'utf8')));
