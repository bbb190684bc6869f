import { expect } from 'chai';
import type { Page } from 'playwright-core';
import type { Product } from '../../src/product/product.ts';
import { useBrowser } from '../support/browser.ts';
import { useHttpService } from '../support/httpService.ts';
import { seriousFindings } from '../support/pages.ts';
import { useService } from '../support/service.ts';

/** A picture of one pixel. */
const DOT = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

describe('a person with more than words, in a browser,', function () {
  this.timeout(120_000);
  const service = useService();
  const http = useHttpService({ HTTP_WITHOUT_KEYS: 'true' }, { beside: service });
  const browser = useBrowser();

  async function submit(page: Page): Promise<void> {
    await page.click('.ask button.main');
    await page.waitForSelector('#status[data-state=done]');
  }
  const productsOf = async (request: Parameters<typeof service.search>[0]) =>
    service.producer.products((await service.search(request)).searchId);
  const callsOf = (kind: 'search' | 'item' | 'item-group') =>
    service.simulator.controls.log({ kind }).map(({ query }) => query);

  it('pastes a listing, looks for a code on three marketplaces, narrows by facets, finds a margin, and shows a picture', async () => {
    const found = await productsOf({ query: 'usb c hub', maxItems: 50 });
    const varied = found.find(({ group }) => group !== null) as Product;
    const named = await productsOf({ items: found.slice(0, 10).map(({ itemId }) => itemId) });
    const code = named.map(({ details }) => details?.gtin).find((gtin) => gtin) as string;
    const { page, complaints } = await browser.open();

    await page.goto(http.app.url);
    await page.fill('#query', varied.url);
    await page.getByText('understood as 1 listing of eBay US, with all variations').waitFor();
    await submit(page);
    const rows = await page.locator('tbody tr').allTextContents();
    expect(rows.length).to.be.greaterThan(1);
    expect(await page.locator('ul.listings > li').count()).to.equal(1);
    expect(await page.locator('thead').textContent()).to.match(/DeliveredArrivesStock$/);
    expect(callsOf('item-group')).to.have.length(1);
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await seriousFindings(page)).to.deep.equal([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).to.equal(390);
    await page.setViewportSize({ width: 1280, height: 900 });

    await page.goto(http.app.url);
    await page.fill('#query', code);
    await page.click('.search summary');
    await page.click('.group-run > summary');
    for (const site of ['EBAY_GB', 'EBAY_DE']) await page.check(`[name=also][value=${site}]`);
    await page.getByText('understood as a product code · 3 calls').waitFor();
    await submit(page);
    expect(await page.textContent('h1')).to.equal(`Product code ${code}`);
    expect(await page.textContent('.chips')).to.include('eBay US, eBay DE, eBay GB');
    expect(
      callsOf('search')
        .slice(-3)
        .map(({ gtin }) => gtin),
    ).to.deep.equal([code, code, code]);

    await page.goto(http.app.url);
    await page.fill('#query', 'usb c hub');
    await submit(page);
    // `!` stands for listings that name no brand.
    const brands = page.locator('.facets details', { hasText: 'Brand' }).first();
    const brand = brands.locator('button.facet:not([value*=\'"!"\'])').nth(1);
    const value = await brand.getAttribute('value');
    const text = await brand.locator('span').textContent();
    const count = Number((await brand.locator('small').textContent())?.replace(',', ''));
    await Promise.all([page.waitForEvent('load'), brand.click()]);
    await page.waitForSelector('#status[data-state=done]');
    expect(await page.textContent('.chips')).to.include(`Brand: ${text}`);
    expect(await page.textContent('#status')).to.include(`all ${count} listings looked at`);
    const pressed = page.locator('.facets button[aria-pressed=true]');
    expect(await pressed.evaluateAll((all) => all.map((each) => each.getAttribute('value')))).to.include(
      value,
    );

    await page.goto(http.app.url);
    await page.fill('#query', 'usb c charger');
    await page.selectOption('#country', 'US');
    await page.fill('#postalCode', '19406');
    await page.click('.costs summary');
    const figures = { resalePrice: '29.99', feePercent: '13.25', feeFixed: '0,30', minMargin: '20' };
    for (const [id, figure] of Object.entries(figures)) await page.fill(`#${id}`, figure);
    await submit(page);
    await page.selectOption('#order', 'margin');
    await page.waitForURL(/order=margin/);
    const margins = (await page.locator('.landed strong').allTextContents()).map((text) =>
      Number(/\((-?[\d.]+) %\)/.exec(text)?.[1]),
    );
    expect(margins).to.have.length(48);
    expect(Math.min(...margins)).to.be.at.least(20);
    expect(margins).to.deep.equal(margins.toSorted((a, b) => b - a));

    await page.goto(http.app.url);
    await page.setInputFiles('#picture', { name: 'dot.png', mimeType: 'image/png', buffer: DOT });
    await page.getByText('what looks like the picture').waitFor();
    await submit(page);
    expect(await page.textContent('h1')).to.equal('A picture');
    expect(service.simulator.controls.log({ kind: 'image-search' })).to.have.length(1);
    expect(complaints).to.deep.equal([]);
  });
});
