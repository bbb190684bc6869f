/**
 * What every page does better with scripts: all of them work without. Nothing is kept, nothing comes from elsewhere.
 */

/** Loads a page or a part of one. @throws Error where the answer is none */
export async function get(address, options) {
  const answer = await fetch(address, { ...options, headers: { accept: 'text/html' } });
  // Signed out meanwhile: the sign-in page has been followed to.
  if (answer.redirected) location.assign(location.href);
  if (!answer.ok) throw new Error(`${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), 'text/html');
}

/** Calls `prepare` with the page's content, now and whenever a script has replaced it. */
export function withContent(prepare) {
  prepare(document.querySelector('#main'));
  document.addEventListener('content', () => prepare(document.querySelector('#main')));
}

/** Loads this page again and shows its content. What is open stays open, and what has the focus keeps it. */
export async function replaceMain() {
  const main = document.querySelector('#main');
  const focused = document.activeElement?.id;
  // A price that is shown on request alone is requested of one product.
  const open = [...main.querySelectorAll('details[open]:not(.card details)')].map(({ classList }) =>
    [...classList].join('.'),
  );
  const next = (await get(location.href)).querySelector('#main');
  main.replaceChildren(...next.childNodes);
  for (const name of open) if (name) main.querySelector(`details.${name}`)?.setAttribute('open', '');
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  document.dispatchEvent(new Event('content'));
}

/** Says something for a moment, also to screen readers. It stays while the pointer is on it. */
export function toast(text) {
  const said = Object.assign(document.createElement('p'), { className: 'toast', textContent: text });
  document.querySelector('.toasts').append(said);
  const end = () => (said.matches(':hover') ? setTimeout(end, 1000) : said.remove());
  setTimeout(end, 6000);
}

/** Instants in the reader's own time. */
export function localTimes(within) {
  const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
  for (const time of within.querySelectorAll('time[datetime]')) {
    const at = new Date(time.dateTime);
    const today = at.toDateString() === new Date().toDateString();
    // Of a product it is its age that counts.
    if (!time.closest('.card'))
      time.textContent = (today || 'clock' in time.dataset ? clock : day).format(at);
    time.title = at.toLocaleString();
  }
}
withContent(localTimes);

/** Quiet hours are in the reader's own time, unless another zone was chosen. */
withContent((main) => {
  for (const zone of main.querySelectorAll('input[data-zone]'))
    if (zone.value === 'UTC') zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
});

/** A picture that fails to load leaves an empty frame. */
document.addEventListener(
  'error',
  ({ target }) => {
    if (target instanceof HTMLImageElement) target.closest('.picture')?.classList.add('none');
  },
  true,
);

/** A second click would send the form twice. */
document.addEventListener('submit', ({ target }) => {
  if (target.method !== 'post') return;
  for (const button of target.querySelectorAll('button'))
    setTimeout(() => button.setAttribute('disabled', ''));
});
// The browser may show a kept page when people go back.
window.addEventListener('pageshow', () => {
  for (const button of document.querySelectorAll('button[disabled]')) button.removeAttribute('disabled');
});

document.addEventListener('change', ({ target: { form } }) => {
  if (form?.matches('form[data-submits]')) form.requestSubmit();
});
