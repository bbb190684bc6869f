import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { publishedSchemas } from '../../../scripts/publishedSchemas.ts';

describe('the published JSON Schemas', () => {
  for (const [name, text] of publishedSchemas()) {
    it(`${name} is what the service validates with (else run scripts/schemas.ts)`, () => {
      expect(readFileSync(new URL(`../../../schemas/${name}`, import.meta.url), 'utf8')).to.equal(text);
    });
  }
});
