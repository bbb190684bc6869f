import { type Answer, empty, text } from './answers.ts';
import type { Catalogue } from './catalogue/catalogue.ts';
import { FAMILIES } from './catalogue/families.ts';
import { escapeHtml } from './catalogue/items.ts';
import { indexed, matchesKeywords, parseKeywords } from './catalogue/title.ts';
import { hash } from './random.ts';

/** Silhouettes in a 200 × 200 box, one chosen by the product's family. */
const SHAPES: readonly string[] = [
  '<rect x="62" y="28" width="76" height="144" rx="14"/><rect x="70" y="44" width="60" height="104" rx="4" class="l"/>',
  '<rect x="56" y="56" width="88" height="88" rx="16"/><rect x="80" y="34" width="8" height="26" class="d"/><rect x="112" y="34" width="8" height="26" class="d"/>',
  '<ellipse cx="100" cy="104" rx="48" ry="66"/><rect x="95" y="52" width="10" height="30" rx="5" class="l"/>',
  '<circle cx="100" cy="100" r="64"/><circle cx="100" cy="100" r="38" class="l"/><circle cx="100" cy="100" r="14" class="d"/>',
  '<path d="M50 160V76l50-36 50 36v84z"/><rect x="84" y="112" width="32" height="48" class="l"/>',
  '<path d="M40 132q0-70 60-70t60 70z"/><rect x="34" y="132" width="132" height="16" rx="8" class="d"/>',
  '<rect x="34" y="66" width="132" height="78" rx="18"/><circle cx="70" cy="105" r="20" class="l"/><circle cx="130" cy="105" r="20" class="l"/>',
  '<path d="M80 30h40v28q22 12 22 40v62q0 14-14 14H72q-14 0-14-14V98q0-28 22-40z"/><rect x="64" y="108" width="72" height="34" class="l"/>',
  '<path d="M30 150c30-90 60-90 70-40s40 50 70-40" fill="none" stroke-width="20" stroke-linecap="round" class="s"/>',
  '<circle cx="100" cy="82" r="42"/><path d="M56 176q0-52 44-52t44 52z"/>',
  '<path d="M100 30l20 44 48 5-36 32 10 48-42-25-42 25 10-48-36-32 48-5z"/>',
  '<rect x="36" y="46" width="128" height="100" rx="10"/><rect x="46" y="56" width="108" height="80" class="l"/><rect x="76" y="152" width="48" height="12" rx="6" class="d"/>',
];

/** GET /pictures/LISTING/VIEW/s-lSIZE.svg, the same drawing in every size: the listing's shape in its colour on its department's background. */
export function picture(catalogue: Catalogue, legacyId: string, view: number): Answer {
  const listing = catalogue.find(legacyId);
  if (listing === null) return empty(404);
  const { hue } = listing.family.leaf.department;
  const shape = SHAPES[hash(listing.family.noun) % SHAPES.length];
  const tilt = view === 0 ? 0 : ((hash(listing.dice, view) % 31) - 15) * (view % 2 === 0 ? 1 : -1);
  // A listing's colour is also a colour's name in CSS.
  const fill = listing.wording.colour.toLowerCase();
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200" width="400" height="400">
<defs><linearGradient id="b" x2="0" y2="1"><stop stop-color="hsl(${hue} 45% 96%)"/><stop offset="1" stop-color="hsl(${hue} 40% 86%)"/></linearGradient></defs>
<style>.l{fill:#ffffffb0}.d{fill:#00000038}.s{stroke:${fill}}</style>
<title>${escapeHtml(listing.wording.title)}</title>
<rect width="200" height="200" fill="url(#b)"/><ellipse cx="100" cy="180" rx="60" ry="7" fill="#0000001c"/>
<g fill="${fill}" stroke="#0003" opacity=".8" transform="rotate(${tilt} 100 100)">${shape}</g></svg>`;
  return text(200, svg, 'image/svg+xml', { 'cache-control': 'public, max-age=86400' });
}

/** Whether base64 holds a file that begins like a picture: JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF, HEIC or a drawing. */
export function isPicture(image: string): boolean {
  if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(image)) return false;
  const start = Buffer.from(image.slice(0, 400), 'base64').toString('latin1');
  return /^(\xff\xd8\xff|\x89PNG|GIF8|RIFF.{4}WEBP|BM|II\*|MM\0|.{4}ftyp|[\s\S]*<svg)/s.test(start);
}

/** The product in a picture in base64: what the title of one from here says, for any other always the same one. */
export function shownIn(image: string): string | undefined {
  const svg = Buffer.from(image, 'base64').toString();
  const title = indexed(/<title>([^<]*)</.exec(svg)?.[1] ?? '');
  const family = FAMILIES.find(({ noun }) => matchesKeywords(parseKeywords(noun), title));
  return (family ?? FAMILIES[hash(image) % FAMILIES.length])?.noun;
}

/** GET /itm/LISTING: a small page in place of eBay's own. */
export function itemPage(catalogue: Catalogue, legacyId: string): Answer {
  const listing = catalogue.find(legacyId);
  const title = escapeHtml(listing?.wording.title ?? 'This listing has ended');
  const image = `<img src="/pictures/${legacyId}/0/s-l400.svg" width="400" height="400" alt="">`;
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>
<body style="font:16px system-ui;margin:3rem auto;max-width:40rem"><h1>${title}</h1>${listing ? image : ''}
<p>Simulated listing ${legacyId}. Nothing is for sale here.</p></body></html>`;
  return text(listing === null ? 404 : 200, html, 'text/html; charset=utf-8');
}
