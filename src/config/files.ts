import { readFileSync } from 'node:fs';
import { closestWord } from './closestWord.ts';
import type { ConfigProblem } from './config.ts';
import { schema, settings } from './schema.ts';

/** Group → setting → value, as written. */
export type Content = Record<string, Record<string, unknown>>;

export interface ConfigFile {
  path: string;
  content: Content;
}

/** One JSON file of settings, and everything that is wrong with its form. Problems show nothing of its content. */
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
 * `line:column` where a text stops being JSON. The parser's own message is no answer: it quotes the text, which may be a
 * secret, and where it quotes it gives no position. So the shortest beginning that fails in the same way is looked for.
 */
function brokenAt(text: string, message: string): string {
  const told = /position (\d+)/.exec(message)?.[1];
  let [fine, broken] = [0, text.length];
  while (told === undefined && fine + 1 < broken) {
    const middle = Math.floor((fine + broken) / 2);
    if (isBroken(text.slice(0, middle))) broken = middle;
    else fine = middle;
  }
  const lines = text.slice(0, told === undefined ? fine : Number(told)).split('\n');
  return `${lines.length}:${(lines.at(-1) ?? '').length + 1}`;
}

/** Not merely unfinished. */
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
