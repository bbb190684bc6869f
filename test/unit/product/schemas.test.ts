import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { publishedEventSchemas } from '../../../src/events/published.ts';
import { publishedSchemas } from '../../../src/product/published.ts';

describe('the published JSON Schemas', () => {
  for (const [name, text] of [...publishedSchemas(), ...publishedEventSchemas()]) {
    it(`${name} is what the service validates with (else run scripts/schemas.ts)`, () => {
      expect(readFileSync(new URL(`../../../schemas/${name}`, import.meta.url), 'utf8')).to.equal(text);
    });
  }
});
