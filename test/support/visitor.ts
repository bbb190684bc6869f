interface Asked {
  form?: Record<string, string>;
  headers?: Record<string, string>;
}

/** Somebody with a browser's manners: keeps cookies by name and path, and sends forms as a page of the server would. */
export class Visitor {
  readonly #service: { readonly app: { readonly url: string } };
  readonly #cookies = new Map<string, { name: string; value: string; path: string }>();

  constructor(service: { readonly app: { readonly url: string } }) {
    this.#service = service;
  }

  /** The value of a cookie. */
  cookie(name: string): string | undefined {
    return [...this.#cookies.values()].find((each) => each.name === name)?.value;
  }

  /** Another browser with the same cookies, as one who has stolen them. */
  copy(): Visitor {
    const other = new Visitor(this.#service);
    for (const [key, cookie] of this.#cookies) other.#cookies.set(key, cookie);
    return other;
  }

  /** Redirects are seen and not followed. */
  async ask(path: string, { form, headers = {} }: Asked = {}) {
    const { origin } = new URL(this.#service.app.url);
    const own = [...this.#cookies.values()].filter((each) => path.startsWith(each.path));
    const cookie = own
      .toSorted((a, b) => b.path.length - a.path.length)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
    const response = await fetch(`${this.#service.app.url}${path}`, {
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        ...(cookie && { cookie }),
        ...(form && { origin, 'sec-fetch-site': 'same-origin' }),
        ...headers,
      },
      ...(form && { method: 'POST', body: new URLSearchParams(form) }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = '', at = '/'] = /^([^=]+)=([^;]*)(?:.*; Path=([^;]*))?/i.exec(line) ?? [];
      if (/expires=Thu, 01 Jan 1970/i.test(line)) this.#cookies.delete(name + at);
      else this.#cookies.set(name + at, { name, value, path: at });
    }
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  signIn(key: string, headers: Record<string, string> = {}) {
    return this.ask('/sign-in', { form: { key }, headers });
  }

  /** Presses a button of the page's menu. */
  async signOut(form: Record<string, string> = {}) {
    const { text } = await this.ask('/sign-out');
    return this.ask('/sign-out', {
      form: { _csrf: /name="_csrf" value="([\w-]{43})"/.exec(text)?.[1] ?? '', ...form },
    });
  }

  /** What the page and the dashboard answer: 200, or 303 to the form. */
  async isIn(): Promise<{ page: boolean; dashboard: boolean }> {
    const [page, dashboard] = await Promise.all([this.ask('/'), this.ask('/admin/queues')]);
    return { page: page.status === 200, dashboard: dashboard.status === 200 };
  }
}
