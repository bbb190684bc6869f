import { MARKETPLACES } from '../../../config/formats.ts';
import { Failure } from '../../../failures.ts';
import type { Alert } from '../../../product/alertSchema.ts';
import { CHANNEL_KINDS, type Channel, type ChannelKind } from '../../../product/channelSchema.ts';
import type { AlertReport } from '../../../queue/alerts/alerts.ts';
import type { AlertDefinition } from '../../../queue/alerts/definition.ts';
import { alertRuleTexts, conditionWords } from '../../../text/alerts.ts';
import { durationText } from '../../../text/values.ts';
import type { FormValues } from '../../auth/login.ts';
import { fieldsOf, PLAIN, type Sent } from '../formFields.ts';
import { csrfField, type Html, html, options } from '../html.ts';
import type { Mistake } from '../search/searchForm.ts';
import { amountFrom, amountText, percentFrom } from '../search/typed.ts';

/** What is in a form for an alert. */
export interface SentAlert extends Sent {
  /** The alert that is changed, as it is; undefined: a new one. */
  present?: AlertReport | undefined;
}

/** What an alert can be about, by name. */
export interface Sources {
  /** With a track. */
  schedules: readonly string[];
  watchlists: readonly string[];
  /** Of searches that are no schedule's. */
  tracks: readonly string[];
}

type Texts = Readonly<Record<string, string>>;

const CONDITIONS: Texts = {
  drop: 'Price falls',
  rise: 'Price rises',
  'price-below': 'Price below',
  lowest: 'Lowest price so far',
  new: 'New listing',
  gone: 'No longer for sale',
  'back-in-stock': 'Back in stock',
  'stock-below': 'Few left',
};
const BASES: Texts = { delivered: 'Delivered', item: 'Item alone' };
/** By their least distance, seconds. */
const DIGESTS: Texts = {
  '0': 'At once',
  '900': 'Every 15 min',
  '3600': 'Every hour',
  '21600': 'Every 6 hours',
  '86400': 'Once a day',
};
const CURRENCIES = [...new Set(Object.values(MARKETPLACES).map(({ currency }) => currency))].sort();
const COMMON = ['USD', ...CURRENCIES.filter((each) => each !== 'USD')];
const CURRENCY_TEXTS: Texts = Object.fromEntries(COMMON.map((each) => [each, each]));
const UNITS: Texts = { '%': '%', ...CURRENCY_TEXTS };

const TAKEN = 'this name is taken';
/** Of a name that exists; the form then offers to replace it. */
export const NAME_TAKEN: Mistake = { field: 'name', message: TAKEN };

const NAME = html`required maxlength="60" pattern="[a-z0-9\\-]+" title="a-z, 0-9 and hyphen" autocomplete="off" autocapitalize="none" spellcheck="false"`;

/** Offers to replace what has the name. */
function replaceBox(id: string, { mistakes }: Sent): Html | false {
  return (
    mistakes.some(({ message }) => message === TAKEN) &&
    html`<p class="check"><input type="checkbox" id="${id}-replace" name="replace" value="1"><label for="${id}-replace">Replace the present one</label></p>`
  );
}

/** A form for an alert with one condition; the command line and the API take several. Those that an alert has stay. */
export function alertForm(
  sent: SentAlert,
  sources: Sources,
  channels: readonly string[],
  csrf: string | null,
): Html {
  const { field, input, select, problems } = fieldsOf(sent, 'alert-');
  const { values, mistakes, present } = sent;
  const group = (label: string, kind: string, names: readonly string[]) => {
    const chosen = values.source?.startsWith(`${kind}:`) === true ? values.source.slice(kind.length + 1) : [];
    const all = [...new Set([...names, chosen].flat())];
    const texts = Object.fromEntries(all.map((name) => [`${kind}:${name}`, name]));
    return all.length > 0 && html`<optgroup label="${label}">${options(texts, values.source)}</optgroup>`;
  };
  const { schedules, watchlists, tracks } = sources;
  const known = schedules.length + watchlists.length + tracks.length + (values.source ? 1 : 0);
  const stays = present === undefined ? [] : staysTexts(present);
  const digest = values.digest ?? '0';
  const digests = {
    ...DIGESTS,
    ...(!(digest in DIGESTS) && { [digest]: `Every ${durationText(Number(digest) * 1000)}` }),
  };
  const isLater = ['from', 'to', 'tz', 'digest', 'dailyCap'].some(
    (name) => (values[name] && !USUAL.has(values[name])) || mistakes.some((each) => each.field === name),
  );
  return html`<form class="make-alert" method="post" action="/alerts" id="add-alert">
  ${csrfField(csrf)}${problems(...SHOWN_OF_ALERT)}${present !== undefined && html`<input type="hidden" name="edit" value="${present.name}">`}
  <div class="fields">
    ${input('name', 'Name', html`${NAME}${present !== undefined && html` readonly`} placeholder="cheap-hubs"`)}
    ${
      known > 0 &&
      field(
        'source',
        'Watch',
        (own) =>
          html`<select ${own}>${group('Schedules', 'schedule', schedules)}${group('Watchlists', 'watchlist', watchlists)}${group('Tracks', 'track', tracks)}</select>`,
      )
    }
    ${input('track', known > 0 ? 'or the track' : 'Watch the track', html`${PLAIN} maxlength="40" placeholder="${known > 0 ? '' : 'hubs'}"`)}
    ${select('on', 'When', CONDITIONS)}
    ${input('price', 'Amount', html`inputmode="decimal" autocomplete="off" placeholder="20.00"`, { kind: 'for-price' })}
    ${select('currency', 'Currency', CURRENCY_TEXTS, { kind: 'for-price' })}
    ${input('by', 'By at least', html`inputmode="decimal" autocomplete="off" placeholder="any"`, { kind: 'for-change' })}
    ${select('unit', 'Unit', UNITS, { kind: 'for-change' })}
    ${input('quantity', 'Fewer than', html`inputmode="numeric" autocomplete="off" placeholder="3"`, { kind: 'for-stock' })}
    ${select('basis', 'Price', BASES, { kind: 'for-basis' })}
    ${(channels.length > 1 || values.channel) && select('channel', 'Send to', { '': 'Every channel', ...Object.fromEntries(channels.map((name) => [name, name])) })}
  </div>
  <p class="small for-basis">A listing whose delivered price eBay does not say, about 1 in 6, meets no condition on it. Choose Item alone to compare prices without shipping.</p>
  <p class="small for-gone">That a listing is gone is seen by watchlists, and by searches that read all of their listings.</p>
  <p class="small for-stock">The number left is known of watchlists with quantity, and of searches with details.</p>
  ${stays.length > 0 && html`<p class="small">These stay as they are: ${stays.join('; ')}.</p>`}
  ${replaceBox('alert', sent)}
  <details class="times"${isLater && html` open`}>
    <summary>Quiet hours and digest</summary>
    <div class="fields">
      ${input('from', 'Nothing from', html`type="time"`)}
      ${input('to', 'until', html`type="time"`)}
      ${input('tz', 'Time zone', html`${PLAIN} maxlength="60" data-zone`, { value: 'UTC' })}
      ${select('digest', 'Messages at most', digests)}
      ${input('dailyCap', 'Alerts a day', html`inputmode="numeric" autocomplete="off"`, { value: '100' })}
    </div>
  </details>
  <p class="actions"><button class="main">${present === undefined ? 'Add alert' : 'Save changes'}</button>${present !== undefined && html`<a class="button" href="/alerts#alert-${present.name}">Cancel</a>`}</p>
</form>`;
}

/** What an alert has and the form does not. */
function staysTexts(present: AlertReport): string[] {
  const conditions = present.when.slice(1).map((each) => `also when ${conditionWords(each)}`);
  return [...conditions, ...alertRuleTexts(present)];
}

/** The fields of a form for an alert as it is. */
export function valuesOfAlert(alert: AlertDefinition): Partial<FormValues> {
  const { name, when, schedule, watchlist, track, channels, quiet, tz, digest = 0, dailyCap } = alert;
  const [first] = when;
  const { on, basis, price, currency, quantity, percent, amount } = { ...first } as Partial<
    Record<string, string | number>
  >;
  const source =
    schedule !== undefined
      ? `schedule:${schedule}`
      : watchlist !== undefined
        ? `watchlist:${watchlist}`
        : `track:${track}`;
  const text = (figure: string | number | undefined) =>
    figure === undefined ? undefined : amountText(String(figure));
  const given = {
    ...{ name, source, on, basis, price: text(price), quantity, tz, digest, dailyCap },
    ...{
      by: text(percent ?? amount),
      unit: percent === undefined ? currency : '%',
      from: quiet?.from,
      to: quiet?.to,
    },
    ...{ currency: price === undefined ? undefined : currency, channel: channels?.join(',') },
  };
  return Object.fromEntries(
    Object.entries(given).flatMap(([field, value]) => (value === undefined ? [] : [[field, String(value)]])),
  );
}

/** What the fields of quiet hours and digest have at first. */
const USUAL = new Set(['UTC', '0', '100']);

const NUMBER = /^-?\d+(\.\d+)?$/;

/** What a condition had, whichever it is. */
type Former = Partial<{ price: string; amount: string; percent: number; relisted: boolean; of: string }>;

/**
 * The alert in a posted form. Invalid values stay as they are, so that the check names their fields.
 * @param present the alert that is changed: what the form does not have stays
 */
export function alertFromForm(form: FormValues, present?: AlertDefinition): Alert {
  const given = (name: string) => form[name]?.trim() || undefined;
  const read = (name: string, reader: (text: string) => string) => {
    const text = given(name);
    return text && reader(text);
  };
  const number = (text: string | undefined) =>
    text !== undefined && NUMBER.test(text) ? Number(text) : text;
  const { on = '', basis } = form;
  const [former, ...further] = present?.when ?? [];
  const was = (former?.on === on ? former : {}) as Former;
  const shown = present === undefined ? {} : valuesOfAlert(present);
  /** A figure that is as the form had it stays as it was written: an alert with `20` for `20.00` begins again. */
  const kept = <Figure>(name: string, figure: Figure | undefined) =>
    figure !== undefined && given(name) === shown[name] ? figure : undefined;
  const amount = (name: string, figure: string | undefined, currency = '') =>
    kept(name, figure) ?? read(name, (text) => amountFrom(text, currency));
  const [, kind = 'schedule', name] = /^(schedule|watchlist|track):(.*)$/.exec(given('source') ?? '') ?? [];
  const track = given('track');
  const isPercent = form.unit === '%';
  const by = isPercent
    ? (kept('by', was.percent) ?? number(read('by', percentFrom)))
    : amount('by', was.amount, form.unit);
  const conditions: Record<string, object> = {
    'price-below': { price: amount('price', was.price, form.currency) ?? '', currency: form.currency, basis },
    'stock-below': { quantity: number(given('quantity')) ?? '' },
    drop: {
      basis,
      ...(by !== undefined && (isPercent ? { percent: by } : { amount: by, currency: form.unit })),
    },
    lowest: { basis },
  };
  const [from, to] = [given('from'), given('to')];
  const { title, seller, conditionIds, rearm } = present ?? {};
  const alert = {
    ...{ title, seller, conditionIds, rearm },
    name: given('name') ?? '',
    ...(track !== undefined ? { track } : name !== undefined && { [kind]: name }),
    when: [
      { on, relisted: was.relisted, of: was.of, ...conditions[on === 'rise' ? 'drop' : on] },
      ...further,
    ],
    channels: given('channel')?.split(','),
    quiet: (from ?? to) === undefined ? undefined : { from: from ?? '', to: to ?? '' },
    tz: given('tz'),
    digest: given('digest') === '0' ? undefined : number(given('digest')),
    dailyCap: number(given('dailyCap')),
  };
  return JSON.parse(JSON.stringify(alert));
}

/** The field of each path in an alert or a channel; the first that fits. */
const FIELDS: ReadonlyArray<[path: RegExp, field: string]> = [
  [/^(track|schedule|watchlist)$/, 'track'],
  [/^when\.0\.(amount|percent)$/, 'by'],
  [/^when\.0\.(\w+)$/, '$1'],
  [/^channels(\.\d+)?$/, 'channel'],
  [/^quiet(\.from)?$/, 'from'],
  [/^quiet\.to$/, 'to'],
  [/^to\.\d+$/, 'to'],
];
const SHOWN_OF_ALERT = new Set([
  'name',
  'track',
  'on',
  'by',
  'price',
  'quantity',
  'currency',
  'channel',
  'from',
  'to',
  'tz',
  'digest',
  'dailyCap',
]);
const SHOWN_OF_CHANNEL = new Set(['name', 'url', 'secret', 'token', 'chat', 'topic', 'server', 'to']);

/** @throws what is no mistake of the person who filled the form in */
export function mistakesOf(error: unknown, form: 'alert' | 'channel'): Mistake[] {
  if (!(error instanceof Failure) || error.code !== 'invalid_request') throw error;
  const shown = form === 'alert' ? SHOWN_OF_ALERT : SHOWN_OF_CHANNEL;
  return (error.detail.errors ?? []).map(({ path, code, message }) => {
    if (path === 'track' && code === 'required') return { field: 'track', message: 'choose what it watches' };
    const [pattern, replacement] = FIELDS.find(([each]) => each.test(path)) ?? [];
    const field = pattern === undefined ? path : path.replace(pattern, replacement as string);
    return shown.has(field) ? { field, message } : { field: '', message: `${path}: ${message}` };
  });
}

/** Of each kind its name, what it is, and step by step where people find what is asked for. */
export const KINDS: Readonly<Record<ChannelKind, { title: string; hint: string; steps: readonly string[] }>> =
  {
    discord: {
      title: 'Discord',
      hint: 'Messages in a channel of your Discord server.',
      steps: [
        'In Discord, open the settings of the channel: the gear beside its name.',
        'Choose Integrations, then Webhooks, then New Webhook.',
        'Press Copy Webhook URL, and paste it here. Everybody who has this address can write to the channel.',
      ],
    },
    slack: {
      title: 'Slack',
      hint: 'Messages in a channel of your Slack workspace.',
      steps: [
        'At api.slack.com/apps create an app for your workspace, from scratch.',
        'In the app, open Incoming Webhooks, switch them on, and press Add New Webhook to Workspace.',
        'Choose the channel, copy the Webhook URL, and paste it here.',
      ],
    },
    telegram: {
      title: 'Telegram',
      hint: 'Messages of a bot of your own to you or to a group.',
      steps: [
        'In Telegram, write /newbot to @BotFather. It answers with the token of the bot.',
        'Write anything to the new bot, or add it to a group.',
        'Open https://api.telegram.org/botTOKEN/getUpdates with your token in place of TOKEN. The number after "chat":{"id": is the chat; that of a group begins with a minus sign.',
      ],
    },
    ntfy: {
      title: 'ntfy',
      hint: 'Notifications on your phone or computer, without an account.',
      steps: [
        'Install the app ntfy, or open ntfy.sh in a browser.',
        'Subscribe to a topic with a name that nobody guesses: everybody who knows it can read it.',
        'Enter the same topic here. A server of your own has its address below, and an access token if it asks for one.',
      ],
    },
    email: {
      title: 'E-mail',
      hint: 'Mail to up to ten addresses.',
      steps: [
        'Enter the addresses, with commas between.',
        'The mail server is set by the operator: SMTP_URL and SMTP_FROM of the workers. A test says whether they are missing.',
      ],
    },
    webhook: {
      title: 'Webhook',
      hint: 'A signed POST for each alert, for a program of your own.',
      steps: [
        'Enter the https address at which your program listens.',
        'The secret that is made is shown once. Your program checks signatures with it, as standardwebhooks.com describes.',
        'An address in a private network must be in the setting OUTBOUND_ALLOW.',
      ],
    },
  };

/** In the order in which they are offered. */
const OFFERED = Object.keys(KINDS) as ChannelKind[];

/**
 * A form for each kind of channel, of which one is open at a time.
 * @param sent of the kind that was sent @param back where to go on once one is added
 */
export function channelForms(
  sent: (Sent & { kind: ChannelKind | undefined }) | undefined,
  taken: readonly string[],
  csrf: string | null,
  back: string | undefined,
): Html {
  return html`<div class="kinds">${OFFERED.map((kind) => {
    const own = sent?.kind === kind ? sent : { values: {}, mistakes: [] };
    const { input, problems } = fieldsOf(own, `${kind}-`);
    const url = (placeholder: string) =>
      input(
        'url',
        'Address',
        html`type="url" required maxlength="2048" ${PLAIN} placeholder="${placeholder}"`,
        {
          isSecret: true,
        },
      );
    const secret = (name: string, label: string, attributes: Html, hint?: string) =>
      input(name, label, html`type="password" maxlength="200" autocomplete="off" ${attributes}`, {
        isSecret: true,
        ...(hint !== undefined && { hint }),
      });
    const fields: Record<ChannelKind, Html> = {
      discord: url('https://discord.com/api/webhooks/…'),
      slack: url('https://hooks.slack.com/services/…'),
      telegram: html`${secret('token', 'Token of the bot', html`required`)}${input('chat', 'Chat', html`required ${PLAIN} placeholder="123456789"`)}`,
      ntfy: html`${input('topic', 'Topic', html`required maxlength="64" ${PLAIN}`)}${input('server', 'Server', html`type="url" ${PLAIN} placeholder="https://ntfy.sh"`)}${secret('token', 'Access token', html``, 'if the server asks for one')}`,
      email: input(
        'to',
        'Addresses',
        html`required maxlength="2600" autocomplete="email" placeholder="me@example.com"`,
        {
          hint: 'with commas between',
        },
      ),
      webhook: html`${url('https://shop.example/alerts')}${secret('secret', 'Secret', html``, 'empty: one is made')}`,
    };
    const name = taken.includes(kind) ? '' : kind;
    return html`<details name="kind"${own === sent && html` open`}>
  <summary>${KINDS[kind].title} <small>${KINDS[kind].hint}</small></summary>
  <form method="post" action="/channels">
    ${csrfField(csrf)}<input type="hidden" name="kind" value="${kind}">${back !== undefined && html`<input type="hidden" name="back" value="${back}">`}${problems(...SHOWN_OF_CHANNEL)}
    <details class="help"><summary>Where do I find this?</summary><ol>${KINDS[kind].steps.map((step) => html`<li>${step}</li>`)}</ol></details>
    ${input('name', 'Name', NAME, { value: name })}
    ${fields[kind]}
    ${replaceBox(kind, own)}
    <p><button class="main" aria-label="Add ${KINDS[kind].title}">Add</button></p>
  </form>
</details>`;
  })}</div>`;
}

/** The channel in a posted form; fields that are empty are not in it. */
export function channelFromForm(form: FormValues): Channel {
  const { _csrf: _, replace: _replace, back: _back, to, ...fields } = form;
  const given = Object.entries(fields).flatMap(([name, value]) =>
    value.trim() ? [[name, value.trim()]] : [],
  );
  const addresses = to?.split(/[\s,;]+/).filter(Boolean);
  return { ...Object.fromEntries(given), ...(addresses !== undefined && { to: addresses }) };
}

export function kindFrom({ kind }: Partial<FormValues>): ChannelKind | undefined {
  return CHANNEL_KINDS.find((each) => each === kind);
}
