import { isJson, type Received, type Receiver, type Reply, startReceiver } from './receiver.ts';

export const SLACK_PATH = '/services/T0000TEAM/B0000HOOK/thisIsNoRealTokenOfSlack';

/** Slack's answer to too many requests. */
export const SLACK_BUSY: Reply = { status: 429, headers: { 'retry-after': '30' }, body: 'rate_limited' };

/**
 * Slack's incoming webhooks with the limits of Block Kit's reference and the error words of its changelog and guide.
 * @param isLoaded whether Slack can load a picture; default: every one
 */
export function startSlack(isLoaded: (url: string) => boolean = () => true): Promise<Receiver> {
  return startReceiver((request) => judge(request, isLoaded));
}

function judge(request: Received, isLoaded: (url: string) => boolean): Reply {
  const { method, path, json } = request;
  const refuse = (status: number, body: string) => ({ status, body });
  if (path !== SLACK_PATH)
    return path.startsWith('/services/T0000TEAM/') ? refuse(404, 'no_service') : refuse(404, 'no_team');
  if (method !== 'POST') return refuse(405, 'method_not_allowed');
  if (!isJson(request) || typeof json !== 'object' || json === null) return refuse(400, 'invalid_payload');
  const { text, blocks } = json;
  if (text === undefined && blocks === undefined) return refuse(400, 'no_text');
  if (text !== undefined && (typeof text !== 'string' || text.length > 40_000))
    return refuse(400, 'msg_too_long');
  if (blocks === undefined) return text === '' ? refuse(400, 'no_text') : { status: 200, body: 'ok' };
  const isText = (value: unknown, types: string[], most: number) => {
    const { type, text: words } = (value ?? {}) as { type?: string; text?: unknown };
    return (
      types.includes(type ?? '') && typeof words === 'string' && words.length >= 1 && words.length <= most
    );
  };
  const isImage = (value: unknown) => {
    const { image_url: url, alt_text: alt } = (value ?? {}) as { image_url?: string; alt_text?: string };
    return (
      typeof url === 'string' &&
      url.length <= 3000 &&
      /^https?:\/\//.test(url) &&
      isLoaded(url) &&
      typeof alt === 'string' &&
      alt.length >= 1 &&
      alt.length <= 2000
    );
  };
  // biome-ignore lint/suspicious/noExplicitAny: a block may be anything
  const isBlock = (block: any): boolean => {
    switch (block?.type) {
      case 'header':
        return isText(block.text, ['plain_text'], 150);
      case 'section':
        return (
          isText(block.text, ['mrkdwn', 'plain_text'], 3000) &&
          (block.accessory === undefined || (block.accessory.type === 'image' && isImage(block.accessory)))
        );
      case 'context':
        return (
          Array.isArray(block.elements) &&
          block.elements.length >= 1 &&
          block.elements.length <= 10 &&
          block.elements.every((element: { type: string }) =>
            element.type === 'image' ? isImage(element) : isText(element, ['mrkdwn', 'plain_text'], 3000),
          )
        );
      case 'image':
        return isImage(block);
      case 'divider':
        return true;
      default:
        return false;
    }
  };
  if (!Array.isArray(blocks) || blocks.length > 50 || !blocks.every(isBlock))
    return refuse(400, 'invalid_blocks');
  return { status: 200, body: 'ok' };
}
