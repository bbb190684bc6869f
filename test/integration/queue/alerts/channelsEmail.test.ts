import { expect } from 'chai';
import type { AlertMessage } from '../../../../src/product/alertMessage.ts';
import { emailSender } from '../../../../src/queue/alerts/channels/email.ts';
import type { DeliveryError } from '../../../../src/queue/alerts/channels/sender.ts';
import { type Authority, makeAuthority } from '../../../support/certificates.ts';
import { type Exim, startExim, withoutExim } from '../../../support/channels/exim.ts';
import { hit, hits, message, now } from '../../../support/channels/messages.ts';
import { freePort } from '../../../support/freePort.ts';
import { startTcpServer } from '../../../support/tcpServer.ts';
import { waitFor } from '../../../support/waitFor.ts';

const FROM = 'alerts@example.com';

describe('e-mail by a real server (Exim)', () => {
  let authority: Authority | undefined;
  let exim: Exim | undefined;

  before(async function () {
    const reason = withoutExim();
    if (reason !== undefined) {
      console.error(`skipped: ${reason}`);
      this.skip();
    }
    this.timeout(20_000);
    authority = await makeAuthority();
    exim = await startExim(await authority.sign('mail', 'DNS:localhost,IP:127.0.0.1'));
  });
  after(async () => {
    await exim?.close();
    await authority?.remove();
  });

  const send = (
    sent: AlertMessage,
    {
      to = ['me@example.org'],
      login = '',
      port = exim?.port,
      signal = new AbortController().signal,
      partly = [] as string[],
    } = {},
  ) => {
    // The certificate is of an authority that only this test knows.
    const url = `smtp://${login}127.0.0.1:${port}/?tls.rejectUnauthorized=false`;
    return emailSender({ url, from: FROM, timeoutMs: 5000 }, now).send(
      { kind: 'email', name: 'mail', to },
      sent,
      signal,
      (words) => void partly.push(words),
    );
  };
  const refused = (work: Promise<void>) =>
    work.then(
      () => expect.fail('nothing was refused'),
      (error: DeliveryError) => error,
    );
  /** The mail with this id, once it is delivered: its headers, unfolded, and its body. */
  const delivered = (id: string) =>
    waitFor(`the mail ${id}`, () => {
      const mails = (exim?.inbox() ?? '').split(/^From (?=\S+ \w{3} \w{3} )/m);
      const found = mails.find((mail) => mail.includes(`Message-ID: <${id}.`) && mail.endsWith('\n\n'));
      if (found === undefined) return undefined;
      const end = found.indexOf('\n\n');
      return { headers: found.slice(0, end).replace(/\n[ \t]+/g, ' '), body: found.slice(end) };
    });

  it('arrives with both parts, the id of the message, and the header that mail programs sort by', async () => {
    await send(message());
    const { headers, body } = await delivered(message().id);
    expect(headers).to.match(/^Subject: Price drop to \$399\.00: Sony PlayStation 5/m);
    expect(headers).to.match(/^From: eBay alerts <alerts@example\.com>$/m);
    expect(headers).to.match(/^To: me@example\.org$/m);
    expect(headers).to.match(/^List-ID: .*<consoles\.default\.dropship-product-finder>$/m);
    expect(headers).to.match(/^Auto-Submitted: auto-generated$/m);
    expect(headers).to.match(/^Date: Fri, 01 May 2026 07:59:59 \+0000$/m);
    // Without a login the connection is encrypted all the same, where the server can.
    expect(headers).to.match(/^Received: .*with esmtps/m);
    expect(body)
      .to.match(/Content-Type: text\/plain/)
      .and.match(/Content-Type: text\/html/);
    expect(body).to.include('https://www.ebay.com/itm/110554433221');
  });

  it('a title cannot add a header or a recipient', async () => {
    const id = '1'.repeat(32);
    await send(message({ id, hits: [hit({ id, title: 'Free\r\nBcc: you@example.org\r\n\r\nBody' })] }));
    const { headers } = await delivered(id);
    expect(headers).to.not.match(/^Bcc:/im);
    expect(headers).to.include('Free Bcc: you@example.org Body');
    expect(headers).to.match(/^Envelope-to: me@example\.org$/m);
  });

  it('is sent with a login over STARTTLS', async () => {
    const id = '2'.repeat(32);
    await send(message({ id, hits: hits(2) }), { login: 'alerts:s3cret-of-the-mailbox@' });
    const { headers } = await delivered(id);
    expect(headers).to.match(/^Received: .*with esmtpsa/m);
  });

  it('a login that is refused is about the channel, and its error shows no password', async () => {
    const error = await refused(send(message(), { login: 'alerts:wrong-password@' }));
    expect(error).to.include({ fault: 'channel', status: 535 });
    expect(error.message).to.not.match(/wrong-password|alerts:/);
  });

  it('451 asks for another try, 550 for the mailbox is about the channel, 550 for the content about the message', async () => {
    const later = await refused(send(message(), { to: ['later@example.org'] }));
    expect(later).to.include({ fault: 'busy', status: 451, retryAfterMs: 120_000 });
    expect(later.message).to.include('Greylisted');
    const nobody = await refused(send(message(), { to: ['nobody@example.org'] }));
    expect(nobody).to.include({ fault: 'channel', status: 550, retryAfterMs: undefined });
    const content = await refused(send(message({ hits: [hit({ title: 'Refuse me' })] })));
    expect(content).to.include({ fault: 'message', status: 550 });
  });

  it('arrives at those recipients that the server takes', async () => {
    const id = '3'.repeat(32);
    const partly: string[] = [];
    await send(message({ id, hits: hits(2) }), { to: ['me@example.org', 'nobody@example.org'], partly });
    expect(partly).to.deep.equal(['the mail server refused nobody@example.org; the others have the mail']);
    const { headers } = await delivered(id);
    expect(headers).to.match(/^Envelope-to: me@example\.org$/m);
  });
});

describe('e-mail by a server that does not answer', () => {
  const sender = (port: number) =>
    emailSender(
      { url: `smtp://alerts:pass-of-the-mailbox@127.0.0.1:${port}`, from: FROM, timeoutMs: 5000 },
      now,
    );
  const channel = { kind: 'email', name: 'mail', to: ['me@example.org'] } as const;
  const fault = (work: Promise<void>) =>
    work.then(
      () => expect.fail('nothing was refused'),
      (error: DeliveryError) => error,
    );

  it('is about the channel: nobody listens', async () => {
    const error = await fault(
      sender(await freePort()).send(
        { ...channel, to: [...channel.to] },
        message(),
        new AbortController().signal,
      ),
    );
    expect(error).to.include({ fault: 'channel', status: undefined });
    expect(error.message).to.not.include('pass-of-the-mailbox');
  });

  it('an abort ends the connection at once', async () => {
    const abort = new AbortController();
    let isClosed = false;
    const silent = await startTcpServer((socket) => {
      socket.on('close', () => {
        isClosed = true;
      });
      abort.abort();
    });
    const error = await fault(
      sender(silent.port).send({ ...channel, to: [...channel.to] }, message(), abort.signal),
    );
    expect(error).to.include({ fault: 'channel', status: undefined });
    await waitFor('the end of the connection', () => isClosed);
    await silent.close();
  });
});
