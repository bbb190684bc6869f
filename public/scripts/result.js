import { get, localTimes, replaceMain, withContent } from './page.js';

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

withContent(more);
const status = document.querySelector('#status');
if (status !== null) follow(status);
