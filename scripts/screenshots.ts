import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import { ARGS, CHROMIUM } from '../test/support/browser.ts';
import { startDpf } from '../test/support/processes.ts';
import { waitFor } from '../test/support/waitFor.ts';

/**
 * Takes the pictures of docs/images of a running demo, each in light and in dark:
 * `npm ci && npm run build && node --import tsx scripts/screenshots.ts`. It needs Debian's packages
 * chromium-headless-shell and pngquant.
 */

const FOLDER = fileURLToPath(new URL('../docs/images', import.meta.url));
const WIDTH = 1100;
/** Cards of a result stand below its filters. */
const HEIGHTS: Readonly<Record<string, number>> = { search: 560, result: 1120, plan: 620 };
const USUAL_HEIGHT = 720;
/** Colours of a picture: with these all pictures together stay below 600 kB. */
const COLOURS = '96';

/** What is done before a picture is taken. */
const PICTURES: ReadonlyArray<readonly [name: string, show: (page: Page, url: string) => Promise<unknown>]> =
  [
    [
      'search',
      async (page, url) => {
        await page.goto(url);
        await page.fill('#query', 'usb c hub');
      },
    ],
    ['result', async (page, url) => page.goto(await resultOf(page, url))],
    ['watching', (page, url) => page.goto(`${url}/watching`)],
    ['news', (page, url) => page.goto(`${url}/news`)],
    ['plan', (page, url) => page.goto(`${url}/plan`)],
  ];

/** The address of a result that has ended. */
async function resultOf(page: Page, url: string): Promise<string> {
  const body = {
    query: 'usb c hub',
    ...{ maxItems: 50, shipTo: { country: 'US', postalCode: '19406' } },
    filters: { conditionIds: ['1000'], price: { max: 60, currency: 'USD' } },
  };
  const added = await page.request.post(`${url}/v1/searches`, { data: body });
  const { searchId } = (await added.json()) as { searchId: string };
  await page.request.get(`${url}/v1/searches/${searchId}?wait=30`);
  return `${url}/searches/${searchId}`;
}

// Before anything runs that would have to be stopped.
execFileSync('pngquant', ['--version']);
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
const demo = startDpf(['demo', '--keep']);
try {
  const [, url = ''] = await demo.waitForLine(/A page to look at: (\S+?)\/? /, 120_000);
  // After the hour of the market eBay's usual limit of calls comes back.
  await waitFor('the usual limit of calls', async () =>
    (await (await fetch(`${url}/v1/quota`)).text()).includes('"limit":5000') ? true : undefined,
  );
  mkdirSync(FOLDER, { recursive: true });
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = await browser.newContext({ colorScheme, reducedMotion: 'reduce' });
    const page = await context.newPage();
    for (const [name, show] of PICTURES) {
      await page.setViewportSize({ width: WIDTH, height: HEIGHTS[name] ?? USUAL_HEIGHT });
      await show(page, url);
      await page.waitForLoadState('networkidle');
      const path = join(FOLDER, `${name}${colorScheme === 'dark' ? '-dark' : ''}.png`);
      await page.screenshot({ path });
      execFileSync('pngquant', ['--force', '--ext', '.png', '--speed', '1', '--strip', COLOURS, path]);
      console.log(`${path} ${Math.round(statSync(path).size / 1000)} kB`);
    }
    await context.close();
  }
} finally {
  await browser.close();
  await demo.stop();
}
