import { expect } from 'chai';
import { hyperlink, shown } from '../../../src/cli/terminal.ts';

describe('what a command prints', () => {
  it('keeps its colours, lines, tabs and every other character', () => {
    const text = '\u001b[32m✔\u001b[39m \u001b[1mLED\u001b[22m\tÜ 日本 👩‍👧\n\ufeffid;title\r\n1;x\r\n';
    expect(shown(text)).to.equal(text);
  });

  it('keeps its own links, whose address cannot end them', () => {
    const link = hyperlink('https://www.ebay.com/itm/1?a=b\u0007\u001b]0;x\u0007', 'A hub');
    expect(
      link.endsWith(';https://www.ebay.com/itm/1?a=b%07%1B%5D0%3Bx%07\u0007A hub\u001b]8;;\u0007'),
    ).to.equal(true);
    expect(shown(link)).to.equal(link);
    const odd = hyperlink("https://www.ebay.com/itm/1?a=(*!')ü👩\ud800", 'A hub');
    expect(odd).to.include('?a=%28%2A%21%27%29%C3%BC%F0%9F%91%A9%EF%BF%BD\u0007');
    expect(shown(odd)).to.equal(odd);
  });

  for (const [what, text, safe] of [
    ['a title of the window', '\u001b]0;x\u0007', '\\u001b]0;x\\u0007'],
    ['a link of another program', '\u001b]8;;https://x.example\u0007', '\\u001b]8;;https://x.example\\u0007'],
    [
      'a link with an id of its own',
      '\u001b]8;id=1;https://x.example\u0007',
      '\\u001b]8;id=1;https://x.example\\u0007',
    ],
    ['a cleared screen', '\u001b[2J', '\\u001b[2J'],
    ['a hidden text', '\u001b[8mx\u001b[1;8m', '\\u001b[8mx\\u001b[1;8m'],
    ['a sequence of one character', '\u009b31m', '\\u009b31m'],
    ['a line that is written over', 'all is well\rnot', 'all is well\\u000dnot'],
    ['text from right to left', 'a\u202eb\u2066c', 'a\\u202eb\\u2066c'],
    ['a line end that is none', 'a\u2028b\u0085c', 'a\\u2028b\\u0085c'],
  ] as const)
    it(`shows ${what} as what it is`, () => {
      expect(shown(text)).to.equal(safe);
      // In JSON the value stays the same.
      if (!/["\\]/.test(text)) expect(JSON.parse(`"${shown(text)}"`)).to.equal(text);
    });
});
