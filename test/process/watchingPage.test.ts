import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { useBrowser } from '../support/browser.ts';
import { startReceiver } from '../support/channels/receiver.ts';
import { useHttpService } from '../support/httpService.ts';
import { seriousFindings, tabTo } from '../support/pages.ts';
import { useService } from '../support/service.ts';

const ALLOW = { OUTBOUND_ALLOW: '127.0.0.1' };

describe('what is watched, in a browser', function () {
  this.timeout(120_000);
  const service = useService(ALLOW, {}, { isKept: true });
  const http = useHttpService({ ...ALLOW, HTTP_WITHOUT_KEYS: 'true' }, { beside: service });
  const browser = useBrowser();

  /** What axe finds serious, and what sticks out, light and wide, dark and on a phone. */
  async function looks(page: Page): Promise<string[]> {
    const found: string[] = [];
    for (const [colorScheme, width] of [
      ['light', 1280],
      ['dark', 390],
    ] as const) {
      await page.setViewportSize({ width, height: 844 });
      await page.emulateMedia({ colorScheme });
      found.push(...(await seriousFindings(page)));
      if (((await page.evaluate('document.documentElement.scrollWidth - innerWidth')) as number) > 0)
        found.push(`${page.url()} sticks out at ${width} px`);
    }
    return found;
  }

  it('makes one from a result with the keyboard, at a time in the reader’s zone, its cost in sight, and follows its runs', async () => {
    const receiver = await startReceiver(() => ({ status: 204 }));
    try {
      await service.producer.channels.put({ kind: 'webhook', name: 'shop', url: receiver.origin });
      const { searchId } = await service.search({ query: 'led strip', maxItems: 5 });
      const { page, complaints } = await browser.open({ timezoneId: 'Europe/Berlin' });
      await page.goto(`${http.app.url}/searches/${searchId}`);
      await tabTo(page, 'a.watch-this');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.make-schedule');
      const cost = page.locator('.cost output');
      expect(await cost.textContent()).to.include('24 calls a day: 24 looks of 1 call');
      expect(await page.isVisible('#at')).to.equal(false);
      await tabTo(page, '#every');
      await page.selectOption('#every', 'weekdays');
      await cost.getByText('5 looks a week').waitFor();
      expect(await page.inputValue('#tz')).to.equal('Europe/Berlin');
      await page.fill('#at', '07:30');
      await tabTo(page, '#alertNew');
      await page.keyboard.press('Space');
      expect(await looks(page)).to.deep.equal([]);
      await tabTo(page, '.make-schedule button.main');
      await page.keyboard.press('Enter');
      const card = page.locator('#schedule-led-strip');
      // The first look is at once, and the page follows it by itself.
      await card.locator('.runs .complete').waitFor();
      expect(await card.textContent())
        .to.include('at 07:30 on working days (Europe/Berlin)')
        .and.include('a new listing → every channel');

      await card.locator('form[action$=run] button').click();
      await page.locator('#schedule-led-strip .runs .complete').nth(1).waitFor();
      expect(await page.textContent('#said')).to.match(/^(led-strip: complete)?$/);
      await card.locator('.confirm summary').click();
      expect(await card.locator('.confirm form').textContent()).to.include(
        'The alert led-strip has then nothing',
      );
      expect(await looks(page)).to.deep.equal([]);
      await card.locator('.confirm form button').click();
      await card.waitFor({ state: 'detached' });
      expect(await service.producer.schedule.list()).to.deep.equal([]);
      expect(complaints).to.deep.equal([]);
    } finally {
      await receiver.close();
    }
  });

  it('changes one, says that another search starts a new track, and works without scripts', async () => {
    const request = { query: 'led strip', track: 'strips', filters: { freeShipping: true } };
    await service.producer.schedule.add({ name: 'strips', every: 86_400, request });
    const { page } = await browser.open({ javaScriptEnabled: false });
    await page.goto(`${http.app.url}/watching`);
    await page.click('a[aria-label="Change: strips"]');
    await page.selectOption('#every', 'auto');
    await page.click('button[name=preview]');
    expect(await page.textContent('.cost')).to.include('each look takes 1 call');
    await page.click('.actions button.main');
    await page.waitForSelector('#schedule-strips');
    expect((await service.producer.schedule.get('strips')).auto?.atLeastEvery).to.equal(86_400);
    await page.click('a[aria-label="Change: strips"]');
    await page.fill('#query', 'yoga mat');
    await page.click('.actions button.main');
    expect(await page.textContent('.question')).to.include('starts a new track');
    expect(await page.inputValue('#query')).to.equal('yoga mat');
    await page.click('button[name=beside]');
    await page.waitForSelector('#schedule-strips-2');
    const names = (await service.producer.schedule.list()).map((each) => [each.name, each.request.query]);
    expect(names).to.deep.equal([
      ['strips', 'led strip'],
      ['strips-2', 'yoga mat'],
    ]);
  });

  it('takes a file of listings, and shows what is wrong with it line by line', async () => {
    const { page, complaints } = await browser.open();
    await page.goto(`${http.app.url}/watching`);
    await page.getByRole('link', { name: 'Watch listings' }).click();
    const csv = 'item;sku\n110587654321;A\nno;B\n110587654323;C\n';
    await page.setInputFiles('#listings-file', {
      name: 'mine.csv',
      mimeType: 'text/csv',
      buffer: Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(csv, 'utf16le')]),
    });
    await page.locator('.cost output strong').waitFor();
    expect(await page.inputValue('#listings')).to.equal(csv);
    await page.click('button.main');
    expect(await page.textContent('#listings-problem')).to.include('Line 3: "no" is neither');
    expect(await page.inputValue('#listings')).to.equal(csv);
    expect(await looks(page)).to.deep.equal([]);
    await page.click('button[name=skipWrong]');
    await page.waitForSelector('#watchlist-my-listings');
    await page.click('a[aria-label="Change: my-listings"]');
    expect(await page.locator('.entries tbody tr').count()).to.equal(2);
    expect(await looks(page)).to.deep.equal([]);
    // The refused form is an answer 400, which Chromium names in its console.
    expect(complaints.filter((text) => !text.includes('400'))).to.deep.equal([]);
  });
});
