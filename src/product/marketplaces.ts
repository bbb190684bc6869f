import { MARKETPLACES } from '../config/formats.ts';

export type MarketplaceId = keyof typeof MARKETPLACES;

export const MARKETPLACE_IDS = Object.keys(MARKETPLACES) as MarketplaceId[];

export function isMarketplace(id: string): id is MarketplaceId {
  return Object.hasOwn(MARKETPLACES, id);
}
