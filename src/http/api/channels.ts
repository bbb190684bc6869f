import { type Channel, ChannelSchema } from '../../product/channelSchema.ts';
import { Type } from '../../product/type.ts';
import { callerOf, keyed, type Routes } from '../access.ts';
import type { Role } from '../auth/apiKeys.ts';
import type { Caller } from '../auth/authenticator.ts';
import type { HeldAnswers } from '../heldAnswers.ts';
import { Problem } from '../problem.ts';
import { ChannelState, ChannelTested, FailedMessages } from './schemas.ts';
import { bodyRequired, type ProducerOf } from './searches.ts';

const READ: Role[] = ['schedule', 'read'];
const CHANGE: Role[] = ['schedule'];
/** Longest wait for the end of a test, ms: below the time-outs of usual proxies. */
const TEST_MS = 12_000;

const params = Type.Object({ name: Type.String({ minLength: 1, maxLength: 60 }) });
const WithSecret = Type.Object({
  ...ChannelState.properties,
  secret: Type.Optional(
    Type.String({ description: 'of a webhook for which one was made; never shown again' }),
  ),
});
const NewSecret = Type.Object({
  secret: Type.String({ description: 'signs from now on; never shown again' }),
  formerSecretUntil: Type.String({ description: 'until when the former one signs too' }),
});

/** Where alerts are sent. */
export function channelRoutes({ producerOf, held }: { producerOf: ProducerOf; held: HeldAnswers }): Routes {
  const channelsOf = (request: { caller: Caller | null }) => producerOf(callerOf(request).tenant).channels;
  const route = <Schema extends object>(access: Role[], summary: string, schema: Schema) =>
    keyed(access, 'alerts', summary, schema);
  /** The answer may hold a secret that was just made. */
  const showing = <Schema extends object>(summary: string, schema: Schema) => {
    const { config, ...rest } = route(CHANGE, summary, schema);
    return { ...rest, config: { ...config, showsSecret: true } };
  };
  return (app) => {
    app.post(
      '/v1/channels',
      showing('Add a channel, or replace the one of this name', {
        body: ChannelSchema,
        response: { 200: WithSecret },
      }),
      async (request) => {
        if (request.body === undefined) throw bodyRequired('a channel');
        return channelsOf(request).put(request.body as Channel);
      },
    );

    const all = Type.Object({ channels: Type.Array(ChannelState) });
    app.get(
      '/v1/channels',
      route(READ, 'All channels, by name, without secrets', { response: { 200: all } }),
      async (request) => ({ channels: await channelsOf(request).list() }),
    );

    app.get(
      '/v1/channels/:name',
      route(READ, 'One channel, without secrets', { params, response: { 200: ChannelState } }),
      async (request) => channelsOf(request).get(request.params.name),
    );

    app.delete(
      '/v1/channels/:name',
      route(CHANGE, 'Remove it with every message for it', {
        params,
        response: { 204: Type.Null() } as object,
      }),
      async (request, reply) => {
        await channelsOf(request).remove(request.params.name);
        return reply.code(204).send();
      },
    );

    app.post(
      '/v1/channels/:name/test',
      route(CHANGE, 'Send a test message and say how it ended', { params, response: { 200: ChannelTested } }),
      async (request, reply) => {
        const { name } = request.params;
        const channels = channelsOf(request);
        const signal = held.hold(request, reply);
        const tested = await channels.test(name, { timeoutMs: TEST_MS, signal });
        if (signal.reason instanceof Problem) throw signal.reason;
        return tested;
      },
    );

    app.post(
      '/v1/channels/:name/rotate',
      showing('Give a webhook another secret; the former one signs too for a while', {
        params,
        response: { 200: NewSecret },
      }),
      async (request) => channelsOf(request).rotate(request.params.name),
    );

    app.get(
      '/v1/channels/:name/failed',
      route(READ, 'Messages that could not be delivered, newest first, at most 100', {
        params,
        response: { 200: FailedMessages },
      }),
      async (request) => ({ messages: await channelsOf(request).failed(request.params.name) }),
    );

    app.post(
      '/v1/channels/:name/failed/retry',
      route(CHANGE, 'Send them again, behind what waits; a pause of the channel ends', {
        params,
        response: { 200: Type.Object({ retried: Type.Integer({ description: 'messages' }) }) },
      }),
      async (request) => ({ retried: await channelsOf(request).retryFailed(request.params.name) }),
    );
  };
}
