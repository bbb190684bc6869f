import { once, setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerControl, type Controls, createControls } from './control.ts';
import { type Call, charge, ebayAnswer, findRoute } from './ebay.ts';
import { drawMs, sendWhole } from './faults.ts';
import { createWorld, defaults, type SimulatorOptions, type World } from './world.ts';

/** A running eBay, and what can be done to it. */
export interface Simulator {
  /** Origin, e.g. `http://127.0.0.1:40123`, with eBay's own paths below it. */
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
  const complete = { ...defaults(), ...options };
  const closing = new AbortController();
  // Every delayed answer listens for it.
  setMaxListeners(0, closing.signal);
  const server = createServer();
  // Clients keep connections for long. If the simulator closed one first, that would look like a fault.
  server.keepAliveTimeout = 65_000;
  server.listen(complete.port, complete.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const host = complete.host.includes(':') ? `[${complete.host}]` : complete.host;
  const url = `http://${host}:${port}`;

  const world = createWorld(complete, complete.publicUrl ?? url, closing.signal);
  const controls = createControls(world);
  server.on('request', (request, response) => {
    handle(world, controls, request, response).catch((error: unknown) => {
      // A client that hung up, or the simulator closing, ends a request; anything else is a defect.
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

/** Answers one request: log it, apply faults, ask eBay, send. */
async function handle(
  world: World,
  controls: Controls,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = 'GET', url = '/' } = request;
  const [path = '/', search] = url.split(/\?(.*)/s);
  const query = new URLSearchParams(search);
  if (path.startsWith('/_sim')) {
    return sendWhole(response, answerControl(controls, method, path, query, await readText(request)));
  }
  const call = logCall(world, request, response, path, query);
  const effects = world.faults.effects(call.entry, () =>
    world.tokens.revoke((token) => token === call.token),
  );
  const body = method === 'GET' ? '' : await readText(request);
  const { latencyMs } = world.settings;
  const delays = [drawMs(latencyMs, world.random), ...effects.map(({ delayMs = 0 }) => delayMs)];
  const delayMs = delays.reduce((sum, delay) => sum + delay);
  if (delayMs > 0) await sleep(delayMs, undefined, { signal: world.closing });
  if (response.destroyed) return;

  const instead = effects.find((effect) => effect.instead !== undefined)?.instead;
  // A fault stands in front of eBay, which still counts the call, unless it is refused for token or quota.
  if (instead !== undefined && ![401, 429].includes(instead.status)) charge(world, call);
  const asked = new URLSearchParams(query);
  for (const { ask = {} } of effects) for (const [name, value] of Object.entries(ask)) asked.set(name, value);
  const usual = instead ?? ebayAnswer(world, { ...call, query: asked }, body);
  const answer = effects.reduce((altered, effect) => effect.alter?.(altered) ?? altered, usual);
  call.entry.status = answer.status;
  const deliver = effects.find((effect) => effect.deliver !== undefined)?.deliver ?? sendWhole;
  deliver(response, answer);
}

/** Enters the request into the log and follows it to its end. */
function logCall(
  world: World,
  { headers, method = 'GET' }: IncomingMessage,
  response: ServerResponse,
  path: string,
  query: URLSearchParams,
): Call {
  const { authorization } = headers;
  const route = findRoute(method, path);
  const token = world.tokens.presented(authorization);
  const account = token?.account ?? world.tokens.named(authorization);
  const header = (name: string) => headers[name]?.toString() ?? null;
  const entry = world.log.add({
    kind: route.kind,
    method,
    path,
    query: Object.fromEntries(query),
    marketplace: header('x-ebay-c-marketplace-id'),
    context: header('x-ebay-c-enduserctx'),
    token: route.kind === 'token' || authorization === undefined ? null : (token?.id ?? 'unknown'),
    credential: account?.credential.clientId ?? null,
  });
  response.once('finish', () => {
    entry.delivered = true;
  });
  response.once('close', () => {
    entry.delivered ??= false;
  });
  return { route, query, headers, token, entry };
}
