import { expect } from 'chai';
import { refusalWithoutSellers, withoutAskedSellers } from '../../../src/collector/askedSellers.ts';
import { Failure } from '../../../src/failures.ts';

const FILTERS = { sellers: ['shop-1', 'Shop-10', 'message', '12003'], excludeSellers: ['a.b*c'] };

describe('What eBay says of the sellers that a search asks for', () => {
  it('has their places in the request in the place of their names', () => {
    const warnings = [
      {
        errorId: 12003,
        message: "No user is called SHOP-10, as in 'sellers:{shop-1|shop-10}', message.",
        parameters: [
          { name: 'filter', value: 'excludeSellers:{a.b*c}' },
          { name: 'x', value: null },
        ],
      },
    ];
    expect(
      withoutAskedSellers({ warnings, total: 0, itemSummaries: [{ title: 'shop-1' }] }, FILTERS),
    ).to.deep.equal({
      warnings: [
        {
          errorId: 12003,
          message:
            "No user is called filters.sellers[1], as in 'sellers:{filters.sellers[0]|filters.sellers[1]}', filters.sellers[2].",
          parameters: [
            { name: 'filter', value: 'excludeSellers:{filters.excludeSellers[0]}' },
            { name: 'x', value: null },
          ],
        },
      ],
      total: 0,
      itemSummaries: [{ title: 'shop-1' }],
    });
  });

  it('says so of a refusal too, and stays as it is where a search asks for none', () => {
    const refused = refusalWithoutSellers(
      new Failure('ebay-refused', 'eBay answered 400: sellers:{shop-1} is wrong', { status: 400 }),
      FILTERS,
    ) as Failure;
    expect(refused.message).to.equal('eBay answered 400: sellers:{filters.sellers[0]} is wrong');
    expect(refused).to.deep.include({ code: 'ebay-refused', detail: { status: 400 } });
    const body = { errors: [{ message: 'shop-1' }] };
    expect(withoutAskedSellers(body, {})).to.equal(body);
    const error = new Error('shop-1');
    expect(refusalWithoutSellers(error, FILTERS)).to.equal(error);
    expect(withoutAskedSellers('text', FILTERS)).to.equal('text');
  });
});
