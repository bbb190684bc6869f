import { Failure } from '../../../failures.ts';
import { newTestId } from '../../../queue/alerts/channels.ts';
import { Problem } from '../../problem.ts';
import type { Answer, Page, Visit } from '../visit.ts';
import {
  alertFromForm,
  channelFromForm,
  kindFrom,
  mistakesOf,
  NAME_TAKEN,
  valuesOfAlert,
} from './alertForms.ts';
import { alertsView, type Done } from './alertsView.ts';

/** Longest wait for the end of a test, ms. */
const TEST_MS = 8000;
/** Messages that could not be delivered, of all channels. */
const SHOWN_FAILED = 10;

export function alertRoutes({ held, latestOf, route, show }: Page): void {
  const showAll = async (visit: Visit, done: Done = {}, status = 200) => {
    const { producer, caller, csrf, reply } = visit;
    const [alerts, channels, schedules, watchlists, events, now] = await Promise.all([
      producer.alerts.list(),
      producer.channels.list(),
      producer.schedule.list(),
      producer.watchlists.list(),
      latestOf(caller.tenant),
      producer.now(),
    ]);
    const hasFailed = channels.some(({ failed }) => failed > 0);
    const failed = hasFailed ? await producer.channels.failed(undefined, { limit: SHOWN_FAILED }) : [];
    const ofSchedules = new Set(schedules.flatMap(({ request }) => request.track ?? []));
    const seen = [
      ...alerts.flatMap(({ track }) => track ?? []),
      ...events.flatMap((event) => ('product' in event && 'track' in event ? event.track : [])),
    ];
    const sources = {
      schedules: schedules.flatMap(({ name, request }) => (request.track === undefined ? [] : name)),
      watchlists: watchlists.map(({ name }) => name),
      tracks: [...new Set(seen)].filter((track) => !ofSchedules.has(track)).sort(),
    };
    const mayChange = visit.may('schedule');
    const { edit, tested: of = '', test = '', retried, messages = '' } = visit.query;
    if (channels.some(({ name }) => name === of) && /^[0-9a-f]{32}$/.test(test)) {
      const ended = await producer.channels.tested(of, test);
      if (ended !== undefined) done.tested = { name: of, ...ended };
    }
    if (retried !== undefined && /^\d{1,6}$/.test(messages))
      done.retried = { name: retried, messages: Number(messages) };
    const present = alerts.find(({ name }) => name === (visit.form.edit ?? edit));
    if (present !== undefined && mayChange && done.alert === undefined && edit !== undefined)
      done.alert = { values: valuesOfAlert(present), mistakes: [] };
    if (done.alert !== undefined && present !== undefined) done.alert.present = present;
    const back = backFrom(visit);
    const content = alertsView({ ...done, back, alerts, channels, failed, sources, mayChange, csrf, now });
    return show({ ...visit, reply: reply.code(status) }, { title: 'Alerts', content });
  };

  route('GET', '/alerts', 'read', async (visit) => {
    const { source } = visit.query;
    return showAll(visit, source === undefined ? {} : { alert: { values: { source }, mistakes: [] } });
  });

  /** The mistakes where something is wrong, or the name is taken and nothing says to replace it. */
  const put = async <T>(
    { form }: Visit,
    of: 'alert' | 'channel',
    steps: { check: () => Promise<void> | void; names: () => Promise<string[]>; put: () => Promise<T> },
  ) => {
    try {
      await steps.check();
      const name = String(form.name).trim();
      const isMeant = form.replace === '1' || form.edit === name;
      const isTaken = !isMeant && (await steps.names()).includes(name);
      return isTaken ? { mistakes: [NAME_TAKEN] } : { done: await steps.put() };
    } catch (error) {
      return { mistakes: mistakesOf(error, of) };
    }
  };

  route('POST', '/alerts', 'schedule', async (visit) => {
    const { form, producer } = visit;
    const { alerts } = producer;
    const present = form.edit === undefined ? undefined : await alerts.get(form.edit).catch(noneWhereRemoved);
    const alert = alertFromForm(form, present);
    const { mistakes, done } = await put(visit, 'alert', {
      check: () => alerts.check(alert),
      names: async () => (await alerts.list()).map(({ name }) => name),
      put: () => alerts.put(alert),
    });
    if (done === undefined) return showAll(visit, { alert: { values: form, mistakes: mistakes ?? [] } }, 400);
    return `/alerts#alert-${done.name}`;
  });

  for (const action of ['pause', 'resume', 'remove'] as const)
    route('POST', `/alerts/:name/${action}`, 'schedule', async ({ producer, params: { name } }) => {
      await producer.alerts[action](name);
      return action === 'remove' ? '/alerts' : `/alerts#alert-${encodeURIComponent(name)}`;
    });

  const addChannel: Answer = async (visit) => {
    const { form, producer } = visit;
    const { channels } = producer;
    const channel = channelFromForm(form);
    const { mistakes, done } = await put(visit, 'channel', {
      check: () => channels.check(channel),
      names: async () => (await channels.list()).map(({ name }) => name),
      put: () => channels.put(channel),
    });
    if (done === undefined) {
      const sent = { kind: kindFrom(form), values: form, mistakes: mistakes ?? [] };
      return showAll(visit, { channel: sent }, 400);
    }
    const { name, secret } = done;
    return secret === undefined
      ? (backFrom(visit) ?? `/alerts#channel-${name}`)
      : showAll(visit, { secret: { name, text: secret } });
  };
  const showsSecret = { config: { showsSecret: true } };
  route('POST', '/channels', 'schedule', addChannel, showsSecret);

  const rotate: Answer = async (visit) => {
    const { name } = visit.params;
    const { secret: text, formerSecretUntil: formerUntil } = await visit.producer.channels.rotate(name);
    return showAll(visit, { secret: { name, text, formerUntil } });
  };
  route('POST', '/channels/:name/rotate', 'schedule', rotate, showsSecret);

  route('POST', '/channels/:name/test', 'schedule', async (visit) => {
    const { name } = visit.params;
    const { reply, producer } = visit;
    const id = newTestId();
    const signal = held.hold(reply.request, reply, ['schedule']);
    await producer.channels.test(name, { timeoutMs: TEST_MS, signal, id });
    if (signal.reason instanceof Problem) throw signal.reason;
    return doneAddress(name, { tested: name, test: id });
  });

  route('POST', '/channels/:name/retry', 'schedule', async (visit) => {
    const { name } = visit.params;
    const messages = await visit.producer.channels.retryFailed(name);
    return doneAddress(name, { retried: name, messages: String(messages) });
  });

  route('POST', '/channels/:name/remove', 'schedule', async ({ producer, params: { name } }) => {
    await producer.channels.remove(name);
    return '/alerts#channels';
  });
}

/** The form that a channel is added for. No other address: nobody is led elsewhere through this page. */
function backFrom({ query, form }: Visit): string | undefined {
  const back = form.back ?? query.back ?? '';
  return /^\/watching\/new\?[\x21-\x7e]+$/.test(back) ? back : undefined;
}

/** A page that says how something ended which was done with a channel: loading it again does nothing again. */
function doneAddress(name: string, done: Record<string, string>): string {
  return `/alerts?${new URLSearchParams(done)}#channel-${encodeURIComponent(name)}`;
}

/** Another person has removed the alert that is changed: it is made again as the form says. */
function noneWhereRemoved(error: unknown): undefined {
  if (error instanceof Failure && error.code === 'alert_not_found') return undefined;
  throw error;
}
