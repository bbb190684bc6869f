import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Authenticator, Caller } from '../auth/authenticator.ts';
import { csrfToken, isCsrfToken, type Sessions } from '../auth/sessions.ts';
import { Problem, problem } from '../problem.ts';
import type { App } from '../section.ts';

export interface DoorOptions {
  /** Path that the dashboard stands at. */
  base: string;
  sessions: Sessions;
  authenticator: Authenticator;
}

const COOKIE = 'dpf_session';
/** The board's HTTP client sends the cookie of this name back as the header of that one. */
const CSRF_COOKIE = 'XSRF-TOKEN';
const CSRF_HEADER = 'x-xsrf-token';

/** The dashboard's login: a key with the role `operate`, exchanged for a cookie that no script can read. */
export class Door {
  readonly #options: DoorOptions;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  routes(app: App): void {
    const { base } = this.#options;
    app.get(`${base}/login.css`, (_, reply) => reply.type('text/css').send(styleSheet()));
    app.get(`${base}/login`, (_, reply) => html(reply, loginPage(base)));
    app.get(`${base}/logout`, (_, reply) => html(reply, logoutPage(base)));
    app.post(`${base}/login`, (request, reply) => this.#login(request, reply));
    app.post(`${base}/logout`, (request, reply) => this.#logout(request, reply));
  }

  /** Who is logged in; undefined when the request has been sent to the login. @throws Problem for what is no page */
  async enter(request: FastifyRequest, reply: FastifyReply): Promise<Caller | undefined> {
    const secret = request.cookies[COOKIE];
    const caller = secret ? await this.#options.sessions.read(secret) : undefined;
    if (secret === undefined || !caller?.roles.includes('operate')) {
      const isPage = request.method === 'GET' && /\btext\/html\b/.test(request.headers.accept ?? '');
      const { base } = this.#options;
      if (!isPage) throw problem(401, 'not_logged_in', `log in at ${base}/login`);
      reply.redirect(`${base}/login`, 303);
      return undefined;
    }
    if (isChange(request)) {
      fromOwnPage(request);
      if (!isCsrfToken(String(request.headers[CSRF_HEADER] ?? ''), csrfToken(secret)))
        throw problem(403, 'csrf', `a change needs the token of the page that asks for it (${CSRF_HEADER})`);
    }
    return caller;
  }

  async #login(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { base, authenticator, sessions } = this.#options;
    fromOwnPage(request);
    const key = new URLSearchParams(String(request.body)).get('key')?.trim() ?? '';
    try {
      const { id, roles } = await authenticator.callerOf([`Bearer ${key}`], request.ip);
      if (!roles.includes('operate'))
        throw problem(403, 'missing_role', 'this key has not got the role operate');
      const secret = await sessions.open(id);
      // Only the browser knows whether a proxy in front of us speaks TLS with it.
      const secure = String(request.headers.origin).startsWith('https:');
      const cookie = { path: base, sameSite: 'strict', secure } as const;
      return reply
        .setCookie(COOKIE, secret, { ...cookie, httpOnly: true })
        .setCookie(CSRF_COOKIE, csrfToken(secret), cookie)
        .redirect(base, 303);
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500) throw error;
      const mistake = error.status === 401 ? 'This is no valid API key.' : `Not now: ${error.message}.`;
      reply.code(error.status);
      if (error.options.retryAfter) reply.header('retry-after', error.options.retryAfter);
      return html(reply, loginPage(base, mistake));
    }
  }

  async #logout(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { base, sessions } = this.#options;
    fromOwnPage(request);
    const secret = request.cookies[COOKIE];
    if (secret) await sessions.close(secret);
    for (const name of [COOKIE, CSRF_COOKIE]) reply.clearCookie(name, { path: base });
    return reply.redirect(`${base}/login`, 303);
  }
}

export function isChange({ method }: FastifyRequest): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** Browsers name the page that a change comes from, and no script can make that up. */
export function fromOwnPage({ headers }: FastifyRequest): void {
  const { origin = '', host, 'sec-fetch-site': site = 'same-origin' } = headers;
  if (!URL.canParse(origin) || new URL(origin).host !== host || site !== 'same-origin')
    throw problem(403, 'cross_site', 'a change must come from the dashboard’s own page');
}

function html(reply: FastifyReply, page: string): FastifyReply {
  return reply.type('text/html; charset=utf-8').send(page);
}

/** The dashboard's own pages: plain HTML that needs no script, their only style a file of ours. */

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { display: grid; place-items: center; min-height: 100vh; margin: 0; background: light-dark(#f4f6f8, #151a21) }
main { width: min(24rem, 90vw); padding: 2rem; border-radius: .75rem; background: light-dark(#fff, #1e252e);
  box-shadow: 0 2px 12px #0002 }
h1 { margin: 0 0 .25rem; font-size: 1.25rem }
p { margin: 0 0 1.25rem }
label { display: block; margin-bottom: .35rem; font-weight: 600 }
input { box-sizing: border-box; width: 100%; padding: .6rem .75rem; border: 1px solid #8b96a5; border-radius: .4rem;
  font: inherit; margin-bottom: 1rem }
button { width: 100%; padding: .65rem; border: 0; border-radius: .4rem; background: #1f5fbf; color: #fff; font: inherit;
  font-weight: 600; cursor: pointer }
:is(input, button, a):focus-visible { outline: 3px solid #6aa5ff; outline-offset: 2px }
[role=alert] { padding: .6rem .75rem; border-left: 4px solid #c0392b; background: #c0392b1f }
code { font-size: .9em }
`;

export function styleSheet(): string {
  return STYLE.trim();
}

/** @param base the path that the dashboard stands at @param mistake why the last attempt failed */
export function loginPage(base: string, mistake?: string): string {
  return page(
    base,
    'Log in',
    `<p>Paste an API key with the role <code>operate</code> (<code>dpf keys add</code>).</p>
${mistake === undefined ? '' : `<p role="alert">${escaped(mistake)}</p>`}
<form method="post" action="${base}/login">
<label for="key">API key</label>
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button>
</form>`,
  );
}

export function logoutPage(base: string): string {
  return page(
    base,
    'Log out',
    `<p>This browser forgets its login; the key stays valid.</p>
<form method="post" action="${base}/logout"><button>Log out</button></form>`,
  );
}

function page(base: string, title: string, content: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} – dropship-product-finder</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}/login.css">
</head>
<body>
<main>
<h1>dropship-product-finder</h1>
${content}
</main>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
