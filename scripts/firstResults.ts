import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { ARGS, CHROMIUM } from '../test/support/browser.ts';
import { builtProgram, startDpf, startNode } from '../test/support/processes.ts';

/**
 * How long it takes until each role has a first result of its own, once the package is installed; the figures of
 * docs/for-*.md: `npm ci && npm run build && node --import tsx scripts/firstResults.ts`. It needs Debian's package
 * chromium-headless-shell.
 */

const rows: Array<{ role: string; step: string; seconds: number }> = [];

async function timed<T>(role: string, step: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  rows.push({ role, step, seconds: Math.round((performance.now() - began) / 100) / 10 });
  return result;
}

/** Prints the outcome and the number of products. */
const LIBRARY = (entry: string) => `import { connect } from ${JSON.stringify(entry)};
const searches = await connect();
const { searchId } = await searches.enqueue({ query: 'desk lamp' });
const { summary } = await searches.waitFor(searchId);
console.log(summary.outcome, (await searches.products(searchId)).length);
await searches.close();`;

const folder = mkdtempSync(join(tmpdir(), 'first-'));
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
// With nothing between this and the first measurement.
const demo = startDpf(['demo', '--keep']);
try {
  const [, url = ''] = await timed('all', 'npx dpf demo --keep', () =>
    demo.waitForLine(/A page to look at: (\S+?)\/? /, 120_000),
  );
  await demo.waitForLine(/Then: npx/);
  const env = Object.fromEntries(
    [...demo.output.matchAll(/export (\w+)='(.*)'/g)].map(([, name, value]) => [
      name as string,
      value as string,
    ]),
  );
  await timed('dropshipper', 'search on the page', async () => {
    const page = await browser.newPage();
    await page.goto(url);
    await page.fill('#query', 'usb c hub');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.card');
  });
  await timed('developer', 'three requests with curl', async () => {
    const body = JSON.stringify({ query: 'phone stand' });
    const headers = { 'Content-Type': 'application/json' };
    const added = await fetch(`${url}/v1/searches`, { method: 'POST', headers, body });
    const { searchId } = (await added.json()) as { searchId: string };
    await (await fetch(`${url}/v1/searches/${searchId}?wait=30`)).text();
    await (await fetch(`${url}/v1/searches/${searchId}/products`)).text();
  });
  await timed('developer', 'a program with the library', async () => {
    const file = join(folder, 'library.mjs');
    writeFileSync(file, LIBRARY(builtProgram().replace(/main\.js$/, 'index.js')));
    const program = startNode([file], env);
    if ((await program.exit()) !== 0) throw new Error(program.output);
  });
  await timed('operator', 'npx dpf doctor', () => startDpf(['doctor'], env).exit());
  console.table(rows);
} finally {
  await browser.close();
  await demo.stop();
  rmSync(folder, { recursive: true });
}
