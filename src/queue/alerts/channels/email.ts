import type { SendMailOptions } from 'nodemailer';
import { isLoopback } from '../../../config/checks.ts';
import type { AlertMessage } from '../../../product/alertMessage.ts';
import { htmlText } from './markup.ts';
import { DeliveryError, type Sender } from './sender.ts';
import { rendered } from './template.ts';
import { type Entry, priceLine, shortened, type Words, wordsOf } from './words.ts';

export interface EmailSettings {
  /** SMTP_URL; empty: none. */
  url: string;
  /** SMTP_FROM. */
  from: string;
  /** Longest wait for each answer of the server, ms. */
  timeoutMs?: number;
}

/** RFC 5322, 2.1.1 advises lines of 78; the header is folded, and mail programs show about so much. */
const MOST_SUBJECT = 150;
/** A server that answers 4xx asks for another try later (RFC 5321, 4.2.1); greylisting passes after minutes. */
const LATER_MS = 120_000;
const TIMEOUT_MS = 15_000;

/** @param now ms since the epoch */
export function emailSender(
  { url, from, timeoutMs = TIMEOUT_MS }: EmailSettings,
  now: () => number,
): Sender<'email'> {
  return {
    kind: 'email',
    async send({ name, to, template }, message, signal, partly) {
      if (url === '' || from === '')
        throw new DeliveryError('SMTP_URL and SMTP_FROM are not set in this worker', { fault: 'channel' });
      // Loaded only where mail is sent.
      const { createTransport } = await import('nodemailer');
      const server = new URL(url);
      const transport = createTransport({
        url,
        connectionTimeout: timeoutMs,
        greetingTimeout: timeoutMs,
        socketTimeout: timeoutMs,
        dnsTimeout: timeoutMs,
        // A password never goes over the network in the clear.
        requireTLS: server.username !== '' && !isLoopback(server.hostname),
      });
      try {
        const mail = mailOf(message, wordsOf(message, now()), { from, to, channel: name, template });
        const { rejected = [] } = await transport.sendMail({ ...mail, signal } as SendMailOptions);
        // It throws where none of them was taken.
        if (rejected.length > 0)
          partly?.(`the mail server refused ${rejected.join(', ')}; the others have the mail`);
      } catch (error) {
        throw refused(error);
      } finally {
        transport.close();
      }
    },
  };
}

/** `smtp://user:password@…` and what the server repeats of a login are not part of the message. */
function refused(thrown: unknown): DeliveryError {
  const {
    responseCode,
    response = '',
    command = '',
    code = '',
  } = thrown as Partial<{
    responseCode: number;
    response: string;
    command: string;
    code: string;
  }>;
  if (responseCode === undefined)
    return new DeliveryError(`the mail server could not be reached (${code || (thrown as Error).name})`, {
      fault: 'channel',
    });
  const isLogin = code === 'EAUTH' || command.startsWith('AUTH');
  const words = isLogin ? 'the login was refused' : response.replace(/\s+/g, ' ').trim().slice(0, 200);
  const isLater = responseCode < 500 && !isLogin;
  // What is refused after its content is about this mail; what is refused before is about sender, recipients or login.
  const isAboutMail = !isLogin && /^(DATA|BDAT)/.test(command);
  return new DeliveryError(`the mail server answered ${words}`, {
    fault: isLater ? 'busy' : isAboutMail ? 'message' : 'channel',
    status: responseCode,
    retryAfterMs: isLater ? LATER_MS : undefined,
  });
}

interface Envelope {
  from: string;
  to: string[];
  channel: string;
  template?: { title?: string; text?: string } | undefined;
}

export function mailOf(
  { id, at, alert, tenant }: AlertMessage,
  words: Words,
  { from, to, channel, template = {} }: Envelope,
): SendMailOptions {
  const domain = from.slice(from.lastIndexOf('@') + 1);
  const heading = shortened(
    rendered(template.title, words.view, oneLine) ?? words.heading,
    MOST_SUBJECT,
    oneLine,
  );
  const list = alert === '' ? `test.${tenant}` : `${alert}.${tenant}`;
  return {
    from: { name: 'eBay alerts', address: from },
    to,
    subject: heading,
    date: new Date(at),
    // A repeat is the same mail, which mail programs and servers recognise.
    messageId: `<${id}.${channel}@${domain}>`,
    text: plainText(words, template.text),
    html: mailHtml(words, template.text),
    list: {
      id: {
        url: `${list}.dropship-product-finder`,
        comment: alert === '' ? 'Test of a channel' : `Alert ${alert}`,
      },
    },
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}

function plainText({ intro, entries, source, heading }: Words, template: string | undefined): string {
  const listings = entries.map((entry) => {
    const own = rendered(template, entry.view, String);
    if (own !== undefined) return own;
    const { event, title, age, facts, url } = entry;
    return [`${event}: ${title}`, priceLine(entry), age, facts, url ?? '']
      .filter((line) => line !== '')
      .join('\n');
  });
  const top = entries.length === 1 && intro.length === 0 ? [] : [heading];
  return `${[...top, ...intro, ...listings, source].filter((part) => part !== '').join('\n\n')}\n`;
}

const FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const COLOURS = {
  text: '#1f2328',
  muted: '#59636e',
  line: '#d1d9e0',
  link: '#0b57d0',
  good: '#1a7f37',
  other: '#9a3412',
};

function mailHtml({ heading, intro, entries, source }: Words, template: string | undefined): string {
  const top =
    entries.length === 1 && intro.length === 0
      ? ''
      : `<h1 style="margin:0 0 8px;font-size:20px;line-height:1.3">${htmlText(heading)}</h1>`;
  const paragraphs = intro.map(
    (line) => `<p style="margin:0 0 12px;font-size:15px;line-height:1.5">${htmlText(line)}</p>`,
  );
  const foot =
    source === ''
      ? ''
      : `<p style="margin:16px 0 0;padding-top:12px;border-top:1px solid ${COLOURS.line};font-size:12px;color:${COLOURS.muted}">${htmlText(source)}</p>`;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light"><title>${htmlText(heading)}</title></head>
<body style="margin:0;padding:0;background:#f6f8fa;color:${COLOURS.text};${FONT}">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center" style="padding:24px 12px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:600px;background:#ffffff;border:1px solid ${COLOURS.line};border-radius:8px"><tr><td style="padding:20px 24px;${FONT}">
${[top, ...paragraphs, ...entries.map((entry, index) => entryHtml(entry, template, index > 0)), foot].filter((part) => part !== '').join('\n')}
</td></tr></table>
</td></tr></table>
</body>
</html>
`;
}

function entryHtml(entry: Entry, template: string | undefined, isLater: boolean): string {
  const { title, url, image, event, age, facts } = entry;
  const line = (text: string, style: string) => (text === '' ? '' : `<div style="${style}">${text}</div>`);
  const link = (inner: string, style: string) =>
    url === null ? inner : `<a href="${htmlText(url)}" style="${style}">${inner}</a>`;
  const own = rendered(template, entry.view, String);
  const lines =
    own !== undefined
      ? [line(htmlText(own).replaceAll('\n', '<br>'), 'font-size:15px;line-height:1.5')]
      : [
          line(
            htmlText(event),
            `font-size:12px;font-weight:600;color:${entry.isGood ? COLOURS.good : COLOURS.other}`,
          ),
          line(
            link(htmlText(title), `color:${COLOURS.link};text-decoration:none`),
            'margin:2px 0 6px;font-size:16px;line-height:1.35;font-weight:600',
          ),
          line(priceHtml(entry), 'font-size:15px;line-height:1.5'),
          line(htmlText(age), `font-size:13px;line-height:1.5;color:${COLOURS.muted}`),
          line(htmlText(facts), `font-size:13px;line-height:1.5;color:${COLOURS.muted}`),
        ];
  const picture =
    image === null
      ? ''
      : `<td width="136" valign="top" style="padding-right:16px">${link(
          `<img src="${htmlText(image)}" width="120" alt="" style="display:block;width:120px;max-width:120px;border-radius:6px">`,
          '',
        )}</td>`;
  const border = isLater ? `border-top:1px solid ${COLOURS.line};` : '';
  return `<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td style="${border}padding:14px 0"><table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr>${picture}<td valign="top" style="${FONT}">${lines.filter((text) => text !== '').join('\n')}</td></tr></table></td></tr></table>`;
}

function priceHtml({ price, withoutPrice }: Entry): string {
  if (price === null) return htmlText(withoutPrice);
  const { label, from, to, change, isLower } = price;
  const before = from === null ? '' : `<s style="color:${COLOURS.muted}">${htmlText(from)}</s> → `;
  const after =
    change === null
      ? ''
      : ` <span style="color:${isLower ? COLOURS.good : COLOURS.other}">${htmlText(change)}</span>`;
  return `${label}: ${before}<strong style="font-size:18px">${htmlText(to)}</strong>${after}`;
}
