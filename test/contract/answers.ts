import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Captured bodies of eBay, where EBAY_SAMPLES names their folder. */
export const SAMPLES = process.env.EBAY_SAMPLES;

/** What a captured body is, by its own shape, so that files nobody has seen yet find their mapper. */
export function kindOf(body: unknown): 'search' | 'item' | 'other' {
  const { itemSummaries, total, itemId } = (body ?? {}) as Record<string, unknown>;
  if (Array.isArray(itemSummaries) || typeof total === 'number') return 'search';
  return typeof itemId === 'string' ? 'item' : 'other';
}

/** Every JSON body below a folder, by its path in it. */
export function answersIn(folder: string): Record<string, unknown> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.json'),
  );
  return Object.fromEntries(
    names.map((name) => [name, JSON.parse(readFileSync(join(folder, name), 'utf8'))]),
  );
}
