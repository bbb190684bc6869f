import { type Answer, isTaken, type Post, postJson, refusal } from './answers.ts';
import type { DeliveryError, Sender } from './sender.ts';
import { rendered } from './template.ts';
import { type Entry, shortened, type Words, wordsOf } from './words.ts';

/** https://docs.slack.dev/reference/block-kit/blocks */
const MOST_BLOCKS = 50;
const MOST_HEADER = 150;
const MOST_SECTION = 3000;
const MOST_ALT_TEXT = 2000;
/** Of the text for notifications; Slack cuts at 40,000 and advises 4,000. */
const MOST_TEXT = 3000;

export function slackSender(post: Post, now: () => number): Sender<'slack'> {
  return {
    kind: 'slack',
    async send({ url, template }, message, signal) {
      const words = wordsOf(message, now());
      const answer = await postJson(post, url, slackMessage(words, template), signal);
      if (isTaken(answer)) return;
      const hasImages = words.entries.some(({ image }) => image !== null);
      // Slack refuses the whole message when it cannot load one of its pictures.
      if (answer.status === 400 && answer.body.trim() === 'invalid_blocks' && hasImages) {
        const entries = words.entries.map((entry) => ({ ...entry, image: null }));
        const again = await postJson(post, url, slackMessage({ ...words, entries }, template), signal);
        if (isTaken(again)) return;
        throw refused(again, now());
      }
      throw refused(answer, now());
    },
  };
}

/** Slack's answers are one word of plain text. */
function refused(answer: Answer, now: number): DeliveryError {
  const word = /^[a-z_]{1,60}$/.exec(answer.body.trim())?.[0] ?? '';
  const fault = /^(user_not_found|channel_not_found|no_team|no_active_hooks)$/.test(word)
    ? 'channel'
    : undefined;
  return refusal(answer, { reason: word, fault }, now);
}

type Block = Record<string, unknown>;

export function slackMessage(words: Words, template: { title?: string; text?: string } = {}) {
  const { heading, intro, entries, source } = words;
  const section = (text: string): Block => ({ type: 'section', text: { type: 'mrkdwn', text } });
  const title = rendered(template.title, words.view, slackText);
  const blocks: Block[] = [];
  if (title !== undefined && title.length <= MOST_SECTION) blocks.push(section(title));
  else if (entries.length !== 1 || intro.length > 0)
    blocks.push({
      type: 'header',
      text: { type: 'plain_text', text: shortened(heading, MOST_HEADER, String), emoji: false },
    });
  if (intro.length > 0) blocks.push(section(shortened(intro.join('\n'), MOST_SECTION, slackText)));
  const room = MOST_BLOCKS - blocks.length - 1;
  for (const entry of entries.slice(0, room))
    blocks.push({
      ...section(entryText(entry, template.text)),
      ...(entry.image === null
        ? {}
        : {
            accessory: {
              type: 'image',
              image_url: entry.image,
              alt_text: shortened(entry.title, MOST_ALT_TEXT, String),
            },
          }),
    });
  if (source !== '')
    blocks.push({ type: 'context', elements: [{ type: 'mrkdwn', text: slackText(source) }] });
  return {
    text: shortened(heading, MOST_TEXT, slackText),
    blocks,
    unfurl_links: false,
    unfurl_media: false,
  };
}

function entryText(entry: Entry, template: string | undefined): string {
  const own = rendered(template, entry.view, slackText);
  if (own !== undefined && own.length <= MOST_SECTION) return own;
  const { price, withoutPrice, event, url } = entry;
  const title = slackText(entry.title);
  const from = price?.from == null ? '' : `~${slackText(price.from)}~ → `;
  const change = price?.change == null ? '' : ` (${slackText(price.change)})`;
  const lines = [
    url === null ? title : `<${slackText(url)}|${title}>`,
    slackText(event),
    price === null ? slackText(withoutPrice) : `${price.label}: ${from}*${slackText(price.to)}*${change}`,
    slackText(entry.age),
    slackText(entry.facts),
  ].filter((line) => line !== '');
  // A link of 2,000 characters and the other lines fit; facts that grow under escaping may not.
  while (lines.join('\n').length > MOST_SECTION && lines.length > 1) lines.pop();
  const text = lines.join('\n');
  return text.length <= MOST_SECTION ? text : shortened(entry.title, MOST_SECTION, slackText);
}

/** https://docs.slack.dev/messaging/formatting-message-text#escaping: these three alone make links and mentions. */
export function slackText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
