import { expect } from 'chai';
import { errorPage, type Failed } from '../../../../src/http/page/errorPage.ts';
import { type Problem, problem } from '../../../../src/http/problem.ts';

const caller = { id: 'k', name: 'shop', tenant: 'default', roles: ['read', 'enqueue'] } as const;
const shown = (answer: Problem, failed: Partial<Failed> = {}) => {
  const page = errorPage(
    answer,
    { method: 'GET', url: '/searches/s_1?page=2', isUnknown: false, caller, traceId: undefined, ...failed },
    (url) => url !== '/watching',
  );
  return { title: page.title, text: String(page.content) };
};

describe('the page of an error', () => {
  it('says what to do next', () => {
    const limited = problem(429, 'rate_limited', 'this key may send 5 requests a minute', { retryAfter: 7 });
    const again = shown(limited);
    expect(again.title).to.equal('Too many requests');
    expect(again.text)
      .to.include('This key may send 5 requests a minute.')
      .and.include('Try again in 7 seconds.')
      .and.include('<a class="button main" href="/searches/s_1?page=2">Try again</a>');
    // A form is not sent again by a link.
    const sent = shown(limited, { method: 'POST', url: '/searches' });
    expect(sent.text).to.include('with what you typed').and.not.include('>Try again</a>');
    expect(shown(problem(503, 'gate-closed', 'wait', { retryAfter: 1 })).text).to.include('in a second');
    const defect = shown(problem(500, 'internal', 'secret'), { traceId: 'abc123' });
    expect(defect.text).to.include('no mistake of yours').and.include('abc123').and.not.include('secret');
    expect(shown(problem(404, 'not_found', 'x')).text).to.include('kept for some hours');
    expect(shown(problem(404, 'not_found', 'x'), { isUnknown: true }).title).to.equal(
      'There is no such page',
    );
    expect(shown(problem(400, 'bad', '<b> is wrong')).text).to.include('&lt;b&gt; is wrong.');
  });

  it('of a missing role names it and what the key has, and leads to what it may use', () => {
    const missing = problem(403, 'missing_role', 'this needs a key with the role operate');
    const reader = shown(missing, { url: '/admin/queues' });
    expect(reader.title).to.equal('This key may not see the queues and the metrics');
    expect(reader.text)
      .to.include('<strong>shop</strong> has <code>read</code>, <code>enqueue</code>')
      .and.include('href="/sign-in?next=%2Fadmin%2Fqueues"')
      .and.include('>Back to the start</a>');
    const operator = shown(problem(403, 'missing_role', 'this needs a key with the role read'), {
      caller: { ...caller, roles: ['operate'] },
    });
    expect(operator.text).to.include('href="/admin/queues">Queues</a>').and.not.include('href="/alerts"');
    const two = shown(problem(403, 'missing_role', 'this needs a key with the role schedule or read'));
    expect(two.title).to.equal('This key may not do that');
    expect(shown(missing, { caller: undefined }).text).to.include('>Sign in</a>');
  });
});
