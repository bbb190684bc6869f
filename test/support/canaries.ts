import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import type { Redis } from 'ioredis';

/** Secrets planted in a running service: name → secret. */
export type Canaries = Map<string, string>;

/** Where something was looked for: place → everything that is there. */
export type Places = Map<string, Buffer | string>;

/** The places that hold a canary, and in which form; empty when all is well. */
export function sightings(canaries: Canaries, places: Places): string[] {
  // One character a byte: bytes that are no text hide nothing.
  const texts = [...places].map(
    ([place, content]) =>
      [place, typeof content === 'string' ? content : content.toString('latin1')] as const,
  );
  const everything = texts.map(([, text]) => text).join('\n');
  return [...canaries].flatMap(([name, secret]) =>
    Object.entries(formsOf(secret)).flatMap(([form, seen]) =>
      // Most are nowhere.
      everything.includes(seen)
        ? texts.flatMap(([place, text]) => (text.includes(seen) ? [`${place}: ${name}, ${form}`] : []))
        : [],
    ),
  );
}

/** Written by another hand than the scrubber's own forms, or both would be wrong together. */
function formsOf(secret: string): Record<string, string> {
  // What stands before moves the bytes against base64's groups of three; the ends depend on the neighbours.
  const [base64, behindOne, behindTwo] = ['', 'x', 'xx'].map((before) =>
    Buffer.from(before + secret).toString('base64'),
  ) as [string, string, string];
  return {
    plain: secret,
    base64: base64.slice(0, -4),
    'base64 behind one': behindOne.slice(4, -4),
    'base64 behind two': behindTwo.slice(4, -4),
    'in a URL': encodeURIComponent(secret),
  };
}

/** Everything in Redis, each key's value raw and, where it is packed, unpacked. */
export async function redisPlaces(redis: Redis): Promise<Places> {
  const places: Places = new Map();
  const read = async (key: string) => {
    for (const [index, value] of (await allOf(redis, key)).entries()) {
      places.set(`Redis ${key}[${index}]`, value);
      places.set(`Redis ${key}[${index}] unpacked`, unpacked(value));
    }
  };
  await Promise.all((await redis.keys('*')).map(read));
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
    return brotliDecompressSync(value);
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
