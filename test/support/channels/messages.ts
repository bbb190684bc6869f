import type { AlertMessage, Hit } from '../../../src/product/alertMessage.ts';
import type { Post } from '../../../src/queue/alerts/channels/answers.ts';

/** When the messages of these tests are sent. */
export const SENT_AT = Date.parse('2026-05-01T08:00:00Z');
export const now = () => SENT_AT;

const usd = (value: string) => ({ value, currency: 'USD' });

export function hit(fields: Partial<Hit> = {}): Hit {
  const itemId = fields.itemId ?? 'v1|110554433221|0';
  return {
    id: 'a'.repeat(32),
    on: 'drop',
    at: '2026-05-01T07:59:58Z',
    searchId: 'search-1',
    itemId,
    marketplace: 'EBAY_US',
    url: `https://www.ebay.com/itm/${itemId.split('|')[1]}?campid=5338000000`,
    basis: 'delivered',
    from: usd('449.00'),
    to: usd('399.00'),
    fromSeenAt: '2026-05-01T07:00:00Z',
    quantity: 3,
    priceDisplay: null,
    title: 'Sony PlayStation 5 Slim Disc Edition 1TB Console',
    image: 'https://i.ebayimg.com/images/g/abc/s-l500.jpg',
    condition: 'Open box',
    ...fields,
  };
}

export function message(fields: Partial<AlertMessage> = {}): AlertMessage {
  const hits = fields.hits ?? [hit()];
  return {
    v: 1,
    id: hits.length === 1 ? (hits[0]?.id ?? '') : 'b'.repeat(32),
    kind: 'alert',
    at: '2026-05-01T07:59:59Z',
    tenant: 'default',
    alert: 'consoles',
    track: 'ps5',
    schedule: null,
    watchlist: null,
    hits,
    matching: 0,
    withheld: {},
    ...fields,
  };
}

/** So many hits of different listings. */
export function hits(count: number, fields: Partial<Hit> = {}): Hit[] {
  return Array.from({ length: count }, (_, index) =>
    hit({
      id: index.toString(16).padStart(32, '0'),
      itemId: `v1|${110_000_000_000 + index}|0`,
      ...fields,
    }),
  );
}

export const test = () => message({ kind: 'test', alert: '', track: null, hits: [], id: 'c'.repeat(32) });
export const baseline = () =>
  message({ kind: 'baseline', hits: hits(3, { on: 'price-below', from: null }), matching: 42 });
export const withheld = () => message({ kind: 'withheld', hits: [], withheld: { drop: 40, new: 1 } });

/** Titles that sellers could write to break the markup of a message, or to do more than be read. */
export const HOSTILE = [
  '@everyone @here <@&123> <!channel> <#C1> free',
  '<script>alert(1)</script><img src=x onerror=alert(1)>',
  '</b></a><a href="https://evil.example">click</a>',
  '<https://evil.example|PlayStation> [PS5](https://evil.example)',
  '**bold** __under__ ~~strike~~ ||spoiler|| `code` # heading > quote - item',
  'Title\r\nBcc: victim@example.com\r\n\r\nbody',
  '{{url}} {{{url}}} {{#columns}}x{{/columns}} {{>partial}}',
  '\u202egnp.exe\u202c \u0000\u0007\u200b invisible \ud83d',
  '👨‍👩‍👧‍👦'.repeat(40),
  '&amp;&lt;'.repeat(40),
  `${'&'.repeat(80)}`,
  '*'.repeat(80),
  'é'.repeat(300),
  '\\'.repeat(80),
];

/** Without the filter of addresses, for receivers on loopback. */
export const post: Post = async (url, { headers, body, signal }) => {
  const answer = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
  return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() };
};
