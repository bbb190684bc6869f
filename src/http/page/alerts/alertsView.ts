import type { AlertReport } from '../../../queue/alerts/alerts.ts';
import type { ChannelReport, ChannelTest, FailedMessage } from '../../../queue/alerts/channels.ts';
import {
  alertRuleTexts,
  alertSourceText,
  alertTimeTexts,
  alertTodayText,
  conditionWords,
} from '../../../text/alerts.ts';
import { countText, dueText } from '../../../text/values.ts';
import { confirmedButton, type Html, html, instant, postButton } from '../html.ts';
import { alertForm, channelForms, KINDS, type SentAlert, type Sources } from './alertForms.ts';

/** What was done last, where the page says how it ended. */
export interface Done {
  /** An alert, or a channel, that could not be added. */
  alert?: SentAlert;
  channel?: Parameters<typeof channelForms>[0];
  /** How the test of a channel ended. */
  tested?: { name: string } & ChannelTest;
  /** Messages of a channel that are sent again. */
  retried?: { name: string; messages: number };
  /** A secret that was made: shown now and never again. */
  secret?: { name: string; text: string; formerUntil?: string };
}

export interface AlertsPage extends Done {
  alerts: readonly AlertReport[];
  channels: readonly ChannelReport[];
  /** Of channels that have some, newest first. */
  failed: readonly FailedMessage[];
  sources: Sources;
  /** The form that a channel is added for. */
  back: string | undefined;
  /** Whether the reader may change them. */
  mayChange: boolean;
  csrf: string | null;
  now: number;
}

/** Alerts and channels: what there is, how it works, and forms to add some. */
export function alertsView(page: AlertsPage): Html {
  const { alerts, channels, sources, mayChange, csrf, secret, alert, channel, back } = page;
  const names = channels.map(({ name }) => name);
  // Without a channel nothing can be sent: that comes first.
  const parts = [
    html`<div><section aria-labelledby="alerts-head">
  <h2 id="alerts-head">Alerts</h2>
  ${
    alerts.length === 0
      ? html`<p class="empty">${channels.length === 0 ? 'An alert needs a channel: add one first.' : 'None yet. An alert says what you want to hear of, and where.'}</p>`
      : html`<ul class="schedules">${alerts.map((each) => alertItem(each, page))}</ul>`
  }
  ${
    mayChange &&
    html`<h2 class="add" id="add-head">${alert?.present === undefined ? 'Add an alert' : `Change ${alert.present.name}`}</h2>
  ${alertForm(alert ?? { values: {}, mistakes: [] }, sources, names, csrf)}`
  }
</section></div>`,
    html`<div><section id="channels" aria-labelledby="channels-head">
  <h2 id="channels-head">Channels</h2>
  ${
    channels.length === 0
      ? html`<p class="empty">None yet. A channel says where messages are sent: to a chat, a phone, a mailbox or a program.</p>`
      : html`<ul class="schedules">${channels.map((each) => channelItem(each, page))}</ul>`
  }
  ${mayChange && html`<h2 class="add">Add a channel</h2>${back !== undefined && html`<p class="notice">Once it is added, the search that you are about to watch comes back as you filled it in. <a href="${back}">Back without a channel</a></p>`}${channelForms(channel, names, csrf, back)}`}
  <p class="small feed">Feed readers take the changes of a track at <code>/v1/tracks/TRACK/feed.atom</code>, with any user name and an API key as the password.</p>
</section></div>`,
  ];
  return html`<h1>Alerts</h1>
<p class="lead">A message when a price, a listing or its stock changes as you say.</p>
${secret && secretView(secret, back)}
<div class="columns">${channels.length === 0 ? parts.reverse() : parts}</div>`;
}

function secretView(
  { name, text, formerUntil }: NonNullable<Done['secret']>,
  back: string | undefined,
): Html {
  return html`<section class="secret" role="status" aria-labelledby="secret-head">
  <h2 id="secret-head">The secret of ${name}</h2>
  <p>Copy it now: it is not shown again. Your program checks signatures with it.${formerUntil !== undefined && html` The former one is valid until ${instant(formerUntil)} too.`}</p>
  <p><input readonly value="${text}" aria-label="Secret of ${name}"></p>
  ${back !== undefined && html`<p><a class="button main" href="${back}">Go on watching the search</a></p>`}
</section>`;
}

function alertItem(alert: AlertReport, { mayChange, csrf, now }: AlertsPage): Html {
  const { name, when, channels, state, pending, nextDue, lastHit, note } = alert;
  const button = (action: string, text: string) =>
    postButton(`/alerts/${name}/${action}`, text, csrf, `${text}: ${name}`);
  const waits =
    pending > 0 &&
    ` · ${countText(pending, 'alert')} ${pending === 1 ? 'waits' : 'wait'}${nextDue === null ? '' : `, next message ${dueText(nextDue, now)}`}`;
  const words = [...when.map(conditionWords), ...alertRuleTexts(alert)];
  return html`<li class="schedule" id="alert-${name}">
  <h3>${name}</h3>
  <p class="small">${alertSourceText(alert)} · to ${channels?.join(', ') ?? 'every channel'} · <strong class="${state}">${state}</strong></p>
  <ul class="chips" aria-label="Conditions of ${name}">${words.map((text) => html`<li>${text}</li>`)}</ul>
  <p class="small">${alertTimeTexts(alert).join(', ')}</p>
  <p>Sent today: <strong>${alertTodayText(alert)}</strong> · ${lastHit === null ? 'no alert yet' : html`last ${instant(lastHit)}`}${waits}</p>
  ${note !== null && html`<p class="notice">${sentence(note)}</p>`}
  ${
    mayChange &&
    html`<div class="actions">
    <a class="button" href="/alerts?edit=${name}#add-head" aria-label="Change: ${name}">Change</a>
    ${state === 'paused' ? button('resume', 'Resume') : button('pause', 'Pause')}
    ${confirmedButton(`/alerts/${name}/remove`, 'Remove', `Remove ${name} with what waits?`, csrf, { name })}
  </div>`
  }
</li>`;
}

function channelItem(channel: ChannelReport, page: AlertsPage): Html {
  const { mayChange, csrf, now, tested, retried, failed } = page;
  const { name, kind, host, state, pausedUntil, lastError, lastDelivered, waiting, formerSecretUntil } =
    channel;
  const lost = failed.filter((each) => each.channel === name);
  const stateText =
    state === 'ok' ? 'ok' : `paused${pausedUntil === null ? '' : `, next try ${dueText(pausedUntil, now)}`}`;
  return html`<li class="schedule" id="channel-${name}">
  <h3>${name}</h3>
  <p class="small">${KINDS[kind].title} · ${host} · <strong class="${state}">${stateText}</strong></p>
  ${tested?.name === name && testView(tested)}
  ${retried?.name === name && html`<p class="outcome good" role="status">${retried.messages === 0 ? 'Nothing was left to send again' : `${countText(retried.messages, 'message')} ${retried.messages === 1 ? 'is' : 'are'} sent again now`}</p>`}
  <p>${lastDelivered === null ? 'Nothing delivered yet' : html`Last delivered ${instant(lastDelivered)}`}${waiting > 0 && ` · ${countText(waiting, 'message')} ${waiting === 1 ? 'waits' : 'wait'}`}</p>
  ${lastError !== null && tested?.name !== name && html`<p class="notice">Last error: ${lastError}</p>`}
  ${formerSecretUntil !== null && html`<p class="small">The former secret is valid until ${instant(formerSecretUntil)}</p>`}
  ${channel.failed > 0 && lostView(channel, lost, page)}
  ${
    mayChange &&
    html`<div class="actions">
    ${postButton(`/channels/${name}/test`, 'Send a test', csrf, `Send a test: ${name}`)}
    ${kind === 'webhook' && confirmedButton(`/channels/${name}/rotate`, 'New secret', 'Make another secret? The former one stays valid for a while.', csrf, { name })}
    ${confirmedButton(`/channels/${name}/remove`, 'Remove', `Remove ${name} with every message for it?`, csrf, { name })}
  </div>`
  }
</li>`;
}

function testView({ delivered, error }: ChannelTest): Html {
  if (!delivered)
    return html`<p class="outcome bad" role="status">The test message did not arrive: ${error}</p>`;
  return error === null
    ? html`<p class="outcome good" role="status">The test message was delivered</p>`
    : html`<p class="outcome some" role="status">The test message was delivered in part: ${error}</p>`;
}

function lostView(
  { name, failed }: ChannelReport,
  lost: readonly FailedMessage[],
  { mayChange, csrf }: AlertsPage,
): Html {
  return html`<details class="lost">
    <summary>${countText(failed, 'message')} could not be delivered</summary>
    <ul>${lost.map(({ at, alert, kind, items, error }) => html`<li>${instant(at)} ${alert || kind}${items.length > 0 && `, ${countText(items.length, 'listing')}`}: ${error}</li>`)}</ul>
    ${mayChange && postButton(`/channels/${name}/retry`, 'Send again', csrf, `Send again: ${name}`)}
  </details>`;
}

/** With a capital letter: the text is part of a sentence elsewhere. */
function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
