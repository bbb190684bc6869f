import { get, localTimes, withContent } from './page.js';

/** What is watched keeps itself right, and forms say what they cost before they are sent. */

const LOOK_EVERY_MS = 1000;
const SLOWEST_MS = 10_000;
const HIDDEN_MS = 30_000;
const COST_AFTER_MS = 350;

/** What each shows, as the server has written it. */
const shown = new WeakMap();

/** What is under way, or was due a moment ago. */
function isMoving({ dataset: { busy, next } }) {
  return busy !== undefined || (next !== undefined && Date.parse(next) <= Date.now());
}

/** Loads the state of one schedule again, and says how a run has ended. */
async function refresh(live) {
  const next = (await get(live.dataset.live)).querySelector('.live');
  if (next === null) return;
  const wasBusy = live.dataset.busy !== undefined;
  for (const name of ['busy', 'next'])
    if (next.dataset[name] === undefined) delete live.dataset[name];
    else live.dataset[name] = next.dataset[name];
  // Times that are shown in the reader's own zone are other texts than the server's.
  const text = next.innerHTML;
  if (shown.get(live) === text) return;
  shown.set(live, text);
  const focused = live.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
  live.replaceChildren(...next.childNodes);
  localTimes(live);
  if (focused !== null)
    live.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  const ended = live.querySelector('.runs li:first-child span')?.textContent;
  const said = document.querySelector('#said');
  if (wasBusy && live.dataset.busy === undefined && said !== null)
    said.textContent = `${live.dataset.name}: ${ended}`;
}

async function follow() {
  let wait = LOOK_EVERY_MS;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, document.hidden ? HIDDEN_MS : wait));
    const moving = [...document.querySelectorAll('.live[data-live]')].filter(isMoving);
    try {
      for (const live of moving) await refresh(live);
      // What is due and does not begin waits for a worker.
      const isBusy = moving.some(({ dataset }) => dataset.busy !== undefined);
      wait = isBusy || moving.length === 0 ? LOOK_EVERY_MS : Math.min(wait * 2, SLOWEST_MS);
    } catch {
      wait = Math.min(wait * 2, SLOWEST_MS);
    }
  }
}

let timer;
/** The latest question of each form: an answer to an earlier one comes too late. */
const asked = new WeakMap();

/** Listings that a text names, about: the server counts them when it is sent. */
function countIn(text) {
  return text.split(/\r?\n/).filter((line) => line.trim() !== '').length;
}

async function showCost(form) {
  const mine = Symbol();
  asked.set(form, mine);
  const fields = new FormData(form);
  const listings = fields.get('listings');
  if (listings !== null) {
    fields.delete('listings');
    fields.set('count', countIn(listings));
  }
  const body = new URLSearchParams([...fields].filter(([, value]) => typeof value === 'string'));
  const answer = await get(form.dataset.cost, { method: 'POST', body }).catch(() => null);
  if (asked.get(form) !== mine || answer === null) return;
  form.querySelector('.cost output').replaceChildren(...answer.body.childNodes);
}

document.addEventListener('input', ({ target: { form } }) => {
  if (!form?.matches('form[data-cost]')) return;
  clearTimeout(timer);
  timer = setTimeout(() => showCost(form), COST_AFTER_MS);
});

/** The text of a file goes into the field, where it can be seen and changed before it is sent. */
async function takeFile({ form, files: [file] }) {
  if (file === undefined) return;
  const bytes = new Uint8Array(await file.arrayBuffer());
  const [first, second] = bytes;
  // Spreadsheets write UTF-16 with a byte order mark.
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  form.elements.listings.value = new TextDecoder(encoding).decode(bytes);
  if (form.dataset.cost !== undefined) await showCost(form);
}

document.addEventListener('change', ({ target }) => {
  if (target.id === 'listings-file') takeFile(target);
});

/** Without scripts a file cannot be read. What is in a form may be from before this script, or from an earlier visit. */
withContent((main) => {
  for (const part of main.querySelectorAll('.by-file')) part.hidden = false;
  for (const form of main.querySelectorAll('form[data-cost]')) showCost(form);
});

follow();
