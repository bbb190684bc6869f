/**
 * For lines that would come by the thousand: passes on the first one, then at most one every `everyMs`, told how many
 * were left out since the last.
 */
export function seldom<T>(everyMs: number, say: (about: T, suppressed: number) => void): (about: T) => void {
  let quietUntil = 0;
  let suppressed = 0;
  return (about) => {
    if (Date.now() < quietUntil) {
      suppressed += 1;
      return;
    }
    say(about, suppressed);
    quietUntil = Date.now() + everyMs;
    suppressed = 0;
  };
}
