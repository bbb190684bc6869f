import { expect } from 'chai';
import { useBrowser } from '../support/browser.ts';
import { useProcesses } from '../support/processes.ts';

describe('a new user with dpf demo --keep and a browser', function () {
  this.timeout(120_000);
  const { dpf } = useProcesses();
  const browser = useBrowser();

  it('finds a charger under 20 dollars delivered, schedules it, and sees what is new after the catalogue moved', async () => {
    const demo = dpf(['demo', '--keep']);
    const [, url = ''] = await demo.waitForLine(/A page to look at: (\S+)/);
    const [, ebay = ''] = await demo.waitForLine(/(http:\/\/\S+)\/_sim\/listings/);
    const { page, complaints } = await browser.open();
    await page.goto(url);
    await page.fill('#query', 'usb c charger');
    await page.click('.search summary');
    await page.selectOption('#sort', 'newlyListed');
    await page.getByText('1 call, at most 5').waitFor();
    await page.click('button.main');
    await page.waitForSelector('#status[data-state=done]');
    await page.fill('#most', '20');
    await page.press('#most', 'Enter');
    await page.waitForURL(/most=20/);
    const delivered = await page.locator('.card .total').allTextContents();
    expect(delivered).to.have.length.above(5);
    for (const text of delivered) expect(Number(/^\$([\d.]+) delivered$/.exec(text)?.[1])).to.be.at.most(20);

    const [cheaper = ''] = await page
      .locator('.card')
      .evaluateAll((cards) =>
        cards.flatMap((card) =>
          /listed at|bid/.test(card.textContent ?? '') ? [] : [card.getAttribute('data-item')],
        ),
      );
    await page.click('a.watch-this');
    await page.click('.make-schedule button.main');
    const run = page.locator('#schedule-usb-c-charger .runs .complete');
    await reloadUntil(() => run.count(), 1);

    await move(`${ebay}/_sim/listings`, 'POST', { title: 'USB C Charger for a lighthouse', price: '7.77' });
    await move(`${ebay}/_sim/listings/${encodeURIComponent(cheaper ?? '')}`, 'PATCH', { price: '0.50' });
    await page.click('#schedule-usb-c-charger form[action$=run] button');
    await reloadUntil(() => run.count(), 2);
    // The market of the demo makes news of its own.
    await page.goto(new URL('/news?of=track:usb-c-charger', url).href);
    await reloadUntil(() => page.locator('.news-item.unread').count(), 2);
    expect(await page.textContent('.news-group'))
      .to.include('lighthouse')
      .and.match(/Cheaper.*→ \$[\d.]+/s);
    await page.goto(new URL('/watching', url).href);
    await page.locator('#schedule-usb-c-charger .runs a').first().click();
    await page.check('#changed');
    await page.waitForURL(/changed=1/);
    const cards = await page.locator('.card').allTextContents();
    expect(cards).to.have.length(2);
    expect(cards.join())
      .to.include('New')
      .and.include('lighthouse')
      .and.match(/Dropped was \$[\d.]+/);
    expect(complaints).to.deep.equal([]);

    async function reloadUntil(count: () => Promise<number>, wanted: number): Promise<void> {
      for (let look = 0; look < 100 && (await count()) < wanted; look++) {
        await page.waitForTimeout(200);
        await page.reload();
      }
      expect(await count()).to.equal(wanted);
    }
  });
});

/** What happens at eBay meanwhile. */
async function move(address: string, method: string, body: object): Promise<void> {
  const answer = await fetch(address, { method, body: JSON.stringify(body) });
  expect(answer.ok, await answer.text()).to.equal(true);
}
