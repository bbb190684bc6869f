import { expect } from 'chai';
import fc from 'fast-check';
import { Scrubber } from '../../../src/telemetry/scrubber.ts';

const SECRET = 'PRD-c27f09ab/4e1d+7b60 "hush"';

function knowing(...secrets: string[]): Scrubber {
  const scrubber = new Scrubber();
  scrubber.learn(secrets);
  return scrubber;
}

describe('the scrubber', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const forms: Record<string, string> = {
    'as it is': SECRET,
    'in base64': base64(SECRET),
    'in base64 behind an id of any length': ['a:', 'ab:', 'abc:'].map((id) => base64(id + SECRET)).join(' '),
    'in base64 before something': base64(`${SECRET}:and more`),
    'in base64 for URLs': Buffer.from(SECRET).toString('base64url'),
    'in base64, percent-encoded': encodeURIComponent(base64(SECRET)),
    'percent-encoded': encodeURIComponent(SECRET),
    'percent-encoded in small letters': encodeURIComponent(SECRET).toLowerCase().replace('prd', 'PRD'),
    'as a form’s field': new URLSearchParams({ secret: SECRET }).toString(),
    'in JSON': JSON.stringify({ secret: SECRET }),
    'twice in one text': `${SECRET}${SECRET}`,
    'cut short': SECRET.slice(0, 26),
  };
  for (const [form, text] of Object.entries(forms))
    it(`masks a secret ${form}`, () => {
      const shown = knowing(SECRET).text(`before ${text} after`);
      expect(shown).to.match(/^before .*\*\*\*.* after$/);
      // What is left of a neighbour in base64 may hold a few bits of the secret, never a character of it.
      for (const part of ['c27f09', '4e1d', '7b60', 'hush', ...(base64(SECRET).match(/.{8}/g) ?? [])])
        expect(shown).to.not.include(part);
    });

  it('masks any secret within any text, and leaves the rest', () => {
    const text = fc.string({ unit: 'grapheme-ascii' });
    const secret = fc.string({ minLength: 6, maxLength: 60, unit: 'grapheme-ascii' });
    fc.assert(
      fc.property(secret, text, text, (hidden, before, after) => {
        const scrubber = knowing(hidden);
        for (const form of [hidden, base64(hidden), encodeURIComponent(hidden)])
          expect(scrubber.text(before + form + after).includes(form)).to.equal('***'.includes(form));
        if (!before.includes(hidden)) expect(scrubber.text(hidden + before)).to.match(/^\*\*\*/);
      }),
    );
  });

  it('leaves alone what is none of its secrets, and secrets too short to tell from words', () => {
    const text = 'worker started, interval 1, redis at localhost:6379';
    expect(knowing(SECRET, 'redis').text(text)).to.equal(text);
    expect(knowing().text(text)).to.equal(text);
  });

  it('masks API keys by their look', () => {
    const key = `dpf_live_${'a1'.repeat(5)}_${'Zz_-'.repeat(10)}abc`;
    const scrubber = new Scrubber();
    expect(scrubber.text(`key ${key}.`)).to.equal('key ***.');
    for (const before of ['', 'a', 'ab', 'abc'])
      for (const text of [base64(before + key), Buffer.from(before + key).toString('base64url')])
        expect(scrubber.text(`/${encodeURIComponent(text)}.`), text).to.match(/^\/\w{0,4}\*{3}(%3D)*\.$/);
    expect(scrubber.text(base64('dpf_live_'))).to.equal(base64('dpf_live_'));
  });

  it('masks texts anywhere within a value, and changes nothing else', () => {
    const scrubber = knowing(SECRET);
    const clean = { counts: { found: 3 }, missing: [], error: null, warnings: ['none'] };
    expect(scrubber.value(clean)).to.deep.equal(clean);
    expect(scrubber.value({ ...clean, warnings: [{ message: `no ${SECRET}`, [SECRET]: 1 }] })).to.deep.equal({
      ...clean,
      warnings: [{ message: 'no ***', '***': 1 }],
    });
  });

  it('masks message and stack of an error and of its causes, and leaves its kind', () => {
    class Odd extends Error {}
    const cause = new Error(`because of ${SECRET}`);
    const error = new Odd(`failed with ${SECRET}`, { cause });
    expect(knowing(SECRET).error(error)).to.equal(error).and.to.be.instanceOf(Odd);
    for (const each of [error, cause]) {
      expect(each.message).to.include('***');
      expect(each.stack).to.include('***').and.not.include(SECRET);
    }
  });

  it('remembers the last few tokens beside the lasting secrets', () => {
    const scrubber = knowing(SECRET);
    const tokens = Array.from({ length: 20 }, (_, n) => `v1-token-number-${n}-${'x'.repeat(n)}`);
    for (const token of tokens) scrubber.learnToken(token);
    expect(scrubber.text(`${SECRET} ${tokens.at(-1)} ${tokens.at(-8)}`)).to.equal('*** *** ***');
    expect(scrubber.text(tokens[0] as string)).to.equal(tokens[0]);
  });
});
