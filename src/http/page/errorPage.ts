import type { Role } from '../auth/apiKeys.ts';
import type { Caller } from '../auth/authenticator.ts';
import { ROLE_TEXTS, rolesText } from '../auth/roles.ts';
import type { Problem } from '../problem.ts';
import { type Document, type Html, html } from './html.ts';
import { type HasPage, menuFor } from './layout.ts';

/** A request that failed, as the person sees it who made it. */
export interface Failed {
  method: string;
  /** Address without the base path. */
  url: string;
  /** Whether no route has this address. */
  isUnknown: boolean;
  /** Undefined where nobody has signed in. */
  caller: Caller | undefined;
  /** Of the request, where it is traced. */
  traceId: string | undefined;
}

interface Explanation {
  title: string;
  texts: Array<Html | string>;
  /** Address and text of what can be done, the most useful one first. */
  actions?: Array<[url: string, text: string]>;
}

/** What went wrong, and what can be done next. */
export function errorPage(problem: Problem, failed: Failed, has: HasPage): Document {
  const { status, code } = problem;
  const { title, texts, actions = [] } = explain(problem, failed);
  const menu = menuFor(failed.caller?.roles, has).map(({ url, text }): [string, string] => [url, text]);
  const start: [string, string] = ['/', failed.caller === undefined ? 'Sign in' : 'Back to the start'];
  const links = [...actions, ...(failed.caller?.roles.includes('read') ? [start] : [...menu, start])];
  const shown = links.filter(([url], index) => links.findIndex(([each]) => each === url) === index);
  const button = ([url, text]: [string, string], index: number) =>
    html`<a class="${index === 0 ? 'button main' : 'button'}" href="${url}">${text}</a>`;
  const content = html`<section class="error box"><p class="number">${status}</p><h1>${title}</h1>
${texts.map((text) => html`<p>${text}</p>`)}
<p class="actions">${shown.map(button)}</p>
<p class="small"><code>${code}</code>${failed.traceId !== undefined && html` · trace <code>${failed.traceId}</code>`}</p></section>`;
  return { title, content };
}

function explain(problem: Problem, { method, url, isUnknown, caller }: Failed): Explanation {
  const { status, code, message, headers } = problem;
  const isRead = method === 'GET';
  const again: Explanation['actions'] = isRead ? [[url, 'Try again']] : [];
  const kept = isRead ? [] : ['“Back” of the browser leads to the form, with what you typed.'];
  const waitS = headers['retry-after'];
  const wait =
    waitS === undefined ? [] : [`Try again in ${waitS === '1' ? 'a second' : `${waitS} seconds`}.`];
  if (code === 'missing_role') return missingRole(message, url, isRead, caller);
  if (code === 'stale_form')
    return {
      title: 'This form is out of date',
      texts: ['It belongs to another session. Go back, load the page again, and send it once more.'],
    };
  switch (status) {
    case 401:
      return {
        title: 'This address is for programs',
        texts: ['They send an API key with each request. Its description says how.'],
        actions: [['/docs', 'Description of the API']],
      };
    case 404:
      if (isUnknown)
        return {
          title: 'There is no such page',
          texts: ['The address may have a mistake, or be of another release.'],
        };
      return {
        title: 'Not here any more',
        texts: [
          /^\/searches\//.test(url)
            ? 'A search is kept for some hours after its end.'
            : 'It may have been removed.',
        ],
        actions: /^\/searches\//.test(url) ? [['/', 'Search again']] : [],
      };
    case 405:
      return {
        title: 'Nothing to see at this address',
        texts: [`It takes ${headers.allow ?? 'another method'}, which forms and programs send.`],
      };
    case 429:
      return { title: 'Too many requests', texts: [sentence(message), ...wait, ...kept], actions: again };
    case 503:
      return { title: 'Not now', texts: [sentence(message), ...wait, ...kept], actions: again };
    case 500:
      return {
        title: 'Something went wrong here',
        texts: ['It is no mistake of yours. The log of the server says more.', ...kept],
        actions: again,
      };
    default:
      return { title: 'That did not work', texts: [sentence(message), ...kept] };
  }
}

function missingRole(message: string, url: string, isRead: boolean, caller: Caller | undefined): Explanation {
  const needed = Object.entries(ROLE_TEXTS).filter(([role]) => new RegExp(`\\b${role}\\b`).test(message));
  const { name = '', roles = [] } = caller ?? {};
  const names = (listed: readonly Role[]) =>
    listed.map((role, index) => html`${index > 0 && ', '}<code>${role}</code>`);
  return {
    title: `This key may not ${needed.length === 1 ? needed[0]?.[1] : 'do that'}`,
    texts: [
      html`That takes a key with the role ${names(needed.map(([role]) => role as Role))}.`,
      html`The key <strong>${name}</strong> has ${names(roles)}: it may ${rolesText(roles)}.`,
    ],
    actions: [],
    ...(isRead && { actions: [[`/sign-in?next=${encodeURIComponent(url)}`, 'Sign in with another key']] }),
  };
}

/** With a capital letter and a full stop: messages are parts of sentences elsewhere. */
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}
