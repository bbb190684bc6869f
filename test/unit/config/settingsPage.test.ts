import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { SETTINGS_PAGE, withConfigTable } from '../../../scripts/configTable.ts';

describe('docs/settings.md', () => {
  it('has the table that the schema makes (else run scripts/configTable.ts)', () => {
    const page = readFileSync(SETTINGS_PAGE, 'utf8');
    expect(page).to.equal(withConfigTable(page));
  });

  it('cannot have one without its markers', () => {
    expect(() => withConfigTable('# No table')).to.throw('lacks the markers');
  });
});
