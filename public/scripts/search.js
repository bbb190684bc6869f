import { get, withContent } from './page.js';

const ESTIMATE_AFTER_MS = 350;

/** The cost of the search in a form, while people type. */
let timer;
let latest = 0;

async function estimate(form) {
  const mine = ++latest;
  const output = form.querySelector('output');
  const body = new URLSearchParams(new FormData(form));
  const hasWords = ['query', 'category', 'epid'].some((name) => body.get(name)?.trim());
  if (body.get('image') || (body.get('imageOf') && !hasWords)) {
    output.textContent = 'what looks like the picture, whatever the words say · 1 call';
    return;
  }
  if (!hasWords) {
    output.textContent = '';
    return;
  }
  const answer = await get(form.dataset.estimate, { method: 'POST', body }).catch(() => null);
  if (mine === latest) output.replaceChildren(...(answer?.body.childNodes ?? []));
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
  const { image } = form.elements;
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
  estimate(form);
}

document.addEventListener('change', ({ target }) => {
  if (target.id === 'picture') takePicture(target);
});

/** Without scripts a picture cannot be sent. */
withContent((main) => {
  for (const part of main.querySelectorAll('.by-picture')) part.hidden = false;
});

/** What is in the form stays while the search below it goes on, and so does the focus. */
let form = document.querySelector('#search');
let focused = '';
document.addEventListener('focusin', ({ target }) => {
  const own = target.closest('#search');
  focused = own === null ? '' : target.id;
  own?.classList.add('touched');
});
document.addEventListener('pointerdown', ({ target }) => {
  if (target.closest('#search') === null) focused = '';
});
document.addEventListener('content', () => {
  const next = document.querySelector('#search');
  if (form === null || next === null || form === next) {
    form = next;
    return;
  }
  next.replaceWith(form);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
});

/** A link of a mistake leads into the field, also where that is folded. */
document.addEventListener('click', (event) => {
  const field = event.target.closest('.problems a')?.hash.slice(1);
  const target = field && document.getElementById(field);
  if (!target) return;
  event.preventDefault();
  for (let part = target.closest('details'); part; part = part.parentElement.closest('details'))
    part.open = true;
  target.scrollIntoView({ block: 'center' });
  target.focus({ preventScroll: true });
});

/** The bars that a drag over a histogram is over, from the one where it began. */
function barsBetween(first, last) {
  const bars = [...first.parentElement.children];
  const [from, to] = [bars.indexOf(first), bars.indexOf(last)].sort((one, other) => one - other);
  return bars.slice(from, to + 1);
}

/** A drag over bars shows the products from the lowest to the highest of them. */
document.addEventListener('pointerdown', (event) => {
  const first = event.target.closest('.bars > li');
  if (first === null || event.button !== 0) return;
  const bars = first.parentElement;
  event.target.releasePointerCapture?.(event.pointerId);
  let last = first;
  const move = ({ clientX }) => {
    const at = [...bars.children].find((bar) => clientX < bar.getBoundingClientRect().right);
    last = at ?? bars.lastElementChild;
    const chosen = barsBetween(first, last);
    for (const bar of bars.children)
      bar.classList.toggle('dragged', chosen.length > 1 && chosen.includes(bar));
  };
  const end = new AbortController();
  const { signal } = end;
  document.addEventListener('pointermove', move, { signal });
  document.addEventListener(
    'pointercancel',
    () => {
      end.abort();
      for (const bar of bars.children) bar.classList.remove('dragged');
    },
    { signal },
  );
  document.addEventListener(
    'pointerup',
    () => {
      end.abort();
      if (last === first) return;
      const chosen = barsBetween(first, last);
      const address = new URL(bars.querySelector('a').href);
      address.searchParams.set('least', chosen[0].dataset.from);
      address.searchParams.set('most', chosen.at(-1).dataset.to);
      location.assign(address);
    },
    { signal },
  );
});

// A form that has words already says at once what it costs, unless its search has just been made.
if (form?.closest('.again') === null) estimate(form);
