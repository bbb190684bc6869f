import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** An authority of a test's own, made by openssl, and what it signs. Paths of PEM files. */
export interface Authority {
  readonly ca: string;
  /** A certificate for these names (`DNS:localhost,IP:127.0.0.1`), for servers and clients alike. */
  sign(name: string, altNames: string): Promise<{ cert: string; key: string }>;
  remove(): Promise<void>;
}

export async function makeAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'dpf-tls-'));
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=test authority',
  );
  return {
    ca: join(folder, 'ca.pem'),
    async sign(name, altNames) {
      await openssl(
        'req',
        ...newKey,
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.csr`,
        '-subj',
        `/CN=${name}`,
      );
      await writeFile(join(folder, `${name}.ext`), `subjectAltName=${altNames}\n`);
      const signed = [
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-CAcreateserial',
        '-days',
        '2',
        '-extfile',
        `${name}.ext`,
      ];
      await openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signed);
      return { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
