const BASE = '/admin/queues';

/** Somebody with a browser's manners at the dashboard: keeps cookies, and sends what its own page would send. */
export class DashboardVisitor {
  readonly #service: { readonly app: { readonly url: string } };
  readonly cookies = new Map<string, string>();

  constructor(service: { readonly app: { readonly url: string } }) {
    this.#service = service;
  }

  get origin(): string {
    return this.#service.app.url;
  }

  /** The answer of the sign-in, not of the page that it leads to. With it the board has its token. */
  async logIn(key: string, headers: Record<string, string> = {}): Promise<Response> {
    const form = new URLSearchParams({ key, next: BASE });
    const answer = await this.#ask('POST', '/sign-in', { origin: this.origin, ...headers }, form);
    if (answer.status === 303) await this.send('GET', '', { accept: 'text/html' });
    return answer;
  }

  logOut(): Promise<Response> {
    const form = new URLSearchParams({ _csrf: this.cookies.get('XSRF-TOKEN') ?? '' });
    return this.#ask('POST', '/sign-out', { origin: this.origin }, form);
  }

  /** A change as the board's own page asks for it. */
  change(method: string, path: string, headers: Record<string, string> = {}): Promise<Response> {
    const token = this.cookies.get('XSRF-TOKEN') ?? '';
    return this.send(method, path, { origin: this.origin, 'x-xsrf-token': token, ...headers });
  }

  async json<T>(path: string): Promise<T> {
    return (await (await this.send('GET', path)).json()) as T;
  }

  send(method: string, path: string, headers?: Record<string, string>): Promise<Response> {
    return this.#ask(method, BASE + path, headers);
  }

  async #ask(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: URLSearchParams,
  ): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(this.origin + path, {
      method,
      headers: { cookie, ...headers },
      redirect: 'manual',
      ...(body ? { body } : {}),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/expires=Thu, 01 Jan 1970/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return response;
  }
}
