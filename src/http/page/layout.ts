import { MOST_UNREAD } from '../../events/news.ts';
import type { Role } from '../auth/apiKeys.ts';
import type { Caller } from '../auth/authenticator.ts';
import { DASHBOARD, SIGN_IN, SIGN_OUT } from '../auth/login.ts';
import { rolesText } from '../auth/roles.ts';
import type { Assets } from './assets.ts';
import { csrfField, type Document, type Html, html, wholePage } from './html.ts';
import { unreadText } from './news/newsWords.ts';

/** Who sees a page, and which. */
export interface Reader {
  caller: Caller;
  /** Null without a login. */
  csrf: string | null;
  /** Of the page, without the base path. */
  path: string;
  /** News that the person has not seen. */
  unread: number;
}

interface MenuEntry {
  url: string;
  text: string;
  /** Without it the entry is not shown; undefined: for everybody. */
  role?: Role;
  /** Addresses of the same part of the page. */
  part?: RegExp;
}

const MENU: readonly MenuEntry[] = [
  { url: '/', text: 'Search', role: 'read' },
  { url: '/searches', text: 'Searches', role: 'read', part: /^\/(searches|saved)\b/ },
  { url: '/watching', text: 'Watching', role: 'read', part: /^\/(watching|plan)\b/ },
  { url: '/news', text: 'News', role: 'read' },
  { url: '/alerts', text: 'Alerts', role: 'read', part: /^\/(alerts|channels)\b/ },
  { url: DASHBOARD, text: 'Queues', role: 'operate' },
  { url: '/docs', text: 'API' },
];

/** Whether the server has a page at this address. */
export type HasPage = (url: string) => boolean;

/** What a key may open. @param roles of nobody in particular: undefined */
export function menuFor(roles: readonly Role[] | undefined, has: HasPage): MenuEntry[] {
  const mayOpen = ({ role }: MenuEntry) => role === undefined || (roles?.includes(role) ?? false);
  return MENU.filter((entry) => mayOpen(entry) && has(entry.url));
}

/** A page with its menu. @param reader undefined: nobody has signed in */
export function layout(
  assets: Assets,
  { title, content, refresh, scripts = [] }: Document,
  reader: Reader | undefined,
  has: HasPage,
): Html {
  const head = html`${refresh !== undefined && html`<noscript><meta http-equiv="refresh" content="${refresh}"></noscript>`}
${['page', ...scripts].map((name) => html`<script type="module" src="${assets.script(name)}"></script>`)}`;
  const body = html`<a class="skip" href="#main">Skip to content</a>
<header class="bar">
  ${brand(assets.mark)}
  <nav aria-label="Main">${menuFor(reader?.caller.roles, has).map((entry) => menuLink(entry, reader))}</nav>
  ${reader && signOutForm(reader)}
</header>
<main id="main" tabindex="-1">
${content}
</main>
${reader && keyLine(reader)}
<div class="toasts" role="status"></div>`;
  return wholePage(title, assets, body, head);
}

export function brand(mark: string): Html {
  return html`<a class="brand" href="/"><img src="${mark}" alt="" width="28" height="28">Product finder</a>`;
}

function menuLink({ url, text, part }: MenuEntry, reader: Reader | undefined): Html {
  const { path = '', unread = 0 } = reader ?? {};
  const current = path === url ? 'page' : part?.test(path) ? 'true' : undefined;
  const count = url === '/news' && unread > 0;
  const badge = html` <span class="badge">${unreadText(unread, MOST_UNREAD)}<span class="quiet"> unread</span></span>`;
  return html`<a href="${url}"${current && html` aria-current="${current}"`}>${text}${count && badge}</a>`;
}

function signOutForm({ caller, csrf }: Reader): Html | null {
  if (csrf === null) return null;
  return html`<form method="post" action="${SIGN_OUT}">${csrfField(csrf)}<button class="plain" title="${caller.name}">Sign out</button></form>`;
}

/** With which key one works, and what it may do. */
function keyLine({ caller, csrf }: Reader): Html | null {
  if (csrf === null) return null;
  return html`<footer><p>Signed in with the key <strong>${caller.name}</strong>: it may ${rolesText(caller.roles)}.</p>
  <form method="post" action="${SIGN_OUT}">${csrfField(csrf)}<button class="plain" name="everywhere" value="1">Sign out everywhere</button></form>
</footer>`;
}

/** Where a key that may not see searches arrives. */
export function welcome({ name, roles }: Caller, has: HasPage): Document {
  const links = menuFor(roles, has);
  const content = html`<section class="error box"><h1>Welcome</h1>
<p>The key <strong>${name}</strong> may ${rolesText(roles)}. Searches and products need the role <code>read</code>.</p>
${!roles.includes('operate') && html`<p>It is a key for programs: they send it to the HTTP API.</p>`}
<p class="actions">${links.map(({ url, text }, index) => html`<a class="${index === 0 ? 'button main' : 'button'}" href="${url}">${text}</a>`)}</p>
<p class="small"><a href="${SIGN_IN}">Sign in with another key</a></p></section>`;
  return { title: 'Welcome', content };
}
