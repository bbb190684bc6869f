import { expect } from 'chai';
import { type Answer, type Endpoint, readAnswer } from '../../../src/ebay/answer.ts';

function answer(status: number, body: unknown, own: Partial<Answer> = {}): Answer {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { status, contentType: 'application/json;charset=utf-8', retryAfter: undefined, text, ...own };
}

function error(errorId: number, message = 'What it says.') {
  return { errors: [{ errorId, domain: 'API_BROWSE', category: 'REQUEST', message }] };
}

function codeOf(given: Answer, endpoint: Endpoint = 'search'): string {
  const reading = readAnswer(given, endpoint);
  return reading.is === 'failure' ? reading.failure.code : reading.is;
}

describe('an answer of eBay', () => {
  for (const [given, endpoint, expected] of [
    [answer(200, { total: 0 }), 'search', 'body'],
    [answer(200, { total: 0 }, { contentType: 'application/vnd.ebay+json' }), 'search', 'body'],
    [answer(200, { total: 0 }, { contentType: 'text/html' }), 'search', 'ebay-bad-answer'],
    [answer(200, '{"total":'), 'search', 'ebay-bad-answer'],
    [answer(200, '[]'), 'search', 'ebay-bad-answer'],
    [answer(200, ''), 'search', 'ebay-bad-answer'],
    [answer(204, ''), 'search', 'ebay-bad-answer'],
    [answer(302, ''), 'search', 'ebay-bad-answer'],
    [answer(401, error(1001)), 'search', 'token-refused'],
    [answer(401, 'no JSON'), 'search', 'token-refused'],
    [answer(403, error(1001)), 'search', 'token-refused'],
    [answer(403, error(1100)), 'search', 'ebay-refused'],
    [answer(429, error(2001)), 'search', 'throttled'],
    [answer(429, ''), 'search', 'throttled'],
    [answer(403, error(2001)), 'search', 'throttled'],
    [answer(400, error(12001)), 'search', 'ebay-refused'],
    [answer(409, error(12013)), 'search', 'ebay-refused'],
    [answer(404, error(11001)), 'item', 'item-gone'],
    [answer(400, error(11001)), 'item', 'item-gone'],
    [answer(404, '<html>'), 'item', 'ebay-bad-answer'],
    [answer(404, ''), 'item', 'ebay-bad-answer'],
    [answer(404, { errors: [{ message: 'Not found.' }] }), 'item', 'ebay-bad-answer'],
    [answer(404, error(2002)), 'item', 'ebay-refused'],
    [answer(400, error(11004)), 'item', 'item-gone'],
    [answer(400, error(11003)), 'legacy-item', 'item-gone'],
    [answer(404, '<html>'), 'legacy-item', 'ebay-bad-answer'],
    [answer(400, error(11006)), 'legacy-item', 'item-has-variations'],
    [answer(400, error(11002)), 'item-group', 'item-gone'],
    [answer(400, error(11008)), 'item-group', 'item-gone'],
    [answer(404, '<html>'), 'item-group', 'ebay-bad-answer'],
    [answer(400, error(11005)), 'item-group', 'ebay-refused'],
    [answer(404, error(11001)), 'search', 'ebay-refused'],
    [answer(408, ''), 'search', 'ebay-timeout'],
    [answer(500, error(12000)), 'search', 'ebay-server-error'],
    [answer(503, '<html>'), 'search', 'ebay-server-error'],
  ] as const)
    it(`${given.status} with ${given.text.slice(0, 60) || 'nothing'} (${endpoint}) reads as ${expected}`, () => {
      expect(codeOf(given, endpoint)).to.equal(expected);
    });

  it('keeps status, error id and eBay’s own words, in one line and short', () => {
    const reading = readAnswer(
      answer(400, error(12001, `A\u0000 line\nand another ${'x'.repeat(900)}`)),
      'search',
    );
    if (reading.is !== 'failure') throw new Error('expected a failure');
    const { message, detail } = reading.failure;
    expect(message).to.match(/^eBay answered 400 \(error 12001\): A line and another x+$/);
    expect(message.length).to.be.below(260);
    expect(detail).to.deep.equal({ status: 400, errorId: 12_001 });
  });

  it('shows nothing that looks like a credential', () => {
    const message = 'Header Bearer v^1.1#i^1#abc was wrong, so was v^1.1#i^2#def and Basic QUJD';
    const reading = readAnswer(answer(400, error(12001, message)), 'search');
    if (reading.is !== 'failure') throw new Error('expected a failure');
    expect(reading.failure.message).to.not.match(/abc|def|QUJD/);
  });
});
