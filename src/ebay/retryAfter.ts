/**
 * A `Retry-After` header as a pause in ms: seconds or an HTTP date; anything else is no statement (undefined).
 * Clamped to 1 s … `maxMs`, for it was seen absent, in the past and absurd, but a throttled caller must pause somehow.
 */
export function retryAfterMs(header: string | undefined, now: number, maxMs: number): number | undefined {
  const text = header?.trim() ?? '';
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : dateOf(text) - now;
  if (Number.isNaN(ms)) return undefined;
  return Math.ceil(Math.min(Math.max(ms, Math.min(1000, maxMs)), maxMs));
}

/** HTTP dates begin with the name of a day; `Date.parse` alone would take much else for a date, `-1` for instance. */
function dateOf(text: string): number {
  return /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /.test(text) ? Date.parse(text) : Number.NaN;
}
