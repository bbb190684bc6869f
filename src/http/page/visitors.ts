import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Authenticator, Caller } from '../auth/authenticator.ts';
import { csrfToken, isCsrfToken, type Sessions } from '../auth/sessions.ts';
import { problem } from '../problem.ts';
import { OPEN } from '../server.ts';
import type { FormValues } from './searchForm.ts';

/** Somebody with a browser. */
export interface Visitor {
  caller: Caller;
  /** Null where no keys are asked for. */
  csrf: string | null;
  /** The name of the key that they signed in with. */
  keyName: string | null;
}

export interface VisitorsOptions {
  /** Undefined: no keys are asked for. */
  authenticator: Authenticator | undefined;
  sessions: Sessions;
}

const COOKIE = 'dpf_session';

/** Who asks for a page, by the session that an API key was exchanged for. */
export class Visitors {
  readonly #options: VisitorsOptions;

  constructor(options: VisitorsOptions) {
    this.#options = options;
  }

  get needKeys(): boolean {
    return this.#options.authenticator !== undefined;
  }

  /** Undefined: must sign in. A key that was taken back, or has expired, ends its sessions at once. */
  async visitorOf({ cookies }: FastifyRequest): Promise<Visitor | undefined> {
    if (!this.needKeys) return { caller: OPEN, csrf: null, keyName: null };
    const secret = cookies[COOKIE];
    const key = secret === undefined ? undefined : await this.#options.sessions.read(secret);
    return key && { caller: key, csrf: csrfToken(secret as string), keyName: key.name };
  }

  /** @throws Problem 401 for a wrong key, 429 after too many */
  async signIn(request: FastifyRequest, reply: FastifyReply, key: string): Promise<void> {
    const { authenticator, sessions } = this.#options;
    if (authenticator === undefined) return;
    const caller = await authenticator.callerOf([`Bearer ${key.trim()}`], request.ip);
    const secret = await sessions.open(caller.id);
    // Strict: no other site's link or form ever carries it.
    reply.setCookie(COOKIE, secret, {
      path: '/',
      httpOnly: true,
      sameSite: 'strict',
      secure: request.protocol === 'https' || request.headers['x-forwarded-proto'] === 'https',
      maxAge: sessions.lifeS,
    });
  }

  async signOut({ cookies }: FastifyRequest, reply: FastifyReply): Promise<void> {
    const secret = cookies[COOKIE];
    if (secret !== undefined) await this.#options.sessions.close(secret);
    reply.clearCookie(COOKIE, { path: '/' });
  }
}

/** @throws Problem 403 for what does not come from this server's own pages */
export function refuseForeign({ headers }: FastifyRequest): void {
  const site = headers['sec-fetch-site'];
  const { origin } = headers;
  const foreign =
    site !== undefined ? site !== 'same-origin' : origin !== undefined && hostOf(origin) !== headers.host;
  if (foreign) throw problem(403, 'cross_site', 'this may be asked from its own pages only');
}

/** @throws Problem 403 for a form that is not of this session */
export function refuseForged({ body }: FastifyRequest, { csrf }: Visitor): void {
  if (csrf === null) return;
  if (!isCsrfToken(String((body as FormValues | undefined)?._csrf ?? ''), csrf))
    throw problem(403, 'stale_form', 'this form is of another session: load the page again');
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
