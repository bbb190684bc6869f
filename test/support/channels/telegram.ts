import { isJson, type Received, type Receiver, type Reply, startReceiver } from './receiver.ts';

export const TELEGRAM_TOKEN = '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1';
export const TELEGRAM_CHAT = '-1001234567890';

/** Telegram's answer to too many requests (ResponseParameters, retry_after). */
export const TELEGRAM_BUSY: Reply = {
  status: 429,
  body: {
    ok: false,
    error_code: 429,
    description: 'Too Many Requests: retry after 7',
    parameters: { retry_after: 7 },
  },
};

/**
 * Telegram's Bot API: sendMessage and sendPhoto with HTML, its limits after the markup is parsed, and its error form.
 * @param isLoaded whether Telegram can load a picture; default: every one
 */
export function startTelegram(isLoaded: (url: string) => boolean = () => true): Promise<Receiver> {
  return startReceiver((request) => judge(request, isLoaded));
}

function judge(request: Received, isLoaded: (url: string) => boolean): Reply {
  const refuse = (code: number, description: string) => ({
    status: code,
    body: { ok: false, error_code: code, description },
  });
  const [, token, method] = /^\/bot([^/]+)\/(\w+)$/.exec(request.path) ?? [];
  if (token === undefined) return refuse(404, 'Not Found');
  if (token !== TELEGRAM_TOKEN) return refuse(401, 'Unauthorized');
  const { json } = request;
  if (!isJson(request) || json === undefined) return refuse(400, 'Bad Request: message text is empty');
  if (method !== 'sendMessage' && method !== 'sendPhoto') return refuse(404, 'Not Found: method not found');
  if (json.chat_id === undefined) return refuse(400, 'Bad Request: chat_id is empty');
  if (String(json.chat_id) !== TELEGRAM_CHAT) return refuse(400, 'Bad Request: chat not found');
  const written = String((method === 'sendPhoto' ? json.caption : json.text) ?? '');
  if (json.parse_mode !== 'HTML') return refuse(400, 'Bad Request: unsupported parse_mode');
  const shown = parsedHtml(written);
  if ('problem' in shown) return refuse(400, `Bad Request: can't parse entities: ${shown.problem}`);
  if (method === 'sendMessage' && shown.text.trim() === '')
    return refuse(400, 'Bad Request: message text is empty');
  if (method === 'sendMessage' && shown.text.length > 4096)
    return refuse(400, 'Bad Request: message is too long');
  if (method === 'sendPhoto') {
    if (shown.text.length > 1024) return refuse(400, 'Bad Request: message caption is too long');
    if (!/^https?:\/\//.test(String(json.photo)))
      return refuse(400, 'Bad Request: wrong file identifier/HTTP URL specified');
    if (!isLoaded(json.photo)) return refuse(400, 'Bad Request: wrong type of the web page content');
  }
  return { status: 200, body: { ok: true, result: { message_id: 1, date: 0, chat: { id: TELEGRAM_CHAT } } } };
}

const TAGS = new Set(['b', 'strong', 'i', 'em', 'u', 's', 'del', 'code', 'pre', 'a', 'blockquote']);

/** The text that people see; a problem where Telegram would refuse the markup. */
export function parsedHtml(html: string): { text: string } | { problem: string } {
  const open: string[] = [];
  let text = '';
  let at = 0;
  while (at < html.length) {
    const rest = html.slice(at);
    if (rest.startsWith('<')) {
      const tag = /^<(\/?)([a-z]+)(?: href="([^"<>]*)")?>/.exec(rest);
      if (tag === null) return { problem: `Unsupported start tag at byte offset ${at}` };
      const [whole, slash, name = ''] = tag;
      if (!TAGS.has(name)) return { problem: `Unsupported start tag "${name}" at byte offset ${at}` };
      if (slash !== '') {
        if (open.pop() !== name) return { problem: `Unmatched end tag at byte offset ${at}` };
      } else open.push(name);
      at += whole.length;
      continue;
    }
    const entity = /^&(amp|lt|gt|quot|#\d+);/.exec(rest);
    if (entity !== null) {
      const named = { amp: '&', lt: '<', gt: '>', quot: '"' }[entity[1] as 'amp'];
      text += named ?? String.fromCodePoint(Number(entity[1]?.slice(1)));
      at += entity[0].length;
      continue;
    }
    text += rest[0];
    at += 1;
  }
  return open.length > 0
    ? { problem: `Can't find end tag corresponding to start tag ${open.at(-1)}` }
    : { text };
}
