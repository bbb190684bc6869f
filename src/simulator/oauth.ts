import { timingSafeEqual } from 'node:crypto';
import { type Answer, json } from './answer.ts';
import { BASE_SCOPE } from './credentials.ts';
import { oauthError, tooManyRequests } from './errors.ts';
import type { Account, Token, Tokens } from './tokens.ts';

/** POST /identity/v1/oauth2/token, as strict as eBay. `minted` is there only for a success. */
export function grantToken(
  tokens: Tokens,
  request: { authorization: string | undefined; contentType: string | undefined; body: string },
): { answer: Answer; minted?: Token } {
  const account = authenticate(tokens, request.authorization);
  if (account === null) {
    return { answer: oauthError(401, 'invalid_client', 'client authentication failed') };
  }
  if (!account.quota.chargeMint()) return { answer: tooManyRequests() };
  if (!request.contentType?.toLowerCase().startsWith('application/x-www-form-urlencoded')) {
    return { answer: oauthError(400, 'invalid_request', 'the body has to be form-encoded') };
  }
  const form = new URLSearchParams(request.body);
  if (form.get('grant_type') !== 'client_credentials') {
    return { answer: oauthError(400, 'unsupported_grant_type', 'this grant type is not supported') };
  }
  // A scope that was encoded twice still holds a `%20` here, and so is no known scope.
  const scopes = (form.get('scope') ?? BASE_SCOPE).split(' ').filter((scope) => scope !== '');
  if (scopes.length === 0 || !scopes.every((scope) => account.scopes.includes(scope))) {
    return { answer: oauthError(400, 'invalid_scope', 'a scope is unknown or was not granted') };
  }
  const minted = tokens.mint(account, scopes);
  const answer = json(200, {
    access_token: minted.value,
    expires_in: tokens.lifetimeS,
    token_type: 'Application Access Token',
  });
  return { answer, minted };
}

/** The account that a Basic header names, whether or not its secret is right. */
export function namedAccount(tokens: Tokens, header: string | undefined): Account | undefined {
  return tokens.account(basicPair(header)[0]);
}

function authenticate(tokens: Tokens, header: string | undefined): Account | null {
  const account = namedAccount(tokens, header);
  if (account === undefined) return null;
  return same(basicPair(header)[1], account.credential.clientSecret) ? account : null;
}

function basicPair(header: string | undefined): [clientId: string, secret: string] {
  const encoded = /^Basic\s+(\S+)$/i.exec(header ?? '')?.[1] ?? '';
  const [clientId = '', ...secret] = Buffer.from(encoded, 'base64').toString().split(':');
  return [clientId, secret.join(':')];
}

function same(given: string, secret: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(secret)];
  return a.length === b.length && timingSafeEqual(a, b);
}
