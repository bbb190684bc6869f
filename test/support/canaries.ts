import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import type { Redis } from 'ioredis';

/** Secrets planted in a running service: name → secret. */
export type Canaries = Map<string, string>;

/** Where something was looked for: place → everything that is there. */
export type Places = Map<string, Buffer | string>;

/** The places that hold a canary, and in which form; empty when all is well. */
export function sightings(canaries: Canaries, places: Places): string[] {
  const found: string[] = [];
  for (const [place, content] of places) {
    // One character a byte: bytes that are no text hide nothing.
    const text = typeof content === 'string' ? content : content.toString('latin1');
    for (const [name, secret] of canaries)
      for (const [form, seen] of Object.entries(formsOf(secret)))
        if (text.includes(seen)) found.push(`${place}: ${name}, ${form}`);
  }
  return found;
}

/** Written by another hand than the scrubber's own forms, or both would be wrong together. */
function formsOf(secret: string): Record<string, string> {
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '');
  return {
    plain: secret,
    // The last character depends on what follows.
    base64: base64.slice(0, -1),
    'base64 of the middle': Buffer.from(secret.slice(3)).toString('base64').slice(0, -4),
    'in a URL': encodeURIComponent(secret),
  };
}

/** Everything in Redis, each key's value raw and, where it is packed, unpacked. */
export async function redisPlaces(redis: Redis): Promise<Places> {
  const places: Places = new Map();
  for (const key of await redis.keys('*')) {
    const values = (await allOf(redis, key)).map(
      (value) =>
        new Map([
          ['', value],
          [' unpacked', unpacked(value)],
        ] as const),
    );
    for (const [index, forms] of values.entries())
      for (const [form, value] of forms) places.set(`Redis ${key}[${index}]${form}`, value);
  }
  return places;
}

async function allOf(redis: Redis, key: string): Promise<Buffer[]> {
  switch (await redis.type(key)) {
    case 'string':
      return [(await redis.getBuffer(key)) ?? Buffer.alloc(0)];
    case 'hash':
      return Object.values(await redis.hgetallBuffer(key));
    case 'list':
      return redis.lrangeBuffer(key, 0, -1);
    case 'set':
      return redis.smembersBuffer(key);
    case 'zset':
      return (await redis.zrange(key, '0', '-1')).map((member) => Buffer.from(String(member)));
    case 'stream':
      return [Buffer.from(JSON.stringify(await redis.xrange(key, '-', '+')))];
    default:
      return [];
  }
}

function unpacked(value: Buffer): Buffer {
  try {
    return inflateRawSync(value);
  } catch {
    return Buffer.alloc(0);
  }
}

/** Every file below a folder, the append-only file among them. */
export function filePlaces(folder: string): Places {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return new Map(
    files.map(({ parentPath, name }) => [`file ${name}`, readFileSync(join(parentPath, name))] as const),
  );
}
