import { createHash } from 'node:crypto';

/** What picture files begin with, as text of one byte a character; some say so a few bytes later. */
const SIGNATURES: readonly RegExp[] = [
  /^\xff\xd8\xff/, // JPEG
  /^\x89PNG\r\n/,
  /^GIF8[79]a/,
  /^RIFF.{4}WEBP/s,
  /^BM/,
  /^(II\*\0|MM\0\*)/, // TIFF
  /^.{4}ftyp(avif|avis|heic|heix|mif1|msf1)/s,
  /^\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<svg/s,
];

/** Whether Base64 holds a picture, by how its file begins. */
export function isPicture(base64: string): boolean {
  if (base64.length % 4 === 1) return false;
  const start = Buffer.from(base64.slice(0, 400), 'base64').toString('latin1');
  return SIGNATURES.some((signature) => signature.test(start));
}

/** Base64 in its one form: without the address `data:image/png;base64,` before it, and without line ends. */
export function tidyPicture(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return value.replace(/^data:image\/[a-z0-9.+-]+;base64,/i, '').replace(/\s+/g, '');
}

/** What stands for a picture, Base64, where it is not kept; what stands for one already stays. Base64 has no colon. */
export function pictureName(image: string): string {
  return image.includes(':') ? image : `sha256:${createHash('sha256').update(image).digest('hex')}`;
}
