import { expect } from 'chai';
import { didYouMean } from '../../../src/config/files.ts';

describe('the closest word', () => {
  const words = ['marketplaces', 'query', 'maxItems', 'maxAge'];

  it('is the one with the fewest different letters, case ignored', () => {
    expect(didYouMean('qurey', words)).to.equal('; did you mean query?');
    expect(didYouMean('MAXITEM', words)).to.equal('; did you mean maxItems?');
    expect(didYouMean('maxage', words)).to.equal('; did you mean maxAge?');
  });

  it('is the first one that begins alike', () => {
    expect(didYouMean('market', words)).to.equal('; did you mean marketplaces?');
    expect(didYouMean('max', words)).to.equal('; did you mean maxItems?');
  });

  it('is none where nothing is near', () => {
    expect(didYouMean('colour', words)).to.equal('');
    expect(didYouMean('', words)).to.equal('');
    expect(didYouMean('query', [])).to.equal('');
  });

  it('is found for a word of any length', () => {
    expect(didYouMean('q'.repeat(1_000_000), words)).to.equal('');
  });
});
