import { expect } from 'chai';
import { parseSearchRequest } from '../../../src/product/parseRequest.ts';
import { MAX_IMAGE_LENGTH, MAX_SELLERS } from '../../../src/product/requestSchema.ts';
import { MAX_DATA_LENGTH } from '../../../src/queue/bullmq/worker.ts';

/** Texts of this length that JSON writes twice as long. */
const texts = (count: number, length: number) =>
  Array.from({ length: count }, (_, n) => String(n).padStart(length, '"'));

describe('the largest valid request', () => {
  it('is no larger than the data that a worker reads', () => {
    const aspects = Object.fromEntries(texts(20, 100).map((name) => [name, texts(50, 100)]));
    const request = {
      image: `/9j/${'A'.repeat(MAX_IMAGE_LENGTH - 4)}`,
      categoryIds: ['1'],
      title: { include: texts(50, 100), exclude: texts(50, 100) },
      filters: { sellers: texts(MAX_SELLERS, 64), excludeSellers: texts(MAX_SELLERS, 64), aspects },
    };
    const parsed = parseSearchRequest(request, { marketplace: 'EBAY_US' });
    expect(parsed).to.have.property('ok', true);
    expect(JSON.stringify(request).length).to.be.within(1_250_000, MAX_DATA_LENGTH);
  });
});
