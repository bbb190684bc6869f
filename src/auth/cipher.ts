import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from 'jose';
import type { EncryptionKey } from '../config/encryptionKeys.ts';

/** What a ciphertext is bound to: it opens nowhere else. */
export interface Binding {
  tenant: string;
  environment: string;
}

/**
 * JWE in compact form, `dir` with A256GCM. The protected header, which GCM authenticates, names key, tenant and
 * environment. The first key writes; every listed key reads.
 */
export class Cipher {
  readonly #keys: readonly EncryptionKey[];
  readonly #binding: Binding;

  constructor(keys: readonly EncryptionKey[], binding: Binding) {
    this.#keys = keys;
    this.#binding = binding;
  }

  /** The text itself where no key is configured. */
  async seal(text: string): Promise<string> {
    const key = this.#keys[0];
    if (key === undefined) return text;
    return new CompactEncrypt(new TextEncoder().encode(text))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: key.kid, ...this.#binding })
      .encrypt(key.secret);
  }

  /** Nothing where the value is damaged, of an unlisted key, or bound to another tenant or environment. */
  async open(sealed: string): Promise<string | undefined> {
    try {
      const { kid, tenant, environment } = decodeProtectedHeader(sealed);
      const key = this.#keys.find((candidate) => candidate.kid === kid);
      if (key === undefined || tenant !== this.#binding.tenant || environment !== this.#binding.environment)
        return undefined;
      const { plaintext } = await compactDecrypt(sealed, key.secret, {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
      });
      return new TextDecoder().decode(plaintext);
    } catch {
      return undefined;
    }
  }
}

/** Whether a cached value is a JWE: five dot-separated base64url parts, where plain ones are JSON objects. */
export function isSealed(value: string): boolean {
  return /^[\w-]+\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+$/.test(value);
}
