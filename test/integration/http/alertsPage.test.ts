import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { useBrowser } from '../../support/browser.ts';
import { type Receiver, startReceiver } from '../../support/channels/receiver.ts';
import { useHttpService } from '../../support/httpService.ts';
import { seriousFindings } from '../../support/pages.ts';
import { useService } from '../../support/service.ts';
import { Visitor } from '../../support/visitor.ts';

const ALLOW = { OUTBOUND_ALLOW: '127.0.0.1' };

describe('the page of alerts', function () {
  this.timeout(60_000);
  const service = useService(ALLOW);
  const http = useHttpService(ALLOW, { beside: service });
  const browser = useBrowser();
  let receiver: Receiver;
  beforeEach(async () => {
    receiver = await startReceiver(() => ({ status: 204 }));
    const request = { query: 'led strip', maxItems: 5, track: 'strips' };
    await service.producer.schedule.add({ name: 'strips', every: 86_400, request });
  });
  afterEach(() => receiver.close());

  async function signIn(page: Page, key: string): Promise<void> {
    await page.goto(`${http.app.url}/sign-in?next=/alerts`);
    await page.fill('#key', key);
    await page.click('button.main');
    await page.waitForURL(/\/alerts$/);
  }
  const opened = async (page: Page, summary: string) => page.click(`${summary} summary`);

  it('adds a channel, tests it, adds, pauses and removes an alert, without scripts', async () => {
    const { page } = await browser.open({ javaScriptEnabled: false });
    await signIn(page, await http.key());
    await page.click('summary:has-text("Webhook")');
    expect(await page.textContent('.columns h2')).to.equal('Channels');
    await page.click('details[open] .help summary');
    expect(await page.textContent('details[open] .help li')).to.include('https address');
    await page.fill('#webhook-url', `${receiver.origin}/SECRET-PART`);
    await page.click('button[aria-label="Add Webhook"]');
    const secret = await page.inputValue('.secret input');
    expect(secret).to.match(/^whsec_[\w+/=]+$/);
    await page.click('#channel-webhook form[action$=test] button');
    expect(await page.textContent('#channel-webhook .outcome')).to.equal('The test message was delivered');
    // Loaded again, the page still says how it ended, and sends nothing.
    await page.reload();
    expect(await page.textContent('#channel-webhook .outcome')).to.equal('The test message was delivered');
    expect(receiver.received.map(({ path }) => path)).to.deep.equal(['/SECRET-PART']);
    expect(await page.content())
      .to.not.include(secret)
      .and.not.include('SECRET-PART');

    await page.goto(`${http.app.url}/watching`);
    await page.click('#schedule-strips a[href^="/alerts"]');
    expect(await page.inputValue('#alert-source')).to.equal('schedule:strips');
    await page.fill('#alert-name', 'cheap');
    await page.selectOption('#alert-on', 'price-below');
    expect(await page.isVisible('#alert-by')).to.equal(false);
    await page.fill('#alert-price', 'cheap');
    await page.click('button:text("Add alert")');
    expect(await page.textContent('#alert-price-problem')).to.include('must be an amount');
    await page.fill('#alert-price', '20');
    await page.click('button:text("Add alert")');
    const card = '#alert-cheap';
    expect(await page.textContent(card))
      .to.include('delivered price below $20.00')
      .and.include('schedule strips · to every channel')
      .and.match(/at once, at most 100 alerts a day/);
    await page.click(`${card} form[action$=pause] button`);
    expect(await page.textContent(`${card} strong.paused`)).to.equal('paused');
    await page.click(`${card} form[action$=resume] button`);

    // What the form does not have stays.
    const when = [{ on: 'price-below' as const, price: '20', currency: 'USD' }, { on: 'gone' as const }];
    await service.producer.alerts.put({ name: 'cheap', schedule: 'strips', when, rearm: 60, digest: 1800 });
    await page.click(`${card} a[aria-label="Change: cheap"]`);
    expect(await page.inputValue('#alert-price')).to.equal('20');
    expect(await page.textContent('#add-alert')).to.include('also when no longer for sale');
    await page.fill('#alert-price', '1x');
    await page.click('button:text("Save changes")');
    expect(await page.textContent('#alert-price-problem')).to.include('must be an amount');
    await page.fill('#alert-price', '18.50');
    await page.click('button:text("Save changes")');
    expect(await page.textContent(card))
      .to.include('delivered price below $18.50')
      .and.include('no longer for');
    const [changed] = await service.producer.alerts.list();
    expect(changed).to.include({ rearm: 60, digest: 1800, schedule: 'strips' });

    await page.fill('#alert-name', 'cheap');
    await page.selectOption('#alert-on', 'drop');
    await page.fill('#alert-by', '10');
    await page.click('button:text("Add alert")');
    expect(await page.textContent('#alert-name-problem')).to.equal('this name is taken');
    await page.check('#alert-replace');
    await page.click('button:text("Add alert")');
    expect(await page.textContent(card)).to.include('delivered price falls by 10 %');
    expect(await service.producer.alerts.list()).to.have.length(1);

    await opened(page, `${card} .confirm`);
    await page.click(`${card} form[action$=remove] button`);
    await page.waitForSelector(card, { state: 'detached' });
    expect(await service.producer.alerts.list()).to.deep.equal([]);
  });

  it('shows what there is to a key that may read, on a phone too with nothing that axe-core finds serious, and changes nothing for it or for another site', async () => {
    await service.producer.channels.put({ kind: 'webhook', name: 'shop', url: receiver.origin });
    receiver.next.push({ status: 400, body: 'no' });
    await service.producer.channels.test('shop');
    const when = [{ on: 'drop' as const, percent: 10 }];
    await service.producer.alerts.put({ name: 'drops', schedule: 'strips', when, digest: 3600 });
    const findings: string[] = [];
    const { page, complaints } = await browser.open();
    for (const [roles, controls] of [
      [['read'], 0],
      [undefined, 2],
    ] as const) {
      await page.context().clearCookies();
      await signIn(page, await http.key(roles && [...roles]));
      expect(await page.locator('main form').count()).to.be[controls === 0 ? 'equal' : 'above'](controls);
      expect(await page.textContent('#channel-shop')).to.include('Last error: the receiver answered 400');
      expect(await page.textContent('#alert-drops')).to.include('at most every 1 h');
    }
    await page.click('.confirm summary');
    await page.click('summary:has-text("Telegram")');
    for (const [colorScheme, width] of [
      ['light', 1280],
      ['dark', 390],
    ] as const) {
      await page.setViewportSize({ width, height: 844 });
      await page.emulateMedia({ colorScheme });
      findings.push(...(await seriousFindings(page)));
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).to.equal(0);
    }
    expect(findings).to.deep.equal([]);
    expect(complaints).to.deep.equal([]);

    const reader = new Visitor(http);
    await reader.signIn(await http.key(['read']));
    const owner = new Visitor(http);
    await owner.signIn(await http.key());
    for (const [path, form] of [
      ['/channels/shop/remove', {}],
      ['/channels/shop/rotate', {}],
      ['/alerts/drops/remove', {}],
      ['/channels', { kind: 'ntfy', name: 'phone', topic: 'abc' }],
    ] as const) {
      expect((await reader.ask(path, { form })).status, path).to.equal(403);
      // Without the token of the session.
      expect((await owner.ask(path, { form })).status, path).to.equal(403);
    }
    expect(await service.producer.channels.list()).to.have.length(1);
    expect(await service.producer.alerts.list()).to.have.length(1);
  });
});
