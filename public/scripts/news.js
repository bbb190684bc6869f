import { get, replaceMain, withContent } from './page.js';

const LOOK_EVERY_MS = 15_000;

/** Days begin at the reader's midnight: the server groups the news by the time zone that this cookie names. */
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
/** The address of the start page: other programs of the same host get no cookie. */
const home = document.querySelector('a.brand');
let asked = false;
withContent((main) => {
  const days = main.querySelector('[data-days]');
  if (days === null || zone === undefined || days.dataset.days === zone || asked) return;
  asked = true;
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store is not in every browser
  document.cookie = `zone=${zone}; path=${home.pathname}; max-age=31536000; samesite=strict`;
  replaceMain();
});

/** Says how many news came meanwhile. They are shown on request, so nothing moves under the reader. */
async function look() {
  const fresh = document.querySelector('#fresh');
  if (fresh === null || document.hidden) return;
  try {
    const link = (await get(fresh.dataset.live)).querySelector('a');
    // The same words are not said twice.
    if ((link?.textContent ?? '') !== fresh.textContent) fresh.replaceChildren(...(link ? [link] : []));
  } catch {
    // The next look may succeed.
  }
}
setInterval(look, LOOK_EVERY_MS);
document.addEventListener('visibilitychange', look);
