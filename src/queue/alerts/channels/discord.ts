import { fieldsOf, isTaken, type Post, postJson, refusal, seconds, textOf } from './answers.ts';
import type { Sender } from './sender.ts';
import { rendered } from './template.ts';
import { type Entry, shortened, type Words, wordsOf } from './words.ts';

/** https://discord.com/developers/docs/resources/message#embed-object-embed-limits */
const MOST_TITLE = 256;
const MOST_DESCRIPTION = 4096;
const MOST_CONTENT = 2000;
const MOST_EMBEDS = 10;
const MOST_IN_ALL = 6000;

const GREEN = 0x1a7f37;
const AMBER = 0xb54708;
const GREY = 0x57606a;

export function discordSender(post: Post, now: () => number): Sender<'discord'> {
  return {
    kind: 'discord',
    async send({ url, template }, message, signal) {
      // Without it Discord does not say whether the message was saved.
      const target = new URL(url);
      target.searchParams.set('wait', 'true');
      const value = discordMessage(wordsOf(message, now()), template);
      const answer = await postJson(post, target.href, value, signal);
      if (isTaken(answer)) return;
      const { message: reason, retry_after } = fieldsOf(answer);
      throw refusal(answer, { reason: textOf(reason), retryAfterMs: seconds(retry_after) }, now());
    },
  };
}

export function discordMessage(words: Words, template: { title?: string; text?: string } = {}) {
  const { heading, intro, entries, source } = words;
  const one = entries.length === 1 && intro.length === 0;
  const usual = [`**${discordText(heading)}**`, ...intro.map(discordText)].join('\n');
  const content =
    within(MOST_CONTENT, rendered(template.title, words.view, discordText)) ?? (one ? '' : usual);
  const footer = source === '' ? {} : { footer: { text: source } };
  // Discord shows embeds of the same address as one.
  const addresses = new Set<string>();
  const address = (url: string | null) => {
    if (url === null) return {};
    const own = addresses.has(url) ? `${url}#${addresses.size + 1}` : url;
    addresses.add(own);
    return { url: own };
  };
  const share = Math.floor((MOST_IN_ALL - source.length) / Math.max(1, entries.length));
  const embeds = entries.slice(0, MOST_EMBEDS).map((entry, index) => ({
    title: shortened(entry.title, Math.min(MOST_TITLE, Math.floor(share / 2)), discordText),
    ...address(entry.url),
    ...description(entry, template.text, share),
    color: entry.isGood ? GREEN : AMBER,
    ...(entry.image === null ? {} : { thumbnail: { url: entry.image } }),
    ...(index === entries.length - 1 ? footer : {}),
  }));
  return {
    ...(content === '' ? {} : { content }),
    embeds: embeds.length > 0 || source === '' ? embeds : [{ description: source, color: GREY }],
    // A title may hold @everyone.
    allowed_mentions: { parse: [] },
  };
}

function description(entry: Entry, template: string | undefined, share: number): { description: string } {
  const most = Math.min(MOST_DESCRIPTION, Math.ceil(share / 2));
  const own = within(most, rendered(template, entry.view, discordText));
  if (own !== undefined) return { description: own };
  const { price, withoutPrice, event } = entry;
  const from = price?.from == null ? '' : `~~${discordText(price.from)}~~ → `;
  const change = price?.change == null ? '' : ` (${discordText(price.change)})`;
  const priced =
    price === null
      ? discordText(withoutPrice)
      : `${price.label}: ${from}**${discordText(price.to)}**${change}`;
  const lines = [`${event}${priced === '' ? '' : `\n${priced}`}`];
  for (const [line, isOptional] of [
    [entry.age, false],
    [entry.facts, true],
  ] as const) {
    const left = most - lines.join('\n').length - 1;
    if (line !== '' && (!isOptional || left >= 20)) lines.push(shortened(line, left, discordText));
  }
  return { description: lines.join('\n') };
}

function within(most: number, text: string | undefined): string | undefined {
  return text !== undefined && text.length <= most ? text : undefined;
}

/** Discord takes these literally behind a backslash; without them there is no Markdown, mention, emoji or link. */
export function discordText(text: string): string {
  return text.replace(/[\\*_~`|<>#+\-:@[\]()]/g, '\\$&');
}
