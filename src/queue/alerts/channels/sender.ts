import type { AlertMessage } from '../../../product/alertMessage.ts';
import type { Channel, ChannelKind } from '../../../product/channelSchema.ts';

/** Why a message did not arrive, and what that says. */
export class DeliveryError extends Error {
  override name = 'DeliveryError';
  /**
   * `message`: this one will never be taken (400, 413, 422), others may be. `channel`: the receiver is away or does not take
   * anything (no connection, time-out, 401, 403, 404, 410, 5xx). `busy`: it asks for a pause (429).
   */
  readonly fault: 'message' | 'channel' | 'busy';
  /** Status of HTTP, or code of SMTP; undefined without an answer. */
  readonly status: number | undefined;
  /** How long the receiver wants to be left alone, ms. */
  readonly retryAfterMs: number | undefined;

  /** @param message for people; holds no secret */
  constructor(
    message: string,
    {
      fault,
      status,
      retryAfterMs,
    }: Partial<Pick<DeliveryError, 'status' | 'retryAfterMs'>> & Pick<DeliveryError, 'fault'>,
  ) {
    super(message);
    this.fault = fault;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A channel with its secrets, in the process that sends. */
export type OpenChannel<Kind extends ChannelKind = ChannelKind> = Extract<Channel, { kind: Kind }> & {
  /** Of a webhook whose secret was replaced: signs too, so that the receiver may change it later. */
  formerSecret?: string;
};

/**
 * Hits of one message at most. A webhook gets one alert a request, unless the alert has a digest; then the most that a
 * message holds. The others follow from the limits of each API, so that no hit is cut off.
 */
export const MOST_HITS: Readonly<Record<ChannelKind, number>> = {
  webhook: 1,
  discord: 10,
  slack: 15,
  telegram: 10,
  ntfy: 10,
  email: 50,
};

/** Sends messages by one kind of channel. */
export interface Sender<Kind extends ChannelKind = ChannelKind> {
  readonly kind: Kind;
  /**
   * Resolves when the receiver has taken it.
   * @param partly called with words on what it did not take, where it took a part @throws DeliveryError
   */
  send(
    channel: OpenChannel<Kind>,
    message: AlertMessage,
    signal: AbortSignal,
    partly?: (words: string) => void,
  ): Promise<void>;
}
