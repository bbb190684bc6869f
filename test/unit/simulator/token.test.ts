import { expect } from 'chai';
import { BASE_SCOPE, DEMO_CREDENTIALS } from '../../../src/simulator/tokens.ts';
import { askToken, get, mintToken, SEARCH, useSimulator } from '../../support/simulator.ts';

const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();

describe('the token endpoint of the simulator', () => {
  const second = { clientId: 'Second-App-SBX-1', clientSecret: 'SBX-second-1' };
  const simulator = useSimulator({ credentials: [DEMO_CREDENTIALS, second] });
  const search = (token: string) => get(simulator().url, `${SEARCH}?q=yoga+mat&limit=1`, token);

  it('answers a right request with a token, its lifetime and no Bearer type', async () => {
    const response = await askToken(simulator().url);
    expect(response.status).to.equal(200);
    const body = (await response.json()) as Record<string, unknown>;
    expect(body).to.have.all.keys('access_token', 'expires_in', 'token_type');
    expect(body).to.include({ expires_in: 7200, token_type: 'Application Access Token' });
  });

  it('refuses an unknown client and a wrong secret as invalid_client', async () => {
    for (const wrong of [{ clientId: 'Nobody' }, { clientSecret: 'SBX-wrong' }]) {
      const response = await askToken(simulator().url, { ...DEMO_CREDENTIALS, ...wrong });
      expect(response.status).to.equal(401);
      expect(await response.json()).to.include({ error: 'invalid_client' });
    }
  });

  it('refuses another grant type', async () => {
    const body = form({ grant_type: 'password', scope: BASE_SCOPE });
    const response = await askToken(simulator().url, DEMO_CREDENTIALS, body);
    expect(response.status).to.equal(400);
    expect(await response.json()).to.include({ error: 'unsupported_grant_type' });
  });

  it('refuses a scope that was not granted, and several that were encoded twice', async () => {
    const twice = `${BASE_SCOPE}%20${BASE_SCOPE}`;
    for (const scope of [`${BASE_SCOPE}/buy.item.bulk`, twice, '']) {
      const body = form({ grant_type: 'client_credentials', scope });
      const response = await askToken(simulator().url, DEMO_CREDENTIALS, body);
      expect(response.status, scope).to.equal(400);
      expect(await response.json()).to.include({ error: 'invalid_scope' });
    }
  });

  it('refuses the day’s 1,001st token of a credential in the REST error shape', async () => {
    simulator().controls.quota({ clientId: second.clientId, mintsUsed: 999 });
    expect((await askToken(simulator().url, second)).status).to.equal(200);
    const response = await askToken(simulator().url, second);
    expect(response.status).to.equal(429);
    expect(await response.json()).to.have.nested.property('errors[0].errorId', 2001);
    expect((await askToken(simulator().url)).status, 'the other credential').to.equal(200);
  });

  it('lets a token work until it is revoked, and answers 401 with 1001 then', async () => {
    const token = await mintToken(simulator().url);
    expect((await search(token)).status).to.equal(200);
    simulator().controls.revokeTokens();
    const response = await search(token);
    expect(response.status).to.equal(401);
    expect(await response.json()).to.deep.nested.include({
      'errors[0].errorId': 1001,
      'errors[0].domain': 'OAuth',
    });
  });

  it('revokes the tokens of one credential alone', async () => {
    simulator().controls.quota({ clientId: second.clientId, mintsUsed: 0 });
    const [mine, other] = [await mintToken(simulator().url), await mintToken(simulator().url, second)];
    simulator().controls.revokeTokens(second.clientId);
    expect((await search(mine)).status).to.equal(200);
    expect((await search(other)).status).to.equal(401);
  });

  it('lets a token end earlier than it announced when told to', async () => {
    simulator().controls.configure({ tokenLifetime: 3600, tokenValidity: 0 });
    const response = await askToken(simulator().url);
    const body = (await response.json()) as { access_token: string; expires_in: number };
    simulator().controls.configure({ tokenLifetime: 7200, tokenValidity: null });
    expect(body.expires_in).to.equal(3600);
    expect((await search(body.access_token)).status).to.equal(401);
  });

  it('refuses a call without Authorization with 403, and one with an invented token with 401', async () => {
    expect((await fetch(`${simulator().url}${SEARCH}?q=yoga`)).status).to.equal(403);
    expect((await search('v^1.1#invented')).status).to.equal(401);
  });
});
