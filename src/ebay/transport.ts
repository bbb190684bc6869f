import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';

/** What a request's way out is watched by. */
export interface Watch {
  /** Right before the request is written; throwing keeps it from leaving. */
  leaving(): void;
  written(): void;
}

export interface Transport {
  request(options: RequestOptions, onResponse: (response: IncomingMessage) => void): ClientRequest;
}

/**
 * Node's own HTTP for axios, with what axios does not offer: a time limit on the connection alone, a last word before
 * the request is written, and word of when it really has been.
 */
export function transport(connectTimeoutMs: number, watch?: Watch): Transport {
  return {
    request(options, onResponse) {
      watch?.leaving();
      const request = (options.protocol === 'https:' ? https : http).request(options, onResponse);
      if (watch) request.once('finish', () => watch.written());
      request.once('socket', (socket) => limitConnecting(request, socket, connectTimeoutMs));
      return request;
    },
  };
}

function limitConnecting(request: ClientRequest, socket: Socket, timeoutMs: number): void {
  if (!socket.connecting) return;
  const timer = setTimeout(() => {
    request.destroy(Object.assign(new Error('connecting took too long'), { code: 'ETIMEDOUT' }));
  }, timeoutMs);
  const done = 'encrypted' in socket ? 'secureConnect' : 'connect';
  socket.once(done, () => clearTimeout(timer));
  socket.once('close', () => clearTimeout(timer));
}
