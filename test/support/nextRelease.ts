import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * What the release after this one would change, had the data of jobs got a version 2: it reads 1 and 2, calls a search's
 * `query` `terms`, and writes its page jobs as 2.
 */
const CHANGES: Array<[file: string, from: string, to: string]> = [
  ['queue/readJob.js', 'version > 1', 'version > 2'],
  ['queue/readJob.js', 'v: Type.Literal(1)', 'v: Type.Union([Type.Literal(1), Type.Literal(2)])'],
  [
    'queue/readJob.js',
    'const parsed = parseSearchRequest(data, defaults)',
    'const parsed = parseSearchRequest(asFirst(data), defaults)',
  ],
  ['queue/plannedCalls.js', "v: 1, kind: 'page'", "v: 2, kind: 'page'"],
];
const AS_FIRST = `
function asFirst(data) {
  if (data?.v !== 2) return data;
  const { terms, ...rest } = data;
  return { ...rest, v: 1, query: terms };
}
`;

/** A build of that release; `main` starts it as `dist/main.js` starts this one. */
export function buildNextRelease(): { main: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'dpf-next-'));
  for (const part of ['dist', 'package.json'])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  for (const part of ['node_modules', 'config', 'schemas', 'public'])
    symlinkSync(join(ROOT, part), join(folder, part));
  for (const [file, from, to] of CHANGES) {
    const path = join(folder, 'dist', file);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(from)) throw new Error(`${file} no longer says: ${from}`);
    writeFileSync(path, text.replace(from, to));
  }
  const reader = join(folder, 'dist/queue/readJob.js');
  writeFileSync(reader, readFileSync(reader, 'utf8') + AS_FIRST);
  return {
    main: join(folder, 'dist/main.js'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
