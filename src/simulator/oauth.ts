import { timingSafeEqual } from 'node:crypto';
import { type Answer, json } from './answer.ts';
import { BASE_SCOPE } from './credentials.ts';
import { oauthError, tooManyRequests } from './errors.ts';
import type { Account, Token, Tokens } from './tokens.ts';

/** POST /identity/v1/oauth2/token, as strict as eBay. `minted` is there only for a success. */
export function grantToken(
  tokens: Tokens,
  request: { authorization: string | undefined; contentType: string | undefined; body: string },
): { answer: Answer; account?: Account; minted?: Token } {
  const account = authenticate(tokens, request.authorization);
  if (account === null) {
    return { answer: oauthError(401, 'invalid_client', 'client authentication failed') };
  }
  if (!account.quota.chargeMint()) return { answer: tooManyRequests(), account };
  if (!request.contentType?.toLowerCase().startsWith('application/x-www-form-urlencoded')) {
    return { answer: oauthError(400, 'invalid_request', 'the body has to be form-encoded'), account };
  }
  const form = new URLSearchParams(request.body);
  if (form.get('grant_type') !== 'client_credentials') {
    return { answer: oauthError(400, 'unsupported_grant_type', 'this grant type is not supported'), account };
  }
  // A scope that was encoded twice still holds a `%20` here, and so is no known scope.
  const scopes = (form.get('scope') ?? BASE_SCOPE).split(' ').filter((scope) => scope !== '');
  if (scopes.length === 0 || !scopes.every((scope) => account.scopes.includes(scope))) {
    return { answer: oauthError(400, 'invalid_scope', 'a scope is unknown or was not granted'), account };
  }
  const minted = tokens.mint(account, scopes);
  const answer = json(200, {
    access_token: minted.value,
    expires_in: tokens.lifetimeS,
    token_type: 'Application Access Token',
  });
  return { answer, account, minted };
}

function authenticate(tokens: Tokens, header: string | undefined): Account | null {
  const encoded = /^Basic\s+(\S+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return null;
  const pair = Buffer.from(encoded, 'base64').toString();
  const colon = pair.indexOf(':');
  const account = tokens.account(pair.slice(0, Math.max(0, colon)));
  if (account === undefined) return null;
  return same(pair.slice(colon + 1), account.credential.clientSecret) ? account : null;
}

function same(given: string, secret: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(secret)];
  return a.length === b.length && timingSafeEqual(a, b);
}
