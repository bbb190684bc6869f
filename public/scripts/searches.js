import { get, localTimes } from './page.js';

/** While something is under way, and else. */
const SOON_MS = 3000;
const LATER_MS = 20_000;
/** So many times as long while nobody sees the page. */
const HIDDEN = 5;

/** Loads the list again and again. What has the focus keeps it, and what is typed above stays. */
async function follow() {
  let failures = 0;
  for (;;) {
    const list = document.querySelector('#searches');
    const wait = (list.dataset.open === '0' ? LATER_MS : SOON_MS) * (document.hidden ? HIDDEN : 1);
    await pause(wait * 2 ** Math.min(failures, 4));
    try {
      const next = (await get(list.dataset.live)).querySelector('#searches');
      failures = 0;
      const focused = list.contains(document.activeElement) ? document.activeElement.id : '';
      const href = list.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
      localTimes(next);
      list.replaceWith(next);
      if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
      else if (href)
        [...next.querySelectorAll('a')]
          .find((link) => link.getAttribute('href') === href)
          ?.focus({ preventScroll: true });
      const state = document.querySelector('#list-state');
      // Screen readers say it again whenever it is written.
      if (state.textContent !== next.dataset.summary) state.textContent = next.dataset.summary;
    } catch {
      failures++;
    }
  }
}

/** Ends early when the page is seen again. */
function pause(ms) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
      resolve();
    };
    const seen = () => document.hidden || end();
    const timer = setTimeout(end, ms);
    document.addEventListener('visibilitychange', seen);
  });
}

// A text is sent by Enter: who leaves its field may be on the way to another one.
document.addEventListener('change', ({ target }) => {
  if (target.matches('.list-filter select')) target.form.requestSubmit();
});

follow();
