import { expect } from 'chai';
import fc from 'fast-check';
import { html, webAddress } from '../../../../src/http/page/html.ts';

describe('a template of markup', () => {
  it('takes values as text, wherever they stand', () => {
    const hostile = `"><script>alert('1')</script>&amp;`;
    expect(String(html`<a title="${hostile}">${hostile}</a>`)).to.equal(
      '<a title="&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;">' +
        '&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;</a>',
    );
  });

  it('lets no text, however odd, open or close a tag or an attribute', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const [, inside] = /^<p class="(.*)">x<\/p>$/s.exec(String(html`<p class="${text}">x</p>`)) ?? [];
        expect(/[<>"']/.test(inside ?? '<')).to.equal(false);
      }),
    );
  });

  it('takes markup as it is, lists piece by piece, and nothing for what is not there', () => {
    const items = ['a', '<b>'].map((text) => html`<li>${text}</li>`);
    expect(String(html`<ul>${items}</ul>${null}${undefined}${false}${0}`)).to.equal(
      '<ul><li>a</li><li>&lt;b&gt;</li></ul>0',
    );
  });

  it('knows which addresses a browser may follow', () => {
    expect(webAddress('https://www.ebay.com/itm/1')).to.equal('https://www.ebay.com/itm/1');
    for (const address of [
      'javascript:alert(1)',
      'data:text/html,x',
      '//evil.example',
      ' https://x',
      undefined,
    ])
      expect(webAddress(address)).to.equal(undefined);
  });
});
