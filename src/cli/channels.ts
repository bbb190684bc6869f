import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { Failure } from '../failures.ts';
import { CHANNEL_KINDS, type Channel, type ChannelKind } from '../product/channelSchema.ts';
import type { ChannelReport, Channels, FailedMessage } from '../queue/alerts/channels.ts';
import { countText, dueText, instantText, numberText } from '../text/values.ts';
import { type Answer, answering, withProducer } from './commandSetup.ts';
import { EXIT, UsageError } from './exit.ts';
import { csv, jsonFile, namingOptions, tenantName, wholeNumber } from './flags.ts';
import { secretInput } from './secretInput.ts';
import { fieldLines, table } from './table.ts';
import { harmless, type Terminal } from './terminal.ts';

type Tenant = { tenant?: string; json?: boolean };
type AddFlags = Tenant & {
  webhook?: string | true;
  discord?: true;
  slack?: true;
  telegram?: string;
  ntfy?: string | true;
  email?: string[];
  server?: string;
  withSecret?: true;
  template?: Record<string, unknown>;
  replace?: true;
};
type FailedFlags = Tenant & { retry?: boolean; limitRows?: number };

const KINDS = '--webhook URL, --discord, --slack, --telegram CHAT, --ntfy TOPIC or --email ADDRESS';

const SECRETS_HELP = `
What is a secret is no argument, because arguments are visible to other users of the machine (ps), and remain in the shell's
history: the address of a Discord or Slack webhook, a bot's token, an access token, your own signing secret. It is asked for
without echo, or read from stdin, one a line:

  npx dpf channels add deals --discord < discord-url.txt

An address or a topic may be left out too; then it is read in the same way, before the secret.`;

export function command(terminal: Terminal): Command {
  const parent = new Command('channels')
    .description('Where alerts are sent: webhooks, Discord, Slack, Telegram, ntfy, e-mail.')
    .helpCommand(false);
  const add = <Flags extends Tenant>(
    subcommand: Command,
    use: (channels: Channels, name: string, flags: Flags) => Promise<Answer>,
  ) => {
    subcommand.option('--tenant <name>', 'tenant whose channels they are', tenantName);
    parent.addCommand(
      answering(subcommand, terminal, (flags: Flags, name = '') =>
        withProducer(loadConfig(), flags.tenant, ({ channels }) => use(channels, name, flags)),
      ),
    );
  };
  add(addCommand(), (channels, name, flags: AddFlags) => addChannel(channels, name, flags, terminal));
  const test = new Command('test')
    .description('Send a test message and wait for it: 0 delivered, 1 not, with the cause.')
    .argument('<name>')
    .option('--timeout <seconds>', 'longest wait (15)', wholeNumber('--timeout', 600));
  add(test, async (channels, name, { timeout, json }: Tenant & { timeout?: number }) => {
    const data = await channels.test(name, { timeoutMs: timeout === undefined ? undefined : timeout * 1000 });
    if (data.delivered) return { data, text: `${terminal.paint('green', '✔')} ${name}: delivered` };
    const note = `dpf: ${name}: not delivered: ${harmless(data.error ?? 'no reason was stored')}`;
    return { data, notes: json ? [] : [note], exit: EXIT.failed };
  });
  add(new Command('list').description('Show all channels, never their secrets.'), async (channels) => {
    const data = await channels.list();
    return { data, text: data.length === 0 ? NO_CHANNELS : channelTable(data, terminal) };
  });
  add(
    new Command('remove')
      .description('Remove a channel and the messages that wait for it.')
      .argument('<name>'),
    async (channels, name) => {
      const { waiting, failed } = await channels.get(name);
      await channels.remove(name);
      const lost = waiting + failed;
      const dropped = lost === 0 ? '' : `, and ${countText(lost, 'message')} that it had not taken`;
      return { data: { removed: name }, text: `removed ${name}${dropped}` };
    },
  );
  add(
    new Command('rotate')
      .description(
        'Give a webhook another secret and print it, only this once; the former one signs too for a while.',
      )
      .argument('<name>'),
    async (channels, name, { json }) => {
      const data = await channels.rotate(name);
      const note = `${name} signs with both secrets until ${instantText(data.formerSecretUntil)}: replace the former one until then.`;
      return { data, text: data.secret, notes: json ? [] : [note, NOT_AGAIN] };
    },
  );
  const failed = new Command('failed')
    .description('Show messages that could not be delivered, or send them again.')
    .argument('[name]', 'of a channel; default: all')
    .option('--retry', 'send them again, oldest first')
    .option('--limit-rows <n>', 'show at most so many (20)', wholeNumber('--limit-rows', 10_000));
  add(failed, (channels, name, flags: FailedFlags) =>
    showFailed(channels, name || undefined, flags, terminal),
  );
  return parent;
}

const NO_CHANNELS = 'no channels; add one with dpf channels add NAME';
const NOT_AGAIN = 'The secret is not shown again.';

function addCommand(): Command {
  return new Command('add')
    .description('Add a channel. Alerts that name no channels are sent to every channel.')
    .argument('<name>', 'a-z, 0-9 and hyphen')
    .option('--webhook [url]', 'your own program: gets a signed request (Standard Webhooks) for each alert')
    .option('--discord', 'a channel of Discord; the address of its webhook is asked for')
    .option('--slack', 'a channel of Slack; the address of its incoming webhook is asked for')
    .option('--telegram <chat>', 'id of a chat, or @name of a public channel; the bot’s token is asked for')
    .option('--ntfy [topic]', 'a topic of ntfy.sh, or of --server: everybody who knows it can read it')
    .option('--email <address>', 'may be repeated; the workers need SMTP_URL', csv)
    .option('--server <url>', 'of ntfy or Telegram, in place of the public one')
    .option(
      '--with-secret',
      'webhook: your own secret (whsec_…) in place of a new one; ntfy: an access token',
    )
    .option('--template <file>', 'words of its messages, as JSON with title and text', jsonFile('--template'))
    .option('--replace', 'change the channel of this name, if there is one; its messages stay')
    .addHelpText('after', SECRETS_HELP);
}

async function addChannel(
  channels: Channels,
  name: string,
  flags: AddFlags,
  terminal: Terminal,
): Promise<Answer> {
  const kinds = CHANNEL_KINDS.filter((kind) => flags[kind] !== undefined);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) throw new UsageError(`give one of ${KINDS}`);
  const known = await channels.get(name).catch((error) => {
    if (error instanceof Failure && error.code === 'channel_not_found') return undefined;
    throw error;
  });
  if (known !== undefined && !flags.replace)
    throw new UsageError(
      `there is a channel ${name} already (${known.kind}); --replace changes it` +
        (known.kind === 'webhook' ? `, and dpf channels rotate ${name} prints another secret` : ''),
    );
  const channel = await channelFrom(name, kind, flags, secretInput(terminal));
  const { secret, ...report } = await channels.put(channel).catch((error) => {
    throw namingOptions(error, (path) => optionOf(path, kind));
  });
  const done = known === undefined ? 'added' : 'replaced';
  const next = `dpf channels test ${name} sends a test message.`;
  const data = secret === undefined ? report : { ...report, secret };
  const made = `${done} ${name} (${kind}, ${report.host})`;
  if (secret === undefined) return { data, text: made, notes: flags.json ? [] : [next] };
  const notes = [`${made}. ${next}`, `Its requests are signed with this secret. ${NOT_AGAIN}`];
  return { data, text: secret, notes: flags.json ? [] : notes };
}

/** Asks for what is not in the flags, in the order that the help names. */
async function channelFrom(
  name: string,
  kind: ChannelKind,
  { webhook, telegram, ntfy, email, server, withSecret, template }: AddFlags,
  secret: (what: string) => Promise<string>,
): Promise<Channel> {
  const common = { name, ...(template && { template }), ...(server !== undefined && { server }) };
  const given = (value: string | true | undefined, what: string) =>
    typeof value === 'string' ? value : secret(what);
  if (withSecret && kind !== 'webhook' && kind !== 'ntfy')
    throw new UsageError('--with-secret is for --webhook and --ntfy; what others need is asked for anyway');
  switch (kind) {
    case 'webhook': {
      const url = await given(webhook, 'the address of the webhook');
      const own = withSecret && { secret: await secret('the signing secret (whsec_…)') };
      return { ...common, kind, url, ...own } as Channel;
    }
    case 'ntfy': {
      const topic = await given(ntfy, 'the topic');
      const token = withSecret && { token: await secret('the access token') };
      return { ...common, kind, topic, ...token } as Channel;
    }
    case 'telegram':
      return {
        ...common,
        kind,
        chat: telegram as string,
        token: await secret('the token of the bot'),
      } as Channel;
    case 'email':
      return { ...common, kind, to: email as string[] } as Channel;
    default:
      return { ...common, kind, url: await secret(`the address of the ${kind} webhook`) } as Channel;
  }
}

/** The option, or the question, that a field was written as. */
function optionOf(path: string, kind: ChannelKind): string | undefined {
  const options: Record<string, string> = {
    name: 'NAME',
    url: kind === 'webhook' ? '--webhook' : 'the address',
    chat: '--telegram',
    token: 'the token',
    secret: 'the secret',
    topic: '--ntfy',
    to: '--email',
    server: '--server',
    template: '--template',
  };
  const [field = '', part = ''] = path.split('.');
  const option = options[field];
  return option && field === 'template' && part !== '' ? `${option} ${part}` : option;
}

/** One line for each channel; why one is paused stands below. */
function channelTable(channels: readonly ChannelReport[], terminal: Terminal): string {
  const now = Date.now();
  const rows = channels.map(({ name, kind, host, state, waiting, failed, lastDelivered }) => [
    ...[name, kind, harmless(host), state === 'ok' ? 'ok' : terminal.paint('yellow', state)],
    ...[numberText(waiting), failed === 0 ? '0' : terminal.paint('red', numberText(failed))],
    lastDelivered === null ? 'never' : instantText(lastDelivered),
  ]);
  const head = ['Name', 'Kind', 'To', 'State', 'Waiting', 'Failed', 'Delivered last'];
  const colAligns = head.map((_, at) => (at === 4 || at === 5 ? ('right' as const) : ('left' as const)));
  const problems = channels.flatMap(({ name, lastError, pausedUntil }) => {
    if (lastError === null) return [];
    const again = pausedUntil === null ? '' : `; next try ${dueText(pausedUntil, now)}`;
    return [[name, `${harmless(lastError)}${again}`] as const];
  });
  const lines = [table(rows, terminal, { head, colAligns })];
  if (problems.length > 0) lines.push('', fieldLines(terminal, problems));
  if (channels.some(({ failed }) => failed > 0))
    lines.push('', 'dpf channels failed shows why; --retry sends them again');
  return lines.join('\n');
}

const ROWS = 20;

async function showFailed(
  channels: Channels,
  name: string | undefined,
  { retry, json, limitRows }: FailedFlags,
  terminal: Terminal,
): Promise<Answer> {
  if (name !== undefined) await channels.get(name);
  if (retry) {
    const retried = await channels.retryFailed(name);
    const text =
      retried === 0 ? 'nothing to send again' : `${countText(retried, 'message')} will be sent again`;
    return { data: { retried }, text };
  }
  const most = limitRows ?? (json ? 10_000 : ROWS);
  const found = await channels.failed(name, { limit: most + 1 });
  const data = found.slice(0, most);
  if (data.length === 0) return { data, text: 'every message was delivered, or waits' };
  const more = found.length > most ? ['… and more: --limit-rows and --json show them'] : [];
  const text = [failedTable(data, terminal), ...more, '', 'Send them again with dpf channels failed --retry'];
  return { data, text: text.join('\n') };
}

function failedTable(messages: readonly FailedMessage[], terminal: Terminal): string {
  const rows = messages.map(({ channel, alert, kind, items, at, attempts, error }) => [
    ...[channel, alert || kind, countText(items.length, 'listing'), instantText(at)],
    ...[countText(attempts, 'attempt'), harmless(error)],
  ]);
  return table(rows, terminal, { head: ['Channel', 'Alert', 'About', 'Given up', 'After', 'Why'] });
}
