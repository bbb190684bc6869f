/**
 * What the pages do better with scripts: all of them work without. Nothing is kept, nothing comes from elsewhere.
 */

const LOOK_EVERY_MS = 700;
const SLOWEST_MS = 5000;
const ESTIMATE_AFTER_MS = 350;

async function get(address, options) {
  const answer = await fetch(address, { ...options, headers: { accept: 'text/html' } });
  // Signed out meanwhile: the sign-in page has been followed to.
  if (answer.redirected) location.assign(location.href);
  if (!answer.ok) throw new Error(`${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), 'text/html');
}

/** Instants in the reader's own time. */
function localTimes(within = document) {
  const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
  for (const time of within.querySelectorAll('time[datetime]')) {
    const at = new Date(time.dateTime);
    const today = at.toDateString() === new Date().toDateString();
    // Of a product it is its age that counts.
    if (!time.closest('.card')) time.textContent = (today ? clock : day).format(at);
    time.title = at.toLocaleString();
  }
}

/** Follows a search until it has ended, showing each new page of products as it comes. */
async function follow(status) {
  let wait = LOOK_EVERY_MS;
  let { pages } = status.dataset;
  while (status.dataset.state !== 'done') {
    await new Promise((resolve) => setTimeout(resolve, document.hidden ? SLOWEST_MS : wait));
    try {
      const next = (await get(status.dataset.live)).querySelector('#status');
      wait = LOOK_EVERY_MS;
      if (next.dataset.state === 'done' || next.dataset.pages !== pages) {
        pages = next.dataset.pages;
        await replaceMain();
        status = document.querySelector('#status');
      } else if (next.textContent !== status.textContent) {
        // Only the words: a button that has the focus keeps it.
        status
          .querySelector('[role=status]')
          .replaceChildren(...next.querySelector('[role=status]').childNodes);
        status.dataset.state = next.dataset.state;
        localTimes(status);
      }
    } catch {
      wait = Math.min(wait * 2, SLOWEST_MS);
    }
  }
}

async function replaceMain() {
  const main = document.querySelector('#main');
  const focused = document.activeElement?.id;
  const open = [...main.querySelectorAll('details[open]')].map(({ className }) => className);
  const next = (await get(location.href)).querySelector('#main');
  main.replaceChildren(...next.childNodes);
  for (const name of open) if (name) main.querySelector(`details.${name}`)?.setAttribute('open', '');
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  localTimes(main);
  offerPictures();
  more();
}

/** Loads the next products as the end of the list comes near; the link stays. */
function more() {
  const link = document.querySelector('nav.pages a[rel=next]');
  if (link === null) return;
  const observer = new IntersectionObserver(
    async ([entry]) => {
      if (!entry.isIntersecting) return;
      observer.disconnect();
      await load(link);
    },
    { rootMargin: '1200px' },
  );
  observer.observe(link);
  link.addEventListener('click', (event) => {
    event.preventDefault();
    observer.disconnect();
    load(link, true);
  });
}

async function load(link, focus = false) {
  link.setAttribute('aria-busy', 'true');
  try {
    const next = await get(link.href);
    const cards = [...next.querySelectorAll('ul.cards > li')];
    document.querySelector('ul.cards').append(...cards);
    document.querySelector('#shown-to').textContent = next.querySelector('#shown-to').textContent;
    const following = next.querySelector('nav.pages a[rel=next]');
    if (following === null) link.remove();
    else link.replaceWith(following);
    if (focus) cards[0]?.querySelector('a')?.focus();
    more();
  } catch {
    link.removeAttribute('aria-busy');
    link.textContent = 'Could not load more: try again';
    more();
  }
}

/** Quiet hours are in the reader's own time, unless another zone was chosen. */
for (const zone of document.querySelectorAll('input[data-zone]'))
  if (zone.value === 'UTC') zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The cost of the search in a form, while people type. */
let timer;
let latest = 0;

async function estimate(form) {
  const mine = ++latest;
  const output = form.querySelector('output');
  const body = new URLSearchParams(new FormData(form));
  if (body.get('image')) {
    output.textContent = 'what looks like the picture, whatever the words say · 1 call';
    return;
  }
  if (!body.get('query')?.trim()) {
    output.textContent = '';
    return;
  }
  const answer = await get(form.dataset.estimate, { method: 'POST', body }).catch(() => null);
  if (mine === latest) output.textContent = answer?.body.textContent ?? '';
}

document.addEventListener('input', ({ target: { form } }) => {
  if (!form?.matches('form[data-estimate]')) return;
  clearTimeout(timer);
  timer = setTimeout(() => estimate(form), ESTIMATE_AFTER_MS);
});

/** Pixels of the longer side: what looks alike does so in small too. */
const PICTURE_SIDE = 800;

/** Makes a chosen picture small, as a JPEG without what a camera wrote into it, and puts its Base64 into the form. */
async function takePicture({ form, files: [file] }) {
  const { image, query } = form.elements;
  image.value = '';
  if (file !== undefined) {
    const bitmap = await createImageBitmap(file).catch(() => null);
    if (bitmap === null) {
      form.querySelector('output').textContent = 'This file is no picture that your browser can read.';
      return;
    }
    const scale = Math.min(1, PICTURE_SIDE / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, bitmap.width * scale);
    canvas.height = Math.max(1, bitmap.height * scale);
    canvas.getContext('2d').drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    image.value = canvas.toDataURL('image/jpeg', 0.85).replace(/^[^,]*,/, '');
  }
  query.required = image.value === '';
  estimate(form);
}

document.addEventListener('change', ({ target }) => {
  if (target.id === 'picture') takePicture(target);
});
/** Without scripts a picture cannot be sent. */
function offerPictures() {
  for (const part of document.querySelectorAll('.by-picture')) part.hidden = false;
}

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

// For forms that come later too: a search that has ended replaces the page's content.
document.addEventListener('change', ({ target: { form } }) => {
  if (form?.matches('form[data-submits]')) form.requestSubmit();
});
// One that is out of sight is estimated once it is changed.
const asked = document.querySelector('form[data-estimate]');
if (asked?.checkVisibility()) estimate(asked);
localTimes();
offerPictures();
more();
const status = document.querySelector('#status');
if (status !== null) follow(status);
