import type { ConfigProblem } from './config.ts';

/** A named key of 256 bits. */
export interface EncryptionKey {
  kid: string;
  secret: Uint8Array;
}

const KEY_BYTES = 32;

/**
 * `TOKEN_ENCRYPTION_KEYS` taken apart: `kid:base64` separated by commas, the first one writes. Problems name the entry by
 * its place and never show it.
 */
export function readEncryptionKeys(text: string): { keys: EncryptionKey[]; problems: ConfigProblem[] } {
  const keys: EncryptionKey[] = [];
  const problems: ConfigProblem[] = [];
  const entries = text === '' ? [] : text.split(',').map((entry) => entry.trim());
  for (const [place, entry] of entries.entries()) {
    const name = `TOKEN_ENCRYPTION_KEYS[${place}]`;
    const [, kid = '', base64 = ''] = /^([\w.-]{1,40}):([A-Za-z0-9+/_-]+={0,2})$/.exec(entry) ?? [];
    const secret = Buffer.from(base64, 'base64');
    if (kid === '')
      problems.push({ name, message: 'must be `kid:base64`, the kid of letters, digits, `.`, `_` and `-`' });
    else if (secret.length !== KEY_BYTES)
      problems.push({
        name,
        message: `holds ${secret.length} bytes, but must hold ${KEY_BYTES}: make one with \`openssl rand -base64 32\``,
      });
    else if (keys.some((key) => key.kid === kid))
      problems.push({ name, message: `repeats the kid ${kid}: give every key its own` });
    else keys.push({ kid, secret });
  }
  return { keys, problems };
}
