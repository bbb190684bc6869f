import { compare } from './money.ts';
import type { Product } from './product.ts';

export type WithTotal = Pick<Product, 'total'>;

/** Orders by delivered price: each currency by itself, the main one first, unknown prices last. */
export function byTotal({ falling = false, main }: { falling?: boolean; main?: string | undefined }) {
  return ({ total: one }: WithTotal, { total: other }: WithTotal): number => {
    if (one === null || other === null) return Number(one === null) - Number(other === null);
    const difference = compare(one, other);
    if (difference !== null) return falling ? -difference : difference;
    if (one.currency === main || other.currency === main) return one.currency === main ? -1 : 1;
    return one.currency < other.currency ? -1 : 1;
  };
}
