import { isDeepStrictEqual } from 'node:util';
import { Failure } from '../../../failures.ts';
import type { Alert, Condition } from '../../../product/alertSchema.ts';
import { isObject } from '../../../product/parseRequest.ts';
import type { NormalRequest, SearchRequest } from '../../../product/requestSchema.ts';
import type { Schedule } from '../../../product/scheduleSchema.ts';
import type { Definition } from '../../../queue/schedules/definition.ts';
import type { FormValues } from '../../auth/login.ts';
import { type Mistake, mistakesIn, requestFromForm, valuesFrom } from '../search/searchForm.ts';
import { amountFrom, percentFrom } from '../search/typed.ts';
import { timingField, timingFrom } from './timing.ts';

/** A search as a schedule: it sets the priority, and each run makes calls of its own. Facets are for people. */
export function watchedRequest(request: NormalRequest, track: string): SearchRequest {
  const { priority: _priority, maxAge: _maxAge, facets: _facets, ...kept } = request;
  return { ...kept, track };
}

/** The schedule in a posted form; invalid values stay as they are. */
export function scheduleFromForm(form: Partial<FormValues>, request: NormalRequest): Schedule {
  const name = form.name?.trim() ?? '';
  return { name, ...timingFrom(form), request: watchedRequest(request, name) };
}

/** A schedule as a form changes it: what the form has no field for stays. */
export function changedSchedule(
  before: Definition,
  form: Partial<FormValues>,
  marketplace: string,
): Schedule {
  const { cron: _cron, tz: _tz, every: _every, auto, ...kept } = before;
  const timing = timingFrom(form);
  return {
    ...kept,
    ...timing,
    ...(timing.auto && { auto: { ...auto, ...timing.auto } }),
    request: changedRequest(before.request, form, marketplace),
  };
}

/**
 * A request as the form of a search changes it. What is in the form as the request has it, and what the form has no field
 * for, stays.
 */
export function changedRequest(
  before: NormalRequest,
  form: Partial<FormValues>,
  marketplace: string,
): SearchRequest {
  const asShown = requestFromForm(valuesFrom(before), marketplace);
  return merged(before, asShown, requestFromForm(form as FormValues, marketplace)) as SearchRequest;
}

/** `before` with what differs between `shown` and `sent`. */
function merged(before: object, shown: object, sent: object): Record<string, unknown> {
  const result: Record<string, unknown> = { ...before };
  const [old, wanted] = [shown, sent] as Record<string, unknown>[];
  for (const name of new Set([...Object.keys(old ?? {}), ...Object.keys(wanted ?? {})])) {
    const [was, is] = [old?.[name], wanted?.[name]];
    if (isDeepStrictEqual(was, is)) continue;
    const inside = result[name];
    const after =
      isObject(is) || (isObject(was) && is === undefined)
        ? merged(isObject(inside) ? inside : {}, isObject(was) ? was : {}, isObject(is) ? is : {})
        : is;
    if (after === undefined || (isObject(after) && Object.keys(after).length === 0)) delete result[name];
    else result[name] = after;
  }
  return result;
}

const NUMBER = /^\d+(\.\d+)?$/;

/** The alert that a form asks for in the same step; undefined: none. @param name of the schedule and, where free, the alert */
export function alertFromForm(form: Partial<FormValues>, schedule: string, name: string): Alert | undefined {
  const given = (field: string) => form[field]?.trim() ?? '';
  const by = given('by') && percentFrom(given('by'));
  const currency = given('currency').toUpperCase();
  const when: object[] = [
    ...(form.alertNew === '1' ? [{ on: 'new' }] : []),
    ...(form.alertDrop === '1'
      ? [{ on: 'drop', percent: NUMBER.test(by) ? Number(by) : by || undefined }]
      : []),
    ...(form.alertBelow === '1'
      ? [{ on: 'price-below', price: given('price') && amountFrom(given('price'), currency), currency }]
      : []),
  ];
  if (when.length === 0) return undefined;
  const channel = given('channel');
  const alert = { name, schedule, when: when as Condition[], channels: channel ? [channel] : undefined };
  return JSON.parse(JSON.stringify(alert));
}

/** What is wrong with a schedule, or with its alert, by the field of the form. @throws every other error */
export function watchMistakes(error: unknown, form: Partial<FormValues>): Mistake[] {
  if (!(error instanceof Failure) || error.code !== 'invalid_request') throw error;
  const errors = (error.detail.errors ?? []).map((each) => ({
    ...each,
    path: each.path.replace(/^add\.?/, ''),
  }));
  return errors
    .flatMap((each): Mistake[] => {
      const { path, code, message } = each;
      if (code === 'managed_by_file') return [{ field: '', message }];
      if (path === 'name' || path === 'request.track' || path === 'schedule')
        return [{ field: 'name', message: 'use 1 to 40 small letters, digits and hyphens' }];
      const field = timingField(path, form);
      if (field === 'at') return [{ field, message: 'choose a time of the day, such as 07:30' }];
      if (field === 'tz') return [{ field, message: 'choose a time zone, such as Europe/Berlin' }];
      if (field !== undefined) return [{ field, message }];
      const [, own] = /^when\.\d+\.(\w+)$/.exec(path) ?? [];
      if (own === 'percent') return [{ field: 'by', message: 'enter a percentage, such as 5' }];
      if (own === 'price' || own === 'currency') return [{ field: own, message }];
      if (path.startsWith('channels')) return [{ field: 'channel', message }];
      if (!path.startsWith('request.'))
        return [{ field: '', message: path === '' ? message : `${path}: ${message}` }];
      const ofRequest = [{ ...each, path: path.slice('request.'.length) }];
      return mistakesIn(new Failure('invalid_request', 'the search is wrong', { errors: ofRequest }));
    })
    .filter(
      (each, index, all) =>
        all.findIndex(({ field, message }) => field === each.field && message === each.message) === index,
    );
}
