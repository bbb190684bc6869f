import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { strFromU8, unzipSync } from 'fflate';
import type { Download, Page } from 'playwright-core';
import { useBrowser } from '../support/browser.ts';
import { useHttpService } from '../support/httpService.ts';
import { seriousFindings, tabTo } from '../support/pages.ts';
import { useService } from '../support/service.ts';
import { waitFor } from '../support/waitFor.ts';

describe('the products of a search in a browser', function () {
  this.timeout(120_000);
  const service = useService({}, {}, { isKept: true });
  const http = useHttpService({ HTTP_WITHOUT_KEYS: 'true' }, { beside: service });
  const browser = useBrowser();

  const KINDS = ['search', 'item', 'item-group'] as const;
  const calls = () => KINDS.flatMap((kind) => service.simulator.controls.log({ kind })).length;
  const idsOf = (page: Page) =>
    page.locator('ul.cards > li').evaluateAll((cards) => cards.map((card) => card.getAttribute('data-item')));
  const downloaded = async (page: Page, name: string): Promise<Download> => {
    if ((await page.locator('.downloads[open]').count()) === 0) await page.click('.downloads summary');
    const link = page.getByRole('link', { name, exact: true });
    return (await Promise.all([page.waitForEvent('download'), link.click()]))[0];
  };

  it('are narrowed and ordered at once without a call, by an address that gives the same again and the files', async () => {
    const { searchId } = await service.search({ query: 'usb c charger', maxItems: 30 });
    const { page, complaints } = await browser.open();
    await page.goto(`${http.app.url}/searches/${searchId}`);
    const made = calls();
    await page.evaluate('window.same = true');
    await page.focus('#words');
    await page.keyboard.type('charger -gan');
    await page.waitForURL(/words=charger\+-gan/);
    await page.waitForSelector('#list:not([aria-busy])');
    const titles = await page.locator('ul.cards h3').allTextContents();
    expect(titles.filter((title) => /gan/i.test(title) || !/charger/i.test(title))).to.deep.equal([]);
    expect(await page.evaluate('document.activeElement.id')).to.equal('words');
    await page.selectOption('#order', 'delivered');
    await page.waitForURL(/order=delivered/);
    await page.check('#condition-1000');
    await page.waitForURL(/condition=1000/);
    await page.fill('#most', '€40');
    await page.locator('#most-problem', { hasText: 'must be an amount' }).waitFor();
    expect(await page.getAttribute('#most', 'aria-invalid')).to.equal('true');
    await page.fill('#most', '40');
    await page.waitForURL(/most=40/);
    await page.waitForSelector('#most:not([aria-invalid])');
    await page.waitForSelector('#list:not([aria-busy])');
    const shown = await idsOf(page);
    expect(shown).to.not.have.length(0);
    expect(await page.textContent('#found')).to.match(/^\d+ of 30 products/);
    expect(await page.evaluate('window.same')).to.equal(true);

    const other = await browser.open();
    await other.page.goto(page.url());
    expect(await idsOf(other.page)).to.deep.equal(shown.slice(0, 48));
    const csv = await downloaded(other.page, 'CSV');
    expect(csv.suggestedFilename()).to.match(/^usb-c-charger-\d{4}-\d\d-\d\d\.csv$/);
    const lines = (await readFile(await csv.path(), 'utf8')).split('\r\n').slice(1);
    expect(lines.slice(0, 48).map((line) => line.split(',')[0])).to.deep.equal(shown.slice(0, 48));
    const excel = await downloaded(other.page, 'Excel');
    const parts = unzipSync(await readFile(await excel.path()));
    const sheet = strFromU8(parts['xl/worksheets/sheet1.xml'] as Uint8Array);
    expect(sheet.match(/<row /g)).to.have.length(lines.length + 1);
    expect(sheet).to.include('state="frozen"').and.include('<hyperlink ').and.not.include('<f>');
    const links = strFromU8(parts['xl/worksheets/_rels/sheet1.xml.rels'] as Uint8Array);
    expect(links).to.include('TargetMode="External"');

    await page.goBack();
    await page.goBack();
    await page.waitForURL((url) => !url.search.includes('most') && !url.search.includes('condition'));
    await page.waitForSelector('#condition-1000:not(:checked)');
    await page.click('#filters-clear a');
    await page.locator('#found', { hasText: /^30 products/ }).waitFor();
    expect(await page.inputValue('#words')).to.equal('');
    expect(calls()).to.equal(made);
    expect([...complaints, ...other.complaints]).to.deep.equal([]);
  });

  it('are narrowed on a phone from any place of the list, by fields that a button closes', async () => {
    const { searchId } = await service.search({ query: 'usb c charger', maxItems: 30 });
    const { page, complaints } = await browser.open({ viewport: { width: 390, height: 844 } });
    const address = `${http.app.url}/searches/${searchId}`;
    const top = (selector: string) =>
      page.locator(selector).evaluate((element) => element.getBoundingClientRect().top);
    const isInSight = async (selector: string) => {
      const at = await top(selector);
      return at >= 0 && at < 844;
    };
    await page.goto(address);
    await page.locator('ul.cards > li').nth(12).scrollIntoViewIfNeeded();
    expect(await top('#found')).to.be.below(0);
    expect(await top('.filters > summary')).to.be.within(0, 60);
    await page.click('.filters > summary');
    await page.waitForSelector('.filters[open]');
    await waitFor('the fields', async () => (await isInSight('#words')) || undefined);
    await page.check('#free');
    const button = page.getByRole('button', { name: /^Show \d+ products$/ });
    await page.locator('#found', { hasText: /^\d+ of 30 products/ }).waitFor();
    const [, count] = /^(\d+) of/.exec((await page.textContent('#found')) ?? '') ?? [];
    expect(await button.textContent()).to.equal(`Show ${count} products`);
    await button.click();
    await page.waitForSelector('.filters:not([open]) > summary:focus');
    await waitFor('the products', async () => (await isInSight('#found')) || undefined);

    await page.goto(`${address}?free=1`);
    await page.waitForSelector('.filters:not([open]) .badge');
    await page.goto(`${address}?free=1&most=cheap`);
    await page.waitForSelector('.filters[open] #most-problem:has-text("must be an amount")');
    expect(complaints).to.deep.equal([]);
  });

  it('are kept, noted and hidden with the keyboard, in the list and in the quick view, and stay so', async () => {
    const { searchId } = await service.search({ query: 'usb c hub', maxItems: 8 });
    const { page, complaints } = await browser.open();
    const address = `${http.app.url}/searches/${searchId}`;
    await page.goto(address);
    const [one, , three] = await idsOf(page);
    const card = (id: string | null | undefined) => `li[data-item="${id}"]`;
    await page.focus(`${card(one)} [name=favourite]`);
    await page.keyboard.press('Enter');
    await page.waitForSelector(`${card(one)} [name=favourite][aria-pressed=true]:focus`);
    await page.focus(`${card(one)} .quick`);
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog[open] #item');
    expect(await page.textContent('dialog .offer')).to.include('Look at the listing (1 call)');
    const of = (await page.textContent('dialog .turn span')) as string;
    if (of !== '1 of 1') {
      await page.keyboard.press('ArrowRight');
      await page.locator('dialog .turn span', { hasText: '2 of' }).waitFor();
    }
    expect(await seriousFindings(page)).to.deep.equal([]);
    await tabTo(page, 'dialog #note');
    await page.keyboard.type('ask for ten');
    await tabTo(page, 'dialog .note-form button');
    await page.keyboard.press('Enter');
    await page.getByText('The note is kept').waitFor();
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog:not([open])', { state: 'attached' });
    expect(await page.textContent(`${card(one)} .note`)).to.equal('ask for ten');
    await page.click(`${card(three)} [name=hidden]`);
    await page.locator(`${card(three)}.is-gone`, { hasText: 'Hidden:' }).waitFor();
    await page.locator('#found', { hasText: '1 hidden by you' }).waitFor();
    await page.goto(address);
    expect(await page.locator(card(three)).count()).to.equal(0);
    expect(await page.locator(`${card(one)} [aria-pressed=true]`).count()).to.equal(1);
    for (const [colorScheme, width] of [
      ['dark', 390],
      ['light', 1280],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      expect(await seriousFindings(page)).to.deep.equal([]);
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).to.equal(0);
    }
    await page.check('#favourites');
    await page.locator('#found', { hasText: '1 of 8 products' }).waitFor();
    await page.goto(`${http.app.url}/saved`);
    expect(await page.locator('.saved > li textarea').first().inputValue()).to.equal('ask for ten');
    expect(await seriousFindings(page)).to.deep.equal([]);
    expect(complaints).to.deep.equal([]);
  });

  it('are compared beside each other, on a phone too, and looked at without scripts', async () => {
    const { searchId } = await service.search({ query: 'desk lamp', maxItems: 8, details: 'full' });
    const { page, complaints } = await browser.open();
    await page.goto(`${http.app.url}/searches/${searchId}`);
    const boxes = page.locator('.pick input');
    for (const at of [0, 1, 2]) await boxes.nth(at).check();
    await page.locator('#compare', { hasText: '3 chosen' }).waitFor();
    // Other products are shown meanwhile; what was chosen stays chosen.
    await page.selectOption('#order', 'rating');
    await page.waitForURL(/order=rating/);
    await page.waitForSelector('#list:not([aria-busy])');
    expect(await page.locator('.pick input:checked').count()).to.equal(3);
    await page.click('#compare button.main');
    await page.waitForURL(/compare\?order=rating&item=/);
    expect(await page.locator('thead th').count()).to.equal(3);
    const names = await page.locator('tbody th').allTextContents();
    expect(names.slice(0, 3).map((name) => name.replace(' (differs)', ''))).to.deep.equal([
      'Delivered',
      'Price',
      'Shipping',
    ]);
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).to.equal(390);
    const left = () => page.locator('tbody th').first().boundingBox();
    const before = await left();
    await page.evaluate("document.querySelector('.compare').scrollLeft = 200");
    expect((await left())?.x).to.be.closeTo(before?.x as number, 3);
    expect(await seriousFindings(page)).to.deep.equal([]);

    const { page: plain } = await browser.open({ javaScriptEnabled: false });
    await plain.goto(`${http.app.url}/searches/${searchId}`);
    const title = await plain.locator('ul.cards h3').first().textContent();
    await plain.locator('.acts .quick').first().click();
    expect(await plain.textContent('#item-title')).to.equal(title);
    await plain.getByRole('heading', { name: 'Item specifics' }).waitFor();
    await plain.locator('[name=favourite]').click();
    await plain.waitForSelector('[name=favourite][aria-pressed=true]');
    await plain.click('.back a');
    await plain.selectOption('#order', 'delivered');
    await plain.click('.narrow .apply');
    await plain.waitForURL(/order=delivered/);
    expect(complaints).to.deep.equal([]);
  });
});
