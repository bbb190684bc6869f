import type { Static } from 'typebox';
import { closed } from './requestSchema.ts';
import { Type } from './type.ts';

const name = Type.String({ pattern: '^[a-z0-9-]{1,60}$', description: 'stands for the channel everywhere' });
const url = (description: string) =>
  Type.String({ minLength: 1, maxLength: 2048, pattern: '^https?://', description });
const template = Type.Optional(
  Type.Object(
    {
      title: Type.Optional(Type.String({ maxLength: 200, description: 'the first line' })),
      text: Type.Optional(Type.String({ maxLength: 2000, description: 'the lines of one listing' })),
    },
    { ...closed, description: 'Mustache templates in place of the usual words' },
  ),
);

/** Where alerts are sent, as a caller writes it. What is a secret is encrypted in Redis and never shown again. */
export const ChannelSchema = Type.Union(
  [
    Type.Object(
      {
        kind: Type.Literal('webhook'),
        name,
        url: url('receives a signed POST for each alert (Standard Webhooks)'),
        secret: Type.Optional(
          Type.String({
            pattern: '^whsec_[A-Za-z0-9+/]{32,88}={0,2}$',
            description:
              'signs the requests: whsec_ and 24 to 64 bytes in Base64; default: one is made and shown once',
          }),
        ),
      },
      closed,
    ),
    Type.Object(
      {
        kind: Type.Literal('discord'),
        name,
        url: url('the webhook of a Discord channel; it is a secret'),
        template,
      },
      closed,
    ),
    Type.Object(
      {
        kind: Type.Literal('slack'),
        name,
        url: url('an incoming webhook of Slack; it is a secret'),
        template,
      },
      closed,
    ),
    Type.Object(
      {
        kind: Type.Literal('telegram'),
        name,
        token: Type.String({
          pattern: '^[0-9]{1,20}:[A-Za-z0-9_-]{20,100}$',
          description: "the bot's token",
        }),
        chat: Type.String({
          pattern: '^(-?[0-9]{1,20}|@[A-Za-z0-9_]{1,64})$',
          description: 'id of the chat, or @name of a public channel',
        }),
        server: Type.Optional(url('default: https://api.telegram.org')),
        template,
      },
      closed,
    ),
    Type.Object(
      {
        kind: Type.Literal('ntfy'),
        name,
        topic: Type.String({
          pattern: '^[A-Za-z0-9_-]{1,64}$',
          description: 'everybody who knows it can read it',
        }),
        server: Type.Optional(url('default: https://ntfy.sh')),
        token: Type.Optional(
          Type.String({ minLength: 1, maxLength: 200, description: 'an access token of the server' }),
        ),
        template,
      },
      closed,
    ),
    Type.Object(
      {
        kind: Type.Literal('email'),
        name,
        to: Type.Array(Type.String({ format: 'email', maxLength: 254 }), {
          minItems: 1,
          maxItems: 10,
          uniqueItems: true,
          description: 'addresses; the server is the setting SMTP_URL',
        }),
        template,
      },
      closed,
    ),
  ],
  { title: 'Channel', description: 'where alerts are sent' },
);

/** A channel as a caller writes it. */
export type Channel = Static<typeof ChannelSchema>;
export type ChannelKind = Channel['kind'];
export const CHANNEL_KINDS = ['webhook', 'discord', 'slack', 'telegram', 'ntfy', 'email'] as const;
