import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { README, withConfigTable } from '../../../scripts/configTable.ts';

describe('the README', () => {
  it('has the table of settings that the schema makes (else run scripts/configTable.ts)', () => {
    const readme = readFileSync(README, 'utf8');
    expect(readme).to.equal(withConfigTable(readme));
  });

  it('cannot have one without its markers', () => {
    expect(() => withConfigTable('# No table')).to.throw('lacks the markers');
  });
});
