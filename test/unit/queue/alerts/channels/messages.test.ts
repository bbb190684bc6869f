import { expect } from 'chai';
import fc from 'fast-check';
import type { AlertMessage } from '../../../../../src/product/alertMessage.ts';
import type { ChannelKind } from '../../../../../src/product/channelSchema.ts';
import { mailOf } from '../../../../../src/queue/alerts/channels/email.ts';
import { MOST_HITS, type OpenChannel } from '../../../../../src/queue/alerts/channels/sender.ts';
import { senders } from '../../../../../src/queue/alerts/channels/senders.ts';
import { tidy, wordsOf } from '../../../../../src/queue/alerts/channels/words.ts';
import { DISCORD_PATH, shownEmbeds, startDiscord } from '../../../../support/channels/discord.ts';
import {
  baseline,
  HOSTILE,
  hit,
  hits,
  message,
  now,
  post,
  test,
  withheld,
} from '../../../../support/channels/messages.ts';
import { startNtfy } from '../../../../support/channels/ntfy.ts';
import type { Received, Receiver } from '../../../../support/channels/receiver.ts';
import { SLACK_PATH, startSlack } from '../../../../support/channels/slack.ts';
import {
  parsedHtml,
  startTelegram,
  TELEGRAM_CHAT,
  TELEGRAM_TOKEN,
} from '../../../../support/channels/telegram.ts';

type PeopleKind = 'discord' | 'slack' | 'telegram' | 'ntfy';

const UNLOADABLE = 'https://i.ebayimg.com/gone.jpg';
const all = senders({ post, email: { url: '', from: '' }, now });

/** All that a request says to a person, as one text, with what is escaped as it was before. */
function shown(kind: PeopleKind, { json }: Received): string {
  switch (kind) {
    case 'discord': {
      const parts = [
        json.content,
        ...json.embeds.flatMap((embed: Record<string, unknown>) => [embed.title, embed.description]),
      ];
      return parts.join('\n').replace(/\\([^0-9A-Za-z\s])/g, '$1');
    }
    case 'slack':
      return json.blocks
        .map(({ text }: { text?: { text: string } }) => text?.text ?? '')
        .join('\n')
        .replaceAll('&lt;', '<')
        .replaceAll('&gt;', '>')
        .replaceAll('&amp;', '&');
    case 'telegram': {
      const parsed = parsedHtml(json.caption ?? json.text);
      return 'text' in parsed ? parsed.text : parsed.problem;
    }
    case 'ntfy':
      return `${json.title}\n${json.message}`;
  }
}

describe('messages for people', () => {
  const receivers = {} as Record<PeopleKind, Receiver>;
  const channels = {} as Record<PeopleKind, OpenChannel>;
  const kinds: PeopleKind[] = ['discord', 'slack', 'telegram', 'ntfy'];

  before(async () => {
    const isLoaded = (url: string) => url !== UNLOADABLE;
    receivers.discord = await startDiscord();
    receivers.slack = await startSlack(isLoaded);
    receivers.telegram = await startTelegram(isLoaded);
    receivers.ntfy = await startNtfy();
    const { discord, slack, telegram, ntfy } = receivers;
    channels.discord = { kind: 'discord', name: 'd', url: discord.origin + DISCORD_PATH };
    channels.slack = { kind: 'slack', name: 's', url: slack.origin + SLACK_PATH };
    channels.telegram = {
      kind: 'telegram',
      name: 't',
      token: TELEGRAM_TOKEN,
      chat: TELEGRAM_CHAT,
      server: telegram.origin,
    };
    channels.ntfy = { kind: 'ntfy', name: 'n', topic: 'alerts', server: ntfy.origin };
  });
  beforeEach(() => {
    for (const { received, next } of Object.values(receivers)) {
      received.length = 0;
      next.length = 0;
    }
  });
  after(() => Promise.all(Object.values(receivers).map(({ close }) => close())));

  const send = (kind: PeopleKind, sent: AlertMessage, template?: { title?: string; text?: string }) =>
    all
      .get(kind as ChannelKind)
      ?.send(
        { ...channels[kind], ...(template && { template }) } as OpenChannel,
        sent,
        new AbortController().signal,
      );
  const sentBy = async (
    kind: PeopleKind,
    sent: AlertMessage,
    template?: { title?: string; text?: string },
  ) => {
    await send(kind, sent, template);
    return receivers[kind].received.at(-1) as Received;
  };

  for (const kind of kinds) {
    it(`${kind}: title, link, picture, condition, the price before and now, and which alert it is of`, async () => {
      const request = await sentBy(kind, message());
      const text = shown(kind, request);
      expect(text).to.include('Sony PlayStation 5 Slim Disc Edition 1TB Console').and.include('$399.00');
      expect(text).to.match(/Delivered: \S*\$449\.00\S* → \S*\$399\.00\S* \(−11 %\)/);
      expect(text).to.include('Open box · 3 left').and.not.include('Seen');
      expect(request.text).to.include('https://www.ebay.com/itm/110554433221?campid=5338000000');
      expect(request.text).to.include('https://i.ebayimg.com/images/g/abc/s-l500.jpg');
      expect(request.text).to.include('Alert consoles · track ps5');
    });

    it(`${kind}: as many listings as a message may have, each of them there whatever its title`, async () => {
      const most = MOST_HITS[kind];
      for (const title of ['PlayStation', ...HOSTILE.slice(-5)]) {
        const columns = Object.fromEntries(
          [1, 2, 3, 4, 5, 6, 7].map((n) => [`column ${n}`, '&*'.repeat(60)]),
        );
        const request = await sentBy(kind, message({ hits: hits(most, { title, columns }) }));
        expect(request.status, title).to.equal(200);
        for (let index = 0; index < most; index += 1)
          expect(request.text).to.include(`itm/${110_000_000_000 + index}`);
      }
      expect(receivers[kind].received).to.have.length(6);
    });

    it(`${kind}: a title can do nothing but be read`, async () => {
      for (const title of HOSTILE) {
        const request = await sentBy(kind, message({ hits: [hit({ title })] }));
        expect(request.status, title).to.equal(200);
        const text = shown(kind, request);
        const plain = tidy(title, 120);
        expect(text, title).to.include(plain);
        expect(text.replaceAll('\n', '')).to.not.match(/[\p{Cc}\u202a-\u202e\u200b]/u);
        if (kind === 'discord') expect(request.json.allowed_mentions).to.deep.equal({ parse: [] });
        if (kind === 'telegram')
          expect([...request.json.caption.matchAll(/href="([^"]*)"/g)].map(([, url]) => url)).to.deep.equal([
            'https://www.ebay.com/itm/110554433221?campid=5338000000',
          ]);
        if (kind === 'slack') {
          const [section] = request.json.blocks;
          const tags = [...section.text.text.matchAll(/<([^>]*)>/g)].map(([, tag]) => tag.split('|')[0]);
          expect(tags, title).to.deep.equal(['https://www.ebay.com/itm/110554433221?campid=5338000000']);
        }
      }
    });

    it(`${kind}: any titles and columns stay within the limits`, async () => {
      const piece = fc.constantFrom(
        'a',
        '&',
        '<',
        '*',
        '\\',
        ' ',
        '\n',
        '"',
        '👩‍🚀',
        'é',
        '\ud800',
        '@everyone',
        '`',
        '|',
      );
      const title = fc.array(piece, { maxLength: 200 }).map((parts) => parts.join(''));
      await fc.assert(
        fc.asyncProperty(fc.array(title, { minLength: 1, maxLength: MOST_HITS[kind] }), async (titles) => {
          const found = titles.map((text, index) =>
            hit({ title: text, itemId: `v1|${index + 1}|0`, condition: text, columns: { [text]: text } }),
          );
          await send(kind, message({ hits: found }));
        }),
        { numRuns: 25 },
      );
      expect(receivers[kind].received.map(({ status }) => status)).to.deep.equal(Array(25).fill(200));
    });

    it(`${kind}: a price that eBay shows only later is not shown`, async () => {
      const hidden = hit({ priceDisplay: 'IN_CART' });
      for (const sent of [
        message({ hits: [hidden] }),
        message({
          hits: [hidden, hit({ itemId: 'v1|2|0', from: null, to: { value: '10.00', currency: 'USD' } })],
        }),
      ]) {
        const request = await sentBy(kind, sent, undefined);
        expect(shown(kind, request)).to.include('See the price on eBay');
        expect(request.text).to.not.match(/399|449|11 %/);
        const templated = await sentBy(kind, sent, {
          title: '{{price}} {{before}}',
          text: '{{price}} was {{before}}',
        });
        expect(templated.text).to.not.match(/399|449/);
      }
    });

    it(`${kind}: of a message that is older than six hours the number of the item, the price, the link, and when it was seen`, async () => {
      const old = hit({ at: '2026-05-01T00:10:00Z', title: null, image: null, condition: null });
      const request = await sentBy(kind, message({ hits: [old] }));
      const text = shown(kind, request);
      expect(text).to.include('Item 110554433221').and.include('$399.00');
      expect(text).to.include('Seen 2026-05-01 00:10 UTC, 7 h 50 min before this message');
      expect(request.text).to.include('/itm/110554433221');
    });

    it(`${kind}: the first look of an alert, what a daily limit kept back, and a test have words of their own`, async () => {
      const first = shown(kind, await sentBy(kind, baseline()));
      expect(first)
        .to.include('Alert consoles is on')
        .and.include('42 listings meet it already')
        .and.include('The 3 cheapest:');
      const kept = shown(kind, await sentBy(kind, withheld()));
      expect(kept)
        .to.include('41 more alerts of consoles today')
        .and.include('40 price drops, 1 new listing');
      expect(shown(kind, await sentBy(kind, test())))
        .to.include('Test message')
        .and.include('This channel works.');
      expect(receivers[kind].received.map(({ status }) => status)).to.deep.equal([200, 200, 200]);
    });

    it(`${kind}: a template speaks in place of the usual words, its fields escaped`, async () => {
      const sent = message({ hits: [hit({ title: '<b>Tom & *Jerry*', columns: { sku: 'A_1' } })] });
      const request = await sentBy(kind, sent, {
        title: '{{alert}}/{{source}}: {{event}}',
        text: '{{title}} costs {{price}} {{basis}}, before {{before}}; {{columns.sku}} {{condition}}{{#quantity}}, {{quantity}} left{{/quantity}}',
      });
      expect(request.status).to.equal(200);
      expect(shown(kind, request))
        .to.include('consoles/ps5: Price drop')
        .and.include('<b>Tom & *Jerry* costs $399.00 delivered, before $449.00; A_1 Open box, 3 left');
    });

    it(`${kind}: a template that renders nothing, or more than fits, gives way to the usual words`, async () => {
      for (const text of ['{{#columns.none}}x{{/columns.none}}', 'x'.repeat(5000)]) {
        const request = await sentBy(kind, message(), { text });
        expect(shown(kind, request)).to.match(/Delivered: \S*\$449\.00/);
      }
    });
  }

  it('six columns are in the usual words, and a template may name any of them', () => {
    const columns = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`c${index}`, `v${index}`]));
    const [entry] = wordsOf(message({ hits: [hit({ columns })] }), now()).entries;
    expect(entry?.facts).to.include('c5: v5').and.not.include('c6');
    expect(entry?.view.columns).to.deep.equal(columns);
  });

  it('amounts are written with the sign of their currency, and item prices say so', async () => {
    const amounts: Array<[string, string, string]> = [
      ['1200', 'JPY', '¥1,200'],
      ['12.50', 'GBP', '£12.50'],
      ['1299.00', 'EUR', '€1,299.00'],
      ['9.99', 'CAD', 'CA$9.99'],
    ];
    for (const [value, currency, text] of amounts) {
      const { entries } = wordsOf(
        message({ hits: [hit({ basis: 'item', from: null, to: { value, currency } })] }),
        now(),
      );
      expect(entries[0]?.price).to.include({ label: 'Item price', to: text, from: null });
    }
  });

  it('Telegram gets text where it cannot load the picture, and no second message for another refusal', async () => {
    await send('telegram', message({ hits: [hit({ image: UNLOADABLE })] }));
    const { received, next } = receivers.telegram;
    expect(received.map(({ path, status }) => [path.split('/').at(-1), status])).to.deep.equal([
      ['sendPhoto', 400],
      ['sendMessage', 200],
    ]);
    next.push({
      status: 400,
      body: { ok: false, error_code: 400, description: 'Bad Request: chat not found' },
    });
    const refused = await send('telegram', message())?.catch((error) => error);
    expect(refused).to.include({ fault: 'channel' });
    expect(received).to.have.length(3);
  });

  it('a template with broken HTML is refused by Telegram, and the usual words are sent', async () => {
    await send('telegram', message({ hits: [hit({ image: null })] }), { text: '<b>{{title}}' });
    const { received } = receivers.telegram;
    expect(received.map(({ status }) => status)).to.deep.equal([400, 200]);
    expect(received[1]?.text).to.include('$399.00');
  });

  it('Slack gets the message without pictures where it cannot load one of them', async () => {
    await send('slack', message({ hits: [hit(), hit({ itemId: 'v1|2|0', image: UNLOADABLE })] }));
    const { received } = receivers.slack;
    expect(received.map(({ status }) => status)).to.deep.equal([400, 200]);
    expect(received[1]?.text).to.include('/itm/2').and.not.include('image_url');
  });

  it('Discord shows two alerts of the same listing', async () => {
    await send('discord', message({ hits: [hit(), hit({ on: 'lowest' })] }));
    expect(shownEmbeds(receivers.discord.received[0] as Received)).to.have.length(2);
  });

  it('ntfy gets the access token in a header, and only there', async () => {
    const { ntfy } = receivers;
    const channel = { ...channels.ntfy, token: 'tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2' } as OpenChannel;
    await all.get('ntfy')?.send(channel, message(), new AbortController().signal);
    const [request] = ntfy.received;
    expect(request?.headers.authorization).to.equal('Bearer tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2');
    expect(request?.text).to.not.include('tk_');
  });

  it('addresses other than http and https are neither linked nor shown', async () => {
    for (const url of [
      'javascript:alert(1)',
      'data:text/html,x',
      'https://user:password@www.ebay.com/itm/1',
      'nonsense',
    ]) {
      const { entries } = wordsOf(message({ hits: [hit({ url, image: url })] }), now());
      expect(entries[0]).to.include({ url: null, image: null });
    }
    const { entries } = wordsOf(
      message({ hits: [hit({ url: 'https://www.ebay.com/itm/1?a=<b>|c"d)\'' })] }),
      now(),
    );
    expect(entries[0]?.url).to.match(/^[\w:/.?=%-]+$/);
  });

  describe('as e-mail', () => {
    const mail = (sent: AlertMessage, template?: { title?: string; text?: string }) =>
      mailOf(sent, wordsOf(sent, now()), {
        from: 'alerts@example.com',
        to: ['me@example.org'],
        channel: 'mail',
        template,
      });

    it('have a part in text and one in HTML, and nothing that a title says becomes markup or a header', () => {
      for (const title of HOSTILE) {
        const { subject, text, html } = mail(message({ hits: [hit({ title })] }));
        expect(subject).to.not.match(/[\r\n]/);
        expect(String(text)).to.include(tidy(title, 120));
        const tags = [...String(html).matchAll(/<(\/?[a-z!0-9]+)/g)].map(([, tag]) => tag);
        expect(new Set(tags)).to.not.include.members(['script']);
        expect([...String(html).matchAll(/(?:href|src)="([^"]*)"/g)].map(([, url]) => url)).to.deep.equal([
          'https://www.ebay.com/itm/110554433221?campid=5338000000',
          'https://i.ebayimg.com/images/g/abc/s-l500.jpg',
          'https://www.ebay.com/itm/110554433221?campid=5338000000',
        ]);
      }
    });

    it('are the same mail when they are sent again', () => {
      expect(mail(message()).messageId).to.equal(mail(message()).messageId);
      expect(mail(message()).messageId).to.not.equal(mail(message({ hits: hits(2) })).messageId);
    });

    it('show no price that eBay shows only later', () => {
      const { subject, text, html } = mail(message({ hits: [hit({ priceDisplay: 'ON_REQUEST' })] }));
      expect(`${subject}${text}${html}`)
        .to.include('See the price on eBay')
        .and.not.match(/399|449/);
    });

    it('take a template as plain text', () => {
      const { subject, text, html } = mail(message({ hits: [hit({ title: 'A & B' })] }), {
        title: 'Now {{price}}',
        text: '<{{title}}>\nnow',
      });
      expect(subject).to.equal('Now $399.00');
      expect(text).to.include('<A & B>\nnow');
      expect(html).to.include('&lt;A &amp; B&gt;<br>now');
    });
  });
});
