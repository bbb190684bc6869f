import type { EncryptionKey } from '../config/checks.ts';

/*
 * How secrets are kept in Redis where TOKEN_ENCRYPTION_KEYS is set: as a compact JWE (`dir`, A256GCM). GCM authenticates the
 * header, so what stands there binds the value: it opens only for the same tenant and the same purpose.
 */

/** What a value is bound to; each of them is a field of the JWE's header, in this order. */
export type Binding = Readonly<Record<string, string>>;

/** Of the text that was sealed five dot-separated base64url parts; plain values are JSON objects. */
const SEALED = /^[\w-]+\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+$/;

export function isSealed(value: string): boolean {
  return SEALED.test(value);
}

/** The text itself without a key. */
export async function seal(text: string, key: EncryptionKey | undefined, binding: Binding): Promise<string> {
  if (key === undefined) return text;
  // Only loaded where there are keys.
  const { CompactEncrypt } = await import('jose');
  return new CompactEncrypt(new TextEncoder().encode(text))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: key.kid, ...binding })
    .encrypt(key.secret);
}

/** Nothing where the value is damaged, of an unlisted key, or bound to something else. */
export async function unseal(
  sealed: string,
  keys: readonly EncryptionKey[],
  binding: Binding,
): Promise<string | undefined> {
  if (keys.length === 0) return undefined;
  const { compactDecrypt, decodeProtectedHeader } = await import('jose');
  try {
    const header: Record<string, unknown> = decodeProtectedHeader(sealed);
    const key = keys.find(({ kid }) => kid === header.kid);
    const isBound = Object.entries(binding).every(([name, value]) => header[name] === value);
    if (key === undefined || !isBound) return undefined;
    const { plaintext } = await compactDecrypt(sealed, key.secret, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    });
    return new TextDecoder().decode(plaintext);
  } catch {
    return undefined;
  }
}
