import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { settings } from '../../../src/config/schema.ts';
import { secretsOf } from '../../../src/config/secrets.ts';
import { testConfig } from '../../support/config.ts';
import { linesOf } from './problems.ts';

const CANARY = 'c4n4ry-secret';

describe('a secret in a file', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'dpf-secrets-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  const file = (content: string | Buffer) => {
    const path = join(
      folder,
      `secret-${Buffer.from(content as string)
        .toString('hex')
        .slice(0, 60)}`,
    );
    writeFileSync(path, content);
    return path;
  };

  it('is read for every secret setting, and one newline at its end is not part of it', () => {
    const secrets: Record<string, string> = {
      REDIS_URL: `redis://:${CANARY}@localhost:6379/0`,
      EBAY_PROXY_URL: `http://:${CANARY}@proxy:3128`,
      SMTP_URL: `smtp://alerts:${CANARY}@mail.example.com:587`,
      TOKEN_ENCRYPTION_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}`,
    };
    for (const { env: variable, path, sensitive } of settings()) {
      if (!sensitive) continue;
      const [group, name] = path.split('.') as ['ebay', 'clientSecret'];
      const secret = secrets[variable] ?? `${CANARY}-of-some-length-${variable}`;
      for (const end of ['', '\n', '\r\n']) {
        const env = { SMTP_FROM: 'alerts@example.com', [`${variable}_FILE`]: file(secret + end) };
        expect(testConfig(env)[group][name], variable).to.equal(secret);
      }
    }
  });

  it('has no byte order mark of its file in it', () => {
    const { ebay } = testConfig({ EBAY_CLIENT_SECRET_FILE: file(`\ufeff${CANARY}\r\n`) });
    expect(ebay.clientSecret).to.equal(CANARY);
  });

  it('is not read for a setting that is no secret', () => {
    expect(testConfig({ LOG_LEVEL_FILE: file('debug') }).log.level).to.equal('info');
  });

  const refused: Array<[why: string, content: string | Buffer | undefined, message: RegExp]> = [
    [
      'that is not there',
      undefined,
      /^EBAY_CLIENT_SECRET_FILE cannot be read \(ENOENT\): it must hold the path/,
    ],
    ['that is empty', '\n', /^EBAY_CLIENT_SECRET_FILE names an empty file/],
    [
      'in UTF-16',
      Buffer.from(`\ufeff${CANARY}\r\n`, 'utf16le'),
      /^EBAY_CLIENT_SECRET_FILE names a file that is UTF-16: save it as UTF-8$/,
    ],
    ['of several lines', `${CANARY}\n${CANARY}\n`, /^EBAY_CLIENT_SECRET_FILE names a file of several lines/],
  ];
  for (const [why, content, message] of refused)
    it(`is refused ${why}, and neither path nor content is shown`, () => {
      const path = content === undefined ? `/nowhere/${CANARY}` : file(content);
      const lines = linesOf({ env: { EBAY_CLIENT_SECRET_FILE: path } });
      expect(lines).to.have.length(1);
      expect(lines[0]).to.match(message).and.not.include(CANARY);
    });

  it('is refused beside the variable itself', () => {
    expect(
      linesOf({ env: { EBAY_CLIENT_SECRET: CANARY, EBAY_CLIENT_SECRET_FILE: file(CANARY) } }),
    ).to.deep.equal(['EBAY_CLIENT_SECRET_FILE is set, and so is EBAY_CLIENT_SECRET: set only one of them']);
  });

  it('names its own variable where its format is wrong', () => {
    const [line] = linesOf({ env: { REDIS_URL_FILE: file(`http://${CANARY}`) } });
    expect(line)
      .to.match(/^REDIS_URL_FILE holds something else, but must be a URL/)
      .and.not.include(CANARY);
  });
});

describe('the secrets of a configuration', () => {
  it('are each secret setting’s, taken apart, and the pair of a Basic header', () => {
    const key = Buffer.alloc(32, 9).toString('base64');
    const secrets = secretsOf(
      testConfig({
        EBAY_CLIENT_ID: 'the-app-id',
        EBAY_CLIENT_SECRET: 'the-cert-id',
        REDIS_URL: 'redis://user:p%40ss-word@localhost:6379/0',
        TOKEN_ENCRYPTION_KEYS: `k1:${key}`,
      }),
    );
    expect(secrets).to.include.members([
      'the-app-id',
      'the-cert-id',
      'the-app-id:the-cert-id',
      'p%40ss-word',
      'p@ss-word',
      key,
    ]);
    expect(secrets.join(' ')).to.not.include('localhost');
  });
});
