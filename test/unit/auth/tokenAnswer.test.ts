import { expect } from 'chai';
import fc from 'fast-check';
import { MintFault, readTokenAnswer } from '../../../src/ebay/oauth/tokenRequest.ts';

const grant = (fields: object = {}) =>
  JSON.stringify({ access_token: 'v^1.1#i^1#t^abc=', expires_in: 7200, token_type: 'Bearer', ...fields });

function faultOf(status: number, text: string, retryAfter?: string, now?: number): MintFault {
  try {
    readTokenAnswer(status, text, retryAfter, now);
  } catch (error) {
    if (error instanceof MintFault) return error;
    throw error;
  }
  throw new Error('no fault came');
}

describe('an answer of the token endpoint', () => {
  for (const type of ['Application Access Token', 'Bearer'])
    it(`with token_type "${type}" is a grant`, () => {
      expect(readTokenAnswer(200, grant({ token_type: type }))).to.deep.equal({
        access_token: 'v^1.1#i^1#t^abc=',
        expires_in: 7200,
        token_type: type,
        warnings: [],
      });
    });

  for (const [what, value, life, odd] of [
    ['missing', undefined, 3600, true],
    ['null', null, 3600, true],
    ['words', 'soon', 3600, true],
    ['an object', {}, 3600, true],
    ['digits as text', '3600', 3600, false],
    ['ten years', 315_360_000, 86_400, true],
    ['a fraction', 7199.5, 7199.5, false],
    ['infinity as text', '1e999', 3600, true],
  ] as const)
    it(`with expires_in ${what} is used for ${life} s`, () => {
      const { expires_in, warnings } = readTokenAnswer(200, grant({ expires_in: value }));
      expect(expires_in).to.equal(life);
      expect(warnings.length > 0).to.equal(odd);
    });

  for (const value of [0, -1, '0', '-1'])
    it(`with expires_in ${JSON.stringify(value)} is refused: the token is dead`, () => {
      expect(faultOf(200, grant({ expires_in: value })).reason).to.equal('bad-answer');
    });

  for (const [what, token] of [
    ['missing', undefined],
    ['empty', ''],
    ['a number', 42],
    ['text with CR/LF', 'abc\r\nX-Evil: 1'],
    ['text with a space', 'abc def'],
    ['text with a NUL', 'abc\u0000'],
    ['text beyond ASCII', 'tökén'],
    ['of 10,000 characters', 'x'.repeat(10_000)],
  ] as const)
    it(`with an access_token that is ${what} is refused`, () => {
      expect(faultOf(200, grant({ access_token: token })).reason).to.equal('bad-answer');
    });

  for (const text of ['<!doctype html>', '', 'null', '[]', '42', '{"access_token": "abc"', '\uFEFF{}'])
    it(`that reads ${JSON.stringify(text)} is refused`, () => {
      expect(faultOf(200, text).reason).to.equal('bad-answer');
    });

  for (const [status, body, reason] of [
    [401, { error: 'invalid_client' }, 'invalid_client'],
    [400, { error: 'invalid_client' }, 'invalid_client'],
    [200, { error: 'invalid_client' }, 'invalid_client'],
    [400, { error: 'unauthorized_client' }, 'unauthorized_client'],
    [400, { error: 'unsupported_grant_type' }, 'unsupported_grant_type'],
    [400, { error: 'invalid_scope' }, 'invalid_scope'],
    [400, { error: 'something_new' }, 'bad-answer'],
    [429, { errors: [{ errorId: 2001 }] }, 'throttled'],
    [429, { error: 'slow_down' }, 'throttled'],
    [500, { error: 'invalid_client' }, 'server-error'],
    [503, 'down', 'server-error'],
    [302, '', 'bad-answer'],
    [204, '', 'bad-answer'],
    [404, { errors: [] }, 'bad-answer'],
    [404, { errors: [null] }, 'bad-answer'],
  ] as const)
    it(`${status} with ${JSON.stringify(body)} is ${reason}`, () => {
      const fault = faultOf(status, typeof body === 'string' ? body : JSON.stringify(body));
      expect(fault).to.include({ reason, status });
    });

  it('in the REST shape tells its error id and not its text', () => {
    const text = JSON.stringify({ errors: [{ errorId: 2001, message: 'canary' }] });
    expect(faultOf(429, text).message).to.include('2001').and.to.not.include('canary');
  });

  it('reads Retry-After as seconds and as a date, and nothing else', () => {
    const now = Date.UTC(2026, 2, 1);
    const waits = ['7', ' 7 ', 'Sun, 01 Mar 2026 00:01:00 GMT', 'Sat, 28 Feb 2026 00:00:00 GMT', 'soon', ''];
    expect(waits.map((header) => faultOf(429, '', header, now).retryAfterMs)).to.deep.equal([
      7000,
      7000,
      60_000,
      0,
      undefined,
      undefined,
    ]);
  });

  it('whatever it holds is a grant that can be used or a MintFault that quotes nothing of it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 599 }),
        fc.jsonValue(),
        fc.string(),
        (status, body, retryAfter) => {
          const text = JSON.stringify({ canary: 'CANARY', ...(typeof body === 'object' ? body : { body }) });
          try {
            const { access_token, expires_in } = readTokenAnswer(status, text, retryAfter);
            expect(access_token).to.match(/^[\x21-\x7e]+$/);
            expect(expires_in).to.be.within(0.0001, 86_400);
          } catch (error) {
            expect(error).to.be.instanceOf(MintFault);
            expect((error as MintFault).message).to.not.include('CANARY');
          }
        },
      ),
    );
  });
});
