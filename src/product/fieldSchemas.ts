import type { TSchema } from 'typebox';
import { closed } from './requestSchema.ts';
import { Type } from './type.ts';

/** Parts of the schemas of products: one field, with its meaning. */

/**
 * A description in the form that docs/results.md is made from: the meaning, the field of eBay's answer, and when the
 * value is null.
 */
export const said = (meaning: string, ebay: string, nullWhen?: string) => ({
  description: `${meaning} (eBay: ${ebay}${nullWhen === undefined ? '' : `; null: ${nullWhen}`})`,
});
export const text = (maxLength: number, options = {}) => Type.String({ minLength: 1, maxLength, ...options });
export const nullable = <Schema extends TSchema>(schema: Schema, options = {}) =>
  Type.Union([schema, Type.Null()], options);
export const instant = (options: object) => nullable(Type.String({ format: 'date-time' }), options);
export const count = (options: object) => nullable(Type.Integer({ minimum: 0 }), options);

export const MoneySchema = Type.Object(
  {
    value: Type.String({
      pattern: '^[0-9]+(\\.[0-9]+)?$',
      description: "decimal string with the currency's usual decimals",
    }),
    currency: Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217' }),
  },
  closed,
);
