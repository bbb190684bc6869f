import { expect } from 'chai';
import { useBrowser } from '../support/browser.ts';
import { useHttpService } from '../support/httpService.ts';
import { seriousFindings, tabTo } from '../support/pages.ts';
import { useService } from '../support/service.ts';

describe('the page with the list of searches in a browser', function () {
  this.timeout(60_000);
  const service = useService({}, {}, { isKept: true });
  const http = useHttpService({ HTTP_WITHOUT_KEYS: 'true' }, { beside: service });
  const browser = useBrowser();
  afterEach(() => service.calls.resume());

  it('follows what is under way, keeps what is typed and what has the focus, and leads to result and job', async () => {
    await service.search({ query: 'usb c hub', maxItems: 5 });
    await service.calls.pause();
    const { searchId } = await service.producer.enqueue({ query: 'yoga mat', maxItems: 5 });
    const { page, complaints } = await browser.open();
    await page.goto(`${http.app.url}/searches`);
    await page.waitForSelector('tr[data-state=collecting]');
    await page.fill('#text', 'yo');
    await tabTo(page, 'a[aria-label^="Job of yoga mat"]');
    await service.producer.enqueue({ query: 'led strip', maxItems: 5 });
    await page.getByRole('link', { name: 'led strip', exact: true }).waitFor();
    expect(await page.inputValue('#text')).to.equal('yo');
    expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).to.equal(
      'Job of yoga mat',
    );
    expect(await page.textContent('#list-state')).to.equal('3 searches, 2 under way');

    await page.press('#text', 'Enter');
    await page.waitForURL(/text=yo/);
    await page.locator('table.searches').getByRole('button', { name: 'Cancel: yoga mat' }).click();
    await page.waitForURL(/\/searches\?text=yo$/);
    await page.selectOption('#state', 'complete');
    await page.waitForURL(/state=complete/);
    await page.getByText('No search fits.').waitFor();
    await page.click('.list-filter a.button');
    await page.getByRole('link', { name: 'usb c hub', exact: true }).waitFor();

    await page.getByLabel('Job of yoga mat').click();
    await page.waitForURL(new RegExp(`/admin/queues/queue/ebay-search/${searchId}$`));
    const link = page.getByRole('link', { name: 'Result', exact: true });
    expect(await link.getAttribute('href')).to.equal(`/searches/${searchId}`);
    expect(complaints).to.deep.equal([]);
  });

  it('has nothing that axe-core finds serious, light, dark and on a phone, and nothing that sticks out', async () => {
    await service.search({
      query: 'usb c hub with a long name',
      maxItems: 5,
      shipTo: { country: 'US', postalCode: '19406' },
    });
    service.simulator.controls.arm({ fault: 'status', status: 400, on: { endpoint: 'search' }, count: 1 });
    await service.search({ query: 'garden gnome' });
    await service.search({ query: 'xqzzy' });
    const { page, complaints } = await browser.open();
    await page.goto(`${http.app.url}/searches`);
    const found: string[] = [];
    for (const [colorScheme, width] of [
      ['light', 1280],
      ['dark', 390],
    ] as const) {
      await page.setViewportSize({ width, height: 844 });
      await page.emulateMedia({ colorScheme });
      found.push(...(await seriousFindings(page)));
      if (((await page.evaluate('document.documentElement.scrollWidth - innerWidth')) as number) > 0)
        found.push(`it sticks out at ${width} px`);
    }
    expect(found).to.deep.equal([]);
    expect(complaints).to.deep.equal([]);
    // All states of jobs on the dashboard are in sight. On a busy machine it uses late what it has loaded ahead.
    await page.goto(`${http.app.url}/admin/queues/queue/ebay-search`);
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 844 });
      const tabs = page.locator('[class*="statusTabs-"] > li');
      await tabs.first().waitFor();
      for (const tab of await tabs.all()) {
        const box = await tab.boundingBox();
        expect(
          (box?.x ?? -1) >= 0 && (box?.x ?? 0) + (box?.width ?? 0) <= width,
          await tab.innerText(),
        ).to.equal(true);
      }
      expect(await tabs.allInnerTexts().then((texts) => texts.join(' '))).to.match(/failed/i);
    }
    expect(complaints.filter((text) => !text.includes('preloaded using link preload'))).to.deep.equal([]);
  });
});
