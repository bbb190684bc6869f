import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const HEADLESS_SHELL = '/usr/bin/chromium-headless-shell';

/** Of Debian's package `chromium-headless-shell`, which takes half the CPU time of `chromium`, or of that one where only it is. */
export const CHROMIUM = [HEADLESS_SHELL, '/usr/bin/chromium'].find(existsSync) ?? HEADLESS_SHELL;

export const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface TestBrowser {
  /** A page of a visitor who was never here before; whatever it logs as a warning or an error is in `complaints`. */
  open(options?: Parameters<Browser['newContext']>[0]): Promise<{ page: Page; complaints: string[] }>;
}

/** Headless Chromium for the tests of a suite; where it is not installed they are skipped, and say so. */
export function useBrowser(): TestBrowser {
  let browser: Browser | undefined;
  const contexts: BrowserContext[] = [];
  before(async function () {
    if (!existsSync(CHROMIUM)) {
      console.error(`skipped: ${CHROMIUM} is not there (apt-get install chromium-headless-shell)`);
      return this.skip();
    }
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
  });
  afterEach(async () => {
    await Promise.all(contexts.splice(0).map((context) => context.close()));
  });
  after(() => browser?.close());
  return {
    async open(options = {}) {
      if (browser === undefined) throw new Error('the browser runs only within tests');
      const context = await browser.newContext({
        viewport: { width: 1280, height: 900 },
        // An animation is drawn 60 times a second for as long as something is under way.
        reducedMotion: 'reduce',
        ...options,
      });
      contexts.push(context);
      const page = await context.newPage();
      page.setDefaultTimeout(20_000);
      const complaints: string[] = [];
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('requestfailed', (request) => {
        const { errorText = '' } = request.failure() ?? {};
        // Requests of a page that was left.
        if (errorText !== 'net::ERR_ABORTED') complaints.push(`${request.url()} ${errorText}`);
      });
      page.on('dialog', (dialog) => {
        complaints.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      return { page, complaints };
    },
  };
}
