import type { ChannelKind } from '../../../product/channelSchema.ts';
import type { Post } from './answers.ts';
import { discordSender } from './discord.ts';
import { type EmailSettings, emailSender } from './email.ts';
import { ntfySender } from './ntfy.ts';
import { DeliveryError, type OpenChannel, type Sender } from './sender.ts';
import { slackSender } from './slack.ts';
import { telegramSender } from './telegram.ts';
import { webhookSender } from './webhook.ts';

export interface SenderSettings {
  /** Sends a request, to allowed addresses only. */
  post: Post;
  email: EmailSettings;
  /** ms since the epoch, on the clock that the fleet shares (`clockOf(redis)`): a signature holds it. */
  now: () => number;
}

/** A sender of each kind of channel. */
export function senders({ post, email, now }: SenderSettings): ReadonlyMap<ChannelKind, Sender> {
  const all = [
    webhookSender(post, now),
    discordSender(post, now),
    slackSender(post, now),
    telegramSender(post, now),
    ntfySender(post, now),
    emailSender(email, now),
  ];
  // The kind of a channel chooses its sender, so each gets channels of its own kind only.
  return new Map((all as Sender[]).map((sender) => [sender.kind, withoutTemplate(sender)]));
}

/** A message that the receiver refuses in the words of a template is sent in the usual ones. */
function withoutTemplate(sender: Sender): Sender {
  return {
    kind: sender.kind,
    async send(channel, message, signal, partly) {
      try {
        await sender.send(channel, message, signal, partly);
      } catch (error) {
        const hasTemplate = 'template' in channel && channel.template !== undefined;
        if (!hasTemplate || !(error instanceof DeliveryError) || error.fault !== 'message') throw error;
        const { template: _, ...plain } = channel;
        await sender.send(plain as OpenChannel, message, signal, partly);
      }
    },
  };
}
