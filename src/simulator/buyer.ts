import type { BuyerContext } from './catalogue/summary.ts';

/**
 * Reads `X-EBAY-C-ENDUSERCTX`: parts divided by commas, of which `contextualLocation` holds a URL-encoded
 * list of its own (`country%3DUS%2Czip%3D19406`).
 */
export function readBuyer(header: string | undefined): BuyerContext {
  const parts = pairs(header ?? '');
  const place = pairs(decode(parts.get('contextualLocation') ?? ''));
  return {
    country: place.get('country') ?? null,
    postalCode: place.get('zip') ?? null,
    affiliateCampaignId: parts.get('affiliateCampaignId') ?? null,
  };
}

function pairs(text: string): Map<string, string> {
  const found = text.split(',').map((part) => part.trim().split('='));
  return new Map(
    found.filter(([name]) => name !== '').map(([name = '', ...value]) => [name, value.join('=')]),
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
