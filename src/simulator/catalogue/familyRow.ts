import type { DepartmentKey } from './categories.ts';

/** One kind of product as it is written down: everything else about its listings is drawn. */
export type FamilyRow = readonly [
  noun: string,
  department: DepartmentKey,
  leafId: number,
  leafName: string,
  /** Listings on EBAY_US; other sites have their share of it. Up to 20: the same number everywhere. */
  listings: number,
  /** Price range in US dollars. */
  low: number,
  high: number,
  /** Selling words, divided by `|`. */
  features: string,
  /** Versions or what it fits, divided by `|`. */
  versions: string,
  german: string,
];
