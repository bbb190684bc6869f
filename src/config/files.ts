import { readFileSync } from 'node:fs';
import type { ConfigProblem, Content } from './config.ts';
import { schema, settings } from './schema.ts';

/** Longer words are compared by their beginning: the cost grows with the square of the length, and a caller chose the word. */
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

/** One JSON file of settings, and everything that is wrong with its form. Problems quote nothing of its content. */
export function readConfigFile(path: string): { content: Content; problems: ConfigProblem[] } {
  const read = readJsonObject(path, 'CONFIG_FILE');
  if ('problem' in read) return { content: {}, problems: [read.problem] };
  return { content: read.content as Content, problems: unknownKeys(path, read.content) };
}

/** A file that holds one JSON object. @param variable the setting that names the file, if one does */
export function readJsonObject(
  path: string,
  variable?: string,
): { content: Record<string, unknown> } | { problem: ConfigProblem } {
  const refused = (message: string) => ({ problem: { name: path, message } });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const remedy = variable === undefined ? '' : `: set ${variable} to a JSON file`;
    return refused(`cannot be read (${(error as NodeJS.ErrnoException).code})${remedy}`);
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    return refused(`is not JSON: see line ${brokenAt(text, (error as Error).message)}`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    return refused('must hold one JSON object');
  return { content: content as Record<string, unknown> };
}

/**
 * `line:column` where a text stops being JSON. The parser's message cannot be shown: it quotes the text, which may be a
 * secret, and then gives no position. A binary search finds the shortest beginning that fails in the same way.
 */
function brokenAt(text: string, message: string): string {
  const position = /position (\d+)/.exec(message)?.[1];
  let [fine, broken] = [0, text.length];
  while (position === undefined && fine + 1 < broken) {
    const middle = Math.floor((fine + broken) / 2);
    if (isBroken(text.slice(0, middle))) broken = middle;
    else fine = middle;
  }
  const lines = text.slice(0, position === undefined ? fine : Number(position)).split('\n');
  return `${lines.length}:${(lines.at(-1) ?? '').length + 1}`;
}

/** Whether this is wrong, and not merely unfinished. */
function isBroken(beginning: string): boolean {
  try {
    JSON.parse(beginning);
    return false;
  } catch (error) {
    return (error as Error).message.startsWith('Unexpected token');
  }
}

/** Groups and settings that do not exist. @param path of the file, for the problems */
export function unknownKeys(path: string, content: object): ConfigProblem[] {
  const known = settings().map((setting) => setting.path);
  const groups = Object.keys(schema);
  const problems: ConfigProblem[] = [];
  const refuse = (key: string, candidates: string[]) => {
    const near = closestWord(key, candidates);
    problems.push({
      name: `${path}: ${key}`,
      message: `is not a setting${near === undefined ? '' : `; did you mean ${near}?`}`,
    });
  };
  for (const [group, keys] of Object.entries(content)) {
    if (!groups.includes(group)) refuse(group, groups);
    else if (typeof keys !== 'object' || keys === null || Array.isArray(keys))
      problems.push({ name: `${path}: ${group}`, message: 'must be an object of settings' });
    else
      for (const name of Object.keys(keys))
        if (!known.includes(`${group}.${name}`)) refuse(`${group}.${name}`, known);
  }
  return problems;
}
