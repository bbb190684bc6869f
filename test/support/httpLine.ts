import { connect, type Socket } from 'node:net';

export interface Question {
  method: string;
  /** As they go over the wire. */
  bytes: Buffer;
}

export interface Reply {
  /** 0: the connection was closed without an answer. */
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
}

/** No answer takes as long; what is still open then hangs. */
const PATIENCE_MS = 30_000;

/** A connection that asks many questions in one write and reads the answers in their order, as HTTP/1.1 lets it. */
export class HttpLine {
  readonly #url: URL;
  #socket: Socket | undefined;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  /**
   * One reply for each question. A server may close after any answer: the questions behind it are asked again.
   * @throws Error when an answer does not come within half a minute, or is no HTTP
   */
  async ask(questions: readonly Question[]): Promise<Reply[]> {
    const replies: Reply[] = [];
    let alone = false;
    while (replies.length < questions.length) {
      const rest = questions.slice(replies.length);
      // Which of several made the server close is known only when it is asked alone.
      const got = await this.#round(alone ? rest.slice(0, 1) : rest);
      if (got.length === 0 && alone) got.push({ status: 0, headers: {}, body: '' });
      alone = got.length === 0;
      replies.push(...got);
    }
    return replies;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #round(questions: readonly Question[]): Promise<Reply[]> {
    this.#socket ??= connect({ host: this.#url.hostname, port: Number(this.#url.port), noDelay: true });
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      const replies: Reply[] = [];
      let waiting: Buffer = Buffer.alloc(0);
      const leave = () => {
        clearTimeout(timer);
        socket.removeAllListeners('data').removeAllListeners('close').removeAllListeners('error');
        if (replies.length < questions.length || replies.at(-1)?.headers.connection === 'close') this.close();
      };
      const end = () => {
        leave();
        resolve(replies);
      };
      const fail = (error: Error) => {
        leave();
        this.close();
        reject(error);
      };
      const timer = setTimeout(() => fail(new Error('no answer within 30 s')), PATIENCE_MS);
      socket.on('data', (part: Buffer) => {
        waiting = waiting.length === 0 ? part : Buffer.concat([waiting, part]);
        try {
          while (replies.length < questions.length) {
            const read = readReply(waiting, questions[replies.length]?.method === 'HEAD');
            if (read === undefined) return;
            replies.push(read.reply);
            waiting = waiting.subarray(read.length);
          }
          end();
        } catch (error) {
          fail(error as Error);
        }
      });
      socket.on('close', end).on('error', () => undefined);
      socket.write(Buffer.concat(questions.map(({ bytes }) => bytes)));
    });
  }
}

/** The first answer in these bytes, and how many they are; undefined while it is not whole. @throws Error for no HTTP */
function readReply(bytes: Buffer, isHead: boolean): { reply: Reply; length: number } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(`${first} `)?.[1] ?? Number.NaN);
  if (Number.isNaN(status)) throw new Error(`this is no answer: ${first.slice(0, 100)}`);
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const start = end + 4;
  const read = bodyOf(bytes, start, headers, isHead || status === 204 || status === 304);
  return read && { reply: { status, headers, body: read.body }, length: read.end };
}

function bodyOf(bytes: Buffer, start: number, headers: Record<string, string>, isEmpty: boolean) {
  if (isEmpty) return { body: '', end: start };
  if (headers['transfer-encoding'] !== 'chunked') {
    const end = start + Number(headers['content-length'] ?? 0);
    return bytes.length < end ? undefined : { body: bytes.toString('utf8', start, end), end };
  }
  let body = '';
  for (let at = start; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    const end = line + 2 + size;
    if (bytes.length < end + 2) return undefined;
    if (size === 0) return { body, end: end + 2 };
    body += bytes.toString('utf8', line + 2, end);
    at = end + 2;
  }
}
