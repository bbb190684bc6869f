import Type from 'typebox';

/** An object schema that refuses unknown keys. */
export const closed = { additionalProperties: false };
export const country = (description: string) => Type.String({ pattern: '^[A-Z]{2}$', description });
export const postalCode = (description: string) =>
  Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9 -]{0,9}$', description });
