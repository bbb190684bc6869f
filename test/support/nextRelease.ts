import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { openProducer } from '../../src/app/producer.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** In the next version of its data a search says `terms` instead of `query`, and a page `from` instead of `offset`. */
const TRANSLATION = `
function secondSearch({ v, query, ...rest }) {
  return { ...rest, v: 2, terms: query };
}
function firstSearch(data) {
  if (data?.v !== 2) return data;
  const { v, terms, ...rest } = data;
  return { ...rest, v: 1, query: terms };
}
function nextPage({ v, offset, ...rest }) {
  return { ...rest, v: 4, from: offset };
}
function presentPage(data) {
  if (data?.v !== 4) return data;
  const { v, from, ...rest } = data;
  return { ...rest, v: 2, offset: from };
}
`;

/** Where it differs from this release: it reads both versions, writes the next one, and a page says who has done it. */
const CHANGES: Array<[file: string, from: string, to: string]> = [
  ['queue/search/jobData.js', 'SEARCH_VERSION = 1', 'SEARCH_VERSION = 2'],
  ['product/parseRequest.js', 'tidyJson(input);', 'tidyJson(firstSearch(input));'],
  ['queue/producer.js', 'name: SEARCH_JOB, data, opts', 'name: SEARCH_JOB, data: secondSearch(data), opts'],
  [
    'queue/search/callJob.js',
    'deferNewerVersion(context, job, CALL_VERSION)',
    'deferNewerVersion(context, job, 4)',
  ],
  ['queue/search/jobData.js', 'refuseNewer(data, CALL_VERSION);', 'refuseNewer(data, 4);'],
  [
    'queue/search/jobData.js',
    'if (violations(CallSchema, data).length > 0)\n        throw',
    'if (data?.v === 4) return readCall({ data: presentPage(data) });\n    if (violations(CallSchema, data).length > 0)\n        throw',
  ],
  [
    'queue/search/plan.js',
    "{ v: callVersion(request, campaignId), kind: 'page', search, run: number, page, ...address }",
    "nextPage({ kind: 'page', search, run: number, page, ...address })",
  ],
  [
    'queue/search/callJob.js',
    'return { page, products: head.products.length, ',
    "return { by: 'next release', page, products: head.products.length, ",
  ],
];

export interface NextRelease {
  /** Its program, started as `dist/main.js` is. */
  main: string;
  /** Its producer, which writes version 2 of searches. */
  openProducer: typeof openProducer;
  remove(): void;
}

/**
 * The release after this one, had it given the data of jobs another version: the built program, changed as above, in a folder
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
  const app = await import(pathToFileURL(join(folder, 'dist/app/producer.js')).href);
  return {
    main: join(folder, 'dist/main.js'),
    openProducer: app.openProducer,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
