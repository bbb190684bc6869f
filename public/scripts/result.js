import { get, localTimes, replaceMain, toast, withContent } from './page.js';

const LOOK_EVERY_MS = 700;
const SLOWEST_MS = 5000;

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

/** Loads the next products as the end of the list comes near; the link stays. */
let observer;
function more() {
  observer?.disconnect();
  const link = document.querySelector('nav.pages a[rel=next]');
  if (link === null) return;
  observer = new IntersectionObserver(
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
    // Another choice of products has been shown meanwhile.
    if (!link.isConnected) return;
    const cards = [...next.querySelectorAll('ul.cards > li')];
    document.querySelector('ul.cards').append(...cards);
    document.querySelector('#shown-to').textContent = next.querySelector('#shown-to').textContent;
    const following = next.querySelector('nav.pages a[rel=next]');
    if (following === null) link.remove();
    else link.replaceWith(following);
    if (focus) cards[0]?.querySelector('a:not([tabindex])')?.focus();
    showChosen();
    more();
  } catch {
    link.removeAttribute('aria-busy');
    link.textContent = 'Could not load more: try again';
    more();
  }
}

/* Filters: a change shows other products at once, and the address says which. */

const APPLY_AFTER_MS = 250;
let applyTimer;
let latest = 0;
/** The field that is being typed into: its letters are one step of the history. */
let typed;
let shown = location.pathname + location.search;

function addressIn(form) {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    const text = value.trim();
    if (text === '' || (name === 'order' && text === 'ebay')) continue;
    query.set(name, name === 'condition' && query.has(name) ? `${query.get(name)},${text}` : text);
  }
  const address = new URL(form.action);
  address.search = query;
  return address;
}

/** Shows the products of an address in the place of those that are there. @param step of the history: `push`, `replace`, or none */
async function apply(address, step) {
  clearTimeout(applyTimer);
  const mine = ++latest;
  const list = document.querySelector('#list');
  list?.setAttribute('aria-busy', 'true');
  try {
    const next = await get(address);
    if (mine !== latest) return;
    shown = address.pathname + address.search;
    if (step) history[`${step}State`](null, '', address);
    showParts(next);
  } catch {
    if (mine === latest) location.assign(address);
  } finally {
    list?.removeAttribute('aria-busy');
  }
}

/** Parts of the page that depend on what is shown; what is typed stays. */
function showParts(next) {
  const focused = document.activeElement?.id;
  for (const part of document.querySelectorAll('#main [data-part]')) {
    const other = next.getElementById(part.id);
    // The same content stays, with what has the focus in it.
    if (other !== null && other.innerHTML !== part.innerHTML) part.replaceChildren(...other.childNodes);
  }
  for (const field of document.querySelectorAll('#filter input[aria-describedby]')) {
    const problem = document.getElementById(field.getAttribute('aria-describedby'));
    if (problem?.textContent) field.setAttribute('aria-invalid', 'true');
    else field.removeAttribute('aria-invalid');
  }
  if (focused && document.activeElement?.id !== focused)
    document.getElementById(focused)?.focus({ preventScroll: true });
  localTimes(document.querySelector('#main'));
  showChosen();
  more();
}

function applyForm(form, step) {
  apply(addressIn(form), step);
}

document.addEventListener('input', ({ target }) => {
  const { form } = target;
  if (form?.id !== 'filter' || !target.matches('input:not([type=checkbox])')) return;
  clearTimeout(applyTimer);
  applyTimer = setTimeout(() => {
    applyForm(form, typed === target ? 'replace' : 'push');
    typed = target;
  }, APPLY_AFTER_MS);
});

document.addEventListener('change', ({ target }) => {
  if (target.form?.id !== 'filter') return;
  const isTyped = target.matches('input:not([type=checkbox])');
  // What was typed is there already, or is about to be.
  if (isTyped && typed === target && addressIn(target.form).search === new URL(shown, location.href).search) {
    typed = undefined;
    return;
  }
  typed = undefined;
  applyForm(target.form, 'push');
});

document.addEventListener('submit', (event) => {
  const { target: form } = event;
  if (form.id !== 'filter') return;
  event.preventDefault();
  applyForm(form, 'push');
  if (!isNarrow.matches) return;
  // The products are below the fields.
  const filters = form.querySelector('.filters');
  filters.open = false;
  filters.querySelector('summary').focus({ preventScroll: true });
  document.querySelector('#found').scrollIntoView();
});

const isNarrow = matchMedia('(max-width: 60rem)');

/** Opened at the top of the window, the fields are above what is in sight: their place is at the top of the list. */
document.addEventListener('click', ({ target }) => {
  const filters = target.closest?.('.filters > summary')?.parentElement;
  if (!filters || filters.open || filters.getBoundingClientRect().top > 1) return;
  filters.addEventListener('toggle', () => filters.scrollIntoView(), { once: true });
});

/** Links to another choice of the same products: bars of prices, what is hidden, no filter at all. */
document.addEventListener('click', (event) => {
  const link = event.target.closest?.('.bars a, .axis a, #found a, #filters-clear a, .empty a');
  if (!link || event.defaultPrevented || isElsewhere(event)) return;
  const address = new URL(link.href);
  const form = document.querySelector('#filter');
  if (form === null || address.pathname !== new URL(form.action).pathname) return;
  event.preventDefault();
  fill(form, address.searchParams);
  apply(address, 'push');
});

/** Puts an address into the form. */
function fill(form, query) {
  const conditions = (query.get('condition') ?? '').split(',');
  for (const field of form.elements) {
    if (!field.name) continue;
    if (field.name === 'condition') field.checked = conditions.includes(field.value);
    else if (field.type === 'checkbox') field.checked = query.get(field.name) === '1';
    else field.value = query.get(field.name) ?? (field.name === 'order' ? 'ebay' : '');
  }
}

addEventListener('popstate', () => {
  if (shown === location.pathname + location.search) return;
  const form = document.querySelector('#filter');
  if (form === null) return;
  fill(form, new URL(location.href).searchParams);
  apply(new URL(location.href));
});

function isElsewhere({ button, ctrlKey, metaKey, shiftKey, altKey }) {
  return button !== 0 || ctrlKey || metaKey || shiftKey || altKey;
}

/* What a person keeps: favourites, notes, hidden products. */

document.addEventListener('submit', async (event) => {
  const { target: form, submitter } = event;
  const isKeep = form.id === 'keep' && submitter !== null;
  const isNote = form.matches('dialog .note-form');
  if (!isKeep && !isNote) return;
  event.preventDefault();
  const inDialog = submitter?.closest('dialog') ?? null;
  const card = submitter?.closest('.card') ?? null;
  // On the page of one product all of it is loaded again.
  if (inDialog === null && card === null) {
    form.action = submitter.formAction;
    const value = Object.assign(document.createElement('input'), {
      type: 'hidden',
      name: submitter.name,
      value: submitter.value,
    });
    form.append(value);
    form.submit();
    return;
  }
  const body = new URLSearchParams(new FormData(form));
  if (submitter?.name) body.set(submitter.name, submitter.value);
  body.set('part', inDialog === null ? 'card' : 'item');
  const address = new URL(isKeep ? submitter.formAction : form.action);
  address.search = location.search;
  try {
    const next = await get(address, { method: 'POST', body });
    const changed = next.querySelector('ul.changed > li');
    const present = document.querySelector(`.cards > li[data-item="${CSS.escape(changed.dataset.item)}"]`);
    if (present?.matches('.card:not(.listing)')) present.replaceWith(changed);
    else if (present) await refresh();
    const here = document.querySelector(`.cards > li[data-item="${CSS.escape(changed.dataset.item)}"]`);
    if (inDialog === null) here?.querySelector(`[name=${submitter.name}]`)?.focus();
    else {
      showItem(inDialog, next);
      inDialog.querySelector(isNote ? '#note' : `[name=${submitter.name}]`)?.focus();
      if (isNote) toast('The note is kept');
    }
    showChosen();
    await showCounts();
  } catch {
    toast('This could not be kept: try again');
    for (const button of form.querySelectorAll('button'))
      setTimeout(() => button.removeAttribute('disabled'));
  }
});

async function refresh() {
  showParts(await get(location.href));
}

/** How many products are hidden, and the filters that depend on it. */
async function showCounts() {
  if (document.querySelector('#found') === null) return;
  const next = await get(location.href);
  for (const id of ['found', 'mine', 'filters-used']) {
    const fresh = next.getElementById(id);
    const part = document.getElementById(id);
    if (fresh && part && part.innerHTML !== fresh.innerHTML) part.replaceChildren(...fresh.childNodes);
  }
}

/* One product in a dialog above the list. */

function quickDialog() {
  let dialog = document.querySelector('dialog.quick-view');
  if (dialog === null) {
    dialog = Object.assign(document.createElement('dialog'), { className: 'quick-view' });
    dialog.setAttribute('aria-labelledby', 'item-title');
    document.body.append(dialog);
    // A click beside it closes it.
    dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
    dialog.addEventListener('close', () => dialog.replaceChildren());
  }
  return dialog;
}

function showItem(dialog, next) {
  const item = next.querySelector('#item');
  // The buttons belong to the form of the page.
  if (document.querySelector('#main #keep')) item.querySelector('#keep')?.remove();
  const close = Object.assign(document.createElement('button'), {
    ...{ type: 'button', className: 'icon-button close', textContent: '×', title: 'Close (Escape)' },
  });
  close.setAttribute('aria-label', 'Close');
  close.addEventListener('click', () => dialog.close());
  dialog.replaceChildren(close, item);
  localTimes(item);
  showGallery(item);
}

let opening = 0;

async function openItem(link) {
  const mine = ++opening;
  const dialog = quickDialog();
  link.setAttribute('aria-busy', 'true');
  try {
    const address = new URL(link.href);
    const next = await get(address.pathname + address.search);
    if (mine !== opening) return;
    showItem(dialog, next);
    // Where the focus is when it closes: the link of the picture takes none.
    link.closest('.card')?.querySelector('.quick')?.focus({ preventScroll: true });
    dialog.showModal();
    const first = address.hash === '#note' ? '#note' : '.close';
    dialog.querySelector(first)?.focus();
  } catch {
    location.assign(link.href);
  } finally {
    link.removeAttribute('aria-busy');
  }
}

document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a.look');
  if (!link || event.defaultPrevented || isElsewhere(event)) return;
  event.preventDefault();
  openItem(link);
});

/** Pictures beside each other: buttons and arrow keys turn them. */
function showGallery(within) {
  const gallery = within.querySelector('.gallery');
  const turn = gallery?.querySelector('.turn');
  if (!turn) return;
  const pictures = gallery.querySelector('.pictures');
  const count = pictures.children.length;
  let at = 0;
  const behavior = matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth';
  const show = (next) => {
    at = (next + count) % count;
    pictures.scrollTo({ left: pictures.children[at].offsetLeft - pictures.offsetLeft, behavior });
    say();
  };
  const say = () => {
    turn.querySelector('span').textContent = `${at + 1} of ${count}`;
    for (const [index, thumb] of [...gallery.querySelectorAll('.thumbs a')].entries())
      thumb.toggleAttribute('aria-current', index === at);
  };
  turn.hidden = false;
  turn.querySelector('.previous').addEventListener('click', () => show(at - 1));
  turn.querySelector('.next').addEventListener('click', () => show(at + 1));
  for (const [index, thumb] of [...gallery.querySelectorAll('.thumbs a')].entries())
    thumb.addEventListener('click', (event) => {
      event.preventDefault();
      show(index);
    });
  pictures.addEventListener('scrollend', () => {
    at = Math.round(pictures.scrollLeft / Math.max(1, pictures.clientWidth));
    say();
  });
  (within.closest('dialog') ?? gallery).addEventListener('keydown', (event) => {
    if (!gallery.isConnected || event.target.matches('input, textarea, select')) return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    show(at + step);
  });
  say();
}

/* Compare: a bar at the bottom says how many were chosen, also after other products are shown. */

/** Ids in the order in which they were chosen. */
const chosen = new Set();

function showChosen() {
  const bar = document.querySelector('#compare');
  if (bar === null) return;
  const most = Number(bar.dataset.most);
  for (const box of document.querySelectorAll('input[form=compare]')) {
    box.checked = chosen.has(box.value);
    box.disabled = !box.checked && chosen.size >= most;
  }
  const text =
    chosen.size < 2
      ? `${chosen.size} chosen: choose ${chosen.size === 0 ? 'two' : 'one'} more`
      : // The end of a list that grows is far for the Tab key; Enter on a box sends the form.
        `${chosen.size} chosen: compare them, also by the Enter key${chosen.size >= most ? `; no more than ${most} are compared` : ''}`;
  bar.toggleAttribute('data-chosen', chosen.size > 0);
  const line = bar.querySelector('p');
  if (line.textContent !== text) line.textContent = text;
  bar.querySelector('button.main').disabled = chosen.size < 2;
  bar.querySelector('.clear').hidden = false;
}

document.addEventListener('change', ({ target }) => {
  if (!target.matches('input[form=compare]')) return;
  if (target.checked) chosen.add(target.value);
  else chosen.delete(target.value);
  showChosen();
});

document.addEventListener('click', ({ target }) => {
  if (!target.matches?.('#compare .clear')) return;
  chosen.clear();
  showChosen();
});

document.addEventListener('submit', (event) => {
  if (event.target.id !== 'compare') return;
  event.preventDefault();
  const address = new URL(event.target.action);
  // What is shown, for the way back, and then what was chosen.
  const query = new URLSearchParams(new FormData(event.target));
  query.delete('item');
  for (const id of chosen) query.append('item', id);
  address.search = query;
  location.assign(address);
});

withContent((main) => {
  // Boxes that the browser has kept from before.
  for (const box of main.querySelectorAll('input[form=compare]:checked')) chosen.add(box.value);
  showChosen();
  more();
  if (main.querySelector(':scope > .item, :scope > * > .item')) showGallery(main);
});
const status = document.querySelector('#status');
if (status !== null) follow(status);
