import { parseArgs } from 'node:util';

/**
 * The flags of a bench whose settings are all numbers, each with its default, and `--json`.
 * @throws TypeError on a flag that is not known, or a value that is no number from 0 on
 */
export function numberFlags<Name extends string>(
  args: string[],
  defaults: Record<Name, number>,
): Record<Name, number> & { json: boolean } {
  const { json, ...written } = parseArgs({
    args,
    options: {
      ...Object.fromEntries(Object.keys(defaults).map((name) => [name, { type: 'string' }])),
      json: { type: 'boolean', default: false },
    } as Record<string, { type: 'string' | 'boolean' }>,
  }).values;
  const numbers = Object.entries(written).map(([name, value]) => [name, numberOf(name, String(value))]);
  return { ...defaults, ...Object.fromEntries(numbers), json: json === true };
}

/** @throws TypeError on what is no number from 0 on */
export function numberOf(flag: string, value: string): number {
  if (!/^\d+(\.\d+)?$/.test(value)) throw new TypeError(`--${flag} wants a number, not "${value}"`);
  return Number(value);
}
