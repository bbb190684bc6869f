import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type Answer, json, oauthError, tooManyRequests } from './answers.ts';
import { Quota } from './quota.ts';

/** A keyset of the simulated developer account. */
export interface Credential {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Scopes that it may ask for. Default: the base scope. */
  readonly scopes?: readonly string[];
}

export const BASE_SCOPE = 'https://api.ebay.com/oauth/api_scope';
/** Of the bulk call for items, which eBay grants to few keysets (Limited Release). */
export const BULK_SCOPE = `${BASE_SCOPE}/buy.item.bulk`;

/** What a simulator accepts by default. It opens nothing anywhere else. */
export const DEMO_CREDENTIALS: Credential = {
  clientId: 'Finder-Demo-SBX-8c27f09ab-51d3e6c4',
  clientSecret: 'SBX-c27f09ab4e1d-7b60-4f8a-93c5-2ad1',
};

/** A credential together with what it has used. */
interface Account {
  readonly credential: Credential;
  readonly quota: Quota;
}

export type Token = ReturnType<Tokens['mint']>;

/** All credentials and tokens of one simulator. */
export class Tokens {
  accounts: readonly Account[];
  /** How many tokens were ever minted. */
  minted = 0;
  private readonly byValue = new Map<string, Token>();

  constructor(credentials: readonly Credential[]) {
    this.accounts = credentials.map((credential) => ({ credential, quota: new Quota() }));
  }

  /** Adds a keyset, or changes secret and scopes of the one with this client id; its quota stays. */
  setCredential(credential: Credential): void {
    const known = this.account(credential.clientId);
    const others = this.accounts.filter((account) => account !== known);
    this.accounts = [...others, { credential, quota: known?.quota ?? new Quota() }];
  }

  account(clientId: string): Account | undefined {
    return this.accounts.find(({ credential }) => credential.clientId === clientId);
  }

  /** @param validityS seconds for which the token really works */
  mint(account: Account, scopes: readonly string[], validityS: number) {
    this.minted += 1;
    const token = {
      /** Short name for logs, such as `t3`: never the token itself. */
      id: `t${this.minted}`,
      account,
      scopes,
      // The look of a real one: not a JWT, with characters that a careless client would mangle.
      value: `v^1.1#i^1#p^1#I^3#f^0#r^0#t^${randomBytes(60).toString('base64')}`,
      /** On the monotonic clock, ms. */
      expiresAt: performance.now() + validityS * 1000,
    };
    this.byValue.set(token.value, token);
    return token;
  }

  /** The token that an Authorization header carries, whether it still works or not. */
  presented(authorization: string | undefined): Token | undefined {
    return this.byValue.get(/^Bearer (.+)$/.exec(authorization ?? '')?.[1] ?? '');
  }

  works(token: Token): boolean {
    return performance.now() < token.expiresAt;
  }

  /** Revokes the tokens that are meant; returns how many of them still worked. */
  revoke(isMeant: (token: Token) => boolean): number {
    const meant = [...this.byValue.values()].filter((token) => this.works(token) && isMeant(token));
    for (const token of meant) token.expiresAt = Number.NEGATIVE_INFINITY;
    return meant.length;
  }

  /** The account that a Basic header names, whether or not its secret is right. */
  named(authorization: string | undefined): Account | undefined {
    return this.account(basicPair(authorization)[0]);
  }
}

/** POST /identity/v1/oauth2/token, as strict as eBay. `minted` is there only for a success. */
export function grantToken(
  tokens: Tokens,
  { authorization, 'content-type': contentType }: IncomingHttpHeaders,
  body: string,
  { tokenLifetime, tokenValidity }: { tokenLifetime: number; tokenValidity: number | null },
): { answer: Answer; minted?: Token } {
  const refuse = (status: number, error: string, description: string) => ({
    answer: oauthError(status, error, description),
  });
  const account = tokens.named(authorization);
  if (account === undefined || basicPair(authorization)[1] !== account.credential.clientSecret) {
    return refuse(401, 'invalid_client', 'client authentication failed');
  }
  if (!account.quota.chargeMint()) return { answer: tooManyRequests() };
  if (!contentType?.toLowerCase().startsWith('application/x-www-form-urlencoded')) {
    return refuse(400, 'invalid_request', 'the body has to be form-encoded');
  }
  const form = new URLSearchParams(body);
  if (form.get('grant_type') !== 'client_credentials') {
    return refuse(400, 'unsupported_grant_type', 'this grant type is not supported');
  }
  // A scope that was encoded twice still holds a `%20` here, and so is no known scope.
  const scopes = (form.get('scope') ?? BASE_SCOPE).split(' ').filter((scope) => scope !== '');
  const granted = account.credential.scopes ?? [BASE_SCOPE];
  if (scopes.length === 0 || !scopes.every((scope) => granted.includes(scope))) {
    return refuse(400, 'invalid_scope', 'a scope is unknown or was not granted');
  }
  const minted = tokens.mint(account, scopes, tokenValidity ?? tokenLifetime);
  const token_type = 'Application Access Token';
  return { answer: json(200, { access_token: minted.value, expires_in: tokenLifetime, token_type }), minted };
}

function basicPair(authorization = ''): [clientId: string, secret: string] {
  const encoded = /^Basic\s+(\S+)$/i.exec(authorization)?.[1] ?? '';
  const [clientId = '', ...secret] = Buffer.from(encoded, 'base64').toString().split(':');
  return [clientId, secret.join(':')];
}
