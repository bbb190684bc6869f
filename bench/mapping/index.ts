import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { linkableHosts } from '../../src/product/marketplaces.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { get, mintToken, SEARCH } from '../../test/support/simulator.ts';
import { median } from '../figures.ts';
import { numberOf } from '../flags.ts';
import { withoutAdded } from './added.ts';

export const HELP = `npm run bench -- mapping [--rounds 41] [--against FOLDER] [--samples FOLDER] [--json]
  Pages of the simulator, and of the captured search answers in a folder, become products and are packed as they are
  kept: CPU a page and bytes a page, beside the same answers without the fields that release 0.2 did not pass on.
  --against names a checkout of another release, with node_modules, which maps and packs the whole answers instead.`;

/** A page may grow by a third. */
const MOST_BYTES = 4 / 3;
/** Mapping against another release may lose a tenth. */
const LEAST_SPEED = 0.9;

type Json = { total?: unknown; itemSummaries: object[] };
type Code = {
  mapPage: typeof import('../../src/collector/mapPage.ts').mapPage;
  packPage: typeof import('../../src/results/packing.ts').packPage;
};

/** Something that maps and packs one answer. */
interface Side {
  code: Code;
  json: Json;
}

export async function run(args: string[]): Promise<boolean> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '41' },
      against: { type: 'string' },
      samples: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const rounds = numberOf('rounds', values.rounds);
  const ours = await codeOf(resolve(import.meta.dirname, '../..'));
  const other = values.against === undefined ? ours : await codeOf(resolve(values.against));
  const answers = { ...(await simulated()), ...(values.samples && captured(values.samples)) };
  const rows = Object.entries(answers).map(([name, json]) => ({
    name,
    products: json.itemSummaries.length,
    ...compare(
      { code: ours, json },
      { code: other, json: values.against === undefined ? withoutAdded(json) : json },
      rounds,
    ),
  }));
  if (values.json) console.log(JSON.stringify({ bench: 'mapping', against: values.against, rows }, null, 2));
  else console.table(rows);
  // Fields that are there cost something: only another release can say whether that is too much.
  const isFast = values.against === undefined || rows.every(({ speed }) => speed >= LEAST_SPEED);
  return isFast && rows.every(({ bytesRatio }) => bytesRatio <= MOST_BYTES);
}

async function codeOf(folder: string): Promise<Code> {
  const load = (path: string) => import(pathToFileURL(join(folder, path)).href);
  return { ...(await load('src/collector/mapPage.ts')), ...(await load('src/results/packing.ts')) };
}

/** Two sites: one where eBay says much of a listing, and one where it says less. */
async function simulated(): Promise<Record<string, Json>> {
  const simulator = await startSimulator({ catalogueScale: 1, today: new Date('2026-02-16T00:00:00Z') });
  const token = await mintToken(simulator.url);
  const answers: Record<string, Json> = {};
  for (const site of ['EBAY_US', 'EBAY_DE']) {
    const path = `${SEARCH}?q=usb+charger&limit=200&fieldgroups=EXTENDED`;
    const answer = await get(simulator.url, path, token, { 'x-ebay-c-marketplace-id': site });
    answers[`simulated ${site}`] = (await answer.json()) as Json;
  }
  await simulator.close();
  return answers;
}

/** All captured items as one page. */
function captured(folder: string): Record<string, Json> {
  const items = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => (JSON.parse(readFileSync(join(folder, name), 'utf8')) as Json).itemSummaries ?? []);
  // eBay sends this link to affiliates alone.
  const plain = items.map(({ itemAffiliateWebUrl: _, ...item }: { itemAffiliateWebUrl?: string }) => item);
  const page = (itemSummaries: object[]) => ({ total: items.length, itemSummaries });
  return { captured: page(plain), 'captured for an affiliate': page(items) };
}

/** Rounds of both sides by turns, by CPU time: what else the machine does then counts for neither. */
function compare(one: Side, two: Side, rounds: number) {
  const [ours, others] = [runnerOf(one), runnerOf(two)];
  const figures = Array.from({ length: rounds }, (_, round) => {
    const order = round % 2 === 0 ? [ours, others] : [others, ours];
    const timed = order.map(({ map, pack }) => ({ map: cpuOf(map, 40), pack: cpuOf(pack, 20) }));
    const [mine, theirs] = (round % 2 === 0 ? timed : timed.toReversed()) as [Cpu, Cpu];
    return { mine, theirs };
  }).slice(Math.floor(rounds / 4));
  return {
    mapMs: rounded(median(figures.map(({ mine }) => mine.map))),
    packMs: rounded(median(figures.map(({ mine }) => mine.pack))),
    speed: rounded(median(figures.map(({ mine, theirs }) => theirs.map / mine.map))),
    speedWithPacking: rounded(
      median(figures.map(({ mine, theirs }) => (theirs.map + theirs.pack) / (mine.map + mine.pack))),
    ),
    bytes: ours.bytes,
    bytesRatio: rounded(ours.bytes / others.bytes),
  };
}

interface Cpu {
  map: number;
  pack: number;
}

function runnerOf({ code, json }: Side) {
  const asked = {
    marketplace: 'EBAY_US',
    offset: 0,
    limit: 200,
    observedAt: '2026-01-01T00:00:00.000Z',
  } as const;
  const hosts = linkableHosts(['127.0.0.1']);
  // Parsed once more, as an answer is: objects made field by field are of another shape to the engine.
  const parsed = JSON.parse(JSON.stringify(json));
  const map = () => code.mapPage(parsed, asked, hosts);
  const mapped = map();
  if (!mapped.ok) throw new Error(mapped.reason);
  const page = { ...mapped.page, calls: 1, latencyMs: 1 };
  return { map, pack: () => code.packPage(page), bytes: code.packPage(page).length };
}

/** Milliseconds of CPU time for one time. */
function cpuOf(work: () => unknown, times: number): number {
  const before = process.cpuUsage();
  for (let time = 0; time < times; time++) work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / times;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
