import type { Static, TSchema } from 'typebox';
import { Type } from './type.ts';

const closed = { additionalProperties: false };

const decimal = (maximum: number, pattern: string, description: string) =>
  Type.Union([Type.Number({ minimum: 0, maximum }), Type.String({ pattern })], { description });
const amount = (description: string) =>
  decimal(
    999_999_999.999,
    '^(0|[1-9][0-9]{0,8})(\\.[0-9]{1,3})?$',
    `${description}; an amount in currency, a JSON number or a decimal string`,
  );
const percent = (description: string) =>
  decimal(
    1000,
    '^(1000|(0|[1-9][0-9]{0,2})(\\.[0-9]{1,4})?)$',
    `${description}; per cent from 0 to 1000, a JSON number or a decimal string, at most four decimals`,
  );
/** Above zero: a rate of 0 would make a price disappear. */
const rate = decimal(999_999_999, '^(?![0.]*$)(0|[1-9][0-9]{0,8})(\\.[0-9]{1,8})?$', 'above 0');

const fee = (who: string) =>
  Type.Object(
    {
      percent: Type.Optional(percent('of what the buyer pays, with tax')),
      fixed: Type.Optional(amount('a sale')),
    },
    { ...closed, description: `what ${who} takes of a sale: a part of it, and a fixed amount` },
  );

/** The caller's own figures. What is not named is none; `landed.ts` has the formula. */
export const CostsSchema = Type.Object(
  {
    currency: Type.String({
      pattern: '^[A-Z]{3}$',
      description: 'ISO 4217: of every amount here and in the result',
    }),
    exchangeRates: Type.Optional(
      Type.Record(Type.String({ pattern: '^[A-Z]{3}$' }), rate, {
        ...closed,
        maxProperties: 50,
        description:
          'what one unit of another currency is in currency, such as {"USD": "0.92"}, at most eight decimals; an amount in ' +
          'a currency without a rate is unknown',
      }),
    ),
    dutyPercent: Type.Optional(percent('customs duty on item and shipping')),
    importTaxPercent: Type.Optional(percent('VAT or sales tax of the purchase, on item, shipping and duty')),
    handling: Type.Optional(amount('own cost of each item, such as packing')),
    resalePrice: Type.Optional(
      amount('what it is sold for, shipping to the buyer included; or markupPercent'),
    ),
    markupPercent: Type.Optional(percent('of the landed cost, added to it for the resale price')),
    resaleTax: Type.Optional(
      Type.Object(
        {
          percent: percent('VAT or sales tax of the sale'),
          onTop: Type.Optional(
            Type.Boolean({
              default: false,
              description: 'true: the buyer pays it beside the resale price, which includes it otherwise',
            }),
          ),
        },
        closed,
      ),
    ),
    marketplaceFee: Type.Optional(fee('the marketplace')),
    paymentFee: Type.Optional(fee('the payment service')),
    minMarginPercent: Type.Optional(
      percent('a condition: leaves out products with a lower or unknown margin'),
    ),
    minMarginAmount: Type.Optional(amount('a condition: leaves out products with a lower or unknown margin')),
  },
  {
    ...closed,
    description:
      "the caller's own figures, from which products get landed and margin; default: those of the tenant. Nothing is " +
      'estimated: what is not named here is none',
  },
);

/** As a caller writes it. */
export type WrittenCosts = Static<typeof CostsSchema>;

type Plain<T> = T extends string | number
  ? string
  : T extends boolean
    ? T
    : { [Key in keyof T]: Plain<T[Key]> };

/** The same with every figure as a canonical decimal string (`13.25`). */
export type Costs = Plain<WrittenCosts>;

const nullable = <Schema extends TSchema>(schema: Schema, options = {}) =>
  Type.Union([schema, Type.Null()], options);
const DECIMALS = "decimal string with the currency's usual decimals";
const cost = (description: string) =>
  nullable(Type.String({ pattern: '^[0-9]+(\\.[0-9]+)?$' }), { description });
const positive = (description: string) =>
  Type.String({ pattern: '^[0-9]+(\\.[0-9]+)?$', description: `${description}; ${DECIMALS}` });

/** Parts of a landed cost that may be unknown, in their order. */
export const UNKNOWN_PARTS = ['item', 'shipping', 'duty', 'importTax'] as const;

export const LandedSchema = Type.Object(
  {
    cost: cost(`the sum of the parts; ${DECIMALS} (null: a part is unknown)`),
    currency: Type.String({
      pattern: '^[A-Z]{3}$',
      description: 'of all amounts here and in margin, ISO 4217',
    }),
    parts: Type.Object(
      {
        item: cost('price (null: there is none, or no exchange rate for it)'),
        shipping: cost('shipping.cost (null: unknown, or no exchange rate for it)'),
        duty: Type.Optional(cost('with costs.dutyPercent (null: item or shipping is unknown)')),
        importTax: Type.Optional(cost('with costs.importTaxPercent (null: item or shipping is unknown)')),
        handling: Type.Optional(positive('with costs.handling')),
      },
      closed,
    ),
    unknown: Type.Array(Type.Enum([...UNKNOWN_PARTS]), { description: 'the parts that are null' }),
    missingRates: Type.Optional(
      Type.Array(Type.String({ pattern: '^[A-Z]{3}$' }), {
        description:
          'currencies that costs.exchangeRates does not name, where an amount is unknown for that reason',
      }),
    ),
  },
  {
    ...closed,
    description:
      'with costs: what it costs to buy one and have it here, made of price, shipping and the figures in costs; unknown is ' +
      'never 0. What details name beside them, such as import charges, eco fee and taxes, is not part of it',
  },
);

export const MarginSchema = nullable(
  Type.Object(
    {
      amount: Type.String({
        pattern: '^-?[0-9]+(\\.[0-9]+)?$',
        description: `resale less tax, both fees and landed.cost, below zero for a loss; ${DECIMALS}`,
      }),
      percent: nullable(Type.Number(), {
        description: 'of the resale without tax, two decimals (null: the resale without tax is 0)',
      }),
      resale: positive('what the buyer pays, tax included'),
      tax: positive('the part of resale that is tax'),
      marketplaceFee: positive('costs.marketplaceFee of resale'),
      paymentFee: positive('costs.paymentFee of resale'),
    },
    closed,
  ),
  {
    description:
      'with costs.resalePrice or costs.markupPercent: what a sale at that price leaves, in landed.currency (null: ' +
      'landed.cost is unknown)',
  },
);

export type Landed = Static<typeof LandedSchema>;
export type Margin = Static<typeof MarginSchema>;

/** Whether the margin is a condition that a product must meet. */
export function hasMarginCondition(costs: Partial<WrittenCosts> | undefined): boolean {
  return costs?.minMarginPercent !== undefined || costs?.minMarginAmount !== undefined;
}
