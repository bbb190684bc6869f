import { type Answer, fieldsOf, isTaken, type Post, postJson, refusal, seconds, textOf } from './answers.ts';
import { TELEGRAM } from './definition.ts';
import { htmlText } from './markup.ts';
import type { DeliveryError, Sender } from './sender.ts';
import { rendered } from './template.ts';
import { type Entry, listed, shortened, TITLE_LENGTHS, type Words, wordsOf } from './words.ts';

/** https://core.telegram.org/bots/api: characters after the markup is taken away. */
const MOST_CAPTION = 1024;
const MOST_TEXT = 4096;

/** Telegram could not load the picture, or does not take it for one. It does not document these words. */
const ABOUT_THE_PICTURE =
  /failed to get HTTP URL content|wrong type of the web page content|wrong file identifier|WEBPAGE_|PHOTO_|IMAGE_PROCESS_FAILED|url host is empty|unsupported URL protocol/i;

/** Refused for every message, although the status is that of a wrong message. */
const ABOUT_THE_CHAT =
  /chat not found|chat_id is empty|upgraded to a supergroup|not enough rights|have no rights|need administrator rights|CHAT_WRITE_FORBIDDEN|TOPIC_CLOSED|group chat was deactivated/i;

export function telegramSender(post: Post, now: () => number): Sender<'telegram'> {
  return {
    kind: 'telegram',
    async send({ token, chat, server = TELEGRAM, template }, message, signal) {
      const words = wordsOf(message, now());
      const base = `${server.replace(/\/+$/, '')}/bot${token}`;
      const call = (method: string, fields: object) =>
        postJson(post, `${base}/${method}`, { chat_id: chat, parse_mode: 'HTML', ...fields }, signal);
      const [first] = words.entries;
      if (words.entries.length === 1 && first?.image != null) {
        const caption = telegramText(words, MOST_CAPTION, template);
        const answer = await call('sendPhoto', { photo: first.image, caption });
        if (isTaken(answer)) return;
        const isAboutPicture =
          answer.status === 400 && ABOUT_THE_PICTURE.test(textOf(fieldsOf(answer).description));
        if (!isAboutPicture) throw refused(answer, now());
      }
      const text = telegramText(words, MOST_TEXT, template);
      const answer = await call('sendMessage', { text, link_preview_options: { is_disabled: true } });
      if (!isTaken(answer)) throw refused(answer, now());
    },
  };
}

function refused(answer: Answer, now: number): DeliveryError {
  const { description, parameters } = fieldsOf(answer);
  const { retry_after, migrate_to_chat_id } = (parameters ?? {}) as Record<string, unknown>;
  const reason = textOf(description);
  const moved = migrate_to_chat_id === undefined ? '' : `; its id is now ${migrate_to_chat_id}`;
  return refusal(
    answer,
    {
      reason: reason + moved,
      retryAfterMs: seconds(retry_after),
      fault: answer.status === 400 && ABOUT_THE_CHAT.test(reason) ? 'channel' : undefined,
    },
    now,
  );
}

export function telegramText(
  { heading, intro, entries, source, view }: Words,
  most: number,
  template: { title?: string; text?: string } = {},
): string {
  const title = rendered(template.title, view, htmlText);
  const one = entries.length === 1 && intro.length === 0;
  const top = title ?? (one ? '' : `<b>${htmlText(heading)}</b>`);
  const around = [top, ...intro.map(htmlText)].filter((line) => line !== '');
  const foot = source === '' ? '' : `<i>${htmlText(source)}</i>`;
  const left = most - shownLength([...around, foot].join('\n\n')) - 4;
  const line = (entry: Entry, detail: number) =>
    (detail < 3 ? undefined : rendered(template.text, entry.view, htmlText)) ?? entryText(entry, detail);
  const list = listed(entries, line, { most: left, length: shownLength });
  return [...around, list, foot].filter((part) => part !== '').join('\n\n');
}

function entryText(entry: Entry, detail: number): string {
  const { event, url, price, withoutPrice, facts, age } = entry;
  const title = shortened(entry.title, TITLE_LENGTHS[detail] ?? 20, String);
  const from = price?.from == null ? '' : `<s>${htmlText(price.from)}</s> → `;
  const change = price?.change == null ? '' : ` (${htmlText(price.change)})`;
  return [
    url === null ? `<b>${htmlText(title)}</b>` : `<a href="${htmlText(url)}"><b>${htmlText(title)}</b></a>`,
    htmlText(event),
    price === null ? htmlText(withoutPrice) : `${price.label}: ${from}<b>${htmlText(price.to)}</b>${change}`,
    htmlText(age),
    detail < 3 ? '' : htmlText(facts),
  ]
    .filter((line) => line !== '')
    .join('\n');
}

/** Code units without the markup that this file writes. */
function shownLength(html: string): number {
  return html.replace(/<[^>]*>/g, '').replace(/&(amp|lt|gt|quot);/g, '.').length;
}
