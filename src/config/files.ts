import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type Jsonc from 'jsonc-parser';
import type { ParseError } from 'jsonc-parser';
import { closestMatch } from 'leven';
import type { ConfigProblem, Content } from './config.ts';
import { schema, settings } from './schema.ts';

/** Longer words are compared by their beginning: the cost grows with the square of the length, and a caller chose the word. */
const COMPARED_LENGTH = 64;

/** What people write for a word that is spelt otherwise, and nearer to a third one. */
const SYNONYMS: Readonly<Record<string, string>> = {
  ebay_uk: 'ebay_gb',
  uk: 'ebay_gb',
  ebay_en: 'ebay_gb',
  ebay_com: 'ebay_us',
  cheapest: 'price',
  newest: 'newlylisted',
  dearest: '-price',
};

/** The end of a message about an unknown word: the candidate that was most likely meant; empty when none is near. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const wanted = word.slice(0, COMPARED_LENGTH).toLowerCase();
  if (wanted === '') return '';
  const known = candidates.map((candidate) => candidate.toLowerCase());
  const maxDistance = Math.max(2, Math.floor(wanted.length / 3));
  const synonym = SYNONYMS[wanted] ?? `ebay_${wanted}`;
  const near =
    known.find((each) => each === synonym) ??
    known.find((each) => each.startsWith(wanted)) ??
    closestMatch(wanted, known, { maxDistance });
  return near === undefined ? '' : `; did you mean ${candidates[known.indexOf(near)]}?`;
}

/** One JSON file of settings, and everything that is wrong with its form. Problems quote nothing of its content. */
export function readConfigFile(path: string): { content: Content; problems: ConfigProblem[] } {
  const { content, problem } = readJsonObject(path, 'CONFIG_FILE');
  if (problem !== undefined) return { content: {}, problems: [problem] };
  return { content: content as Content, problems: unknownKeys(path, content) };
}

/** A file that holds one JSON object. @param variable the setting that names the file, if one does */
export function readJsonObject(
  path: string,
  variable?: string,
): { content: Record<string, unknown>; problem?: never } | { content?: never; problem: ConfigProblem } {
  const { content, problem } = readJsonFile(path, variable);
  if (problem !== undefined) return { problem };
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    return { problem: { name: path, message: 'must hold one JSON object' } };
  return { content: content as Record<string, unknown> };
}

/** A file that holds any JSON. @param variable the setting that names the file, if one does */
export function readJsonFile(
  path: string,
  variable?: string,
): { content: unknown; problem?: never } | { content?: never; problem: ConfigProblem } {
  const refused = (message: string) => ({ problem: { name: path, message } });
  let text: string;
  try {
    const read = readText(path);
    if (read === undefined) return refused(NOT_UTF8);
    text = read;
  } catch (error) {
    const remedy = variable === undefined ? '' : `: set ${variable} to a JSON file`;
    return refused(`cannot be read (${(error as NodeJS.ErrnoException).code})${remedy}`);
  }
  try {
    return { content: JSON.parse(text) };
  } catch (error) {
    return refused(`is not JSON: see line ${brokenAt(text, (error as Error).message)}`);
  }
}

/** Ends the sentence that names a file: Windows PowerShell writes UTF-16, and Notepad a byte order mark. */
export const NOT_UTF8 = 'is UTF-16: save it as UTF-8';

/** Text in UTF-8 without its byte order mark, which is no part of it; undefined where it is UTF-16. */
export function readText(path: string): string | undefined {
  const bytes = readFileSync(path);
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return undefined;
  // UTF-16 without a mark: every other byte of plain text is zero.
  if (bytes.length > 1 && (first === 0) !== (second === 0)) return undefined;
  return bytes.toString('utf8').replace(/^\ufeff/, '');
}

/**
 * `line:column` where a text stops being JSON. The parser's message cannot be shown: it quotes the text, which may be a
 * secret, and then it gives no position.
 */
function brokenAt(text: string, message: string): string {
  const errors: ParseError[] = [];
  // Loaded for a mistake alone: a program that only adds searches does not need it.
  const jsonc = createRequire(import.meta.url)('jsonc-parser') as typeof Jsonc;
  jsonc.parse(text, errors, { disallowComments: true });
  const position = Number(/position (\d+)/.exec(message)?.[1] ?? errors[0]?.offset);
  const lines = text.slice(0, position).split('\n');
  return `${lines.length}:${(lines.at(-1) ?? '').length + 1}`;
}

/** Groups and settings that do not exist. @param path of the file, for the problems */
export function unknownKeys(path: string, content: object): ConfigProblem[] {
  const known = settings().map((setting) => setting.path);
  const unknown = (key: string, candidates: string[]) => ({
    name: `${path}: ${key}`,
    message: `is not a setting${didYouMean(key, candidates)}`,
  });
  return Object.entries(content).flatMap(([group, keys]) => {
    if (!Object.hasOwn(schema, group)) return unknown(group, Object.keys(schema));
    if (typeof keys !== 'object' || keys === null || Array.isArray(keys))
      return { name: `${path}: ${group}`, message: 'must be an object of settings' };
    const names = Object.keys(keys).map((name) => `${group}.${name}`);
    return names.filter((name) => !known.includes(name)).map((name) => unknown(name, known));
  });
}
