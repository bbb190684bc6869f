import { expect } from 'chai';
import { useBrowser } from '../../support/browser.ts';
import { useHttpService } from '../../support/httpService.ts';
import { seriousFindings } from '../../support/pages.ts';
import { useService } from '../../support/service.ts';

/** How Swagger UI builds its page: buttons within buttons, fields without labels, examples that scroll. */
const OF_SWAGGER_UI = /^(nested-interactive|scrollable-region-focusable|select-name|label):/;
const LOOKS = [
  ['light', 1280],
  ['dark', 390],
] as const;
const HOSTILE = '<img src=x onerror=alert(1)>';

describe('the dashboard in a browser', function () {
  this.timeout(180_000);
  const browser = useBrowser();
  const beside = useService({}, {}, { isKept: true });
  const service = useHttpService({}, { beside });

  const url = (path = '') => `${service.app.url}/admin/queues${path}`;
  const ended = async (query: string, maxItems: number) => {
    return (await beside.search({ query, maxItems })).searchId;
  };
  it('logs in, shows the tree of a search, schedules and failures to read only, and nothing is wrong with it', async () => {
    const searchId = await ended('phone case', 600);
    await beside.producer.schedule.add({
      name: 'morning',
      every: 3600,
      start: '2100-01-01T00:00:00Z',
      request: { query: 'mug' },
    });
    beside.simulator.controls.arm({ fault: 'status', status: 400, errorId: 12001 });
    const failedId = await ended(HOSTILE, 10);
    const { page, complaints } = await browser.open();

    await page.goto(url());
    expect(page.url()).to.equal(`${service.app.url}/sign-in?next=%2Fadmin%2Fqueues`);
    await page.getByLabel('API key').fill(await service.key(['operate']));
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('ebay-calls').first().waitFor();
    expect(page.url()).to.equal(url());

    await page.goto(url(`/queue/ebay-search/${searchId}`));
    // Between them stands how long it took.
    for (const title of [
      /search.*“phone case”/,
      /page 1.*: phone case/,
      /page 2.*: phone case/,
      /page 3.*: phone case/,
    ])
      await page.locator('.react-flow__node', { hasText: title }).waitFor();
    for (const change of [/retry/i, /clean|remove|delete/i, /promote/i, /update|edit/i, /pause/i, /add job/i])
      expect(await page.getByRole('button', { name: change }).count(), String(change)).to.equal(0);

    await page.goto(url('/queue/ebay-search?status=failed'));
    await page.getByText(`search “${HOSTILE}”`).first().waitFor();
    expect(await page.locator('main img, #root img[src=x]').count()).to.equal(0);
    expect(await page.getByText(failedId).count()).to.be.above(0);

    await page.goto(url('/job-schedulers'));
    await page.getByText('search “mug”').first().waitFor();
    expect(complaints).to.deep.equal([]);
  });

  it('is left by its menu, for the page or for good', async () => {
    const { page, complaints } = await browser.open();
    await page.goto(url());
    await page.getByLabel('API key').fill(await service.key());
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('ebay-calls').first().waitFor();
    const menu = page.locator('header button').last();
    await menu.click();
    await page.getByRole('menuitem', { name: 'Product finder' }).click();
    await page.waitForURL(`${service.app.url}/`);
    await page.getByRole('link', { name: 'Queues' }).click();
    await page.getByText('ebay-calls').first().waitFor();
    await menu.click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign out here' }).click();
    await page.getByLabel('API key').waitFor();
    await page.goto(url('/queue/ebay-search'));
    expect(page.url()).to.include('/sign-in?next=');
    expect(complaints).to.deep.equal([]);
  });

  it('shares its looks with sign-in and errors: light, dark, narrow, and still where motion is unwanted', async () => {
    const { page } = await browser.open({ reducedMotion: 'reduce' });
    const findings: string[] = [];
    const key = await service.key(['read', 'operate']);
    for (const [colorScheme, width] of LOOKS) {
      await page.context().clearCookies();
      await page.setViewportSize({ width, height: 844 });
      await page.emulateMedia({ colorScheme });
      const look = async (name: string) => {
        findings.push(...(await seriousFindings(page)).map((each) => `${name} ${colorScheme}: ${each}`));
        expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), name).to.equal(0);
      };
      await page.goto(`${service.app.url}/sign-in`);
      await page.getByText('What the roles of a key allow').click();
      await look('sign-in');
      await page.getByLabel('API key').fill(key);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('link', { name: 'Queues' }).waitFor();
      for (const link of await page.locator('nav[aria-label=Main] a').all()) {
        const { x = -1, width: wide = 0 } = (await link.boundingBox()) ?? {};
        expect(x >= 0 && x + wide <= width, await link.innerText()).to.equal(true);
      }
      await page.goto(`${service.app.url}/nopage`);
      await look('error');
    }
    // Also what a class animates.
    await page.goto(`${service.app.url}/sign-in`);
    const animation = `(() => {
      const progress = document.querySelector('main').appendChild(document.createElement('progress'));
      return getComputedStyle(progress).animationName;
    })()`;
    expect(await page.evaluate(animation)).to.equal('none');
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    expect(await page.evaluate(animation)).to.equal('breathe');
    expect(findings).to.deep.equal([]);
  });

  it('has the API’s description beside it, with the same looks, whose routes open and show their fields', async () => {
    const { page, complaints } = await browser.open();
    await page.goto(`${service.app.url}/docs`);
    // The scripts of Swagger UI are large.
    await page.getByText('/v1/searches/{id}/events').first().waitFor({ timeout: 60_000 });
    for (const [colorScheme, width] of LOOKS) {
      await page.setViewportSize({ width, height: 844 });
      await page.emulateMedia({ colorScheme });
      // A script sets it for Swagger UI's own dark styles.
      await page.waitForSelector(colorScheme === 'dark' ? 'html.dark-mode' : 'html:not(.dark-mode)');
      const found = await seriousFindings(page);
      expect(found.filter((each) => !OF_SWAGGER_UI.test(each))).to.deep.equal([]);
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).to.equal(0);
      expect(await page.evaluate('getComputedStyle(document.documentElement).backgroundColor')).to.equal(
        colorScheme === 'dark' ? 'rgb(20, 24, 26)' : 'rgb(247, 246, 242)',
      );
    }
    await page.getByText('Put in a search, or up to 500 at once').click();
    await page.getByText('idempotency-key', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Execute' }).waitFor();
    expect(await page.locator('.opblock-summary-description', { hasText: '`' }).count()).to.equal(0);
    expect(complaints).to.deep.equal([]);
  });
});
