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

/** A button that asks before it changes something, without scripts. @param more.name of what is changed, for screen readers */
export function confirmedButton(
  address: string,
  text: string,
  question: Content,
  csrf: string | null,
  { name, yes = 'Yes' }: { name: string; yes?: string },
): Html {
  return html`<details class="confirm"><summary aria-label="${text}: ${name}">${text}</summary>
    <form method="post" action="${address}">${csrfField(csrf)}<p>${question}</p><button>${yes}</button></form>
  </details>`;
}

/** Addresses of this server in markup; in text the quotation mark is escaped. */
const ADDRESSES = /(?<= (?:href|src|(?:form)?action|data-estimate|data-live|data-cost)=")\/(?!\/)/g;

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

export function wholePage(title: string, { style, mark }: Assets, body: Html, head?: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Product finder</title>
<link rel="icon" type="image/svg+xml" href="${mark}">
<link rel="stylesheet" href="${style}">
${head}
</head>
<body>
${body}
</body>
</html>
`;
}
