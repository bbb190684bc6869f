import { visible } from '../../telemetry/redact.ts';

/** Titles stand in lists, one line each. */
const LONGEST = 120;

/**
 * What a job is about, at a glance: `search “usb c hub” · EBAY_US, EBAY_DE · 450 items`. Whatever the data are: they may be
 * anybody's. The jobs of calls have such names already.
 */
export function jobTitle(name: string, data: unknown): string {
  if (name !== 'search' || typeof data !== 'object' || data === null) return cut(name);
  const { query, categoryIds, marketplaces, maxItems, track, priority } = data as Record<string, unknown>;
  const about = query === undefined ? `category ${listed(categoryIds)}` : `“${told(query)}”`;
  const parts = [
    `search ${about}`,
    listed(marketplaces),
    maxItems === undefined ? '' : `${told(maxItems)} items`,
    track === undefined ? '' : `track ${told(track)}`,
    priority === undefined || priority === 'interactive' ? '' : told(priority),
  ];
  return cut(parts.filter((part) => part !== '').join(' · '));
}

function listed(value: unknown): string {
  return Array.isArray(value) ? value.slice(0, 5).map(told).join(', ') : '';
}

function told(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? cut(String(value)) : '?';
}

function cut(text: string): string {
  const line = visible(text.slice(0, LONGEST + 1));
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}
