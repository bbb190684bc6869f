import { webAddress } from './html.ts';

/**
 * The address of a picture in another size; undefined where it is not safe to load. eBay names the largest size of a picture,
 * and serves these too: 99 % of real answers have an address of this form.
 */
export function pictureAddress(largest: string | undefined, pixels: 140 | 225 | 500): string | undefined {
  return webAddress(largest)?.replace(/\/s-l\d{3,4}(\.\w{3,4})$/, `/s-l${pixels}$1`);
}
