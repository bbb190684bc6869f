import {
  ALERT_CONDITIONS,
  type Alert,
  type AlertCondition,
  AlertSchema,
  type Condition,
  ConditionSchema,
  DEFAULT_DAILY_CAP,
  DEFAULT_REARM,
} from '../../product/alertSchema.ts';
import { isZero, money } from '../../product/money.ts';
import { isObject, tidyJson } from '../../product/parseRequest.ts';
import { echo, type InputError } from '../../product/schemaErrors.ts';
import { violations } from '../../product/violations.ts';
import { isTimeZone } from '../schedules/cron.ts';

type ConditionOf<On extends AlertCondition> = Extract<Condition, { on: On }>;
/** A condition with its defaults filled in. */
export type FullCondition =
  | Required<ConditionOf<'new'>>
  | ConditionOf<'gone'>
  | ConditionOf<'back-in-stock'>
  | ConditionOf<'stock-below'>
  | Required<ConditionOf<'price-below'>>
  | (ConditionOf<'drop'> & { basis: Basis })
  | (ConditionOf<'rise'> & { basis: Basis })
  | Required<ConditionOf<'lowest'>>;
/** The price that a condition is about. */
export type Basis = 'delivered' | 'item';

/** A valid alert with its defaults filled in. */
export type AlertDefinition = Omit<Alert, 'when'> &
  Required<Pick<Alert, 'rearm' | 'tz' | 'dailyCap'>> & { when: FullCondition[] };

type ParsedAlert = { ok: true; definition: AlertDefinition } | { ok: false; errors: InputError[] };

const { when: _, ...FIELDS } = AlertSchema.properties;
/** Without `when`: of a union ajv would name every member that does not fit. */
const REST = { ...AlertSchema, properties: FIELDS, required: ['name'] };
const CONDITIONS = new Map<unknown, (typeof ConditionSchema.anyOf)[number]>(
  ConditionSchema.anyOf.map((schema) => [schema.properties.on.const, schema]),
);
const SOURCES = ['track', 'schedule', 'watchlist'] as const;
const MOST_CONDITIONS = 10;

/** Reads an alert from any value and names everything wrong with it; never throws on input. */
export function parseAlert(input: unknown): ParsedAlert {
  const tidied = tidyJson(input);
  if (!tidied.ok) return tidied;
  const { value } = tidied;
  if (!isObject(value)) {
    const message = `an alert is a JSON object; got ${echo(value)}`;
    return { ok: false, errors: [{ path: '', code: 'invalid_payload', message }] };
  }
  const errors = new Errors();
  const { when, ...rest } = value;
  errors.addFrom(REST, rest, '', 'an alert', Object.keys(AlertSchema.properties));
  const named = SOURCES.filter((source) => value[source] !== undefined);
  if (named.length === 0) errors.add('track', 'required', 'or schedule or watchlist is required here');
  if (named.length > 1)
    errors.add(named[1] as string, 'conflict', `cannot stand beside ${named[0]}: an alert has one source`);
  if (typeof value.tz === 'string' && !isTimeZone(value.tz))
    errors.add(
      'tz',
      'invalid_time_zone',
      `must be an IANA time zone, such as Europe/Berlin; got ${echo(value.tz)}`,
    );
  const { quiet } = value;
  if (isObject(quiet) && typeof quiet.from === 'string' && quiet.from === quiet.to)
    errors.add(
      'quiet',
      'invalid_value',
      'begins and ends at the same time: pause the alert to send nothing at all',
    );
  if (when === undefined) errors.add('when', 'required', 'is required here: what the alert is about');
  else if (!Array.isArray(when) || when.length === 0 || when.length > MOST_CONDITIONS)
    errors.add('when', 'invalid_value', `must be a list of 1 to ${MOST_CONDITIONS} conditions`);
  else for (const [index, each] of when.entries()) checkCondition(errors, each, `when.${index}`, value);
  if (errors.all.length > 0) return { ok: false, errors: errors.all };
  const written = value as unknown as Alert;
  const isList = written.watchlist !== undefined;
  const definition = {
    tz: 'UTC',
    rearm: DEFAULT_REARM,
    dailyCap: DEFAULT_DAILY_CAP,
    ...written,
    when: written.when.map((condition) => withDefaults(condition, isList)),
  };
  return { ok: true, definition };
}

/** All that is wrong, one error a path. */
class Errors {
  readonly all: InputError[] = [];

  add(path: string, code: string, message: string): void {
    if (!this.all.some((each) => each.path === path)) this.all.push({ path, code, message });
  }

  /** What a schema says of a value. */
  addFrom(schema: object, value: unknown, below: string, what: string, known: readonly string[]): void {
    for (const { keyword, instancePath, params, message, parentSchema } of violations(schema, value)) {
      const own = [below, instancePath.slice(1).replaceAll('/', '.')].filter(Boolean).join('.');
      const inside = (field: string) => (own === '' ? field : `${own}.${field}`);
      if (keyword === 'additionalProperties') {
        const field = String(params.additionalProperty).slice(0, 64);
        const fields =
          own === below ? known : Object.keys((parentSchema as { properties?: object })?.properties ?? {});
        const holder = own === below ? what : own;
        this.add(
          inside(field),
          'unknown_field',
          `is no field of ${holder}; known here: ${fields.join(', ')}`,
        );
      } else if (keyword === 'required')
        this.add(inside(params.missingProperty), 'required', 'is required here');
      else if (keyword === 'pattern' && NAMES.has(own))
        this.add(
          own,
          'invalid_name',
          `must be 1 to ${own === 'track' ? 40 : 60} of the characters a-z, 0-9 and hyphen`,
        );
      else if (keyword === 'pattern') this.add(own, 'invalid_value', `must be ${formOf(own)}`);
      else this.add(own, 'invalid_value', message ?? 'is wrong');
    }
  }
}

const NAMES = new Set(['name', ...SOURCES]);

function formOf(path: string): string {
  const field = path
    .replace(/\.\d+$/, '')
    .split('.')
    .at(-1) as string;
  const forms: Record<string, string> = {
    currency: 'an ISO 4217 currency, such as USD',
    price: 'an amount, such as "19.99"',
    amount: 'an amount, such as "2.50"',
    from: 'a time of the day from 00:00 to 23:59',
    to: 'a time of the day from 00:00 to 23:59',
    channels: 'names of channels: a-z, 0-9 and hyphen',
    conditionIds: 'four digits, such as 1000',
  };
  return forms[field] ?? 'of another form';
}

function checkCondition(
  errors: Errors,
  condition: unknown,
  path: string,
  alert: Record<string, unknown>,
): void {
  if (!isObject(condition)) {
    errors.add(path, 'invalid_value', `must be a JSON object with \`on\`; got ${echo(condition)}`);
    return;
  }
  const { on } = condition;
  const schema = CONDITIONS.get(on);
  if (schema === undefined) {
    const code = on === undefined ? 'required' : 'unknown_condition';
    errors.add(`${path}.on`, code, `must be one of ${ALERT_CONDITIONS.join(', ')}; got ${echo(on)}`);
    return;
  }
  errors.addFrom(schema, condition, path, `the condition ${on}`, Object.keys(schema.properties));
  if (on === 'new' && alert.watchlist !== undefined)
    errors.add(
      `${path}.on`,
      'conflict',
      'new makes no sense for a watchlist: its listings are imported. Use a track',
    );
  const { amount, percent, currency, price } = condition;
  if (amount !== undefined && percent !== undefined)
    errors.add(`${path}.percent`, 'conflict', 'cannot stand beside amount: give one of them');
  if (
    (amount === undefined) !== (currency === undefined) &&
    price === undefined &&
    'basis' in schema.properties
  ) {
    const missing = amount === undefined ? 'amount' : 'currency';
    errors.add(`${path}.${missing}`, 'required', 'amount and currency stand together');
  }
  const written = price ?? amount;
  if (typeof written !== 'string' || typeof currency !== 'string') return;
  const read = money(written, currency);
  const field = `${path}.${price === undefined ? 'amount' : 'price'}`;
  if (read === null) errors.add(field, 'invalid_value', `is no amount of ${currency}; got ${echo(written)}`);
  else if (isZero(read)) errors.add(field, 'invalid_value', 'must be more than zero');
}

function withDefaults(condition: Condition, isList: boolean): FullCondition {
  if (condition.on === 'new') return { relisted: false, ...condition };
  if (condition.on === 'lowest') return { of: isList ? 'listing' : 'all', basis: 'delivered', ...condition };
  if (condition.on === 'price-below' || condition.on === 'drop' || condition.on === 'rise')
    return { basis: 'delivered', ...condition };
  return condition;
}
