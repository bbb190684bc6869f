import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { allMutations, type NamedMutation, occurrences } from '../mutations/mutation.ts';

describe('The lists of mutations', () => {
  let all: NamedMutation[] = [];
  before(async () => {
    all = await allMutations();
  });

  it('name each mutation once', () => {
    const names = all.map(({ name }) => name);
    expect(names).to.have.lengthOf.above(0);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).to.deep.equal([]);
  });

  it('replace text that occurs exactly once in its file', () => {
    const wrong = all.flatMap(({ name, file, find }) => {
      const found = existsSync(file) ? occurrences(readFileSync(file, 'utf8'), find) : 0;
      return found === 1 ? [] : [`${name}: ${found} times in ${file}`];
    });
    expect(wrong).to.deep.equal([]);
  });

  it('change something', () => {
    expect(all.filter(({ find, replace }) => find === replace).map(({ name }) => name)).to.deep.equal([]);
  });

  it('name tests that exist', () => {
    const wrong = all.flatMap(({ name, tests }) =>
      tests.length === 0
        ? [`${name}: no test`]
        : tests.filter((test) => !existsSync(test)).map((test) => `${name}: no file ${test}`),
    );
    expect(wrong).to.deep.equal([]);
  });
});
