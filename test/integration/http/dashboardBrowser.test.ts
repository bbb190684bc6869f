import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { useBrowser } from '../../support/browser.ts';
import { useHttpService } from '../../support/httpService.ts';
import { useService } from '../../support/service.ts';

const HOSTILE = '<img src=x onerror=alert(1)>';

describe('the dashboard in a browser', function () {
  this.timeout(60_000);
  const browser = useBrowser();
  const beside = useService();
  const service = useHttpService({}, { beside });

  const url = (path = '') => `${service.app.url}/admin/queues${path}`;
  const ended = async (query: string, maxItems: number) => {
    return (await beside.search({ query, maxItems })).searchId;
  };
  /** Where `SCREENSHOTS` names a folder, what was seen is kept there. */
  const picture = async (page: Page, name: string) => {
    const folder = process.env.SCREENSHOTS;
    if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
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
    expect(page.url()).to.equal(url('/login'));
    await picture(page, 'login');
    await page.getByLabel('API key').fill(await service.key(['operate']));
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('ebay-calls').first().waitFor();
    expect(page.url()).to.equal(url());
    await picture(page, 'overview');

    await page.goto(url(`/queue/ebay-search/${searchId}`));
    for (const title of [
      'search “phone case”',
      'page 1: phone case',
      'page 2: phone case',
      'page 3: phone case',
    ])
      await page.locator('.react-flow__node', { hasText: title }).waitFor();
    await picture(page, 'tree');
    for (const change of [/retry/i, /clean|remove|delete/i, /promote/i, /update|edit/i, /pause/i, /add job/i])
      expect(await page.getByRole('button', { name: change }).count(), String(change)).to.equal(0);

    await page.goto(url('/queue/ebay-search?status=failed'));
    await page.getByText(`search “${HOSTILE}”`).first().waitFor();
    expect(await page.locator('main img, #root img[src=x]').count()).to.equal(0);
    expect(await page.getByText(failedId).count()).to.be.above(0);
    await picture(page, 'failed');

    await page.goto(url('/job-schedulers'));
    await page.getByText('search “mug”').first().waitFor();
    await picture(page, 'schedules');
    expect(complaints).to.deep.equal([]);
  });

  it('stands beside the API’s description, whose routes open and show their fields', async () => {
    const { page, complaints } = await browser.open();
    await page.goto(`${service.app.url}/docs`);
    await page.getByText('Put in a search, or up to 500 at once').click();
    await page.getByText('idempotency-key', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Execute' }).waitFor();
    await picture(page, 'docs');
    expect(complaints).to.deep.equal([]);
  });

  it('logs out by its menu', async () => {
    const { page, complaints } = await browser.open();
    await page.goto(url());
    await page.getByLabel('API key').fill(await service.key(['operate']));
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('ebay-calls').first().waitFor();
    await page.goto(url('/logout'));
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('API key').waitFor();
    await page.goto(url('/queue/ebay-search'));
    expect(page.url()).to.equal(url('/login'));
    expect(complaints).to.deep.equal([]);
  });
});
