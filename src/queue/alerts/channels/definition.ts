import { isLoopback } from '../../../config/checks.ts';
import {
  CHANNEL_KINDS,
  type Channel,
  type ChannelKind,
  ChannelSchema,
} from '../../../product/channelSchema.ts';
import { isObject, tidyJson } from '../../../product/parseRequest.ts';
import { echo, type InputError } from '../../../product/schemaErrors.ts';
import { violations } from '../../../product/violations.ts';

export interface ChannelRules {
  /** Whether OUTBOUND_ALLOW names this host. */
  isAllowed: (host: string) => boolean;
}

export const TELEGRAM = 'https://api.telegram.org';
export const NTFY = 'https://ntfy.sh';

/** Where the addresses of a kind lead, and what they look like there. */
const OFFICIAL: Partial<Record<ChannelKind, { hosts: RegExp; path: RegExp; example: string }>> = {
  discord: {
    hosts: /^((ptb|canary)\.)?discord(app)?\.com$/,
    path: /^\/api\/(v\d+\/)?webhooks\/\d+\/[\w-]+\/?$/,
    example: 'https://discord.com/api/webhooks/ID/TOKEN',
  },
  slack: {
    hosts: /^hooks\.slack(-gov)?\.com$/,
    path: /^\/services\/\w+\/\w+\/\w+\/?$/,
    example: 'https://hooks.slack.com/services/T…/B…/…',
  },
  telegram: { hosts: /^api\.telegram\.org$/, path: /^\/$/, example: TELEGRAM },
};

const SCHEMAS = new Map<unknown, (typeof ChannelSchema.anyOf)[number]>(
  ChannelSchema.anyOf.map((schema) => [schema.properties.kind.const, schema]),
);

type ParsedChannel = { ok: true; channel: Channel } | { ok: false; errors: InputError[] };

/** Reads a channel from any value and names everything wrong with it, never a secret; never throws on input. */
export async function parseChannel(input: unknown, rules: ChannelRules): Promise<ParsedChannel> {
  const tidied = tidyJson(input);
  if (!tidied.ok) return tidied;
  const { value } = tidied;
  const refuse = (path: string, code: string, message: string): ParsedChannel => ({
    ok: false,
    errors: [{ path, code, message }],
  });
  if (!isObject(value))
    return refuse('', 'invalid_payload', `a channel is a JSON object; got ${echo(value)}`);
  const schema = SCHEMAS.get(value.kind);
  if (schema === undefined) {
    const message = `must be one of ${CHANNEL_KINDS.join(', ')}; got ${echo(value.kind)}`;
    return refuse('kind', value.kind === undefined ? 'required' : 'unknown_kind', message);
  }
  const errors = new Map<string, InputError>();
  const add = (path: string, code: string, message: string) => {
    if (!errors.has(path)) errors.set(path, { path, code, message });
  };
  for (const { keyword, instancePath, params, message, parentSchema } of violations(schema, value)) {
    const own = instancePath.slice(1).replaceAll('/', '.');
    const below = (field: string) => (own === '' ? field : `${own}.${field}`);
    if (keyword === 'additionalProperties') {
      const known = own === 'template' ? 'title, text' : Object.keys(schema.properties).join(', ');
      const field = below(String(params.additionalProperty).slice(0, 64));
      add(field, 'unknown_field', `is no field of a channel of kind ${value.kind}; known here: ${known}`);
    } else if (keyword === 'required') add(below(params.missingProperty), 'required', 'is required here');
    else if (own === 'name')
      add(own, 'invalid_name', 'must be 1 to 60 of the characters a-z, 0-9 and hyphen');
    // The schema's own words would show a pattern, and a value may be a secret.
    else if (keyword === 'pattern' || keyword === 'format')
      add(own, 'invalid_value', `must be ${FORMS[own.replace(/\.\d+$/, '')] ?? parentSchema?.description}`);
    else add(own, 'invalid_value', message ?? 'is wrong');
  }
  const channel = value as unknown as Channel;
  for (const field of ['url', 'server'] as const) {
    const address: unknown = value[field];
    if (typeof address !== 'string' || errors.has(field)) continue;
    const problem = addressProblem(channel.kind, address, rules);
    if (problem !== undefined) add(field, ...problem);
  }
  if (typeof value.secret === 'string' && !errors.has('secret') && !isSecret(value.secret))
    add('secret', 'invalid_value', `must be ${FORMS.secret}`);
  // It becomes a header.
  if (channel.kind === 'ntfy' && channel.token !== undefined && !/^[\x21-\x7e]*$/.test(channel.token))
    add('token', 'invalid_value', 'must be an access token of the server: ASCII without spaces');
  if (isObject(value.template)) {
    const { templateProblem } = await import('./template.ts');
    for (const field of ['title', 'text']) {
      const template = value.template[field];
      const problem = typeof template === 'string' ? templateProblem(template) : undefined;
      if (problem !== undefined) add(`template.${field}`, 'invalid_template', problem);
    }
  }
  return errors.size > 0 ? { ok: false, errors: [...errors.values()] } : { ok: true, channel };
}

const FORMS: Readonly<Record<string, string>> = {
  url: 'an address that begins with https://',
  server: 'an address that begins with https://',
  secret: 'whsec_ and 24 to 64 bytes in Base64',
  token: 'the token of a bot, such as 110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw',
  chat: 'the id of a chat, such as -1001234567890, or @name of a public channel',
  topic: '1 to 64 letters, digits, underscores and hyphens',
  to: 'an e-mail address',
};

function isSecret(secret: string): boolean {
  const text = secret.slice('whsec_'.length);
  const bytes = Buffer.from(text, 'base64');
  return bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === text;
}

/** @returns code and message, which show the host alone: all else may be secret */
function addressProblem(
  kind: ChannelKind,
  address: string,
  { isAllowed }: ChannelRules,
): [code: string, message: string] | undefined {
  if (!URL.canParse(address)) return ['invalid_url', 'is no valid address'];
  const url = new URL(address);
  const { protocol, hostname, pathname } = url;
  if (url.username !== '' || url.password !== '')
    return ['invalid_url', 'must hold no user name and password: they would be shown in messages'];
  if (protocol !== 'https:' && !isLoopback(hostname) && !isAllowed(hostname))
    return [
      'insecure_url',
      `must be https: plain http to ${hostname} would show secrets on the network; OUTBOUND_ALLOW may name the host`,
    ];
  const official = OFFICIAL[kind];
  if (official === undefined) return undefined;
  if (official.hosts.test(hostname))
    return official.path.test(pathname)
      ? undefined
      : ['invalid_url', `is no such address of ${hostname}: it looks like ${official.example}`];
  if (isAllowed(hostname)) return undefined;
  return [
    'foreign_host',
    `leads to ${hostname}, but an address of this kind looks like ${official.example}; OUTBOUND_ALLOW may name another host`,
  ];
}

/** Where a channel leads, for people: a host, or the domains of e-mail addresses. Never a secret. */
export function hostOf(channel: Channel): string {
  switch (channel.kind) {
    case 'email':
      return [...new Set(channel.to.map((address) => address.slice(address.lastIndexOf('@') + 1)))].join(
        ', ',
      );
    case 'telegram':
      return new URL(channel.server ?? TELEGRAM).host;
    case 'ntfy':
      return new URL(channel.server ?? NTFY).host;
    default:
      return new URL(channel.url).host;
  }
}

/** Shorter parts of an address are words, which would then be masked everywhere. */
const SHORTEST_PART = 16;

/** What of a channel must appear nowhere. */
export function secretsOfChannel(channel: Channel & { formerSecret?: string | undefined }): string[] {
  const parts = (address: string) => {
    const { pathname, searchParams } = new URL(address);
    return [...pathname.split('/'), ...searchParams.values()].filter(({ length }) => length >= SHORTEST_PART);
  };
  switch (channel.kind) {
    case 'webhook': {
      const secrets = [channel.secret, channel.formerSecret].filter((secret) => secret !== undefined);
      return [...secrets, ...secrets.map((secret) => secret.slice('whsec_'.length)), ...parts(channel.url)];
    }
    case 'discord':
    case 'slack':
      return parts(channel.url);
    case 'telegram':
      return [channel.token, channel.token.slice(channel.token.indexOf(':') + 1)];
    case 'ntfy':
      return [channel.token ?? '', channel.topic].filter(({ length }) => length >= SHORTEST_PART);
    case 'email':
      return [];
  }
}
