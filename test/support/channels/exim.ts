import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../freePort.ts';
import { waitFor } from '../waitFor.ts';

/** Debian's mail server on loopback, with a configuration and a spool of its own; it delivers into one file. */
export interface Exim {
  port: number;
  /** What has been delivered so far, in mbox form. */
  inbox(): string;
  close(): Promise<void>;
}

const EXIM = '/usr/sbin/exim4';
const USER = 'Debian-exim';

/** Why there is none here; undefined: `startExim` works. */
export function withoutExim(): string | undefined {
  if (process.getuid?.() !== 0) return 'Exim delivers as another user, which needs root';
  try {
    execFileSync(EXIM, ['-bV'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'exim4 is not installed: apt-get install exim4-daemon-light';
  }
}

/**
 * Accepts mail for example.org, by STARTTLS and with a login too. `later@…` is deferred with 451, `nobody@…` refused with 550,
 * and a mail whose subject holds "Refuse me" with 550 after its content.
 * @param certificate paths of PEM files
 */
export async function startExim(certificate: { cert: string; key: string }): Promise<Exim> {
  const folder = mkdtempSync(join(tmpdir(), 'exim-'));
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, USER]).toString())) as [
    number,
    number,
  ];
  for (const name of ['', 'spool', 'log', 'inbox', 'tls']) {
    const path = join(folder, name);
    if (name !== '') mkdirSync(path);
    chownSync(path, uid, gid);
    chmodSync(path, 0o750);
  }
  for (const name of ['cert', 'key'] as const) {
    const path = join(folder, 'tls', name);
    copyFileSync(certificate[name], path);
    chmodSync(path, 0o640);
    chownSync(path, uid, gid);
  }
  const port = await freePort();
  const file = join(folder, 'exim.conf');
  writeFileSync(file, configuration(folder, port), { mode: 0o644 });
  const daemon = spawn(EXIM, ['-C', file, '-bdf'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [daemon.stdout, daemon.stderr]) stream.on('data', (chunk) => (said += chunk));
  await waitFor('exim4 to listen', () => {
    if (daemon.exitCode !== null) throw new Error(`exim4 ended: ${said}`);
    return /listening for SMTP|started/.test(readLog(folder)) || undefined;
  });
  return {
    port,
    inbox: () => {
      try {
        return readFileSync(join(folder, 'inbox', 'mbox'), 'utf8');
      } catch {
        return '';
      }
    },
    close: async () => {
      await ended(daemon);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function readLog(folder: string): string {
  try {
    return readFileSync(join(folder, 'log', 'mainlog'), 'utf8');
  } catch {
    return '';
  }
}

function ended(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    daemon.once('exit', () => resolve());
    daemon.kill('SIGTERM');
  });
}

function configuration(folder: string, port: number): string {
  return `exim_path = ${EXIM}
primary_hostname = mail.example.org
spool_directory = ${folder}/spool
log_file_path = ${folder}/log/%slog
pid_file_path = ${folder}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
keep_environment =
host_lookup =
rfc1413_hosts =
tls_advertise_hosts = *
tls_certificate = ${folder}/tls/cert
tls_privatekey = ${folder}/tls/key
acl_smtp_rcpt = rcpt
acl_smtp_data = content

begin acl
rcpt:
  defer local_parts = later
        message = Greylisted, try again later
  deny  local_parts = nobody
        message = No such mailbox
  deny  domains = !example.org
        message = Relay not permitted
  accept
content:
  deny  condition = \${if match{$h_subject:}{Refuse me}}
        message = Content refused
  accept

begin routers
all:
  driver = accept
  domains = example.org
  transport = inbox

begin transports
inbox:
  driver = appendfile
  file = ${folder}/inbox/mbox
  user = ${USER}
  delivery_date_add
  envelope_to_add

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{$auth2}{alerts}}{eq{$auth3}{s3cret-of-the-mailbox}}}}
  server_set_id = $auth2
  server_advertise_condition = \${if def:tls_in_cipher}
`;
}
