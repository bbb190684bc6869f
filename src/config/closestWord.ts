/** Longer words are compared by their beginning: the cost grows with the square, and the word may be anyone's. */
const COMPARED_LENGTH = 64;

/** The candidate that a typing error most likely meant, or undefined when none is near. */
export function closestWord(word: string, candidates: readonly string[]): string | undefined {
  const wanted = word.slice(0, COMPARED_LENGTH).toLowerCase();
  if (wanted === '') return undefined;
  let best = candidates.find((candidate) => candidate.toLowerCase().startsWith(wanted));
  if (best !== undefined) return best;
  let least = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's distance, row by row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
