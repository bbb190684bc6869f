/** `1 h 52 min`, `4 min 10 s`, `9 s`. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, min, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (h > 0) return min > 0 ? `${h} h ${min} min` : `${h} h`;
  return min > 0 ? `${min} min ${s} s` : `${s} s`;
}

/** An instant as a person here reads it: how far away, and what the clock will show. */
export function whenText(iso: string, now: number): string {
  const instant = Date.parse(iso);
  const sameDay = new Date(instant).toDateString() === new Date(now).toDateString();
  const clock = new Date(instant).toLocaleString('en-GB', {
    ...(sameDay ? {} : { weekday: 'short', day: 'numeric', month: 'short' }),
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  });
  return instant <= now ? `now (${clock})` : `in ${durationText((instant - now) / 1000)} (${clock})`;
}
