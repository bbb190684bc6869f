/**
 * The README's table of settings, made from the schema.
 * `node --import tsx scripts/configTable.ts` writes it between its markers in README.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { FILE_SUFFIX } from '../src/config/files.ts';
import { FORMATS, type FormatName } from '../src/config/formats.ts';
import { settings } from '../src/config/schema.ts';

export const README = new URL('../README.md', import.meta.url);

const START = '<!-- settings: made by scripts/configTable.ts -->';
const END = '<!-- end of settings -->';

/** `readme` with the table as it must be. @throws Error without the two markers. */
export function withConfigTable(readme: string): string {
  const [start, end] = [readme.indexOf(START), readme.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`README.md lacks the markers ${START} and ${END}`);
  return `${readme.slice(0, start + START.length)}\n${configTable()}\n${readme.slice(end)}`;
}

function configTable(): string {
  const rows = settings().map(({ env, default: usual, format, doc, sensitive }) => {
    const shown = usual === '' ? '' : `\`${usual}\``;
    const variable = sensitive ? `\`${env}\`, \`…${FILE_SUFFIX}\`` : `\`${env}\``;
    return `| ${variable} | ${shown} | ${doc} | ${FORMATS[format as FormatName].allowed} |`;
  });
  return ['| variable | default | meaning | allowed |', '|---|---|---|---|', ...rows].join('\n');
}

if (process.argv[1] === import.meta.filename)
  writeFileSync(README, withConfigTable(readFileSync(README, 'utf8')));
