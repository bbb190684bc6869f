import type { Browser, Page } from 'playwright-core';

/** One look at a result, ms. */
export interface Look {
  firstPaintMs: number;
  /** From one frame to the next while scrolling: 95 of 100 come within it, and the longest. */
  frameP95Ms: number;
  frameMaxMs: number;
  /** From the end of the list coming near to the next 48 being there. */
  moreMs: number;
  /** Cards in the document after scrolling. */
  cards: number;
}

/** Scrolls by so many loads of 48 cards. */
const LOADS = 9;

export async function lookAt(browser: Browser, address: string): Promise<Look> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  try {
    const page = await context.newPage();
    await page.goto(address, { waitUntil: 'load' });
    const firstPaintMs = (await page.evaluate(
      `new Promise((resolve) => new PerformanceObserver((list) => {
        const paint = list.getEntriesByName('first-contentful-paint')[0];
        if (paint) resolve(paint.startTime);
      }).observe({ type: 'paint', buffered: true }))`,
    )) as number;
    const { frames, loads } = await scroll(page);
    const sorted = frames.sort((a, b) => a - b);
    const cards = await page.locator('ul.cards > li').count();
    return {
      firstPaintMs: Math.round(firstPaintMs),
      frameP95Ms: Math.round(sorted[Math.floor(sorted.length * 0.95)] ?? 0),
      frameMaxMs: Math.round(sorted.at(-1) ?? 0),
      moreMs: Math.round(loads.sort((a, b) => a - b)[loads.length >> 1] ?? 0),
      cards,
    };
  } finally {
    await context.close();
  }
}

/** As a person would with a wheel: 120 px a frame, waiting at the end for more. */
async function scroll(page: Page): Promise<{ frames: number[]; loads: number[] }> {
  return (await page.evaluate(`(async () => {
    const frames = [];
    const loads = [];
    const cards = () => document.querySelectorAll('ul.cards > li').length;
    let known = cards();
    let since = null;
    let last = performance.now();
    const start = last;
    while (loads.length < ${LOADS} && performance.now() - start < 60000) {
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      frames.push(now - last);
      last = now;
      const left = document.documentElement.scrollHeight - innerHeight - scrollY;
      if (left > 0) scrollBy(0, 120);
      if (since === null && left < 1200) since = now;
      if (cards() > known) {
        known = cards();
        loads.push(since === null ? 0 : now - since);
        since = null;
      }
      if (left <= 0 && document.querySelector('nav.pages a[rel=next]') === null) break;
    }
    return { frames, loads };
  })()`)) as { frames: number[]; loads: number[] };
}
