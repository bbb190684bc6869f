import { fieldsOf, isTaken, type Post, postJson, refusal, textOf } from './answers.ts';
import { NTFY } from './definition.ts';
import type { Sender } from './sender.ts';
import { rendered } from './template.ts';
import { type Entry, listed, priceLine, shortened, TITLE_LENGTHS, type Words, wordsOf } from './words.ts';

/** https://docs.ntfy.sh/publish/#limitations: bytes; a longer message becomes a file. */
const MOST_MESSAGE = 4096;
/** Bytes of the JSON: twice as many (server.go, `readJSONWithLimit`). */
const MOST_BODY = 2 * MOST_MESSAGE;
/** Longer ones are not shown. */
const MOST_TITLE = 250;
/** `limit reached: daily message quota reached`. */
const DAILY_QUOTA = 42908;
const QUOTA_PAUSE_MS = 3_600_000;

export function ntfySender(post: Post, now: () => number): Sender<'ntfy'> {
  return {
    kind: 'ntfy',
    async send({ topic, server = NTFY, token, template }, message, signal) {
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const value = { topic, ...ntfyMessage(wordsOf(message, now()), template) };
      const answer = await postJson(post, `${server.replace(/\/+$/, '')}/`, value, signal, headers);
      if (isTaken(answer)) return;
      const { error, code } = fieldsOf(answer);
      const retryAfterMs = code === DAILY_QUOTA ? QUOTA_PAUSE_MS : undefined;
      throw refusal(answer, { reason: textOf(error), retryAfterMs }, now());
    },
  };
}

export function ntfyMessage(words: Words, template: { title?: string; text?: string } = {}) {
  const { heading, intro, entries, source, view } = words;
  const [first] = entries;
  const one = entries.length === 1;
  const title = shortened(rendered(template.title, view, String) ?? heading, MOST_TITLE, String);
  const pictures = one && first?.image != null ? { attach: first.image, filename: 'picture.jpg' } : {};
  const link =
    one && first?.url != null
      ? { click: first.url, actions: [{ action: 'view', label: 'See on eBay', url: first.url }] }
      : {};
  const rest = { title, ...link, ...pictures, tags: ['label'] };
  // The addresses of several listings count too.
  const most = Math.min(MOST_MESSAGE, MOST_BODY - jsonBytes(rest) - 200);
  const around = [...intro, source].filter((line) => line !== '');
  const left = most - jsonBytes(around.join('\n\n')) - 8;
  const line = (entry: Entry, detail: number) =>
    (detail < 3 ? undefined : rendered(template.text, entry.view, String)) ??
    entryText(entry, detail, one && intro.length === 0);
  const list = listed(entries, line, { most: left, length: jsonBytes });
  const message = [...intro, list, source].filter((part) => part !== '').join('\n\n');
  return { ...rest, message };
}

function entryText(entry: Entry, detail: number, isAlone: boolean): string {
  const title = shortened(entry.title, TITLE_LENGTHS[detail] ?? 20, String);
  return [
    // The notification's title has it already.
    isAlone ? '' : `${entry.event}: ${title}`,
    priceLine(entry),
    entry.age,
    detail < 3 ? '' : entry.facts,
    isAlone || entry.url === null ? '' : entry.url,
  ]
    .filter((line) => line !== '')
    .join('\n');
}

/** Bytes within JSON, which are at least those of the text. */
function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
