import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { App } from '../access.ts';

/** `public/` is beside `src` and, in the package, beside `dist`. */
const FOLDER = new URL('../../../public/', import.meta.url);
/** In the order in which they are joined: later rules win. */
const STYLES = ['tokens', 'base', 'search', 'result', 'searches', 'watching', 'alerts', 'news'];

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

/** What browsers load beside a page: style sheets, the mark, and the modules of `public/scripts`. */
export interface Assets {
  /** Address of the style sheet of every page. */
  style: string;
  /** Address of the mark, an SVG picture. */
  mark: string;
  /** Address of the style sheet that the dashboard gets beside its own. */
  board: string;
  /** Address of a module. @param name without `.js` */
  script: (name: string) => string;
  /** Each file by its name. */
  files: ReadonlyMap<string, string>;
  /** Of all files: part of their addresses, so that browsers may keep them for ever. */
  digest: string;
}

export function readAssets(): Assets {
  const scripts = readdirSync(new URL('scripts/', FOLDER)).sort();
  const files = new Map([
    ['page.css', styleOf(...STYLES)],
    ['board.css', styleOf('board')],
    ['mark.svg', read('mark.svg')],
    ...scripts.map((name): [string, string] => [name, read(`scripts/${name}`)]),
  ]);
  const digest = hash('sha256', [...files].flat().join('\n')).slice(0, 12);
  const addressOf = (name: string) => `/page/${digest}/${name}`;
  return {
    style: addressOf('page.css'),
    mark: addressOf('mark.svg'),
    board: addressOf('board.css'),
    script: (name) => addressOf(`${name}.js`),
    files,
    digest,
  };
}

/** The style sheet and the mark of the API's description. */
export function docsAssets(): { style: string; mark: string } {
  return { style: styleOf('tokens', 'docs'), mark: read('mark.svg') };
}

/** Scripts import each other by relative addresses, so the digest is a folder. */
export function serveAssets(app: App, { files, digest }: Assets): void {
  for (const [name, content] of files)
    app.get(`/page/:digest/${name}`, { config: { access: 'public' } }, async ({ params }, reply) => {
      reply.type(TYPES[name.replace(/^.*\./, '')] as string);
      // A page of another version of the server, during an upgrade, has the address of other content.
      if ((params as { digest: string }).digest === digest)
        reply.header('cache-control', 'public, max-age=31536000, immutable');
      return reply.send(content);
    });
}

/** Sheets joined, without what only people need. */
function styleOf(...names: string[]): string {
  const text = names.map((name) => read(`styles/${name}.css`)).join('\n');
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([{};]) ?/g, '$1');
}

function read(path: string): string {
  return readFileSync(new URL(path, FOLDER), 'utf8');
}
