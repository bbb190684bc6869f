/**
 * Receives alerts of a webhook channel, with nothing but Node: verifies the signature, drops repeats, prints what happened.
 *
 *   npx dpf channels add hook --webhook http://127.0.0.1:8787/ > hook.secret
 *   npx tsx examples/receiver.ts hook.secret [PORT]
 *
 * The file has a secret on each line; while the secret is replaced, both. It is read for each request, so a new secret needs no
 * restart: npx dpf channels rotate hook > hook.secret
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

const [secretFile, port = '8787'] = process.argv.slice(2);
if (secretFile === undefined || !/^\d{1,5}$/.test(port)) {
  console.error('usage: receiver.ts SECRET-FILE [PORT]');
  process.exit(2);
}

/** Older or newer requests are refused: somebody may have recorded one. Seconds. */
const TOLERANCE = 5 * 60;
const MAX_BODY = 5_000_000;
/** Ids of messages that were handled: a message is sent again when its answer was lost. */
const seenFile = `${secretFile}.seen`;
const MOST_SEEN = 10_000;
const seen = new Set(existsSync(seenFile) ? readFileSync(seenFile, 'utf8').split('\n').filter(Boolean) : []);
const kept = [...seen].slice(-MOST_SEEN);
writeFileSync(seenFile, kept.map((id) => `${id}\n`).join(''));

interface Money {
  value: string;
  currency: string;
}

/** Of what is sent, only what is used here. All of it: docs/alerts.md. */
interface Message {
  type: string;
  data: {
    alert: string;
    matching: number;
    hits: Array<{
      on: string;
      itemId: string;
      title: string | null;
      url: string | null;
      image: string | null;
      from: Money | null;
      to: Money | null;
    }>;
  };
}

const server = createServer((request, response) => {
  receive(request, response).catch((error) => {
    console.error(`failed: ${error.message}`);
    if (!response.headersSent) response.writeHead(500);
    response.end();
  });
});
server.requestTimeout = 10_000;
server.listen(Number(port), '127.0.0.1', () => {
  const address = server.address();
  console.log(`waiting for alerts on http://127.0.0.1:${typeof address === 'object' && address?.port}/`);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0));

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = (status: number, why = '') => void response.writeHead(status).end(why);
  if (request.method !== 'POST') return answer(405);
  const body = await bodyOf(request);
  if (body === undefined) return answer(413);
  const id = header(request, 'webhook-id');
  const refusal = refusalOf(request, id, body);
  if (refusal !== undefined) {
    console.error(`refused: ${refusal}`);
    return answer(401, refusal);
  }
  // Longer work belongs behind the answer: store the message with its id, answer, then do it.
  if (!seen.has(id)) {
    print(JSON.parse(body.toString()) as Message);
    seen.add(id);
    appendFileSync(seenFile, `${id}\n`);
  }
  answer(204);
}

/** Undefined: it is too long. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= MAX_BODY) chunks.push(chunk);
  }
  return size <= MAX_BODY ? Buffer.concat(chunks) : undefined;
}

/** Why the request is not what the channel sent; undefined: it is. */
function refusalOf(request: IncomingMessage, id: string, body: Buffer): string | undefined {
  const timestamp = header(request, 'webhook-timestamp');
  if (id === '' || !/^\d{1,12}$/.test(timestamp)) return 'no webhook-id or webhook-timestamp';
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE) return 'it was sent at another time';
  const keys = secrets();
  if (keys.length === 0) return `no secret (whsec_…) is in ${secretFile}`;
  const signatures = header(request, 'webhook-signature').split(' ');
  const isSigned = keys.some((key) => {
    const mac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
    const expected = Buffer.from(`v1,${mac}`);
    return signatures.some((signature) => {
      const given = Buffer.from(signature);
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
  });
  return isSigned ? undefined : 'no signature is right';
}

function secrets(): Buffer[] {
  const lines = existsSync(secretFile as string)
    ? readFileSync(secretFile as string, 'utf8').split('\n')
    : [];
  return lines
    .filter((line) => line.startsWith('whsec_'))
    .map((line) => Buffer.from(line.trim().slice('whsec_'.length), 'base64'));
}

function header(request: IncomingMessage, name: string): string {
  return String(request.headers[name] ?? '');
}

function print({ type, data }: Message): void {
  if (data.hits.length === 0) console.log(`${type} ${data.alert}`.trim());
  for (const { on, itemId, title, from, to, url, image } of data.hits) {
    const price = [from, to].flatMap((money) => (money === null ? [] : [`${money.value} ${money.currency}`]));
    console.log(`${data.alert}: ${on}  ${harmless(title ?? itemId)}  ${price.join(' → ')}`.trimEnd());
    for (const address of [url, image]) if (address !== null) console.log(`  ${harmless(address)}`);
  }
}

/** Titles are written by sellers: nothing in them may move the cursor or turn the line. */
function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}
