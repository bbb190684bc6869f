import { isJson, type Received, type Receiver, type Reply, startReceiver } from './receiver.ts';

export const DISCORD_PATH =
  '/api/webhooks/1187654321098765432/dGhpcy1pcy1ub3QtYS1yZWFsLXRva2VuLW9mLWRpc2NvcmQ';

/**
 * Discord's Execute Webhook, with the limits of its documentation (Message Resource, Embed Limits) and its error forms.
 * Lengths count code units, which are never fewer than Discord's characters.
 */
export function startDiscord(): Promise<Receiver> {
  return startReceiver(judge);
}

/** Embeds as a person sees them: of those with the same address only the first. */
export function shownEmbeds({ json }: Received): Array<Record<string, unknown>> {
  const seen = new Set<unknown>();
  return json.embeds.filter(({ url }: { url?: string }) => {
    const isNew = url === undefined || !seen.has(url);
    seen.add(url);
    return isNew;
  });
}

/** What Discord answers to too many requests (Rate Limits, Exceeding a Rate Limit). */
export const DISCORD_BUSY: Reply = {
  status: 429,
  headers: { 'retry-after': '65', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset-after': '64.57' },
  body: { message: 'You are being rate limited.', retry_after: 64.57, global: false },
};

function judge(request: Received): Reply {
  const { method, path, json, query } = request;
  if (path !== DISCORD_PATH) {
    const isKnown = path.startsWith(DISCORD_PATH.slice(0, DISCORD_PATH.lastIndexOf('/') + 1));
    return isKnown
      ? { status: 401, body: { message: 'Invalid Webhook Token', code: 50027 } }
      : { status: 404, body: { message: 'Unknown Webhook', code: 10015 } };
  }
  if (method !== 'POST') return { status: 405, body: { message: '405: Method Not Allowed', code: 0 } };
  if (!isJson(request) || json === undefined)
    return { status: 400, body: { message: 'The request body contains invalid JSON.', code: 50109 } };
  const problems: string[] = [];
  const text = (value: unknown, most: number, where: string) => {
    if (value === undefined) return 0;
    if (typeof value !== 'string' || value.trim().length > most) problems.push(where);
    return String(value).trim().length;
  };
  const address = (value: unknown, where: string) => {
    if (value === undefined) return;
    if (typeof value !== 'string' || value.length > 2048 || !/^https?:\/\/[^\s]+$/.test(value))
      problems.push(where);
  };
  const { content, embeds = [] } = json;
  text(content, 2000, 'content');
  if (!Array.isArray(embeds) || embeds.length > 10) problems.push('embeds');
  let total = 0;
  for (const [index, embed] of embeds.entries()) {
    const at = `embeds.${index}`;
    total += text(embed.title, 256, `${at}.title`) + text(embed.description, 4096, `${at}.description`);
    total +=
      text(embed.footer?.text, 2048, `${at}.footer.text`) +
      text(embed.author?.name, 256, `${at}.author.name`);
    address(embed.url, `${at}.url`);
    address(embed.thumbnail?.url, `${at}.thumbnail.url`);
    address(embed.image?.url, `${at}.image.url`);
    if (
      embed.color !== undefined &&
      !(Number.isInteger(embed.color) && embed.color >= 0 && embed.color <= 0xffffff)
    )
      problems.push(`${at}.color`);
    const fields = embed.fields ?? [];
    if (fields.length > 25) problems.push(`${at}.fields`);
    for (const field of fields)
      total += text(field.name, 256, `${at}.fields`) + text(field.value, 1024, `${at}.fields`);
    if (!embed.title && !embed.description && fields.length === 0 && !embed.image && !embed.thumbnail)
      problems.push(at);
  }
  if (total > 6000) problems.push('embeds: more than 6000 characters');
  const mentions = json.allowed_mentions?.parse ?? [];
  if (
    !Array.isArray(mentions) ||
    mentions.some((kind: unknown) => !['roles', 'users', 'everyone'].includes(String(kind)))
  )
    problems.push('allowed_mentions');
  if (problems.length > 0)
    return {
      status: 400,
      body: {
        message: 'Invalid Form Body',
        code: 50035,
        errors: Object.fromEntries(
          problems.map((where) => [
            where,
            { _errors: [{ code: 'BASE_TYPE_BAD_LENGTH', message: 'Must be shorter.' }] },
          ]),
        ),
      },
    };
  if (!content?.trim() && embeds.length === 0)
    return { status: 400, body: { message: 'Cannot send an empty message', code: 50006 } };
  return query.get('wait') === 'true'
    ? { status: 200, body: { id: '1', type: 0, content: content ?? '', embeds } }
    : { status: 204 };
}
