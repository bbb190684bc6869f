import { type Content, type Html, html } from './html.ts';

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
