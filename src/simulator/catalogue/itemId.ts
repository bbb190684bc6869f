/**
 * Listing numbers tell where a listing comes from, so that `item/{id}` finds any listing without the
 * catalogue having been searched first. They are spread out, so that a made-up number finds nothing.
 */

const BASE = 110_000_000_000;
const STRIDE = 1337;
const FAMILIES = 100;
const PER_FAMILY = 100_000;

/** Family number of listings that a control call added. */
export const ADDED_FAMILY = 99;

/** A twelve-digit listing number. */
export function encodeListing(site: number, family: number, number: number): string {
  return String(BASE + ((site * FAMILIES + family) * PER_FAMILY + number) * STRIDE);
}

export function decodeListing(legacyId: string): { site: number; family: number; number: number } | null {
  if (!/^\d{12}$/.test(legacyId)) return null;
  const spread = Number(legacyId) - BASE;
  if (spread < 0 || spread % STRIDE !== 0) return null;
  const code = spread / STRIDE;
  const slot = Math.floor(code / PER_FAMILY);
  return { site: Math.floor(slot / FAMILIES), family: slot % FAMILIES, number: code % PER_FAMILY };
}

/** A product code (GTIN-13) from the range that is reserved for use inside a shop, with its check digit. */
export function gtinOf(family: number, model: number): string {
  const digits = `2${String(family).padStart(3, '0')}${String(model).padStart(8, '0')}`;
  const sum = [...digits].reduce((total, digit, at) => total + Number(digit) * (at % 2 === 0 ? 1 : 3), 0);
  return `${digits}${(10 - (sum % 10)) % 10}`;
}

/** eBay's own product number. */
export function epidOf(family: number, model: number): string {
  return String(27_000_000_000 + family * 1_000_000 + model);
}
