import { expect } from 'chai';
import { redact } from '../../../src/telemetry/scrubber.ts';

const CANARY = 'c4n4ryc4n4ry';

describe('what a log may hold', () => {
  const secrets: Record<string, unknown> = {
    'an authorization header': { headers: { Authorization: CANARY } },
    'a bearer token in a text': `GET failed with Bearer ${CANARY}, twice`,
    'basic credentials in a text': `authorization: Basic ${CANARY}==`,
    'a token of eBay': `token v^1.1#i^1#p^1#${CANARY} was refused`,
    'the password of a URL': `redis://user:p@${CANARY}@host:6379/0 is gone`,
    'the user of a URL': `https://${CANARY}@host/path`,
    'a token by name': { access_token: CANARY },
    'a secret by name': { ebay: { clientSecret: CANARY } },
    'a list of secrets by name': { token: [CANARY] },
    'an error’s message': new Error(`connect redis://:${CANARY}@host`),
    'a secret in a list': [[`Bearer ${CANARY}`]],
  };
  for (const [what, value] of Object.entries(secrets))
    it(`is not ${what}`, () => {
      expect(JSON.stringify(redact(value)))
        .to.include('***')
        .and.not.include(CANARY);
    });

  it('is everything else, unchanged', () => {
    const fields = {
      url: 'https://api.ebay.com/buy/browse/v1/item_summary/search?q=usb%20hub',
      mail: 'someone@example.com',
      tokenKey: 'ebay:access_token',
      token: null,
      count: 3,
      nested: { yes: true, list: ['a', 1] },
    };
    expect(redact(fields)).to.deep.equal(fields);
  });
});
