import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import fc from 'fast-check';
import { conditionFrom, conditionText } from '../../src/cli/alerts.ts';
import { run } from '../../src/cli/program.ts';
import { ALERT_CONDITIONS } from '../../src/product/alertSchema.ts';
import { parseAlert } from '../../src/queue/alerts/definition.ts';
import { alertKeys } from '../../src/queue/alerts/keys.ts';
import { startCommand } from '../support/commands.ts';
import { builtProgram } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { useRedisUrl } from '../support/redisUrl.ts';
import { plainTerminal } from '../unit/cli/plainTerminal.ts';

const DISCORD = 'https://discord.com/api/webhooks/110000000000000001/aVerySecretTokenOfDiscord_aVerySecret';

describe('dpf channels and dpf alerts', function () {
  this.timeout(30_000);
  const redis = useRedis();
  useRedisUrl(() => redis.url);

  async function dpf(...args: string[]) {
    const terminal = plainTerminal({ width: 120 });
    const exit = await run(args, terminal);
    return { exit, out: terminal.out.join('\n'), err: terminal.err.join('\n') };
  }
  const json = async (...args: string[]) => JSON.parse((await dpf(...args, '--json')).out);
  /** As a process of its own, with text on stdin. */
  function piped(args: string[], input: string) {
    const env = { PATH: process.env.PATH, REDIS_URL: redis.url };
    const command = [builtProgram(), ...args];
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { input, env, encoding: 'utf8' });
    return { exit: status, out: stdout, err: stderr };
  }
  /** In this process, with text on stdin. */
  async function fed(args: string[], input: string) {
    const command = startCommand(args, { REDIS_URL: redis.url }, { input });
    return { exit: await command.exit(), out: command.stdout, err: command.stderr };
  }
  const hook = () => dpf('channels', 'add', 'hook', '--webhook', 'https://hooks.example.com/dpf');

  it('prints the secret of a webhook alone on stdout, once; another one after rotate', async () => {
    const added = await hook();
    expect(added.exit, added.err).to.equal(0);
    expect(added.out).to.match(/^whsec_\S{44}$/);
    expect(added.err).to.match(/added hook \(webhook, hooks\.example\.com\)[\s\S]*not shown again/);
    const again = await hook();
    expect(again).to.include({ exit: 2, out: '' });
    expect(again.err).to.include('there is a channel hook already (webhook); --replace changes it');
    const rotated = await dpf('channels', 'rotate', 'hook');
    expect(rotated.out)
      .to.match(/^whsec_\S{44}$/)
      .and.to.not.equal(added.out);
    expect(rotated.err).to.match(/signs with both secrets until \d{4}-/);
    const shown = [await dpf('channels', 'list'), await dpf('channels', 'list', '--json')];
    for (const { out } of shown) expect(out).to.include('hooks.example.com').and.to.not.include('whsec');
    expect(shown[0]?.out).to.match(/^hook +webhook +hooks\.example\.com +ok +0 +0 +never$/m);
  });

  it('reads secrets from stdin, one a line, and takes none as an argument', async () => {
    for (const args of [
      ['--discord', DISCORD],
      [`--webhook=${DISCORD}`],
      ['--slack', 'https://hooks.slack.com/services/T0/B0/aVerySecretTokenOfSlack'],
      ['--telegram', '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw'],
      ['--webhook', 'https://a.example/', '--with-secret', `whsec_${btoa('a'.repeat(24))}`],
    ]) {
      const { exit, out, err } = await dpf('channels', 'add', 'x', ...args);
      expect([exit, out], args.join(' ')).to.deep.equal([2, '']);
      expect(err)
        .to.include('a secret is not accepted as an argument')
        .and.to.not.include(args[1] ?? DISCORD);
    }
    const discord = await fed(['channels', 'add', 'deals', '--discord'], `${DISCORD}\n`);
    expect(discord).to.deep.include({ exit: 0, out: 'added deals (discord, discord.com)\n' });
    const own = `whsec_${btoa('b'.repeat(32))}`;
    const webhook = piped(
      ['channels', 'add', 'own', '--webhook', '--with-secret', '--json'],
      `https://b.example/x\r\n${own}\r\n`,
    );
    expect(webhook.exit, webhook.err).to.equal(0);
    expect(JSON.parse(webhook.out))
      .to.include({ name: 'own', host: 'b.example' })
      .and.to.not.have.key('secret');
    const stored = await redis.connect().hget(alertKeys('{ebay}', 'default').channels, 'own');
    expect(stored).to.include(own);
    const none = await fed(['channels', 'add', 'chat', '--telegram', '-1001234567890'], '');
    expect(none.exit).to.equal(2);
    expect(none.err).to.include('the token of the bot is missing: it is a secret, so give it on stdin');
    const wrong = await fed(['channels', 'add', 'chat', '--telegram', 'nobody'], '110201543:short\n');
    expect(wrong.exit).to.equal(2);
    expect(wrong.err)
      .to.match(/^ {2}the token {3}must be the token of a bot/m)
      .and.to.match(/^ {2}--telegram {2}must be the id of a chat/m)
      .and.to.not.include('short');
  });

  it('says which flag of a channel is wrong, and what fits', async () => {
    const cases: Array<[args: string[], exit: number, said: RegExp]> = [
      [['add', 'x'], 2, /give one of --webhook URL, --discord, --slack, --telegram CHAT/],
      [['add', 'x', '--ntfy', 'a', '--email', 'a@example.com'], 2, /give one of --webhook URL/],
      [['add', 'x', '--webhook', 'http://example.com/'], 2, /--webhook +must be https: .*OUTBOUND_ALLOW/],
      [['add', 'X', '--ntfy', 'a b'], 2, /NAME +must be 1 to 60[\s\S]*--ntfy +must be 1 to 64 letters/],
      [['add', 'x', '--email', 'a@example.com,nobody'], 2, /--email +must be an e-mail address/],
      [
        ['add', 'x', '--email', 'a@example.com', '--with-secret'],
        2,
        /--with-secret is for --webhook and --ntfy/,
      ],
      [
        ['add', 'x', '--ntfy', 'a', '--template', 'no/such.json'],
        2,
        /--template no\/such\.json cannot be read/,
      ],
      [['test', 'nobody'], 1, /no channel "?nobody/],
      [['remove', 'nobody'], 1, /no channel "?nobody/],
      [['failed', 'nobody'], 1, /no channel "?nobody/],
      [['tset', 'x'], 2, /did you mean test/],
    ];
    for (const [args, exit, said] of cases) {
      const { exit: got, err } = await dpf('channels', ...args);
      expect(err, args.join(' ')).to.match(said);
      expect(got, args.join(' ')).to.equal(exit);
    }
    expect((await dpf('channels', 'list')).out).to.equal('no channels; add one with dpf channels add NAME');
  });

  it('shows what could not be delivered, and puts it back to be sent', async () => {
    await hook();
    const { failed, outbox } = alertKeys('{ebay}', 'default');
    const hits = [{ id: 'b'.repeat(32), itemId: 'v1|110000000001|0' }];
    const at = '2027-01-15T07:00:00.000Z';
    const message = { id: 'a'.repeat(32), kind: 'alert', at, alert: 'drops', hits };
    const record = { message, at: 1_800_000_000_000, error: 'it answered 500\u001b[2J', attempts: 8 };
    await redis.connect().lpush(failed('hook'), JSON.stringify(record));
    const shown = await dpf('channels', 'failed', 'hook');
    expect(shown.out).to.match(/^hook +drops +1 listing +2027-01-15 08:00 UTC +8 attempts +it answered 500/m);
    expect(shown.out).to.not.include('\u001b');
    expect((await dpf('channels', 'list')).out).to.include('dpf channels failed shows why');
    expect(await json('channels', 'failed')).to.have.nested.property('[0].items[0]', hits[0]?.itemId);
    expect((await dpf('channels', 'failed', '--retry')).out).to.equal('1 message will be sent again');
    expect(await redis.connect().llen(outbox('hook'))).to.equal(1);
    expect((await dpf('channels', 'failed')).out).to.equal('every message was delivered, or waits');
    expect((await dpf('channels', 'remove', 'hook')).out).to.equal(
      'removed hook, and 1 message that it had not taken',
    );
  });

  it('ends a test that nothing takes with 1 and the cause', async () => {
    await hook();
    const test = await dpf('channels', 'test', 'hook', '--timeout', '0');
    expect(test).to.include({ exit: 1, out: '' });
    expect(test.err).to.match(/^dpf: hook: not delivered: .*no worker has taken it/);
    expect(await json('channels', 'test', 'hook', '--timeout', '0')).to.include({ delivered: false });
  });

  it('adds, lists, shows, changes, pauses, resumes and removes alerts', async () => {
    await hook();
    const added = await dpf(
      ...['alerts', 'add', 'cheap', '--track', 'hubs', '--when', 'price-below 20 USD', '--when', 'drop 10%'],
      ...['--item-price', '--channel', 'hook', '--title-exclude', 'broken', '--condition-id', '1000,1500'],
      ...[
        '--min-feedback-percentage',
        '98',
        '--rearm',
        '12h',
        '--quiet',
        '22:00-7:00',
        '--tz',
        'Europe/Berlin',
      ],
      ...['--digest', '30m', '--daily-cap', '20'],
    );
    expect(added.exit, added.err).to.equal(0);
    for (const line of [
      /^added cheap$/m,
      /^of +track hubs$/m,
      /^when +price-below 20 USD \(item price\)$/m,
      /^or +drop 10% \(item price\)$/m,
      /^only +title without broken$/m,
      /^ +seller from 98 % on$/m,
      /^ +condition 1000, 1500$/m,
      /^again +for a listing not within 12 h$/m,
      /^sent +at most every 30 min, not from 22:00 to 07:00 \(Europe\/Berlin\), at most 20 alerts a day$/m,
      /^to +hook$/m,
      /^note +it waits for its first complete look/m,
    ])
      expect(added.out).to.match(line);
    const twice = await dpf('alerts', 'add', 'cheap', '--track', 'hubs', '--when', 'new');
    expect(twice).to.include({ exit: 2, out: '' });
    expect(twice.err).to.include('there is an alert cheap already');

    expect(await json('alerts', 'show', 'cheap')).to.deep.include({
      track: 'hubs',
      rearm: 43_200,
      digest: 1800,
      quiet: { from: '22:00', to: '07:00' },
      seller: { minFeedbackPercentage: 98 },
    });
    const rest = ['--no-quiet', '--no-digest', '--every-channel', '--min-feedback-score', '50'];
    const changed = await json('alerts', 'change', 'cheap', ...rest, '--schedule', 'hubs');
    expect(changed).to.deep.include({
      schedule: 'hubs',
      seller: { minFeedbackPercentage: 98, minFeedbackScore: 50 },
      rearm: 43_200,
    });
    expect(changed).to.not.have.any.keys('track', 'quiet', 'digest', 'channels');
    expect((await dpf('alerts', 'change', 'cheap')).err).to.include('name an option to change');
    expect((await dpf('alerts', 'list')).out).to.match(
      /^cheap +schedule hubs +price-below 20 USD \(item price\), drop\n? *10%|^cheap +schedule hubs +price-below 20 USD/m,
    );
    expect((await dpf('alerts', 'pause', 'cheap')).out).to.equal('paused cheap');
    expect((await dpf('alerts', 'pause', 'cheap')).out).to.equal('cheap was paused already');
    expect((await dpf('alerts', 'resume', 'cheap')).out).to.equal('resumed cheap');
    expect((await dpf('alerts', 'remove', 'cheap')).out).to.equal('removed cheap');
    expect((await dpf('alerts', 'list')).out).to.match(/^no alerts; add one with dpf alerts add/);
  });

  it('says which flag of an alert is wrong, and what is likely meant', async () => {
    const source = ['--track', 'hubs'];
    const cases: Array<[args: string[], exit: number, said: RegExp]> = [
      [['add', 'x', ...source, '--when', 'dorp 10%'], 2, /--when must begin with .*did you mean drop\?/],
      [['add', 'x', ...source, '--when', 'pricebelow 20 USD'], 2, /did you mean price-below\?/],
      [
        ['add', 'x', ...source, '--when', 'price-below 20'],
        2,
        /--when price-below: say an amount and its currency/,
      ],
      [
        ['add', 'x', ...source, '--when', 'drop a bit'],
        2,
        /--when drop: .*'drop 10%' or 'drop 5 USD'; got "a bit"/,
      ],
      [['add', 'x', ...source, '--when', 'stock-below'], 2, /--when stock-below: say a number/],
      [['add', 'x', ...source, '--when', 'gone away'], 2, /--when gone: nothing may follow/],
      [['add', 'x', ...source], 2, /--when +is required here/],
      [['add', 'x', '--when', 'new'], 2, /--track +or schedule or watchlist is required here/],
      [
        ['add', 'x', ...source, '--watchlist', 'w', '--when', 'drop'],
        2,
        /--watchlist +cannot stand beside track/,
      ],
      [
        ['add', 'x', ...source, '--when', 'new', '--channel', 'nobody'],
        2,
        /--channel +there is no channel nobody/,
      ],
      [['add', 'x', ...source, '--when', 'new', '--tz', 'Mars/Phobos'], 2, /--tz +must be an IANA time zone/],
      [['add', 'x', ...source, '--when', 'new', '--quiet', '22'], 2, /--quiet must be two times of the day/],
      [
        ['add', 'x', ...source, '--when', 'new', '--rearm', 'soon'],
        2,
        /--rearm must be a time such as 90s, 30m/,
      ],
      [['add', 'x', ...source, '--when', 'new', '--digest', '5s'], 2, /--digest +must be >= 60/],
      [['change', 'nobody', '--tz', 'UTC'], 1, /no alert nobody/],
      [['show', 'nobody'], 1, /no alert nobody/],
    ];
    for (const [args, exit, said] of cases) {
      const { exit: got, err } = await dpf('alerts', ...args);
      expect(err, args.join(' ')).to.match(said);
      expect(got, args.join(' ')).to.equal(exit);
    }
    expect(await json('alerts', 'list')).to.deep.equal([]);
  });

  it('shows each condition as it is typed', () => {
    const money = fc.tuple(fc.integer({ min: 1, max: 99_999 }), fc.constantFrom('USD', 'GBP'));
    const amount = money.map(([cents, currency]) => `${(cents / 100).toFixed(2)} ${currency}`);
    const values: Record<(typeof ALERT_CONDITIONS)[number], fc.Arbitrary<string>> = {
      new: fc.constantFrom('', 'relisted'),
      gone: fc.constant(''),
      'back-in-stock': fc.constant(''),
      'stock-below': fc.integer({ min: 1, max: 1000 }).map(String),
      'price-below': amount,
      drop: fc.oneof(
        fc.constant(''),
        amount,
        fc.integer({ min: 1, max: 99 }).map((n) => `${n}%`),
      ),
      rise: fc.oneof(
        fc.constant(''),
        amount,
        fc.integer({ min: 1, max: 99 }).map((n) => `${n}%`),
      ),
      lowest: fc.constantFrom('all', 'listing'),
    };
    const typed = fc
      .constantFrom(...ALERT_CONDITIONS)
      .chain((on) => values[on].map((value) => `${on} ${value}`.trim()));
    fc.assert(
      fc.property(typed, (text) => {
        const parsed = parseAlert({ name: 'x', track: 'x', when: [conditionFrom(text)] });
        expect(parsed.ok && parsed.definition.when.map(conditionText)).to.deep.equal([text]);
      }),
    );
  });
});
