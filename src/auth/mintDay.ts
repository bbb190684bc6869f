/** eBay counts its days in Pacific time. */
const pacificDate = new Intl.DateTimeFormat('en-CA', {
  timeZone: 'America/Los_Angeles',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
});

const HOUR_MS = 3_600_000;

/** The day on which a mint counts, e.g. `2026-03-08`. */
export function mintDay(now: number): string {
  return pacificDate.format(now);
}

/** When the next such day begins, ms since the epoch; midnight there is always a full hour of UTC. */
export function nextMintDay(now: number): number {
  const today = mintDay(now);
  let hour = Math.floor(now / HOUR_MS) * HOUR_MS + HOUR_MS;
  while (mintDay(hour) === today) hour += HOUR_MS;
  return hour;
}
