import { once, setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerControl } from './control.ts';
import { Controls } from './controls.ts';
import { badRequest, type Call, charge, ebayAnswer, first, presentedToken, route } from './ebay.ts';
import type { Answer } from './errors.ts';
import { type Effect, sendHead } from './faults/fault.ts';
import { namedAccount } from './tokens.ts';
import { createWorld, type SimulatorOptions, type World, withDefaults } from './world.ts';

/** A running eBay, and what can be done to it. */
export interface Simulator {
  /** Origin, e.g. `http://127.0.0.1:40123`: eBay's own paths lie below it. */
  readonly url: string;
  readonly port: number;
  readonly controls: Controls;
  /** Ends at once, open and hanging connections included. May be called again. */
  close(): Promise<void>;
}

/**
 * Starts a simulator. Any number can run in one process; they share nothing.
 * @throws the server's own error when it cannot listen, e.g. code EADDRINUSE
 */
export async function startSimulator(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const complete = withDefaults(options);
  const closing = new AbortController();
  // Every answer that is made to wait listens for it.
  setMaxListeners(0, closing.signal);
  const server = createServer();
  // Clients keep connections for long; that the simulator hangs up first would look like a fault.
  server.keepAliveTimeout = 65_000;
  server.listen(complete.port, complete.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const host = complete.host.includes(':') ? `[${complete.host}]` : complete.host;
  const url = `http://${host}:${port}`;

  const world = createWorld(complete, complete.publicUrl ?? url, closing.signal);
  const controls = new Controls(world);
  server.on('request', (request, response) => {
    handle(world, controls, request, response).catch((error: unknown) => {
      // A client that hung up, or the simulator closing, ends a request; anything else is our own mistake.
      if (response.destroyed || closing.signal.aborted) return;
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
      response.end(`the simulator failed: ${error instanceof Error ? error.message : String(error)}`);
    });
  });
  const closed = once(server, 'close').then(() => undefined);
  return {
    url,
    port,
    controls,
    close: () => {
      closing.abort();
      server.close();
      server.closeAllConnections();
      return closed;
    },
  };
}

/** A token request is some 200 bytes and a control call rarely more. */
const MAX_BODY = 1024 * 1024;

/** Answers one request: log it, let faults strike, ask eBay, send. */
export async function handle(
  world: World,
  controls: Controls,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const at = Number(process.hrtime.bigint()) / 1e6;
  const [path = '/', search = ''] = (request.url ?? '/').split(/\?(.*)/s);
  const query = new URLSearchParams(search);
  if (path.startsWith('/_sim')) {
    const body = await readBody(request);
    return send(
      response,
      body === null
        ? badRequest('body too large')
        : answerControl(controls, request.method ?? 'GET', path, query, body),
    );
  }
  const call = open(world, request, response, at, path, query);
  const effects = strikeFaults(world, call);
  const body = request.method === 'GET' ? '' : await readBody(request);
  if (body === null) return send(response, badRequest('body too large'));
  await wait(world, effects);
  if (response.destroyed) return;

  const instead = effects.find((effect) => effect.instead !== undefined)?.instead;
  // A fault stands in front of eBay, which still counts the call, unless it is refused for token or quota.
  if (instead !== undefined && ![401, 429].includes(instead.status)) charge(world, call);
  const plain = instead ?? ebayAnswer(world, { ...call, body });
  const answer = effects.reduce((bent, effect) => effect.alter?.(bent) ?? bent, plain);
  call.entry.status = answer.status;
  const deliver = effects.find((effect) => effect.deliver !== undefined)?.deliver ?? send;
  deliver(response, answer);
}

/** Enters the request into the log and follows it to its end. */
function open(
  world: World,
  request: IncomingMessage,
  response: ServerResponse,
  at: number,
  path: string,
  query: URLSearchParams,
): Call {
  const { headers, method = 'GET' } = request;
  const where = route(method, path);
  const entry = world.log.add({
    at,
    time: Date.now(),
    kind: where.kind,
    method,
    path,
    query: Object.fromEntries(query),
    marketplace: first(headers['x-ebay-c-marketplace-id']) ?? null,
    context: first(headers['x-ebay-c-enduserctx']) ?? null,
  });
  const token = presentedToken(world, headers);
  if (where.kind !== 'token' && headers.authorization !== undefined) entry.token = token?.id ?? 'unknown';
  const account = token?.account ?? namedAccount(world.tokens, headers.authorization);
  entry.credential = account?.credential.clientId ?? null;
  response.once('finish', () => {
    entry.delivered = true;
  });
  response.once('close', () => {
    entry.delivered ??= false;
  });
  return { route: where, query, headers, body: '', entry };
}

function strikeFaults(world: World, { route: { kind }, query, headers, entry }: Call): Effect[] {
  const token = presentedToken(world, headers);
  const struck = world.armory.effects(
    { kind, query, marketplace: entry.marketplace ?? 'EBAY_US', credential: entry.credential },
    { revokeToken: () => token && world.tokens.revoke(token) },
  );
  if (struck.length > 0) entry.fault = struck.map(({ name }) => name).join('+');
  return struck.map(({ effect }) => effect);
}

async function wait(world: World, effects: readonly Effect[]): Promise<void> {
  const { latencyMs } = world;
  const usual =
    typeof latencyMs === 'number' ? latencyMs : latencyMs[0] + world.random() * (latencyMs[1] - latencyMs[0]);
  const delayMs = effects.reduce((sum, effect) => sum + (effect.delayMs ?? 0), usual);
  if (delayMs > 0) await sleep(delayMs, undefined, { signal: world.closing });
}

function send(response: ServerResponse, answer: Answer): void {
  sendHead(response, answer);
  response.end(answer.body);
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
