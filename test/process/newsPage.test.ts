import { expect } from 'chai';
import type { Page } from 'playwright-core';
import type { Product } from '../../src/product/product.ts';
import { useBrowser } from '../support/browser.ts';
import { useHttpService } from '../support/httpService.ts';
import { seriousFindings } from '../support/pages.ts';
import { useService } from '../support/service.ts';

describe('somebody who comes back to the news', function () {
  this.timeout(90_000);
  const service = useService({ EVENT_COOLDOWN: '0' });
  const http = useHttpService({}, { beside: service });
  const browser = useBrowser();
  const request = { query: 'led strip', maxItems: 60, track: 'strips' };
  let products: Product[];

  /** The price of one more listing falls. */
  const drop = async () => {
    const { itemId, price } = products.shift() as Product;
    service.simulator.controls.changeListing(itemId, { price: (Number(price?.value) * 0.7).toFixed(2) });
    await service.search(request);
  };
  beforeEach(async () => {
    const { searchId } = await service.search(request);
    const all = await service.producer.products(searchId);
    products = all.filter(({ total, group, auction }) => total && !group && !auction);
    await drop();
  });

  async function signIn(page: Page): Promise<void> {
    await page.goto(`${http.app.url}/sign-in?next=/`);
    await page.fill('#key', await http.key());
    await page.click('button.main');
    await page.waitForURL(/\/$/);
  }

  it('sees the number in the menu, what is new with its price before, marks it read, and learns of more without a jump', async () => {
    const { page, complaints } = await browser.open({ timezoneId: 'Asia/Tokyo' });
    await signIn(page);
    const badge = page.locator('nav a[href$="/news"] .badge');
    expect(await badge.textContent()).to.equal('1 unread');
    await page.click('nav a[href$="/news"]');
    await page.waitForSelector('[data-days="Asia/Tokyo"]');
    const items = page.locator('.news-item');
    expect(await items.first().textContent()).to.match(/Cheaper.*was \$[\d.]+ → \$[\d.]+ delivered/s);
    const picture = page.locator('.news-item img').first();
    await picture.evaluate('(image) => image.decode()');
    await page.click('text=Mark all read');
    await page.waitForFunction('document.querySelector("#unread").textContent.startsWith("Nothing new")');
    expect(await badge.count()).to.equal(0);
    expect(await page.locator('.news-item.unread').count()).to.equal(0);

    await drop();
    const before = await items.first().boundingBox();
    await page.evaluate('document.dispatchEvent(new Event("visibilitychange"))');
    await page.waitForSelector('#fresh a');
    expect([await page.textContent('#fresh'), await items.count()]).to.deep.equal(['1 new: show', 1]);
    expect(await items.first().boundingBox()).to.deep.equal(before);
    await page.click('#fresh a');
    await page.waitForFunction('document.querySelectorAll(".news-item").length === 2');
    expect(await page.locator('.news-item.unread').count()).to.equal(1);
    await page.check('#news-unread');
    await page.waitForURL(/unread=1/);
    expect(await items.count()).to.equal(1);
    expect(complaints).to.deep.equal([]);
  });

  it('finds a listing without scripts, and reads it on a phone in the dark with nothing that axe-core finds serious', async () => {
    const { page } = await browser.open({ javaScriptEnabled: false });
    await signIn(page);
    await page.goto(`${http.app.url}/news`);
    await page.fill('#news-text', 'no such words');
    await page.click('button:text("Show")');
    expect(await page.textContent('.days')).to.include('Nothing here');
    await page.click('text=Show all news');
    await page.waitForURL(/\/news$/);
    await page.selectOption('#news-kind', 'cheaper');
    await page.click('button:text("Show")');
    await page.waitForURL(/kind=cheaper/);
    expect(await page.locator('.news-item').count()).to.equal(1);

    const { page: phone, complaints } = await browser.open();
    await signIn(phone);
    await phone.goto(`${http.app.url}/news`);
    for (const [colorScheme, width] of [
      ['light', 1280],
      ['dark', 390],
    ] as const) {
      await phone.setViewportSize({ width, height: 844 });
      await phone.emulateMedia({ colorScheme });
      expect(await seriousFindings(phone)).to.deep.equal([]);
      expect(await phone.evaluate('document.documentElement.scrollWidth - innerWidth')).to.equal(0);
    }
    expect(complaints).to.deep.equal([]);
  });
});
