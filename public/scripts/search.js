import { get, withContent } from './page.js';

const ESTIMATE_AFTER_MS = 350;

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
withContent((main) => {
  for (const part of main.querySelectorAll('.by-picture')) part.hidden = false;
});

// A form that is out of sight is estimated once it is changed.
const asked = document.querySelector('form[data-estimate]');
if (asked?.checkVisibility()) estimate(asked);
