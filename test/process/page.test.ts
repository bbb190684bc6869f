import { expect } from 'chai';
import { useBrowser } from '../support/browser.ts';
import { useHttpService } from '../support/httpService.ts';
import { tabTo } from '../support/pages.ts';
import { useService } from '../support/service.ts';

describe('the page in a browser', function () {
  this.timeout(60_000);
  const service = useService({}, {}, { isKept: true });
  const http = useHttpService({ HTTP_WITHOUT_KEYS: 'true' }, { beside: service });
  const browser = useBrowser();

  it('serves a person with a keyboard alone: search, progress, cards, schedule, pause, run', async () => {
    const { page, complaints } = await browser.open();
    await page.goto(http.app.url);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).to.equal('Skip to content');
    await tabTo(page, '#query');
    await page.keyboard.type('led strip');
    await page.getByText('1 call, at most 5').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForSelector('#status[data-state=done]');
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

  it('says what is new and what dropped, from what to what, and shows a title full of markup as text', async () => {
    const request = { query: 'yoga mat', maxItems: 20, sort: 'price' as const, track: 'mats' };
    const { searchId } = await service.search(request);
    const products = await service.producer.products(searchId);
    const cheaper = products.find(({ total, converted, auction }) => total && !converted && !auction);
    const price = Number(cheaper?.price?.value);
    service.simulator.controls.changeListing(cheaper?.itemId as string, { price: (price - 0.5).toFixed(2) });
    const title = `</h3><script>window.taken=1</script><img src=x onerror="window.taken=2"> yoga mat '"&amp;`;
    service.simulator.controls.addListing({ title, price: '0.01' });
    const second = await service.search(request);
    const { page, complaints } = await browser.open();
    await page.goto(`${http.app.url}/searches/${second.searchId}`);
    await page.check('#changed');
    await page.waitForURL(/changed=1/);
    await page.waitForSelector('#list:not([aria-busy])');
    expect(await page.locator('ul.cards > li').count()).to.equal(2);
    expect(await page.locator('h3', { hasText: 'window.taken' }).textContent()).to.equal(title);
    const text = await page.textContent('ul.cards');
    expect(text).to.include('New').and.to.include(`Dropped was $${cheaper?.total?.value}`);
    expect(await page.evaluate('window.taken')).to.equal(undefined);
    await page.goto(http.app.url);
    expect(await page.textContent('#news'))
      .to.include(title)
      .and.to.match(/New.*window.taken/s)
      .and.to.match(/Cheaper.*→/s);
    expect(await page.evaluate('window.taken')).to.equal(undefined);
    expect(complaints).to.deep.equal([]);
  });
});
