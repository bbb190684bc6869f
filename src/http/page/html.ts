import { instantText } from '../../text/values.ts';
import type { Assets } from './assets.ts';

/** Markup that is safe to send: only `html` makes it. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

type Content = Html | string | number | null | undefined | false | readonly Content[];

/**
 * A template whose values are escaped: text of sellers never becomes markup. `Html` is inserted as it is, lists item by
 * item, nothing for null, undefined and false. Attributes must be in quotes.
 */
export function html(strings: TemplateStringsArray, ...values: Content[]): Html {
  return new Html(strings.reduce((text, part, index) => text + textOf(values[index - 1]) + part));
}

function textOf(value: Content): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Html) return value.toString();
  if (typeof value === 'object') return value.map(textOf).join('');
  return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** The address if it is safe to link: sellers and eBay write these, and `javascript:` is an address too. */
export function webAddress(address: string | undefined): string | undefined {
  return address !== undefined && /^https?:\/\//i.test(address) ? address : undefined;
}

/** A link to a listing; only its text where the address is not safe. */
export function externalLink(url: string | undefined, text: string): Html {
  const address = webAddress(url);
  if (address === undefined) return html`${text}`;
  return html`<a href="${address}" target="_blank" rel="noopener noreferrer external">${text}</a>`;
}

/** In UTC; the script of the page shows it in the reader's time zone. */
export function instant(iso: string): Html {
  return html`<time datetime="${iso}">${instantText(iso)}</time>`;
}

/** @param texts by value */
export function options(texts: Readonly<Record<string, string>>, chosen?: string): Html[] {
  return Object.entries(texts).map(
    ([value, text]) => html`<option value="${value}"${value === chosen && html` selected`}>${text}</option>`,
  );
}

/** The hidden field that proves that a form is of this session. */
export function csrfField(csrf: string | null): Html | null {
  return csrf === null ? null : html`<input type="hidden" name="_csrf" value="${csrf}">`;
}

/** A button that changes something. @param label what screen readers say instead of the text */
export function postButton(address: string, text: string, csrf: string | null, label?: string): Html {
  return html`<form method="post" action="${address}">${csrfField(csrf)}<button${label !== undefined && html` aria-label="${label}"`}>${text}</button></form>`;
}

/** Addresses of this server in markup; in text the quotation mark is escaped. */
const ADDRESSES = /(?<= (?:href|src|action|data-estimate|data-live)=")\/(?!\/)/g;

/** What is sent to a browser: every address below the base path. */
export function rendered(page: Html, basePath: string): string {
  return basePath === '' ? String(page) : String(page).replace(ADDRESSES, `${basePath}/`);
}

export interface Document {
  title: string;
  content: Content;
  /** How often browsers without scripts load it again, seconds. */
  refresh?: number;
  /** Modules of `public/scripts` beside the one of every page. */
  scripts?: readonly string[];
}

/** A page with its menu. @param signedIn undefined where nobody can sign out */
export function layout(
  assets: Assets,
  { title, content, refresh, scripts = [] }: Document,
  signedIn: { csrf: string; keyName: string } | undefined,
): Html {
  const head = html`${refresh !== undefined && html`<noscript><meta http-equiv="refresh" content="${refresh}"></noscript>`}
${['page', ...scripts].map((name) => html`<script type="module" src="${assets.script(name)}"></script>`)}`;
  const body = html`<a class="skip" href="#main">Skip to content</a>
<header class="bar">
  <a class="brand" href="/">Product finder</a>
  <nav aria-label="Main">
    <a href="/plan">Plan</a>
    <a href="/alerts">Alerts</a>
    <a href="/admin/queues">Queues</a>
    <a href="/docs">API</a>
    ${signedIn && html`<form method="post" action="/sign-out">${csrfField(signedIn.csrf)}<button class="plain" title="${signedIn.keyName}">Sign out</button></form>`}
  </nav>
</header>
<main id="main" tabindex="-1">
${content}
</main>
${
  signedIn &&
  html`<footer><p>Signed in with the key ${signedIn.keyName}</p>
  <form method="post" action="/sign-out">${csrfField(signedIn.csrf)}<button class="plain" name="everywhere" value="1">Sign out everywhere</button></form>
</footer>`
}`;
  return wholePage(title, assets.style, body, head);
}

export function wholePage(title: string, style: string, body: Html, head?: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Product finder</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${style}">
${head}
</head>
<body>
${body}
</body>
</html>
`;
}
