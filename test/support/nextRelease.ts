import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { openProducer } from '../../src/app/client.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** In data of version 2 a search says `terms` instead of `query`, and a page `from` instead of `offset`. */
const TRANSLATION = `
function secondSearch({ v, query, ...rest }) {
  return { ...rest, v: 2, terms: query };
}
function firstSearch(data) {
  if (data?.v !== 2) return data;
  const { v, terms, ...rest } = data;
  return { ...rest, v: 1, query: terms };
}
function secondPage({ v, offset, ...rest }) {
  return { ...rest, v: 2, from: offset };
}
function firstPage(data) {
  if (data?.v !== 2) return data;
  const { v, from, ...rest } = data;
  return { ...rest, v: 1, offset: from };
}
`;

/** Where it differs from this release: it reads both versions, writes the second, and a page says who has done it. */
const CHANGES: Array<[file: string, from: string, to: string]> = [
  ['queue/readJob.js', 'version > 1', 'version > 2'],
  ['product/request.js', 'tidyJson(input)', 'tidyJson(firstSearch(input))'],
  ['queue/producer.js', 'data: request,', 'data: secondSearch(request),'],
  [
    'queue/readJob.js',
    'if (!isCallJob(data))\n        throw',
    'if (data.v === 2) return readCall({ data: firstPage(data) }, defaults);\n    if (!isCallJob(data))\n        throw',
  ],
  [
    'queue/plannedCalls.js',
    "{ v: 1, kind: 'page', search, run, request, ...planned }",
    "secondPage({ kind: 'page', search, run, request, ...planned })",
  ],
  ['queue/pageJob.js', 'return { page, products, ', "return { by: 'next release', page, products, "],
];

export interface NextRelease {
  /** Its program, started as `dist/main.js` is. */
  main: string;
  /** Its producer, which writes version 2. */
  openProducer: typeof openProducer;
  remove(): void;
}

/**
 * The release after this one, had it given the data of jobs a version 2: the built program, changed as above, in a folder
 * of its own with this one's packages.
 * @throws Error when the program no longer has what is to be changed
 */
export async function buildNextRelease(): Promise<NextRelease> {
  const folder = mkdtempSync(join(tmpdir(), 'dpf-next-'));
  cpSync(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const translated = new Set<string>();
  for (const [file, from, to] of CHANGES) {
    const path = join(folder, 'dist', file);
    const text = readFileSync(path, 'utf8');
    if (text.split(from).length !== 2) throw new Error(`${file} does not say once: ${from}`);
    writeFileSync(path, text.replace(from, to) + (translated.has(file) ? '' : `\n${TRANSLATION}`));
    translated.add(file);
  }
  const app = await import(pathToFileURL(join(folder, 'dist/app.js')).href);
  return {
    main: join(folder, 'dist/main.js'),
    openProducer: app.openProducer,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
