type Fields = Record<string, unknown>;

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The request with the forms that mean the same made one: white space in its texts is single spaces, and prices are
 * decimal strings without idle zeros (`10.50`, 10.5 → `10.5`). What is not of its field's type stays as it is.
 */
export function tidyFields(request: Fields): Fields {
  return mapFields(request, {
    query: tidyText,
    title: (title) => mapFields(title, { include: tidyWords, exclude: tidyWords }),
    filters: (filters) =>
      mapFields(filters, {
        price: (price) => mapFields(price, { min: tidyAmount, max: tidyAmount }),
        aspects: tidyAspects,
      }),
  });
}

function mapFields(value: unknown, changes: Record<string, (value: unknown) => unknown>): Fields {
  if (!isObject(value)) return value as Fields;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      Object.hasOwn(changes, key) ? changes[key]?.(field) : field,
    ]),
  );
}

function tidyText(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/\s+/g, ' ').trim() : value;
}

function tidyWords(value: unknown): unknown {
  return Array.isArray(value) ? value.map(tidyText) : value;
}

function tidyAspects(value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, values]) => [tidyText(name), tidyWords(values)]),
  );
}

/** Text that is no decimal number, `1e-7` and `NaN` included, is left for the schema to refuse. */
function tidyAmount(value: unknown): unknown {
  if (typeof value !== 'number' && typeof value !== 'string') return value;
  const figure = String(value);
  // Longer than any amount, and the pattern below would take quadratic time over it.
  if (figure.length > 32) return figure;
  return figure.replace(/^(\d+)(?:\.(\d*?)0*)?$/, (_, whole: string, fraction: string | undefined) =>
    fraction === undefined || fraction === '' ? whole : `${whole}.${fraction}`,
  );
}
