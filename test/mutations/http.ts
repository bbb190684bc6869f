import type { Mutation } from './mutation.ts';

const tests = (name: string) => [`test/integration/http/${name}.test.ts`];

/** Keys and their sessions, answers that stay open, and what stands before the server. */
export const mutations: Mutation[] = [
  {
    id: 'held-answer-of-ended-key',
    file: 'src/http/heldAnswers.ts',
    find: 'if (tenant !== caller.tenant || !hasTenant(tenant) || !isAllowed) ending.abort(keyEnded());',
    replace: 'if (tenant !== caller.tenant || !hasTenant(tenant)) ending.abort(keyEnded());',
    breaks: 'An answer that stays open ends when its key loses the role.',
    tests: tests('heldAnswers'),
    grep: 'loses the role',
  },
  {
    id: 'end-again-and-again',
    file: 'src/http/api/reports.ts',
    find: "report.state === 'done' && request.headers['last-event-id'] === endId(report)",
    replace: 'false',
    breaks: 'A client that has the end of a search gets 204 when it connects again.',
    tests: tests('eventSource'),
    grep: 'gives its end once',
  },
  {
    id: 'end-of-former-run',
    file: 'src/http/api/reports.ts',
    find: 'summary?.finishedAt ?? error?.code',
    replace: "''",
    breaks: 'A client that has the end before a retry gets the end after it.',
    tests: tests('eventSource'),
    grep: 'another end after a retry',
  },
  {
    id: 'budget-of-the-page',
    file: 'src/http/page/page.ts',
    find: 'app.admit(request, reply, caller);',
    replace: 'request.caller = caller;',
    breaks: 'Requests of the page count for the budget of its key.',
    tests: tests('budget'),
    grep: 'counted together, whether they come with the key',
  },
  {
    id: 'sign-out-everywhere',
    file: 'src/http/auth/login.ts',
    find: 'generation !== (present ?? FIRST) || ',
    replace: '',
    breaks: 'Signing out everywhere ends all sessions of the key.',
    tests: tests('sessions'),
    grep: 'in all browsers',
  },
  {
    id: 'former-session',
    file: 'src/http/auth/login.ts',
    find: 'await this.#endSession(request);\n    const secret',
    replace: 'const secret',
    breaks: 'A new sign-in in a browser ends the session that it had.',
    tests: tests('sessions'),
    grep: 'signs in again',
  },
  {
    id: 'second-host',
    file: 'src/http/server.ts',
    find: 'hosts.length > 1 || ',
    replace: '',
    breaks: 'A request with two Host headers is refused.',
    tests: tests('rawRequests'),
    grep: 'Host',
  },
  {
    id: 'links-beside-the-base-path',
    file: 'src/http/page/html.ts',
    find: '(?:href|src|action|data-estimate|data-live)',
    replace: '(?:href|src|action|data-estimate)',
    breaks: 'Every address in a page is below the base path.',
    tests: tests('basePath'),
    grep: 'pages whose links',
  },
];
