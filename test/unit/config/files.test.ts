import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadConfig } from '../../../src/config/load.ts';
import { linesOf } from './problems.ts';

describe('the configuration from files', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'config-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const file = (name: string, content: unknown): string => {
    const path = join(folder, name);
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };

  it('lets later files win over earlier ones, and the environment over all', () => {
    const files = [
      file('a.json', { worker: { concurrency: 2, attempts: 2 }, log: { level: 'warn' } }),
      file('b.json', { worker: { concurrency: 3 }, ebay: { allowHttp: true } }),
    ];
    const config = loadConfig({ env: { LOG_LEVEL: 'debug' }, files });
    expect(config.worker.concurrency).to.equal(3);
    expect(config.worker.attempts).to.equal(2);
    expect(config.ebay.allowHttp).to.equal(true);
    expect(config.log.level).to.equal('debug');
  });

  it('finds its files by CONFIG_FILE', () => {
    const paths = [
      file('a.json', { search: { retained: 5 } }),
      file('b.json', { pace: { dailyCallLimit: 7 } }),
    ];
    const config = loadConfig({ env: { CONFIG_FILE: paths.join(', ') } });
    expect([config.search.retained, config.pace.dailyCallLimit]).to.deep.equal([5, 7]);
  });

  it('refuses an unknown setting and names the nearest', () => {
    const path = file('a.json', { worker: { concurency: 3 }, ebai: {}, log: 'debug' });
    expect(linesOf({ files: [path] })).to.deep.equal([
      `${path}: worker.concurency is not a setting; did you mean worker.concurrency?`,
      `${path}: ebai is not a setting; did you mean ebay?`,
      `${path}: log must be an object of settings`,
    ]);
  });

  it('refuses names of object prototypes', () => {
    const path = file('a.json', '{"__proto__": {"a": 1}, "constructor": {}, "log": {"toString": "x"}}');
    expect(linesOf({ files: [path] })).to.have.length(3);
    expect(({} as { a?: number }).a).to.equal(undefined);
  });

  it('names the file and its setting where the value is wrong, and converts nothing but text', () => {
    const path = file('a.json', {
      worker: { concurrency: '0' },
      ebay: { clientId: null, clientSecret: 12345678 },
    });
    expect(linesOf({ files: [path] })).to.deep.equal([
      `${path}: ebay.clientId holds something else, but must be text`,
      `${path}: ebay.clientSecret holds something else, but must be text`,
      `${path}: worker.concurrency is 0, but must be a whole number from 1 to 1000`,
    ]);
  });

  it('tells mistakes in files and in the environment together', () => {
    const path = file('a.json', { log: { colour: true } });
    expect(linesOf({ files: [path], env: { HTTP_PORT: 'x' } })).to.have.length(2);
  });

  it('reads a file with a byte order mark, as editors of Windows write it', () => {
    const path = file('bom.json', '\ufeff{"search": {"retained": 5}}');
    expect(loadConfig({ env: {}, files: [path] }).search.retained).to.equal(5);
  });

  for (const [encoding, bytes] of [
    ['with a mark', Buffer.from('\ufeff{"log": {"level": "warn"}}', 'utf16le')],
    ['without a mark', Buffer.from('{"log": {"level": "warn"}}', 'utf16le')],
    ['of the other byte order', Buffer.from('\ufeff{"log": {"level": "warn"}}', 'utf16le').swap16()],
  ] as const)
    it(`says of a file in UTF-16 ${encoding} what it is`, () => {
      const path = join(folder, 'utf16.json');
      writeFileSync(path, bytes);
      expect(linesOf({ files: [path] })).to.deep.equal([`${path} is UTF-16: save it as UTF-8`]);
    });

  it('names a file that is not there', () => {
    const path = join(folder, 'gone.json');
    expect(linesOf({ files: [path] })[0]).to.match(/gone\.json cannot be read \(ENOENT\)/);
  });

  const broken: Array<[text: string, place: string]> = [
    ['', '1:1'],
    ['{\n  "ebay": {\n    "clientSecret": "c4n4ry",\n  }\n}', '4:3'],
    ['{\n  "ebay": { "clientSecret": c4n4ry }\n}', '2:29'],
    ['{"ebay": {"clientSecret": "c4n4ry"', '1:35'],
    ['# c4n4ry\n{}', '1:1'],
    ['{"log": {"level": "in\tfo c4n4ry"}}', '1:22'],
    ['{"log": {}}\nc4n4ry', '2:1'],
  ];
  for (const [text, place] of broken)
    it(`tells line and column ${place} of ${JSON.stringify(text)}, and quotes nothing of it`, () => {
      const path = file('broken.json', text);
      expect(linesOf({ files: [path] })).to.deep.equal([`${path} is not JSON: see line ${place}`]);
    });

  it('refuses JSON that is no object', () => {
    for (const content of ['[]', 'null', '3', '"text"']) {
      const path = file('a.json', content);
      expect(linesOf({ files: [path] })).to.deep.equal([`${path} must hold one JSON object`]);
    }
  });
});
