import type { QuotaFigures } from './gate.ts';

/** Of eBay's two Browse resources this is search and getItem together; the other is `buy.browse.item.bulk`. */
const RESOURCE = 'buy.browse';

/**
 * Browse's figures out of a `getRateLimits` answer. Names are compared without case (eBay is asked for `browse` and
 * answers `Browse`), every field may be missing, and figures that make no sense together are none.
 */
export function readRateLimits(body: Record<string, unknown>): QuotaFigures | undefined {
  for (const api of list(body.rateLimits)) {
    if (lower(api.apiName) !== 'browse') continue;
    for (const resource of list(api.resources)) {
      if (lower(resource.name) !== RESOURCE) continue;
      const figures = list(resource.rates)
        .map(figuresOf)
        .find((each) => each !== undefined);
      if (figures) return figures;
    }
  }
  return undefined;
}

function figuresOf(rate: Record<string, unknown>): QuotaFigures | undefined {
  const { limit, remaining } = rate;
  const reset = typeof rate.reset === 'string' ? Date.parse(rate.reset) : Number.NaN;
  if (!isCount(limit) || !isCount(remaining) || Number.isNaN(reset)) return undefined;
  return { limit, remaining, reset };
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

function list(value: unknown): Record<string, unknown>[] {
  if (!Array.isArray(value)) return [];
  return value.filter((each): each is Record<string, unknown> => typeof each === 'object' && each !== null);
}

function lower(value: unknown): string {
  return typeof value === 'string' ? value.toLowerCase() : '';
}
