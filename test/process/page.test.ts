import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { useBrowser } from '../support/browser.ts';
import { useHttpService } from '../support/httpService.ts';
import { seriousFindings, tabTo } from '../support/pages.ts';
import { useService } from '../support/service.ts';

describe('the page in a browser', function () {
  this.timeout(60_000);
  const service = useService();
  const http = useHttpService({ HTTP_WITHOUT_KEYS: 'true' }, { beside: service });
  const browser = useBrowser();

  const ended = (page: Page) => page.waitForSelector('#status[data-state=done]');

  async function searchFor(page: Page, query: string): Promise<void> {
    await page.goto(http.app.url);
    await page.fill('#query', query);
    await page.press('#query', 'Enter');
    await ended(page);
  }

  it('serves a person with a keyboard alone: search, progress, cards, schedule, pause, run', async () => {
    const { page, complaints } = await browser.open();
    await page.goto(http.app.url);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).to.equal('Skip to content');
    await tabTo(page, '#query');
    await page.keyboard.type('led strip');
    await page.getByText('1 call, at most 5').waitFor();
    await page.keyboard.press('Enter');
    await ended(page);
    expect(await page.textContent('h1')).to.equal('led strip');
    expect(await page.textContent('#status')).to.match(/Complete.*products.*1 call/s);
    expect(await page.locator('ul.cards > li').count()).to.equal(48);
    await page.waitForFunction("document.querySelector('.picture img').naturalWidth > 0");

    await tabTo(page, 'a.watch-this');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.make-schedule');
    await tabTo(page, '#every');
    await page.keyboard.press('ArrowDown');
    await tabTo(page, '.make-schedule button.main');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#schedule-led-strip');
    expect(await page.textContent('#schedule-led-strip')).to.include('every 6 hours');
    await tabTo(page, '#schedule-led-strip form[action$=pause] button');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#schedule-led-strip form[action$=resume]');
    await tabTo(page, '#schedule-led-strip form[action$=run] button');
    await page.keyboard.press('Enter');
    await page.locator('#schedule-led-strip .runs .complete').nth(1).waitFor();
    expect(complaints).to.deep.equal([]);
  });

  it('says what is new and what dropped, from what to what', async () => {
    const request = { query: 'led strip', maxItems: 1000, track: 'strips' };
    const { searchId } = await service.search(request);
    const products = await service.producer.products(searchId);
    const cheaper = products.find(({ total, converted, auction }) => total && !converted && !auction);
    const price = Number(cheaper?.price?.value);
    service.simulator.controls.changeListing(cheaper?.itemId as string, { price: (price - 0.5).toFixed(2) });
    service.simulator.controls.addListing({ title: 'led strip for a hat', price: '9.99' });
    const second = await service.search(request);
    const { page, complaints } = await browser.open();
    await page.goto(`${http.app.url}/searches/${second.searchId}`);
    await page.check('#changed');
    await page.waitForURL(/changed=1/);
    expect(await page.locator('ul.cards > li').count()).to.equal(2);
    const text = await page.textContent('ul.cards');
    expect(text).to.include('New').and.to.include('led strip for a hat');
    expect(text).to.include(`Dropped was $${cheaper?.total?.value}`);
    await page.goto(http.app.url);
    expect(await page.textContent('#news'))
      .to.match(/New.*led strip for a hat/s)
      .and.to.match(/Cheaper.*→/s);
    expect(complaints).to.deep.equal([]);
  });

  it('shows a title full of markup as text', async () => {
    const title = `</h3><script>window.taken=1</script><img src=x onerror="window.taken=2"> led strip '"&amp;`;
    service.simulator.controls.addListing({ title, price: '0.01' });
    const { page, complaints } = await browser.open();
    await page.goto(http.app.url);
    await page.click('summary');
    await page.selectOption('#sort', 'price');
    await page.fill('#query', 'led strip');
    await page.click('button.main');
    await ended(page);
    expect(await page.locator('h3', { hasText: 'window.taken' }).first().textContent()).to.equal(title);
    await page.fill('#most', '0.5');
    await page.press('#most', 'Enter');
    await page.waitForURL(/most=0\.5/);
    expect(await page.evaluate('window.taken')).to.equal(undefined);
    expect(complaints).to.deep.equal([]);
  });

  it('has nothing that axe-core finds serious, light, dark and on a phone, and nothing that sticks out', async () => {
    const { page, complaints } = await browser.open();
    const looks = [
      ['light', 1280],
      ['dark', 1280],
      ['light', 390],
    ] as const;
    const found: string[] = [];
    const look = async () => {
      for (const [colorScheme, width] of looks) {
        await page.setViewportSize({ width, height: 844 });
        await page.emulateMedia({ colorScheme });
        found.push(...(await seriousFindings(page)));
        if (((await page.evaluate('document.documentElement.scrollWidth - innerWidth')) as number) > 0)
          found.push(`${page.url()} sticks out at ${width} px`);
      }
    };
    await searchFor(page, 'yoga mat');
    await look();
    await page.click('a.watch-this');
    await page.waitForSelector('.make-schedule');
    await look();
    await page.click('.make-schedule button.main');
    await page.waitForSelector('.schedule');
    await page.click('.schedule summary');
    await look();
    expect(found).to.deep.equal([]);
    expect(complaints).to.deep.equal([]);
  });

  it('takes a country by its name typed on the keyboard, and gives the products as a file', async () => {
    const { page, complaints } = await browser.open();
    await page.goto(http.app.url);
    await page.fill('#query', 'led strip');
    await tabTo(page, '#country');
    await page.keyboard.type('spain');
    expect(await page.inputValue('#country')).to.equal('ES');
    await page.press('#query', 'Enter');
    await ended(page);
    expect(await page.textContent('.chips')).to.include('delivered to Spain');
    await page.selectOption('#order', 'delivered');
    await page.waitForURL(/order=delivered/);
    await page.click('.downloads summary');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'CSV', exact: true }).click(),
    ]);
    expect(download.suggestedFilename()).to.match(/^led-strip-\d{4}-\d\d-\d\d\.csv$/);
    const lines = (await readFile(await download.path(), 'utf8')).split('\r\n');
    const shown = await page
      .locator('ul.cards > li')
      .evaluateAll((cards) => cards.map((card) => card.getAttribute('data-item')));
    expect(lines.slice(1, 49).map((line) => line.split(',')[0])).to.deep.equal(shown.slice(0, 48));
    expect(complaints).to.deep.equal([]);
  });

  it('loads the rest of a long list as its end comes near, and works without scripts', async () => {
    const { page } = await browser.open();
    await searchFor(page, 'phone case');
    await page.locator('nav.pages').scrollIntoViewIfNeeded();
    await page.locator('ul.cards > li').nth(95).waitFor();
    const { page: plain } = await browser.open({ javaScriptEnabled: false });
    await plain.goto(http.app.url);
    await plain.fill('#query', 'desk lamp');
    await plain.click('button.main');
    await plain.waitForSelector('#status[data-state=done]');
    await plain.click('a[rel=next]');
    await plain.waitForURL(/page=2/);
  });
});

describe('the page of a search whose call failed', function () {
  this.timeout(60_000);
  const service = useService({ PAGE_BACKOFF: '4' });
  const http = useHttpService({ HTTP_WITHOUT_KEYS: 'true' }, { beside: service });
  const browser = useBrowser();

  it('says why a search waits after a failed call, and which attempt is next', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 500, count: 1 });
    const { page, complaints } = await browser.open();
    await page.goto(http.app.url);
    await page.fill('#query', 'led strip');
    await page.press('#query', 'Enter');
    await page.getByText(/eBay answered with an error, attempt 2 of 5/).waitFor();
    await page.waitForSelector('#status[data-state=done]');
    expect(await page.textContent('#status'))
      .to.match(/Complete.*2 calls/s)
      .and.not.include('attempt');
    expect(complaints).to.deep.equal([]);
  });
});
