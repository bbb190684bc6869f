import type { Mutation } from './mutation.ts';

const CHANNELS = 'src/queue/alerts/channels.ts';
const FOLDER = 'src/queue/alerts/channels';
const integration = ['test/integration/queue/alerts/channels.test.ts'];
const unit = (name: string) => [`test/unit/queue/alerts/channels/${name}.test.ts`];

export const mutations: Mutation[] = [
  {
    id: 'channel-in-the-clear',
    file: CHANNELS,
    find: 'if (!wasSealed && encryptionKeys.length > 0)',
    replace: 'if (!wasSealed && encryptionKeys.length > 1)',
    breaks: 'A process with encryption keys opens no channel that another program wrote in the clear.',
    tests: integration,
  },
  {
    id: 'channel-of-another-name',
    file: CHANNELS,
    find: 'return { tenant: this.#options.tenant, channel: name };',
    replace: 'return { tenant: this.#options.tenant };',
    breaks: 'The sealed secrets of a channel open under its own name only.',
    tests: integration,
  },
  {
    id: 'former-secret-for-ever',
    file: CHANNELS,
    find: 'return now < (found.stored.formerUntil ?? 0) ? opened : current;',
    replace: 'return opened;',
    breaks: 'A secret that was replaced stops signing.',
    tests: integration,
  },
  {
    id: 'price-shown-too-early',
    file: `${FOLDER}/words.ts`,
    find: 'hit.priceDisplay === null && hit.to !== null ? priceOf(hit, hit.to) : null',
    replace: 'hit.to !== null ? priceOf(hit, hit.to) : null',
    breaks: 'A message for people does not show a price that eBay lets appear only later.',
    tests: unit('messages'),
  },
  {
    id: 'markup-in-titles',
    file: `${FOLDER}/markup.ts`,
    find: ".replaceAll('<', '&lt;')",
    replace: '',
    breaks: 'What a seller writes in a title never becomes markup.',
    tests: unit('messages'),
  },
  {
    id: 'one-signature',
    file: `${FOLDER}/webhook.ts`,
    find: '[secret, formerSecret ?? []].flat()',
    replace: '[secret]',
    breaks: 'While a secret is replaced, receivers with the former one accept requests too.',
    tests: unit('webhook'),
  },
  {
    id: 'waits-for-channel',
    file: 'src/queue/alerts/channels.ts',
    find: "redis.call('ZADD', KEYS[5], 0, alert)",
    replace: "redis.call('ZSCORE', KEYS[5], alert)",
    breaks: 'Alerts that wait for a channel are sent as soon as one is there.',
    tests: ['test/integration/queue/alerts/channels.test.ts'],
  },
  {
    id: 'secret-argument',
    file: 'src/cli/program.ts',
    find: "if (SECRET_FORM.test(arg.replace(/^--?[\\w-]+=/, '')))",
    replace: 'if (SECRET_FORM.test(arg) && args.length > 99)',
    breaks: 'A secret of a channel is no argument, which other users of the machine could see.',
    tests: ['test/process/cliAlerts.test.ts'],
  },
];
