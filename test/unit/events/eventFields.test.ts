import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { EVENT_SCHEMAS } from '../../../src/events/event.ts';

const DATA_PAGE = new URL('../../../docs/data.md', import.meta.url);

describe('what events keep of a product', () => {
  const kept = Object.values(EVENT_SCHEMAS).flatMap(({ properties }) =>
    'product' in properties ? Object.keys(properties.product.properties) : [],
  );

  it('is the item id, marketplace, URL, delivered price and whether it may be shown: no text of a seller', () => {
    expect([...new Set(kept)]).to.have.members(['itemId', 'marketplace', 'url', 'total', 'priceDisplay']);
  });

  it('is what docs/data.md says', () => {
    const [row = ''] = readFileSync(DATA_PAGE, 'utf8').match(/^\| events: .*$/m) ?? [];
    expect(row).to.include(
      'for a product the item id, marketplace, URL, delivered price and whether it may be shown, never its title',
    );
  });
});
