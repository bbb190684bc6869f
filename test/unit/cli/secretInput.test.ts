import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { secretInput } from '../../../src/cli/secretInput.ts';

describe('secrets that a command needs', () => {
  /** A keyboard, and what the terminal shows. */
  function keyboard() {
    const shown: string[] = [];
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const ask = secretInput({ draw: (text) => void shown.push(text) }, input);
    return { input, shown, ask };
  }
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'none',
      ({ code, report }) => code ?? report?.code,
    );

  it('are typed one after another, and not shown', async () => {
    const { input, shown, ask } = keyboard();
    const topic = ask('the topic');
    input.write('my-topic\r');
    expect(await topic).to.equal('my-topic');
    const token = ask('the access token');
    input.write('tk_12\u007f3\r');
    expect(await token).to.equal('tk_13');
    expect(shown).to.deep.equal(['the topic (not shown): ', '\n', 'the access token (not shown): ', '\n']);
  });

  it('are given up by Ctrl-C, and missing where nothing is typed', async () => {
    for (const [typed, code] of [
      ['half\u0003', 'interrupted'],
      ['\r', 'usage'],
      ['\u0004', 'usage'],
    ] as const) {
      const { input, ask } = keyboard();
      const asked = codeOf(ask('the topic'));
      input.write(typed);
      expect(await asked, JSON.stringify(typed)).to.equal(code);
    }
  });

  it('are lines of stdin where that is no terminal', async () => {
    const input = new PassThrough();
    const ask = secretInput({ draw: () => undefined }, input);
    input.end('\ufefffirst\r\n second \n');
    expect([await ask('a'), await ask('b'), await codeOf(ask('c'))]).to.deep.equal([
      'first',
      'second',
      'usage',
    ]);
    const long = new PassThrough();
    long.end('x'.repeat(20_000));
    expect(await codeOf(secretInput({ draw: () => undefined }, long)('a'))).to.equal('usage');
  });
});
