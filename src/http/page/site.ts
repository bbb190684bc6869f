import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Site } from './layout.ts';

/** Packed beside `dist` and `src` alike. */
const FOLDER = new URL('../../../public/', import.meta.url);

export interface Asset {
  path: string;
  type: string;
  content: Buffer;
}

/** Style and script, read once. */
export function readAssets(): { style: Asset; script: Asset } {
  const asset = (name: string, type: string) => ({
    path: `/page/${name}`,
    type: `${type}; charset=utf-8`,
    content: readFileSync(new URL(name, FOLDER)),
  });
  return { style: asset('page.css', 'text/css'), script: asset('page.js', 'text/javascript') };
}

/** A new content has a new address, so browsers may keep the old one for ever. */
export function siteOf({ style, script }: { style: Asset; script: Asset }, links: Site['links']): Site {
  const address = ({ path, content }: Asset) =>
    `${path}?${createHash('sha256').update(content).digest('hex').slice(0, 12)}`;
  return { style: address(style), script: address(script), links };
}

/** eBay's picture servers; `{size}.jpg` of a listing is on the first, older ones are on the others. */
const PICTURES = ['https://i.ebayimg.com', 'https://*.ebayimg.com', 'https://*.ebaystatic.com'];

/** Scripts, styles and calls: this server. Pictures: eBay's, and a simulator's on this machine. Nothing else. */
export function pagePolicy(apiOrigin: string): string {
  const { hostname, origin } = new URL(apiOrigin);
  const pictures = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname) ? [...PICTURES, origin] : PICTURES;
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src 'self' data: ${pictures.join(' ')}`,
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
