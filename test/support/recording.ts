import type { Redis } from 'ioredis';

/** One key of a recorded Redis. Bytes that are no text are `{ "base64": … }`. */
interface RecordedKey {
  key: string;
  type: 'string' | 'hash' | 'list' | 'set' | 'zset' | 'stream';
  /** Life that it had left, ms; absent: without an end. */
  ttl?: number;
  /** Of a sorted set: members, each followed by its score. Of a hash: fields, each followed by its value. */
  values: Text[];
}
type Text = string | { base64: string };

/** Locks, leases and reports run out under processes that have died; BullMQ's logs and events change nothing. */
const LEFT_OUT = /:lock$|:lease:|:stalled-check$|:logs$|:ebay-\w+:events$|:processes$/;

/** What a Redis held, as lines of JSON: first `{ "at": … }`, ms since the epoch, then a line for each key. */
export async function recordRedis(redis: Redis, pattern: string): Promise<string> {
  const lines: object[] = [{ at: await now(redis) }];
  const keys = (await redis.keys(pattern)).filter((key) => !LEFT_OUT.test(key));
  for (const key of keys.sort()) {
    const type = (await redis.type(key)) as RecordedKey['type'] | 'none';
    // It has run out since.
    if (type === 'none') continue;
    const ttl = await redis.pttl(key);
    const values = (await valuesOf(redis, key, type)).map(textOf);
    lines.push({ key, type, ...(ttl >= 0 && { ttl }), values } satisfies RecordedKey);
  }
  return `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
}

async function valuesOf(redis: Redis, key: string, type: RecordedKey['type']): Promise<Buffer[]> {
  switch (type) {
    case 'string':
      return [(await redis.getBuffer(key)) as Buffer];
    case 'hash':
      return Object.entries(await redis.hgetallBuffer(key)).flatMap(([field, value]) => [
        Buffer.from(field),
        value,
      ]);
    case 'list':
      return redis.lrangeBuffer(key, 0, -1);
    case 'set':
      return redis.smembersBuffer(key);
    case 'zset':
      // By RESP 3 in pairs, with scores as numbers.
      return ((await redis.callBuffer('ZRANGE', key, '0', '-1', 'WITHSCORES')) as unknown[])
        .flat()
        .map((each) => (Buffer.isBuffer(each) ? each : Buffer.from(String(each))));
    case 'stream': {
      // Followers read from where they are: what is recorded is that there was something.
      const entries = await redis.xrange(key, '-', '+');
      return entries.flatMap(([, fields]) => [Buffer.from(JSON.stringify(fields))]);
    }
  }
}

/**
 * Puts a recording into an empty Redis as if it had been made just now: instants in it move along with the clock.
 */
export async function restoreRedis(redis: Redis, recording: string): Promise<void> {
  const [head = '', ...lines] = recording.trimEnd().split('\n');
  const { at } = JSON.parse(head) as { at: number };
  const later = (await now(redis)) - at;
  for (const line of lines) {
    const { key, type, ttl, values } = JSON.parse(moved(line, at, later)) as RecordedKey;
    const bytes = values.map(bytesOf);
    const pairs = bytes.flatMap((value, index) =>
      index % 2 === 1 ? [[bytes[index - 1] as Buffer, value]] : [],
    );
    if (type === 'string') await redis.set(key, bytes[0] as Buffer);
    else if (type === 'hash') await redis.hset(key, ...bytes);
    else if (type === 'list') await redis.rpush(key, ...bytes);
    else if (type === 'set') await redis.sadd(key, ...bytes);
    else if (type === 'stream')
      for (const value of bytes) await redis.xadd(key, '*', ...(JSON.parse(value.toString()) as string[]));
    else
      for (const [member, score] of pairs)
        await redis.zadd(key, scoreOf(String(score), later), member as Buffer);
    if (ttl !== undefined) await redis.pexpire(key, ttl);
  }
}

const NEAR_MS = 60 * 24 * 3_600_000;

/** Every instant in ms that is within two months of the recording. */
function moved(text: string, at: number, later: number): string {
  return text.replace(/(?<!\d)1\d{12}(?!\d)/g, (digits) =>
    Math.abs(Number(digits) - at) < NEAR_MS ? String(Number(digits) + later) : digits,
  );
}

/** BullMQ's score of a delayed job is its instant in ms, times 4096. */
function scoreOf(score: string, later: number): string {
  const instant = Number(score) / 4096;
  return instant > 1e12 && instant < 1e13 ? String(Number(score) + later * 4096) : score;
}

async function now(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}

function textOf(bytes: Buffer): Text {
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : { base64: bytes.toString('base64') };
}

function bytesOf(text: Text): Buffer {
  return typeof text === 'string' ? Buffer.from(text, 'utf8') : Buffer.from(text.base64, 'base64');
}
