import { connect } from 'node:net';

export interface RawAnswer {
  /** Of the first answer; 0 when the connection was closed without one. */
  status: number;
  text: string;
}

/** Longer than any answer takes on a machine that does other things too; a connection that is still open then hangs. */
const PATIENCE_MS = 15_000;

/**
 * Sends bytes as they are and reads until the server closes, or has answered in full.
 * @param half ends this side of the connection after them, as one who has said all
 * @throws Error when it does neither
 */
export function sendRaw(
  url: string,
  bytes: string | Buffer,
  { half = false }: { half?: boolean } = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => (half ? socket.end(bytes) : socket.write(bytes)));
    let text = '';
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text });
    };
    const timer = setTimeout(() => {
      socket.destroy();
      reject(
        new Error(`neither answered nor closed: ${JSON.stringify(String(bytes).slice(0, 200))}, got ${text}`),
      );
    }, PATIENCE_MS);
    socket.setEncoding('latin1').on('data', (part: string) => {
      text += part;
      if (isWhole(text)) end();
    });
    socket.on('close', end).on('error', () => undefined);
  });
}

function isWhole(text: string): boolean {
  const split = text.indexOf('\r\n\r\n');
  const length = /^content-length: (\d+)/im.exec(text.slice(0, split))?.[1];
  return split >= 0 && length !== undefined && text.length >= split + 4 + Number(length);
}

/** A request's bytes. `Host` is added. */
export function request(line: string, headers: readonly string[] = [], body = ''): string {
  return [line, 'Host: localhost', ...headers, '', body].join('\r\n');
}
