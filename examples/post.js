/**
 * Posts each event as JSON to a URL, in order, until the receiver accepts it:
 *
 *   node examples/post.js https://example.com/hooks/ebay [--group post] [--name this-host] [--types product.new,…]
 *
 * Each POST has the event's id as `Idempotency-Key`, because an event may be posted twice after a crash. An answer of 2xx
 * accepts the event. A transient failure (no answer within 10 s, 408, 425, 429, 5xx) is retried with increasing delays, and
 * later events wait. Any other answer refuses the event: it is moved to `EVENTS:refused` with the reason, and the next event
 * follows. Redirects are such answers, because they may lead to any host. After `--attempts` attempts on one event the
 * program ends with exit code 4. The event stays in the group for the next start.
 */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { consume, untilInterrupted } from './group.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    group: { type: 'string', default: 'post' },
    name: { type: 'string', default: hostname() },
    types: { type: 'string', default: '' },
    attempts: { type: 'string', default: '12' },
    wait: { type: 'string', default: '1' },
    timeout: { type: 'string', default: '10' },
  },
});
const { group, name } = values;
const { REDIS_URL: url = 'redis://localhost:6379/0', EVENTS: stream = '{ebay}:events' } = process.env;
const [attempts, firstWaitMs, timeoutMs] = [
  Number(values.attempts),
  Number(values.wait) * 1000,
  Number(values.timeout) * 1000,
];
const LONGEST_WAIT_MS = 60_000;
const PASSING = new Set([408, 425, 429]);

const target = targetFrom(positionals);
const wanted = values.types === '' ? undefined : new Set(values.types.split(','));
const signal = untilInterrupted();

try {
  await consume({
    url,
    stream,
    group,
    name,
    // Longer than all attempts on one event take, else another member posts it too.
    idleMs: attempts * (timeoutMs + LONGEST_WAIT_MS),
    signal,
    async handle({ place, event }, redis) {
      if (wanted === undefined || wanted.has(event.type)) {
        const refusal = await post(event);
        if (refusal !== undefined) await putAside(redis, event, refusal);
      }
      await redis.xack(stream, group, place);
    },
  });
} catch (error) {
  console.error(error.message);
  process.exitCode = 4;
}

/** Checked before the first event is taken. */
function targetFrom([text, ...more]) {
  const parsed = URL.canParse(text ?? '') ? new URL(text) : undefined;
  const isWeb = parsed?.protocol === 'https:' || parsed?.protocol === 'http:';
  if (isWeb && more.length === 0 && parsed.username === '' && parsed.password === '') return parsed;
  console.error('give one http or https URL without user name, such as https://example.com/hooks/ebay');
  process.exit(2);
}

/** Undefined once the event is accepted; otherwise why it is refused. @throws Error when the attempts are used up. */
async function post(event) {
  for (let attempt = 1; ; attempt++) {
    const { taken, refused, trouble } = await tryOnce(event);
    if (taken) {
      console.log(`posted ${event.id} ${event.type}`);
      return undefined;
    }
    if (refused !== undefined) return refused;
    if (attempt >= attempts) throw new Error(`gave up after ${attempt} attempts on ${event.id}: ${trouble}`);
    const longest = Math.min(firstWaitMs * 2 ** (attempt - 1), LONGEST_WAIT_MS);
    console.error(`${trouble}; attempt ${attempt} of ${attempts} on ${event.id}`);
    // Half of the delay is random, so that many members do not retry at the same time.
    await sleep(longest / 2 + (Math.random() * longest) / 2, undefined, { signal });
  }
}

async function tryOnce(event) {
  try {
    const answer = await fetch(target, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': event.id },
      body: JSON.stringify(event),
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    await answer.body?.cancel();
    if (answer.ok) return { taken: true };
    const said = `${target.host} answered ${answer.status}`;
    return answer.status >= 500 || PASSING.has(answer.status) ? { trouble: said } : { refused: said };
  } catch (error) {
    if (signal.aborted) throw error;
    return { trouble: `${target.host}: ${error.cause?.code ?? error.name}` };
  }
}

async function putAside(redis, event, why) {
  console.error(`refused ${event.id} ${event.type}: ${why}`);
  const fields = ['id', event.id, 'why', why, 'data', JSON.stringify(event)];
  await redis.xadd(`${stream}:refused`, 'MAXLEN', '~', 10_000, '*', ...fields);
}
