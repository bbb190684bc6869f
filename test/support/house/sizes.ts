import type { Sources } from './sources.ts';

const MOST_LINES = 300;
const USUAL_LINES = 200;
const USUAL_SHARE = 0.9;
const MEDIAN_LINES = 90;

/** The sizes of one tree's files: none beyond the limit, nearly all well below it, half of them short. */
export function tooLarge(sources: Sources, tree: string): string[] {
  const sizes = [...sources]
    .filter(([path]) => path.startsWith(`${tree}/`))
    .map(([path, source]) => ({ path, lines: source.trimEnd().split('\n').length }))
    .sort((one, other) => one.lines - other.lines);
  const problems = sizes
    .filter(({ lines }) => lines > MOST_LINES)
    .map(({ path, lines }) => `${path}: has ${lines} lines, but the most is ${MOST_LINES}: split it`);
  const long = sizes.filter(({ lines }) => lines > USUAL_LINES);
  if (sizes.length - long.length < sizes.length * USUAL_SHARE)
    problems.push(
      `${tree}/: less than ${100 * USUAL_SHARE} % of the files stay within ${USUAL_LINES} lines: ${long.map(({ path }) => path).join(', ')}`,
    );
  const median = sizes[Math.floor((sizes.length - 1) / 2)]?.lines ?? 0;
  if (median > MEDIAN_LINES)
    problems.push(`${tree}/: the median file has ${median} lines, but the most is ${MEDIAN_LINES}`);
  return problems;
}
