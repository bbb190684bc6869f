/** Half as long costs a busy machine more than it gains. */
const POLL_MS = 20;

/**
 * Waits until `condition` gives something truthy and returns it; tests wait for what they need, never for a time.
 * @throws Error with `what`, told at the end where it is a function, after `timeoutMs`.
 */
export async function waitFor<T>(
  what: string | (() => string),
  condition: () => Promise<T> | T,
  timeoutMs = 15_000,
): Promise<NonNullable<T>> {
  const giveUpAt = Date.now() + timeoutMs;
  while (Date.now() < giveUpAt) {
    const value = await condition();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`waited ${timeoutMs} ms in vain for ${typeof what === 'string' ? what : what()}`);
}
