import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';

const PAGE = 'src/http/page';
/** What people would read in the place of the terms of docs/glossary.md: look and marketplace. */
const OTHER = /\b(sites?|runs?)\b/i;

/** The texts of a source: strings that are no names, and what stands between the tags and values of templates. */
function textsOf(source: string): string[] {
  const code = source
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(/^(import|export type)[\s\S]*?;$/gm, '');
  const strings = code.matchAll(/'((?:[^'\\\n]|\\.)*)'/g);
  const between = code.matchAll(/[>}`]([^<>{}$`]*)(?=[<$`])/g);
  return [...strings, ...between]
    .map(([, text = '']) => text)
    .filter((text) => /[ A-Z]/.test(text) && !/[=;()]|^[,\s]*\w+: /.test(text));
}

describe('the words of the page', () => {
  it('are one for each thing: a look is no run, and a marketplace no site', () => {
    const source = ['html`<b>Last $', "{of} run</b>`; f('Run now', 'run', `/run`)"].join('');
    const shown = textsOf(source).filter((text) => OTHER.test(text));
    expect(shown).to.have.members([' run', 'Run now']);
    const files = readdirSync(PAGE, { recursive: true }).map((file) => `${PAGE}/${file}`);
    const texts = files
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => textsOf(readFileSync(file, 'utf8')));
    expect(texts).to.include('Look now').and.include('All marketplaces');
    expect(texts.filter((text) => OTHER.test(text))).to.deep.equal([]);
  });
});
