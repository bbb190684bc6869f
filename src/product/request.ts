import { closestWord } from '../config/closestWord.ts';
import { echo, type InputError } from './inputErrors.ts';
import { isMarketplace, MARKETPLACE_IDS, type MarketplaceId } from './marketplaces.ts';
import { tidyJson } from './plainJson.ts';
import { ruleErrors } from './requestRules.ts';
import { DEFAULT_MAX_ITEMS, type NormalRequest, type SearchRequest } from './requestSchema.ts';
import { schemaErrors } from './schemaErrors.ts';
import { isObject, tidyFields } from './tidyFields.ts';

export type ParsedRequest = { ok: true; request: NormalRequest } | { ok: false; errors: InputError[] };

/**
 * Reads a search request from any value, such as parsed JSON or the data of a job that someone else added. It never
 * throws on input: everything wrong with it comes back at once. A request that came out of it reads as itself again.
 *
 * @param defaults.marketplace searched when the request names none; a configured value.
 * @throws RangeError when that default is no marketplace that can be searched.
 */
export function parseSearchRequest(input: unknown, defaults: { marketplace: string }): ParsedRequest {
  const marketplace = checkedMarketplace(defaults.marketplace);
  const tidied = tidyJson(input);
  if (!tidied.ok) return tidied;
  if (!isObject(tidied.value)) {
    const message = `a search request is a JSON object; got ${echo(tidied.value)}`;
    return { ok: false, errors: [{ path: '', code: 'invalid_payload', message }] };
  }
  const written = tidyFields(tidied.value);
  const alone = schemaErrors(written);
  const errors = [...alone, ...ruleErrors(written, alone, marketplace)];
  if (errors.length > 0) return { ok: false, errors };
  return { ok: true, request: withDefaults(written as SearchRequest, marketplace) };
}

function withDefaults(written: SearchRequest, marketplace: MarketplaceId): NormalRequest {
  return {
    maxItems: DEFAULT_MAX_ITEMS,
    marketplaces: [marketplace],
    details: 'none',
    maxAge: 0,
    onFailure: 'fail',
    priority: 'interactive',
    tenant: 'default',
    ...written,
    v: 1,
    // Amounts are decimal strings by now, which the type of a written request does not say.
    filters: (written.filters ?? {}) as NormalRequest['filters'],
  };
}

function checkedMarketplace(id: string): MarketplaceId {
  if (isMarketplace(id)) return id;
  const meant = closestWord(id, MARKETPLACE_IDS);
  throw new RangeError(
    `${echo(id)} is no marketplace that can be searched${meant ? `; did you mean ${meant}?` : ''}`,
  );
}
