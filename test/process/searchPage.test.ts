import { expect } from 'chai';
import type { Locator, Page } from 'playwright-core';
import { useBrowser } from '../support/browser.ts';
import { useHttpService } from '../support/httpService.ts';
import { seriousFindings, tabTo } from '../support/pages.ts';
import { useService } from '../support/service.ts';

describe('the form of a search, in a browser', function () {
  this.timeout(90_000);
  const service = useService({ PAGE_BACKOFF: '9' }, { catalogueScale: 0.01 }, { isKept: true });
  const http = useHttpService({ HTTP_WITHOUT_KEYS: 'true' }, { beside: service });
  const browser = useBrowser();

  const address = (page: Page) => new URL(page.url());
  const ended = (page: Page) => page.waitForSelector('#status[data-state=done]');
  /** Sends a form without scripts, and loads the result sooner than its page does that itself. */
  const submit = async (page: Page, button: Locator) => {
    await Promise.all([page.waitForEvent('load'), button.click()]);
    await service.producer.waitFor(address(page).pathname.split('/').at(-1) as string, { timeoutMs: 15_000 });
    // It fails where the page just loads itself.
    await page.reload().catch(() => undefined);
    await ended(page);
  };
  /** They are folded where there is little room. */
  const openFilters = async (page: Page) => {
    if (!(await page.locator('.bars').isVisible())) await page.click('details.filters > summary');
  };
  const sideways = (page: Page) => page.evaluate('document.documentElement.scrollWidth - innerWidth');

  it('is used with the keyboard alone: mistakes lead to their fields, a change keeps what narrows, a bar sets a range', async () => {
    const { page, complaints } = await browser.open({ viewport: { width: 1280, height: 800 } });
    await page.goto(http.app.url);
    await tabTo(page, '#query');
    await page.keyboard.type('usb c charger');
    await tabTo(page, '#country');
    await page.keyboard.type('united states');
    await tabTo(page, '#postalCode');
    await page.keyboard.type('19406');
    await tabTo(page, '#priceMax');
    await page.keyboard.type('1,000');
    await tabTo(page, '.more > summary');
    await page.keyboard.press('Enter');
    await tabTo(page, '#minFeedback');
    await page.keyboard.type('120');
    await page.getByText('Item price up to: “1,000” can be read in two ways').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForSelector('div.problems');
    expect(await page.evaluate('document.activeElement.className')).to.equal('problems');
    const labels = page.locator('.ask label');
    const tops = await labels.evaluateAll((all) => all.map((label) => label.getBoundingClientRect().top));
    expect(new Set(tops).size).to.equal(1);
    expect(await seriousFindings(page)).to.deep.equal([]);
    await tabTo(page, '.problems a[href="#minFeedback"]');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).to.equal('minFeedback');
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('90%');
    await page.focus('#priceMax');
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('$45');
    await page.keyboard.press('Enter');
    await ended(page);
    expect(await page.textContent('.chips')).to.match(
      /up to 45 USD.*United States 19406.*sellers from 90 %/s,
    );
    expect(await page.inputValue('#priceMax')).to.equal('45');
    expect(await page.textContent('.more > summary')).to.include('(1 set)');
    expect(await page.locator('.more').getAttribute('open')).to.equal(null);

    // `!` stands for listings that name no brand.
    const brands = page.locator('.facets details', { hasText: 'Brand' }).first();
    const facet = brands.locator('button.facet:not([value*=\'"!"\'])').nth(1);
    const brand = (await facet.locator('span').textContent()) as string;
    await facet.focus();
    await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
    await ended(page);
    expect(await page.textContent('.chips')).to.include(`Brand: ${brand}`);
    await page.fill('#priceMax', '');
    await Promise.all([page.waitForEvent('load'), page.press('#query', 'Enter')]);
    await ended(page);
    const chips = await page.textContent('.chips');
    expect(chips).to.include(`Brand: ${brand}`).and.not.include('45 USD');
    await page.getByRole('button', { name: `Search again without: Brand: ${brand}` }).focus();
    await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
    await ended(page);
    expect(await page.textContent('.chips')).to.not.include('Brand');

    await openFilters(page);
    const bars = page.locator('.bars a');
    const callsBefore = service.simulator.controls.log({ kind: 'search' }).length;
    await bars.nth(1).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/least=.*most=/);
    expect(await page.locator('.bars .chosen').count()).to.equal(1);
    const from = Number(address(page).searchParams.get('least'));
    // A bar beside the range widens it.
    await page.locator('.bars a').nth(3).focus();
    await page.keyboard.press('Enter');
    await page.locator('.bars .chosen').nth(2).waitFor();
    expect(Number(address(page).searchParams.get('least'))).to.equal(from);
    const shown = await page.locator('ul.cards > li').count();
    expect(shown).to.be.greaterThan(0);
    const [first, last] = [page.locator('.bars li').nth(2), page.locator('.bars li').nth(6)];
    const [start, end] = [await first.boundingBox(), await last.boundingBox()];
    if (start === null || end === null) throw new Error('the bars are not shown');
    await page.mouse.move(start.x + start.width / 2, start.y + start.height - 3);
    await page.mouse.down();
    await page.mouse.move(end.x + end.width / 2, end.y + end.height - 3, { steps: 5 });
    expect(await page.locator('.bars .dragged').count()).to.equal(5);
    const [least, most] = [await first.getAttribute('data-from'), await last.getAttribute('data-to')];
    await page.mouse.up();
    await page.waitForURL((url) => url.searchParams.get('least') === least);
    expect(address(page).searchParams.get('most')).to.equal(most);
    expect(service.simulator.controls.log({ kind: 'search' })).to.have.length(callsBefore);
    expect(complaints.filter((text) => !text.includes('400 (Bad Request)'))).to.deep.equal([]);
  });

  it('stays as it is typed in while its search goes on, on a slow network and a small screen', async () => {
    const { page, complaints } = await browser.open({ viewport: { width: 390, height: 844 } });
    const network = await page.context().newCDPSession(page);
    await network.send('Network.enable');
    await network.send('Network.emulateNetworkConditions', {
      ...{ offline: false, latency: 300, downloadThroughput: 100_000, uploadThroughput: 20_000 },
    });
    await page.goto(http.app.url);
    await page.fill('#query', 'phone case');
    await page.click('.more > summary');
    for (const fold of await page.locator('.nested > details > summary').all()) await fold.click();
    expect(await sideways(page)).to.equal(0);
    expect(await seriousFindings(page)).to.deep.equal([]);
    await page.selectOption('#maxItems', '1000');
    await page.getByText('5 calls').waitFor();
    service.simulator.controls.arm({ fault: 'status', status: 500, count: 1 });
    await page.click('.ask button.main');
    await page.getByText(/eBay answered with an error, attempt 2 of 5/).waitFor();
    expect(await page.textContent('#status')).to.include('0 products and 1 call so far');
    await page.fill('#query', 'phone case red');
    await page.fill('#priceMin', '3');
    await page.focus('#priceMax');
    for (const job of await service.calls.getDelayed()) await job.promote();
    await ended(page);
    expect(await page.textContent('#status'))
      .to.match(/Complete.*calls/s)
      .and.not.include('attempt');
    expect(await page.inputValue('#query')).to.equal('phone case red');
    expect(await page.inputValue('#priceMin')).to.equal('3');
    expect(await page.evaluate('document.activeElement.id')).to.equal('priceMax');
    expect(await sideways(page)).to.equal(0);
    await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
    await ended(page);
    expect(await page.textContent('h1')).to.equal('phone case red');
    expect(await page.textContent('.chips')).to.include('from 3 USD');
    await page.goto(http.app.url);
    await page.getByText('remembered in this browser').waitFor();
    expect(complaints).to.deep.equal([]);
  });

  it('works without scripts: a condition is taken back, a country is added, a range of prices is shown', async () => {
    const { page } = await browser.open({ javaScriptEnabled: false });
    await page.goto(http.app.url);
    await page.fill('#query', 'usb c charger');
    await page.click('.more > summary');
    await page.check('[name=condition][value=NEW]');
    await page.click('.ask button.main');
    // It loads itself again every three seconds.
    await ended(page);
    await page.click('.unknown-prices a');
    await page.selectOption('#country', 'US');
    await submit(page, page.locator('.ask button.main'));
    expect(await page.textContent('.chips')).to.match(/new or open box.*delivered to United States/s);
    await submit(page, page.getByRole('button', { name: 'Search again without: new or open box' }));
    expect(await page.textContent('.chips')).to.not.include('new or open box');
    await openFilters(page);
    await page.locator('.bars a').first().click();
    await page.waitForURL(/least=/);
    await page.goto(http.app.url);
    expect(await page.inputValue('#country')).to.equal('US');
    await page.click('.remembered button');
    expect(await page.inputValue('#country')).to.equal('');
  });
});
