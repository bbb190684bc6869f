import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';

export interface Transport {
  request(options: RequestOptions, onResponse: (response: IncomingMessage) => void): ClientRequest;
}

/**
 * Node's own HTTP for axios, with two things that axios does not offer: a time limit on the connection alone, and word
 * of when the request has really been written.
 */
export function transport(connectTimeoutMs: number, onWritten?: () => void): Transport {
  return {
    request(options, onResponse) {
      const request = (options.protocol === 'https:' ? https : http).request(options, onResponse);
      if (onWritten) request.once('finish', onWritten);
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
