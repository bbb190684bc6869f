import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Problem, problem } from './problem.ts';

/** What Node's parser could not read never becomes a request; its answer is written by hand. */
export function answerUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  end(socket, problemOfParser(error.code));
}

/** No route has this method, and Node would close the connection without a word. */
export function refuseConnect(_request: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => socket.destroy());
  end(socket, problem(400, 'method_not_allowed', 'CONNECT has no use here'));
}

function problemOfParser(code: string | undefined): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return problem(431, 'headers_too_large', 'send at most 16 KiB of headers');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return problem(408, 'request_timeout', 'the request came too slowly');
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return problem(413, 'body_too_large', 'the body’s chunk extensions are too long');
    default:
      return problem(400, 'invalid_http', 'this is no HTTP/1.1 request');
  }
}

function end(socket: Duplex, told: Problem): void {
  const { status, title, ...rest } = told.body('') as { status: number; title: string };
  const body = JSON.stringify({ ...rest, status, title });
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\n` +
      'Content-Type: application/problem+json\r\n' +
      'Cache-Control: no-store\r\n' +
      'X-Content-Type-Options: nosniff\r\n' +
      'Connection: close\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
