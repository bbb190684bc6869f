import { randomBytes } from 'node:crypto';
import { BASE_SCOPE, type Credential } from './credentials.ts';
import { Quota } from './quota.ts';

/** A credential together with what it has used. */
export interface Account {
  readonly credential: Credential;
  readonly scopes: readonly string[];
  readonly quota: Quota;
}

export interface Token {
  /** Short name for logs, such as `t3`: never the token itself. */
  readonly id: string;
  readonly account: Account;
  readonly scopes: readonly string[];
  readonly value: string;
  /** On the monotonic clock, ms. */
  expiresAt: number;
}

/** All tokens that one simulator has given out. */
export class Tokens {
  #accounts: readonly Account[];
  /** Seconds that are announced as `expires_in`. */
  lifetimeS: number;
  /** Seconds for which a token really works; null: as announced. */
  validityS: number | null = null;
  private readonly byValue = new Map<string, Token>();
  private minted = 0;

  constructor(credentials: readonly Credential[], lifetimeS: number) {
    this.lifetimeS = lifetimeS;
    this.#accounts = credentials.map((credential) => accountOf(credential, new Quota()));
  }

  get accounts(): readonly Account[] {
    return this.#accounts;
  }

  /** Adds a keyset, or gives the one of this client id another secret or other scopes; what it has used stays used. */
  setCredential(credential: Credential): void {
    const known = this.account(credential.clientId);
    const others = this.#accounts.filter((account) => account !== known);
    this.#accounts = [...others, accountOf(credential, known?.quota ?? new Quota())];
  }

  account(clientId: string): Account | undefined {
    return this.#accounts.find(({ credential }) => credential.clientId === clientId);
  }

  mint(account: Account, scopes: readonly string[]): Token {
    this.minted += 1;
    const token: Token = {
      id: `t${this.minted}`,
      account,
      scopes,
      // The look of a real one: not a JWT, with characters that a careless client would mangle.
      value: `v^1.1#i^1#p^1#I^3#f^0#r^0#t^${randomBytes(60).toString('base64')}`,
      expiresAt: performance.now() + (this.validityS ?? this.lifetimeS) * 1000,
    };
    this.byValue.set(token.value, token);
    return token;
  }

  /** The token with this value, whether it still works or not. */
  find(value: string): Token | undefined {
    return this.byValue.get(value);
  }

  works(token: Token): boolean {
    return performance.now() < token.expiresAt;
  }

  revoke(token: Token): void {
    token.expiresAt = Number.NEGATIVE_INFINITY;
  }

  /** Revokes every token, or those of one credential; how many of them still worked. */
  revokeAll(clientId?: string): number {
    const working = [...this.byValue.values()].filter(
      (token) =>
        this.works(token) && (clientId === undefined || token.account.credential.clientId === clientId),
    );
    for (const token of working) this.revoke(token);
    return working.length;
  }

  /** How many tokens were ever minted. */
  get count(): number {
    return this.minted;
  }
}

function accountOf(credential: Credential, quota: Quota): Account {
  return { credential, scopes: credential.scopes ?? [BASE_SCOPE], quota };
}
