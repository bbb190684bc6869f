import { hash } from '../random.ts';

export interface SellerProfile {
  readonly username: string;
  /** As eBay sends it: a string with one decimal. */
  readonly feedbackPercentage: string;
  readonly feedbackScore: number;
  readonly accountType: 'BUSINESS' | 'INDIVIDUAL';
}

/** Sellers in the world, `seller_0000` and up. */
export const SELLER_COUNT = 4000;

/** A few sellers hold most of the listings: `draw` in [0, 1) is squared. */
export function sellerNumber(draw: number): number {
  return Math.floor(draw * draw * SELLER_COUNT);
}

export function sellerName(number: number): string {
  return `seller_${String(number).padStart(4, '0')}`;
}

export function isSeller(username: string): boolean {
  const number = /^seller_(\d{4})$/.exec(username)?.[1];
  return number !== undefined && Number(number) < SELLER_COUNT;
}

export function sellerProfile(seed: number, number: number): SellerProfile {
  const draw = hash(seed, 'seller', number) / 4294967296;
  const score = Math.floor(10 ** (0.5 + draw * 5));
  const unrated = draw < 0.04;
  const percentage = unrated ? 0 : 100 - (hash(seed, 'feedback', number) % 70) / 10;
  return {
    username: sellerName(number),
    feedbackPercentage: percentage.toFixed(1),
    feedbackScore: score,
    accountType: score > 400 ? 'BUSINESS' : 'INDIVIDUAL',
  };
}
