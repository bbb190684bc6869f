import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { ARGS, CHROMIUM } from '../../test/support/browser.ts';
import { numberFlags } from '../flags.ts';
import { openHouse } from './house.ts';
import { type Look, lookAt } from './look.ts';

export const HELP = `npm run bench -- page [--products 10000] [--beside 200] [--rounds 5] [--json]
  The page of a search with many products beside one with few, in headless Chromium, round by round in turn: first paint,
  frames while scrolling through the first 480, and the time for 48 more.`;

/** With many products it may take so many times as long, and frames so many milliseconds longer, as with few. */
const LIMITS = { paint: 3, frameMs: 25 };

export async function run(args: string[]): Promise<boolean> {
  const flags = numberFlags(args, { products: 10000, beside: 200, rounds: 5 });
  if (!existsSync(CHROMIUM)) {
    console.error(`${CHROMIUM} is not there (apt-get install chromium-headless-shell)`);
    return false;
  }
  const sizes = [flags.beside, flags.products];
  const house = await openHouse();
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
  try {
    const addresses = [];
    for (const size of sizes) addresses.push(await house.search(size));
    const looks: Look[][] = sizes.map(() => []);
    // One that counts for nothing, so that neither is the first.
    for (const address of addresses) await lookAt(browser, address);
    for (let round = 0; round < flags.rounds; round++)
      for (const [index, address] of addresses.entries()) looks[index]?.push(await lookAt(browser, address));
    const [few, many] = looks.map(medians) as [Look, Look];
    const isUsable =
      many.firstPaintMs <= few.firstPaintMs * LIMITS.paint &&
      many.frameP95Ms <= few.frameP95Ms + LIMITS.frameMs;
    const figures = { few, many, paintRatio: ratio(many.firstPaintMs, few.firstPaintMs), isUsable };
    if (flags.json) console.log(JSON.stringify({ bench: 'page', rounds: flags.rounds, ...figures }, null, 2));
    else console.table({ few, many });
    return isUsable;
  } finally {
    await browser.close();
    await house.close();
  }
}

function medians(looks: readonly Look[]): Look {
  const names = Object.keys(looks[0] as Look) as Array<keyof Look>;
  const middle = (name: keyof Look) =>
    looks.map((look) => look[name]).sort((a, b) => a - b)[looks.length >> 1];
  return Object.fromEntries(names.map((name) => [name, middle(name)])) as unknown as Look;
}

function ratio(one: number, other: number): number {
  return Math.round((one / other) * 100) / 100;
}
