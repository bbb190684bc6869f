import type { TSchema } from 'typebox';
import { ProductSchema } from './product.ts';
import { SearchRequestSchema } from './requestSchema.ts';
import { SearchSummarySchema } from './summary.ts';

/** The published JSON Schemas, file name → text. */
export function publishedSchemas(): Map<string, string> {
  const files: [string, TSchema][] = [
    ['search-request.json', SearchRequestSchema],
    ['product.json', ProductSchema],
    ['search-summary.json', SearchSummarySchema],
  ];
  return new Map(files.map(([name, schema]) => [name, print(schema)]));
}

/** A schema as the file that it is published in. */
export function print(schema: TSchema): string {
  return `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...schema }, null, 2)}\n`;
}
