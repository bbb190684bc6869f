import type { SearchRequest } from '../../src/product/requestSchema.ts';

/**
 * A search of so many pages. Searches that are the same are collected once, so each excludes a word of its own, which
 * no listing has and eBay is not told of.
 */
export function deepSearch(query: string, pages: number, own: Partial<SearchRequest> = {}): SearchRequest {
  const word = `zq${Math.random().toString(36).slice(2, 12)}`;
  return { query, maxItems: pages * 200, title: { exclude: [word] }, ...own };
}
