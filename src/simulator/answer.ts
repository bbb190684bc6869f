/** What is sent back. Built whole before anything leaves, so that a fault can replace or bend it. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export function json(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return text(status, JSON.stringify(value), 'application/json', headers);
}

export function text(
  status: number,
  body: string | Buffer,
  contentType: string,
  headers: Record<string, string> = {},
): Answer {
  return {
    status,
    headers: { 'content-type': contentType, ...headers },
    body: typeof body === 'string' ? Buffer.from(body) : body,
  };
}

export function empty(status: number): Answer {
  return { status, headers: {}, body: Buffer.alloc(0) };
}
