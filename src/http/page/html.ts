import type { Money } from '../../product/money.ts';

/** Markup that is safe to send: made by `html` alone. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

export type Content = Html | string | number | null | undefined | false | readonly Content[];

/**
 * A template whose values are text: whatever somebody wrote into a title stays what they wrote and never becomes markup.
 * `Html` goes in as it is, lists piece by piece, nothing for null, undefined and false. Attributes must be in quotes.
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

/** The address if a browser may follow it; sellers and eBay write these, and `javascript:` is an address too. */
export function webAddress(address: string | undefined): string | undefined {
  return address !== undefined && /^https?:\/\//i.test(address) ? address : undefined;
}

/** `US $12.50` and `£12.50` alike, as people write amounts; the currency is always told apart. */
export function moneyText({ value, currency }: Money): string {
  const amount = new Intl.NumberFormat('en-US', { style: 'currency', currency });
  return amount.format(value as Intl.StringNumericLiteral);
}

export function numberText(n: number): string {
  return n.toLocaleString('en-US');
}

/** `1 product`, `1,200 products`. */
export function countText(n: number, one: string): string {
  return `${numberText(n)} ${one}${n === 1 ? '' : 's'}`;
}

/** `2 h 10 min`, `4 min`, `9 s`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const [h, min] = [Math.floor(minutes / 60), minutes % 60];
  if (h < 48) return min === 0 ? `${h} h` : `${h} h ${min} min`;
  return `${Math.round(h / 24)} days`;
}

/** `in 2 h` or `4 min ago`. */
export function distanceText(iso: string, now: number): string {
  const ms = Date.parse(iso) - now;
  if (Math.abs(ms) < 1500) return 'now';
  return ms > 0 ? `in ${durationText(ms)}` : `${durationText(-ms)} ago`;
}

/** An instant: the server tells it in UTC, the page's script in the reader's own time. */
export function instant(iso: string): Html {
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`;
}

export interface Visited {
  /** Whether somebody is signed in, who can sign out. */
  csrf: string | null;
  keyName: string | null;
}

export interface Site {
  /** Addresses of style and script, which change with their content. */
  style: string;
  script: string;
  links: ReadonlyArray<{ href: string; text: string }>;
}

export interface Document {
  title: string;
  content: Content;
  /** Asked for again by browsers without scripts, seconds. */
  refresh?: number;
}

/** A whole page. */
export function layout({ style, script, links }: Site, visited: Visited | null, page: Document): string {
  const { title, content, refresh } = page;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Product finder</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${style}">
${refresh !== undefined && html`<noscript><meta http-equiv="refresh" content="${refresh}"></noscript>`}
<script type="module" src="${script}"></script>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="bar">
  <a class="brand" href="/">Product finder</a>
  <nav aria-label="Main">
    ${links.map(({ href, text }) => html`<a href="${href}">${text}</a> `)}
    ${visited?.csrf && signOut(visited)}
  </nav>
</header>
<main id="main" tabindex="-1">
${content}
</main>
</body>
</html>
`.toString();
}

function signOut({ csrf, keyName }: Visited): Html {
  return html`<form method="post" action="/sign-out">${token(csrf)}<button class="plain" title="${keyName ?? ''}">Sign out</button></form>`;
}

/** What a form needs to be taken from this page only. */
export function token(csrf: string | null): Html | null {
  return csrf === null ? null : html`<input type="hidden" name="_csrf" value="${csrf}">`;
}
