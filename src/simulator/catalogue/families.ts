import { DEPARTMENTS, type Leaf } from './categories.ts';
import { ELECTRONICS } from './familiesElectronics.ts';
import { HOUSEHOLD } from './familiesHousehold.ts';
import { LEISURE } from './familiesLeisure.ts';
import type { FamilyRow } from './familyRow.ts';

export interface Family {
  /** Part of every listing number, so new families are added at the end of their file's list. */
  readonly number: number;
  readonly noun: string;
  readonly german: string;
  readonly leaf: Leaf;
  readonly listings: number;
  readonly low: number;
  readonly high: number;
  readonly features: readonly string[];
  readonly versions: readonly string[];
}

function readRows(rows: readonly FamilyRow[], firstNumber: number): Family[] {
  return rows.map(
    ([noun, key, leafId, leafName, listings, low, high, features, versions, german], index) => ({
      number: firstNumber + index,
      noun,
      german,
      leaf: { id: String(leafId), name: leafName, department: DEPARTMENTS[key] },
      listings,
      low,
      high,
      features: features.split('|'),
      versions: versions.split('|'),
    }),
  );
}

export const FAMILIES: readonly Family[] = [
  ...readRows(ELECTRONICS, 0),
  ...readRows(HOUSEHOLD, 40),
  ...readRows(LEISURE, 70),
];
