import { isObject } from '../../../product/parseRequest.ts';
import type { NormalRequest, SearchRequest } from '../../../product/requestSchema.ts';
import type { FormValues } from '../../auth/login.ts';

type Fields = Record<string, unknown>;

/**
 * A search with one value more or less, as buttons of the page name it: `toggle` adds the value at the end of a path, or
 * takes it out where it is; `drop` takes out what is at a path. The details of what is new belong to the track, which
 * another request cannot continue.
 */
export function changedRequest(searched: NormalRequest, form: Partial<FormValues>): SearchRequest {
  const { priority: _priority, maxAge: _maxAge, track: _track, ...rest } = searched;
  const request: Fields = { ...rest, details: rest.details === 'new' ? 'none' : rest.details };
  if (form.marketplace) request.marketplaces = [form.marketplace];
  const toggled = pathFrom(form.toggle);
  if (toggled.length > 1) toggle(request, toggled, form.dominant);
  const dropped = pathFrom(form.drop);
  if (dropped.length > 0) drop(request, dropped);
  // Both are of the category.
  const filters = isObject(request.filters) ? { ...request.filters } : {};
  if (request.categoryIds === undefined)
    for (const name of ['aspects', 'compatibility']) delete filters[name];
  request.filters = filters;
  if (request.items === undefined) request.facets = true;
  return request as SearchRequest;
}

/** Empty for text that is no list of texts. */
function pathFrom(text = ''): string[] {
  try {
    const path: unknown = JSON.parse(text);
    if (Array.isArray(path) && path.length <= 4 && path.every((part) => typeof part === 'string'))
      return path;
  } catch {}
  return [];
}

function toggle(request: Fields, path: readonly string[], dominant: string | undefined): void {
  const value = path.at(-1) as string;
  const place = path.slice(0, -1);
  const present = valueAt(request, place);
  const values = Array.isArray(present) ? (present as string[]) : [];
  if (values.includes(value)) {
    const left = values.filter((each) => each !== value);
    if (left.length === 0) drop(request, place);
    else replace(request, place, left);
    return;
  }
  const [field, name] = place;
  // A search has one category, and conditions of one kind.
  replace(request, place, field === 'categoryIds' ? [value] : [...values, value]);
  if (name === 'conditionIds') drop(request, ['filters', 'conditions']);
  if (name === 'aspects' && dominant) request.categoryIds ??= [dominant];
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, name) => (isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined),
    value,
  );
}

/** Objects are copied: those of the searched request stay as they are. */
function replace(target: Fields, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  const inner = valueAt(target, [name]);
  const next = rest.length === 0 ? value : { ...(isObject(inner) ? inner : {}) };
  if (rest.length > 0) replace(next as Fields, rest, value);
  // A name from a form may be that of a property which every object has.
  Object.defineProperty(target, name, { value: next, enumerable: true, configurable: true, writable: true });
}

/** Takes out what is at a path, and what is empty then. */
function drop(target: Fields, path: readonly string[]): void {
  const [name = '', ...rest] = path;
  if (!Object.hasOwn(target, name)) return;
  if (rest.length === 0) {
    delete target[name];
    return;
  }
  const inner = target[name];
  if (!isObject(inner)) return;
  const copy = { ...inner };
  drop(copy, rest);
  if (Object.keys(copy).length === 0) delete target[name];
  else replace(target, [name], copy);
}
