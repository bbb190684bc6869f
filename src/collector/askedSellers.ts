import { Failure } from '../failures.ts';
import type { NormalFilters } from '../product/requestSchema.ts';

/** Another character of a user name; a full stop is one where it does not end a sentence. */
const MORE = '[\\w*-]|\\.[\\w*-]';

/**
 * What eBay says of a search may quote the sellers that it asks for. Results, jobs, events and logs hold no user names: each one
 * becomes its place in the request, `filters.sellers[0]`.
 * @returns undefined: the search names no sellers
 */
function hidingSellers({
  sellers = [],
  excludeSellers = [],
}: Pick<NormalFilters, 'sellers' | 'excludeSellers'>) {
  const places = new Map<string, string>();
  for (const [field, names] of Object.entries({ sellers, excludeSellers }))
    for (const [index, name] of names.entries()) places.set(name.toLowerCase(), `filters.${field}[${index}]`);
  if (places.size === 0) return undefined;
  const names = [...places.keys()].map((name) => name.replace(/[.*+?^${}()|[\]\\-]/g, '\\$&'));
  const pattern = new RegExp(`(?<![\\w*-]\\.?)(${names.join('|')})(?!${MORE})`, 'gi');
  return (text: string) => text.replace(pattern, (name) => places.get(name.toLowerCase()) ?? '');
}

/** An answer whose warnings and errors name no seller; its listings stay as they are. */
export function withoutAskedSellers(body: unknown, filters: NormalFilters): unknown {
  const hide = hidingSellers(filters);
  if (hide === undefined || typeof body !== 'object' || body === null) return body;
  const hidden = (said: unknown): unknown => {
    if (typeof said === 'string') return hide(said);
    if (Array.isArray(said)) return said.map(hidden);
    if (typeof said !== 'object' || said === null) return said;
    return Object.fromEntries(Object.entries(said).map(([name, value]) => [name, hidden(value)]));
  };
  const { warnings, errors } = body as { warnings?: unknown; errors?: unknown };
  return {
    ...body,
    ...(warnings !== undefined && { warnings: hidden(warnings) }),
    ...(errors !== undefined && { errors: hidden(errors) }),
  };
}

/** The same of a refusal. */
export function refusalWithoutSellers(error: unknown, filters: NormalFilters): unknown {
  const hide = hidingSellers(filters);
  if (hide === undefined || !(error instanceof Failure)) return error;
  return new Failure(error.code, hide(error.message), error.detail);
}
