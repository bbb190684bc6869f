import { expect } from 'chai';
import {
  hostOf,
  parseChannel,
  secretsOfChannel,
} from '../../../../../src/queue/alerts/channels/definition.ts';
import {
  rendered,
  TEMPLATE_FIELDS,
  type TemplateView,
  templateProblem,
} from '../../../../../src/queue/alerts/channels/template.ts';
import { DISCORD_PATH } from '../../../../support/channels/discord.ts';
import { SLACK_PATH } from '../../../../support/channels/slack.ts';
import { TELEGRAM_CHAT, TELEGRAM_TOKEN } from '../../../../support/channels/telegram.ts';

const isAllowed = (host: string) => host === 'chat.intern';
const parse = (channel: unknown) => parseChannel(channel, { isAllowed });
const codes = async (channel: unknown) => {
  const parsed = await parse(channel);
  return parsed.ok ? [] : parsed.errors.map(({ path, code }) => `${path}: ${code}`).sort();
};
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

const right = {
  webhook: {
    kind: 'webhook',
    name: 'shop',
    url: 'https://shop.example/alerts?key=Zm9vYmFyYmF6cXV4MTIz',
    secret: SECRET,
  },
  discord: { kind: 'discord', name: 'chat', url: `https://discord.com${DISCORD_PATH}` },
  slack: { kind: 'slack', name: 'team', url: `https://hooks.slack.com${SLACK_PATH}` },
  telegram: { kind: 'telegram', name: 'phone', token: TELEGRAM_TOKEN, chat: TELEGRAM_CHAT },
  ntfy: {
    kind: 'ntfy',
    name: 'push',
    topic: 'my-unguessable-topic-5Jx2',
    token: 'tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2',
  },
  email: { kind: 'email', name: 'mail', to: ['me@example.org', 'you@example.com'] },
} as const;

describe('a channel as a caller writes it', () => {
  it('is taken in each of its kinds', async () => {
    for (const channel of Object.values(right))
      expect(await parse(channel)).to.deep.equal({ ok: true, channel });
  });

  const wrong: Array<[what: string, channel: unknown, errors: string[]]> = [
    ['nothing', undefined, [': invalid_payload']],
    ['another kind', { kind: 'sms', name: 'x' }, ['kind: unknown_kind']],
    ['no kind', { name: 'x' }, ['kind: required']],
    ['an empty webhook', { kind: 'webhook' }, ['name: required', 'url: required']],
    [
      'everything at once',
      {
        kind: 'telegram',
        name: 'No',
        token: 'x',
        chat: '!',
        server: 'http://a.example',
        extra: 1,
        template: { text: '{{x}}' },
      },
      [
        'chat: invalid_value',
        'extra: unknown_field',
        'name: invalid_name',
        'server: insecure_url',
        'template.text: invalid_template',
        'token: invalid_value',
      ],
    ],
    ['plain http', { ...right.webhook, url: 'http://shop.example/' }, ['url: insecure_url']],
    [
      'a password in an address',
      { ...right.webhook, url: 'https://a:b@shop.example/' },
      ['url: invalid_url'],
    ],
    ['no address at all', { ...right.webhook, url: 'https://' }, ['url: invalid_url']],
    ['a short secret', { ...right.webhook, secret: 'whsec_c2hvcnQ=' }, ['secret: invalid_value']],
    [
      'a secret that is no Base64',
      { ...right.webhook, secret: `whsec_${'A'.repeat(33)}` },
      ['secret: invalid_value'],
    ],
    [
      'Discord elsewhere',
      { ...right.discord, url: 'https://discord.com.evil.example/api/webhooks/1/x' },
      ['url: foreign_host'],
    ],
    [
      'a page of Discord',
      { ...right.discord, url: 'https://discord.com/channels/1/2' },
      ['url: invalid_url'],
    ],
    [
      'Slack elsewhere',
      { ...right.slack, url: 'https://hooks.slack.example/services/a/b/c' },
      ['url: foreign_host'],
    ],
    ['Telegram elsewhere', { ...right.telegram, server: 'https://bots.example' }, ['server: foreign_host']],
    [
      'a token that would break a header',
      { ...right.ntfy, token: 'tk_a\nX-Priority: 5' },
      ['token: invalid_value'],
    ],
    ['no mail address', { ...right.email, to: ['me'] }, ['to.0: invalid_value']],
    [
      'a header in a mail address',
      { ...right.email, to: ['me@example.org\nBcc: you@example.org'] },
      ['to.0: invalid_value'],
    ],
    [
      'too many addresses',
      { ...right.email, to: Array.from({ length: 11 }, (_, n) => `me${n}@example.org`) },
      ['to: invalid_value'],
    ],
    ['a key of an object', { ...right.email, constructor: 1 }, ['constructor: forbidden_key']],
  ];
  for (const [what, channel, errors] of wrong)
    it(`is refused: ${what}`, async () => {
      expect(await codes(channel)).to.deep.equal(errors);
    });

  it('may be plain http on loopback, and lead to hosts that OUTBOUND_ALLOW names', async () => {
    for (const url of [
      'http://127.0.0.1:8080/hook',
      'http://localhost/hook',
      'http://[::1]:1/hook',
      'http://chat.intern/hook',
    ])
      expect(await codes({ ...right.webhook, url })).to.deep.equal([]);
    expect(await codes({ ...right.discord, url: 'http://chat.intern/api/webhooks/1/x' })).to.deep.equal([]);
    expect(await codes({ ...right.discord, url: 'http://127.0.0.1/api/webhooks/1/x' })).to.deep.equal([
      'url: foreign_host',
    ]);
  });

  it('is refused without showing what may be secret', async () => {
    const secret = 'S3cr3tS3cr3tS3cr3t';
    for (const channel of [
      { ...right.discord, url: `http://discord.com/api/webhooks/1/${secret}` },
      { ...right.slack, url: `https://hooks.slack.example/services/${secret}` },
      { ...right.webhook, url: `https://me:${secret}@shop.example/`, secret: `whsec_${secret}` },
      { ...right.telegram, token: `${secret}` },
      { ...right.ntfy, token: `${secret}\n`, topic: `${secret}!` },
    ])
      expect(JSON.stringify(await parse(channel)))
        .to.include('errors')
        .and.not.include(secret);
  });

  it('shows its host alone', () => {
    expect(
      Object.values(right).map((channel) => hostOf({ ...channel } as Parameters<typeof hostOf>[0])),
    ).to.deep.equal([
      'shop.example',
      'discord.com',
      'hooks.slack.com',
      'api.telegram.org',
      'ntfy.sh',
      'example.org, example.com',
    ]);
  });

  it('names what must appear nowhere, and no word that may stand in any log', () => {
    const secrets = Object.values(right).flatMap((channel) =>
      secretsOfChannel({ ...channel } as Parameters<typeof hostOf>[0]),
    );
    for (const secret of [
      SECRET,
      'Zm9vYmFyYmF6cXV4MTIz',
      DISCORD_PATH.split('/').at(-1),
      SLACK_PATH.split('/').at(-1),
      TELEGRAM_TOKEN,
      right.ntfy.token,
      right.ntfy.topic,
    ])
      expect(secrets).to.include(secret);
    for (const secret of secrets) expect(secret.length, secret).to.be.at.least(16);
  });
});

describe('a template', () => {
  it('may use the documented fields, sections and comments', () => {
    for (const text of [
      '',
      'words',
      '{{title}} {{columns.sku}}',
      '{{#before}}was {{before}}{{/before}}{{^before}}new{{/before}}',
      '{{! note }}',
      '{{#before}}was {{.}}{{/before}}',
      '{{#columns.sku}}{{^before}}{{.}}{{/before}}{{/columns.sku}}',
    ])
      expect(templateProblem(text), text).to.equal(undefined);
  });

  for (const [text, words] of [
    ['{{title', /no Mustache template: Unclosed tag/],
    ['{{#title}}', /Unclosed section/],
    ['{{{title}}}', /not escaped/],
    ['{{&title}}', /not escaped/],
    ['{{>other}}', /names another template/],
    ['{{=<% %>=}}<% title %>', /changes the braces/],
    ['{{price_now}}', /is no field; known here: alert, source/],
    ['{{#title}}{{secret}}{{/title}}', /\{\{secret\}\} is no field/],
    ['{{.}}', /\{\{\.\}\} is no field outside a section/],
    ['{{#.}}x{{/.}}', /outside a section/],
    ['{{^before}}{{.}}{{/before}}', /outside a section/],
    ['{{#before}}{{.}}{{/before}}{{.}}', /outside a section/],
  ] as const)
    it(`is refused: ${text}`, () => {
      expect(templateProblem(text)).to.match(words);
    });

  it('shows fields and columns alone, and nothing for what is not known', () => {
    const fields = Object.fromEntries(TEMPLATE_FIELDS.map((name) => [name, '']));
    const view = {
      ...(fields as Omit<TemplateView, 'columns'>),
      title: 'Lamp',
      columns: { sku: 'A1', 'cost.net': '3' },
    };
    const show = (template: string) => rendered(`<${template}>`, view, String);
    for (const name of ['toString', 'constructor', '__proto__', 'constructor.name', 'sku.length', 'none'])
      expect(show(`{{columns.${name}}}{{#columns.${name}}}x{{/columns.${name}}}`), name).to.equal('<>');
    // Accepted by earlier versions, so a stored channel may have it.
    for (const template of ['{{.}}', '{{#.}}x{{/.}}', '{{^price}}{{.}}{{/price}}', '{{toString}}'])
      expect(show(template), template).to.equal('<>');
    expect(show('{{#title}}{{.}} {{title}} {{columns.sku}}{{/title}}')).to.equal('<Lamp Lamp A1>');
    expect(show('{{columns.cost.net}}')).to.equal('<3>');
  });
});
