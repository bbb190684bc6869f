import { type Received, type Receiver, type Reply, startReceiver } from './receiver.ts';

/** What ntfy answers to too many requests. */
export const NTFY_BUSY: Reply = {
  status: 429,
  body: {
    code: 42901,
    http: 429,
    error: 'limit reached: too many requests',
    link: 'https://ntfy.sh/docs/publish/#limitations',
  },
};

/**
 * A server of ntfy that takes messages as JSON, with the limits and errors of its source (server.go, errors.go).
 * @param token what a topic needs; default: none
 */
export function startNtfy(token?: string): Promise<Receiver> {
  return startReceiver((request) => judge(request, token));
}

function judge({ method, path, text, json, headers }: Received, token: string | undefined): Reply {
  const refuse = (code: number, error: string) => ({
    status: Math.floor(code / 100),
    body: { code, http: Math.floor(code / 100), error },
  });
  if (path !== '/' || method !== 'POST') return refuse(40401, 'page not found');
  if (token !== undefined && headers.authorization !== `Bearer ${token}`)
    return headers.authorization === undefined ? refuse(40301, 'forbidden') : refuse(40101, 'unauthorized');
  if (Buffer.byteLength(text) > 2 * 4096) return refuse(41303, 'JSON body too large');
  if (typeof json !== 'object' || json === null)
    return refuse(40017, 'invalid request: request body must be message JSON');
  if (!/^[-_A-Za-z0-9]{1,64}$/.test(json.topic ?? '')) return refuse(40009, 'invalid request: topic invalid');
  if (Buffer.byteLength(json.message ?? '') > 4096)
    return refuse(40014, 'invalid request: attachments not allowed');
  if (json.priority !== undefined && !(json.priority >= 1 && json.priority <= 5))
    return refuse(40007, 'invalid priority parameter');
  if (json.attach !== undefined && !/^https?:\/\//.test(json.attach))
    return refuse(40013, 'invalid request: attachment URL is invalid');
  if (json.icon !== undefined && !/^https?:\/\//.test(json.icon))
    return refuse(40021, 'invalid request: icon URL is invalid');
  const actions = json.actions ?? [];
  const isAction = ({ action, label, url }: Record<string, unknown>) =>
    ['view', 'broadcast', 'http'].includes(String(action)) &&
    Boolean(label) &&
    (action === 'broadcast' || Boolean(url));
  if (!Array.isArray(actions) || actions.length > 3 || !actions.every(isAction))
    return refuse(40018, 'invalid request: actions invalid');
  return {
    status: 200,
    body: {
      id: 'h6Y2hKA5sy0U',
      time: 1,
      event: 'message',
      topic: json.topic,
      message: json.message || 'triggered',
    },
  };
}
