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
  for (const [name, value] of Object.entries(written))
    if (!/^\d+(\.\d+)?$/.test(String(value))) throw new TypeError(`--${name} wants a number, not "${value}"`);
  const numbers = Object.entries(written).map(([name, value]) => [name, Number(value)]);
  return { ...defaults, ...Object.fromEntries(numbers), json: json === true };
}
