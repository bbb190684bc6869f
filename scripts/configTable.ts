/**
 * The table of settings in docs/settings.md, made from the schema.
 * `node --import tsx scripts/configTable.ts` writes it between its markers.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { FORMATS } from '../src/config/formats.ts';
import { settings } from '../src/config/schema.ts';
import { FILE_SUFFIX } from '../src/config/secrets.ts';

export const SETTINGS_PAGE = new URL('../docs/settings.md', import.meta.url);

const START = '<!-- settings: made by scripts/configTable.ts -->';
const END = '<!-- end of settings -->';

/** `page` with the table as it must be. @throws Error without the two markers. */
export function withConfigTable(page: string): string {
  const [start, end] = [page.indexOf(START), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`docs/settings.md lacks the markers ${START} and ${END}`);
  return `${page.slice(0, start + START.length)}\n${configTable()}\n${page.slice(end)}`;
}

function configTable(): string {
  const rows = settings().map(({ env, deprecatedEnv, default: usual, format, doc, sensitive }) => {
    const shown = usual === '' ? '' : `\`${usual}\``;
    const variable = sensitive ? `\`${env}\`, \`…${FILE_SUFFIX}\`` : `\`${env}\``;
    const meaning = deprecatedEnv === undefined ? doc : `${doc}; formerly \`${deprecatedEnv}\``;
    return `| ${variable} | ${shown} | ${meaning} | ${FORMATS[format].allowed} |`;
  });
  return ['| variable | default | meaning | allowed |', '|---|---|---|---|', ...rows].join('\n');
}

if (process.argv[1] === import.meta.filename)
  writeFileSync(SETTINGS_PAGE, withConfigTable(readFileSync(SETTINGS_PAGE, 'utf8')));
