const LENGTH_OF_DAY = 'yyyy-mm-dd'.length;
const LENGTH_TO_HOUR = 'yyyy-mm-ddThh'.length;

/**
 * An instant, or a day alone, in its one form `2026-01-31T18:00:00.000Z`; undefined for a day or a time that does not exist.
 * @param end of a day alone its last moment is meant, not its first
 */
export function instantOf(text: string, end = false): string | undefined {
  const isDay = text.length === LENGTH_OF_DAY;
  const at = Date.parse(isDay && end ? `${text}T23:59:59.999Z` : text);
  if (Number.isNaN(at)) return undefined;
  const instant = new Date(at).toISOString();
  // The parser takes the 30th of February for a day of March, and the hour 24 for the next day.
  return instant.startsWith(text.slice(0, LENGTH_TO_HOUR)) ? instant : undefined;
}
