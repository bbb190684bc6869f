import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitFor } from './waitFor.ts';

/** One token request as it arrived, and the way to answer it. */
export interface TokenCall {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  answer(status: number, body: unknown, headers?: Record<string, string>): void;
  /** Answers with a token named after the order of arrival, `token-1` first, unless other fields are given. */
  grant(fields?: Record<string, unknown>): void;
}

/** A token endpoint under a test's hand: the barrier of the race tests. It answers at once unless it is held. */
export interface TokenEndpoint {
  readonly url: string;
  readonly calls: TokenCall[];
  /** What a call gets that is not held. Default: a grant. */
  respond: (call: TokenCall) => void;
  /** From now on calls wait until the test answers them. */
  hold(): void;
  /** The n-th call, counted from 1, as soon as it is there. */
  arrived(n: number): Promise<TokenCall>;
}

const grantAll = (call: TokenCall) => call.grant();

/** Starts an endpoint for the surrounding `describe`; every test finds it fresh. */
export function useTokenEndpoint(): TokenEndpoint {
  const calls: TokenCall[] = [];
  const open = new Set<ServerResponse>();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    open.add(response);
    const name = `token-${calls.length + 1}`;
    const call: TokenCall = {
      headers: request.headers,
      body,
      answer(status, answer, headers = {}) {
        open.delete(response);
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
      },
      grant(fields = {}) {
        const granted = { access_token: name, expires_in: 7200, token_type: 'Application Access Token' };
        call.answer(200, { ...granted, ...fields });
      },
    };
    calls.push(call);
    endpoint.respond(call);
  });
  const endpoint: TokenEndpoint = {
    get url() {
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}/identity/v1/oauth2/token`;
    },
    calls,
    respond: grantAll,
    hold() {
      endpoint.respond = () => undefined;
    },
    arrived: (n) => waitFor(`token request ${n}`, () => calls[n - 1]),
  };
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  beforeEach(() => {
    for (const response of open) response.destroy();
    open.clear();
    calls.length = 0;
    endpoint.respond = grantAll;
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  return endpoint;
}
