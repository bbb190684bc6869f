import { expect } from 'chai';
import { closestWord } from '../../../src/config/files.ts';

describe('the closest word', () => {
  const words = ['marketplaces', 'query', 'maxItems', 'maxAge'];

  it('is the one with the fewest different letters, case ignored', () => {
    expect(closestWord('qurey', words)).to.equal('query');
    expect(closestWord('MAXITEM', words)).to.equal('maxItems');
    expect(closestWord('maxage', words)).to.equal('maxAge');
  });

  it('is the first one that begins alike', () => {
    expect(closestWord('market', words)).to.equal('marketplaces');
    expect(closestWord('max', words)).to.equal('maxItems');
  });

  it('is none where nothing is near', () => {
    expect(closestWord('colour', words)).to.equal(undefined);
    expect(closestWord('', words)).to.equal(undefined);
    expect(closestWord('query', [])).to.equal(undefined);
  });

  it('is found for a word of any length', () => {
    expect(closestWord('q'.repeat(1_000_000), words)).to.equal(undefined);
  });
});
