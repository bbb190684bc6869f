import type { Fault } from './fault.ts';

export type Oddity =
  | 'no-id'
  | 'no-title'
  | 'no-price'
  | 'no-seller'
  | 'nan-price'
  | 'number-price'
  | 'negative-price'
  | 'null-item'
  | 'null-fields'
  | 'string-item'
  | 'bad-url';

export interface OddItemsParameters {
  /** Taken in turn. Default: all of them. */
  readonly shapes?: readonly Oddity[];
  /** Items of the page that are bent, from the first on. Default: one for each shape. */
  readonly items?: number;
}

type Item = Record<string, unknown>;

const SHAPES: Record<Oddity, (item: Item) => unknown> = {
  'no-id': ({ itemId: _, ...rest }) => rest,
  'no-title': ({ title: _, ...rest }) => rest,
  'no-price': ({ price: _, ...rest }) => rest,
  'no-seller': ({ seller: _, ...rest }) => rest,
  'nan-price': (item) => ({ ...item, price: { value: 'NaN', currency: 'USD' } }),
  'number-price': (item) => ({ ...item, price: { value: 12.5, currency: 'USD' } }),
  'negative-price': (item) => ({ ...item, price: { value: '-3.00', currency: 'USD' } }),
  'null-item': () => null,
  'null-fields': (item) => ({
    ...item,
    title: null,
    image: null,
    shippingOptions: null,
    buyingOptions: null,
  }),
  'string-item': () => 'v1|000000000000|0',
  'bad-url': (item) => ({ ...item, itemWebUrl: 'javascript:alert(1)', image: { imageUrl: 'not a url' } }),
};

/** Some items of a search page are not what the document promises. */
export const oddItems: Fault<OddItemsParameters> = ({ shapes = Object.keys(SHAPES) as Oddity[], items }) => ({
  alter: (answer) => {
    const page = JSON.parse(answer.body.toString() || '{}') as { itemSummaries?: Item[] };
    if (!Array.isArray(page.itemSummaries)) return answer;
    const bent = page.itemSummaries.map((item, at) => {
      const shape = shapes[at % shapes.length];
      return at < (items ?? shapes.length) && shape !== undefined ? SHAPES[shape](item) : item;
    });
    return { ...answer, body: Buffer.from(JSON.stringify({ ...page, itemSummaries: bent })) };
  },
});
