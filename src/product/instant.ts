const DAY = /^\d{4}-\d{2}-\d{2}$/;
/** RFC 3339 with its offset: a time without one would mean something else on another machine. */
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;
const LENGTH_TO_MINUTE = 'yyyy-mm-ddThh:mm'.length;

/**
 * A date and time with its offset as somebody wrote it, ms since the epoch; undefined for any other text, and for a day or a
 * time that does not exist.
 */
export function instantIn(text: string): number | undefined {
  if (!INSTANT.test(text)) return undefined;
  const at = Date.parse(text);
  const shown = text.slice(0, LENGTH_TO_MINUTE);
  // The parser takes the 30th of February for a day of March, and the hour 24 for the next day.
  const exists = !Number.isNaN(at) && new Date(`${shown}Z`).toISOString().startsWith(shown);
  return exists ? at : undefined;
}

/** The same, or a day alone in UTC. @param end of a day its last moment is meant, not its first */
export function dayOrInstantIn(text: string, end = false): number | undefined {
  return instantIn(DAY.test(text) ? `${text}T${end ? '23:59:59.999' : '00:00'}Z` : text);
}

/** An instant in UTC, or a day alone, in its one form `2026-01-31T18:00:00.000Z`; undefined as with `dayOrInstantIn`. */
export function instantOf(text: string, end = false): string | undefined {
  const at = DAY.test(text) || text.endsWith('Z') ? dayOrInstantIn(text, end) : undefined;
  return at === undefined ? undefined : new Date(at).toISOString();
}
