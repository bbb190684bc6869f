/** Shorter ones are too likely to be a part of ordinary words; shorter forms likewise. */
const SHORTEST = 6;

/**
 * The texts by which a secret gives itself away: itself, as base64 (at the beginning of a text or anywhere within one,
 * `id:secret` of a Basic header say), in a URL, and in JSON. Empty for a secret too short to be told from other text.
 */
export function formsOf(secret: string): string[] {
  if (secret.length < SHORTEST) return [];
  const base64 = base64Forms(Buffer.from(secret));
  const forms = [secret, ...base64, ...base64.map(encodeURIComponent), ...urlForms(secret), inJson(secret)];
  return [...new Set(forms)].filter((form) => form.length >= SHORTEST);
}

/**
 * Base64 takes three bytes at a time, so that the same bytes read differently by what stands before them. These are the
 * characters that depend on the secret alone, for each of the three places, in both alphabets.
 */
export function base64Forms(secret: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), secret]).toString('base64');
    const padding = text.length - text.replace(/=+$/, '').length;
    // The last character before a padding also holds bits of what would follow, the first ones of what stands before.
    const own = text.slice(before === 0 ? 0 : before + 1, text.length - padding - (padding > 0 ? 1 : 0));
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

function urlForms(secret: string): string[] {
  // encodeURIComponent takes no half of a surrogate pair.
  const whole = Buffer.from(secret).toString();
  const encoded = encodeURIComponent(whole);
  const form = new URLSearchParams({ '': whole }).toString().slice(1);
  return [encoded, lowerHex(encoded), form, lowerHex(form), encodeURI(whole)];
}

function lowerHex(encoded: string): string {
  return encoded.replace(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase());
}

function inJson(secret: string): string {
  return JSON.stringify(secret).slice(1, -1);
}
