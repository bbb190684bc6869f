import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { credentialProblems } from '../../../src/config/checks.ts';
import { formWarnings } from '../../../src/config/written.ts';
import { readKeyset } from '../../../src/fleet/declaration.ts';
import { testConfig } from '../../support/config.ts';
import { linesOf } from './problems.ts';

const ID = 'Someone-finder-SBX-0a1b2c3d4-5e6f7a8b';
const SECRET = 'SBX-0a1b2c3d4e5f-6a7b-4c8d-9e0f-1a2b';

/** What people write in place of a value, and a word of what is said of it. */
const MISTAKES: ReadonlyArray<readonly [what: string, write: (value: string) => string, says: RegExp]> = [
  ['double quotes', (value) => `"${value}"`, /quotation marks/],
  ['single quotes', (value) => `'${value}'`, /quotation marks/],
  ['quotes of a word processor', (value) => `“${value}”`, /quotation marks/],
  ['one quote', (value) => `${value}"`, /quotation marks/],
  ['the whole line', (value) => `EBAY_CLIENT_SECRET=${value}`, /NAME=value/],
  ['a line of a shell', (value) => `export EBAY_CLIENT_SECRET=${value}`, /NAME=value/],
  ['a reference', () => `\${EBAY_SECRET}`, /reference to a variable/],
  ['a short reference', () => '$EBAY_SECRET', /reference to a variable/],
  ['a command', () => '$(cat secret)', /reference to a variable/],
  ['a template', () => '{{ ebay.secret }}', /reference to a variable/],
  ['a reference of Windows', () => '%EBAY_SECRET%', /reference to a variable/],
  ['a comment', (value) => `${value}  # of the shop`, /comment/],
  ['a path', () => '/run/secrets/ebay', /path of a file/],
  ['a path of Windows', () => 'C:\\secrets\\ebay.txt', /path of a file/],
  ['the address of a vault', () => 'op://shop/ebay/secret', /address of a secret/],
  ['a token', () => 'v^1.1#i^1#r^0#p^1#I^3#f^0#t^H4sIAAAA', /a token/],
  ['a header', () => 'Basic U29tZW9uZTpzZWNyZXQ=', /header/],
  ['JSON', (value) => `{"clientSecret":"${value}"}`, /JSON/],
  ['a masked value', () => 'SBX-0a1b****', /masked/],
  ['the word of a program', () => 'undefined', /no value/],
  ['a written line end', (value) => `${value}\\n`, /backslash/],
  ['two words', (value) => `${value} ${value}`, /space/],
  ['a space that does not break', (value) => `${value.slice(0, 8)}\u00a0${value.slice(8)}`, /space/],
];

describe('a part of a keyset that was written wrong', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'dpf-written-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const problems = (env: Record<string, string>) =>
    credentialProblems(testConfig({ EBAY_CLIENT_ID: ID, EBAY_CLIENT_SECRET: SECRET, ...env })).map(
      ({ name, message }) => `${name} ${message}`,
    );

  for (const [what, write, says] of MISTAKES)
    it(`is found by its form before any call, and not shown: ${what}`, () => {
      const value = write(SECRET);
      const file = join(folder, 'secret');
      writeFileSync(file, `${value}\n`);
      const tenant = (declaration: object) =>
        readKeyset({ clientIdEnv: 'SHOP_ID', ...declaration }, { SHOP_ID: ID, SHOP_SECRET: value }).problem;
      const said = [
        ...problems({ EBAY_CLIENT_SECRET: value }),
        ...problems({ EBAY_CLIENT_SECRET: '', EBAY_CLIENT_SECRET_FILE: file }),
        tenant({ clientSecretEnv: 'SHOP_SECRET' }),
        tenant({ clientSecretFile: file }),
      ];
      expect(said).to.have.length(4);
      for (const line of said) expect(line).to.match(says).and.not.include(SECRET).and.not.include(value);
      const id = problems({ EBAY_CLIENT_ID: write(ID) });
      expect(id).to.have.length(1);
      expect(id[0])
        .to.match(/^EBAY_CLIENT_ID /)
        .and.match(says);
    });

  const refused = {
    'the two exchanged': [
      { EBAY_CLIENT_ID: SECRET, EBAY_CLIENT_SECRET: ID },
      /each other’s value: exchange them/,
    ],
    'the same twice': [{ EBAY_CLIENT_SECRET: ID }, /the same as EBAY_CLIENT_ID/],
    'both in one': [{ EBAY_CLIENT_ID: `${ID}:${SECRET}` }, /holds a colon/],
    'a secret of production': [
      { EBAY_CLIENT_SECRET: SECRET.replace('SBX', 'PRD') },
      /EBAY_ENVIRONMENT is sandbox, but EBAY_CLIENT_SECRET is a production id/,
    ],
  } as const;
  for (const [what, [env, says]] of Object.entries(refused))
    it(`is refused: ${what}; a simulated eBay may have such keysets`, () => {
      const said = problems(env);
      expect(said).to.have.length(1);
      expect(said[0]).to.match(says).and.not.include(SECRET).and.not.include(ID);
      expect(problems({ ...env, EBAY_TOKEN_URL: 'http://127.0.0.1:4010/token' })).to.deep.equal([]);
    });

  it('is none of the keysets that eBay makes, of now and of former years', () => {
    const part = fc.stringMatching(/^[A-Za-z0-9]{1,10}$/);
    const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
    const tail = fc.tuple(hex(12), hex(4), hex(4), hex(4), hex(4)).map((parts) => parts.join('-'));
    const id = fc.tuple(part, part, hex(9), hex(8)).map(([one, two, x, y]) => `${one}-${two}-SBX-${x}-${y}`);
    const former = fc
      .stringMatching(/^[A-Za-z0-9_.-]{4,60}$/)
      .filter((text) => !/^(none|null|nil|nan|true|false|undefined)$/i.test(text));
    fc.assert(
      fc.property(id, tail, former, former, (clientId, rest, oldId, oldSecret) => {
        expect(problems({ EBAY_CLIENT_ID: clientId, EBAY_CLIENT_SECRET: `SBX-${rest}` })).to.deep.equal([]);
        fc.pre(oldId !== oldSecret && !/PRD-|SBX-|^x+$|^(your|change|todo|example)/i.test(oldId + oldSecret));
        expect(problems({ EBAY_CLIENT_ID: oldId, EBAY_CLIENT_SECRET: oldSecret })).to.deep.equal([]);
      }),
    );
  });
});

describe('a value that looks wrong and may be right', () => {
  const warnings = (env: Record<string, string>) =>
    formWarnings(testConfig({ EBAY_CLIENT_ID: ID, EBAY_CLIENT_SECRET: SECRET, ...env })).map(
      ({ name, message }) => `${name} ${message}`,
    );

  it('is none in a keyset of the usual form, nor where eBay is simulated', () => {
    expect(warnings({})).to.deep.equal([]);
    const simulated = { EBAY_TOKEN_URL: 'http://127.0.0.1:4010/token' };
    expect(warnings({ EBAY_CLIENT_ID: 'app', EBAY_CLIENT_SECRET: 'cert', ...simulated })).to.deep.equal([]);
  });

  const DEV_ID = '0a1b2c3d-4e5f-6a7b-8c9d-0e1f2a3b4c5d';
  for (const [what, env, says] of [
    ['a Dev ID for the App ID', { EBAY_CLIENT_ID: DEV_ID }, /^EBAY_CLIENT_ID has the form of a Dev ID/],
    [
      'a Dev ID for the Cert ID',
      { EBAY_CLIENT_SECRET: DEV_ID },
      /^EBAY_CLIENT_SECRET has the form of a Dev ID/,
    ],
    [
      'the Cert ID twice but for its end',
      { EBAY_CLIENT_ID: `${SECRET}0` },
      /^EBAY_CLIENT_ID has not the form/,
    ],
    [
      'a secret without its beginning',
      { EBAY_CLIENT_SECRET: SECRET.slice(4) },
      /^EBAY_CLIENT_SECRET has not the form/,
    ],
    [
      'a password that nothing filled in',
      { REDIS_URL: `redis://:\${PASSWORD}@h:6379/0` },
      /^REDIS_URL .*reference/,
    ],
    ['a quoted password', { REDIS_SENTINEL_PASSWORD: '"hush"' }, /^REDIS_SENTINEL_PASSWORD .*quotation/],
  ] as const)
    it(`is named, and not shown: ${what}`, () => {
      const said = warnings(env);
      expect(said).to.have.length(1);
      expect(said[0]).to.match(says);
      for (const value of Object.values(env)) expect(said[0]).to.not.include(value);
    });
});

describe('a value of another setting that is refused', () => {
  for (const [variable, value, says] of [
    ['MIN_API_CALL_INTERVAL', '"1"', /; it has quotation marks around it/],
    ['REDIS_URL', '"redis://localhost:6379/0"', /; it has quotation marks around it/],
    ['HTTP_PORT', '3000 # of serve', /; it has a comment behind it/],
    ['EBAY_ENVIRONMENT', 'EBAY_ENVIRONMENT=production', /; it holds NAME=value/],
    ['EBAY_API_URL', `\${EBAY_URL}`, /; it holds a reference to a variable/],
  ] as const)
    it(`says which mistake its form shows: ${variable}=${value}`, () => {
      const lines = linesOf({ env: { [variable]: value } });
      expect(lines).to.have.length(1);
      expect(lines[0]).to.match(says);
    });

  it('shows no line that was pasted into it: it may be that of a secret', () => {
    const lines = linesOf({ env: { EBAY_ENVIRONMENT: `EBAY_CLIENT_SECRET=${SECRET}` } });
    expect(lines.join()).to.include('NAME=value').and.not.include(SECRET);
  });

  it('says nothing more where the form is right', () => {
    expect(linesOf({ env: { HTTP_PORT: '70000' } })).to.deep.equal([
      'HTTP_PORT is 70000, but must be a whole number from 0 to 65535',
    ]);
  });
});
