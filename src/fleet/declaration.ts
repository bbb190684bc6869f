import { readFileSync } from 'node:fs';
import type { ConfigProblem } from '../config/config.ts';
import { closestWord } from '../config/files.ts';
import { FORMATS, type FormatName } from '../config/formats.ts';
import { settings } from '../config/schema.ts';
import { Failure } from '../failures.ts';

/**
 * A tenant as a file or a command declares it: the place of its keyset, and the settings that differ from the process's.
 * It holds no secret, only references, so it may be stored, shown and logged.
 */
export interface TenantDeclaration {
  /** The App ID: a file that holds nothing else, or an environment variable. */
  clientIdFile?: string;
  clientIdEnv?: string;
  /** The Cert ID, in the same way. */
  clientSecretFile?: string;
  clientSecretEnv?: string;
  environment?: string;
  scopes?: string;
  marketplace?: string;
  /** Seconds. */
  minApiCallInterval?: number;
  dailyCallLimit?: number;
  backfillShare?: number;
  scheduledShare?: number;
  /** Calls that one worker handles at once for this tenant. */
  concurrency?: number;
  /** As the list in SCHEDULES_FILE. */
  schedules?: unknown[];
}

export type Declarations = Readonly<Record<string, TenantDeclaration>>;

/** The tenant of the keyset in the environment. */
export const DEFAULT_TENANT = 'default';

/** Each one costs a worker process three connections to Redis. */
const MAX_TENANTS = 100;

const TENANT_NAME = /^[a-z0-9-]{1,40}$/;

/** A field of a declaration → the setting that it stands for. */
export const OVERRIDES = {
  environment: 'ebay.environment',
  scopes: 'ebay.scopes',
  marketplace: 'ebay.marketplace',
  minApiCallInterval: 'pace.minApiCallInterval',
  dailyCallLimit: 'pace.dailyCallLimit',
  backfillShare: 'pace.backfillShare',
  scheduledShare: 'pace.scheduledShare',
  concurrency: 'worker.concurrency',
} as const satisfies Partial<Record<keyof TenantDeclaration, string>>;

const REFERENCES = ['clientId', 'clientSecret'] as const;
const FIELDS = [
  ...REFERENCES.flatMap((name) => [`${name}File`, `${name}Env`]),
  ...Object.keys(OVERRIDES),
  'schedules',
];

/** What is wrong with a tenant's name, if anything is. */
export function nameProblem(name: string): string | undefined {
  if (name === DEFAULT_TENANT) return 'is the tenant of the keyset in the environment: choose another name';
  return TENANT_NAME.test(name) ? undefined : 'must be 1 to 40 of a-z, 0-9 and hyphen';
}

/** Enough names to recognise one that was mistyped. */
const MAX_NAMED = 20;

/** For operators only: callers of the HTTP API must not learn the names of other tenants. */
export function unknownTenant(name: string, known: readonly string[]): Failure {
  const others = known.toSorted().slice(0, MAX_NAMED).join(', ');
  const more = known.length > MAX_NAMED ? ` and ${known.length - MAX_NAMED} more` : '';
  const there = known.length === 0 ? 'none is declared' : `known: ${others}${more}`;
  return new Failure('tenant_not_found', `no tenant ${JSON.stringify(name.slice(0, 64))}; ${there}`);
}

/** Everything that is wrong with the form of these declarations. @param at prefix of a tenant's name in the problems */
export function declarationProblems(value: unknown, at: string): ConfigProblem[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [{ name: at, message: 'must be an object: a tenant’s name → its declaration' }];
  const entries = Object.entries(value);
  if (entries.length > MAX_TENANTS)
    return [{ name: at, message: `holds ${entries.length} tenants, but at most ${MAX_TENANTS} are served` }];
  return entries.flatMap(([name, declaration]) => {
    const where = `${at}.${name.slice(0, 64)}`;
    const wrongName = nameProblem(name);
    if (wrongName !== undefined) return [{ name: where, message: wrongName }];
    return tenantProblems(declaration).map(({ name: field, message }) => ({
      name: field === '' ? where : `${where}.${field}`,
      message,
    }));
  });
}

/** The same for one declaration; problems are named by their field. */
export function tenantProblems(value: unknown): ConfigProblem[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [{ name: '', message: 'must be an object' }];
  const written = value as Record<string, unknown>;
  return [
    ...Object.keys(written).flatMap(unknownFieldProblems),
    ...REFERENCES.flatMap((name) => referenceProblems(written, name)),
    ...Object.entries(OVERRIDES).flatMap(([field, path]) => valueProblems(written, field, path)),
    ...(written.schedules === undefined || Array.isArray(written.schedules)
      ? []
      : [{ name: 'schedules', message: 'must be a list, as in SCHEDULES_FILE' }]),
  ];
}

function unknownFieldProblems(field: string): ConfigProblem[] {
  if (FIELDS.includes(field)) return [];
  if (/^client(id|secret)$/i.test(field))
    return [
      {
        name: field,
        message: `is not written here: name a file with ${field}File, or a variable with ${field}Env`,
      },
    ];
  const near = closestWord(field, FIELDS);
  const guess = near === undefined ? '' : `; did you mean ${near}?`;
  return [{ name: field.slice(0, 64), message: `is not a field of a tenant${guess}` }];
}

/** Never shows the value: people write the secret itself there. */
function referenceProblems(written: Record<string, unknown>, name: string): ConfigProblem[] {
  const [file, variable] = [written[`${name}File`], written[`${name}Env`]];
  if ((file === undefined) === (variable === undefined))
    return [{ name, message: `needs either ${name}File or ${name}Env` }];
  if (file !== undefined && (typeof file !== 'string' || file.trim() === ''))
    return [{ name: `${name}File`, message: 'must be the path of a file that holds it' }];
  if (variable !== undefined && (typeof variable !== 'string' || !/^[A-Za-z_]\w{0,99}$/.test(variable)))
    return [{ name: `${name}Env`, message: 'must be the name of the environment variable that holds it' }];
  return [];
}

function valueProblems(written: Record<string, unknown>, field: string, path: string): ConfigProblem[] {
  const value = written[field];
  if (value === undefined) return [];
  const { format } = settings().find((setting) => setting.path === path) as { format: FormatName };
  const { accepts, allowed } = FORMATS[format];
  if (accepts(value as never)) return [];
  return [
    { name: field, message: `is ${(JSON.stringify(value) ?? '').slice(0, 200)}, but must be ${allowed}` },
  ];
}

export interface Keyset {
  clientId: string;
  clientSecret: string;
}

/** Longer than any part of a keyset. */
const MAX_LENGTH = 1000;

/**
 * Reads the keyset that a declaration refers to. A problem names the reference and never shows its content.
 * @param env the process's environment
 */
export function readKeyset(
  { clientIdFile, clientIdEnv, clientSecretFile, clientSecretEnv }: TenantDeclaration,
  env: NodeJS.ProcessEnv,
): { keyset: Keyset } | { problem: string } {
  const clientId = readReference('clientId', clientIdFile, clientIdEnv, env);
  if ('problem' in clientId) return clientId;
  const clientSecret = readReference('clientSecret', clientSecretFile, clientSecretEnv, env);
  if ('problem' in clientSecret) return clientSecret;
  return { keyset: { clientId: clientId.text, clientSecret: clientSecret.text } };
}

function readReference(
  name: string,
  file: string | undefined,
  variable: string | undefined,
  env: NodeJS.ProcessEnv,
): { text: string } | { problem: string } {
  const where = file === undefined ? `${name}Env ${variable}` : `${name}File ${file}`;
  let text = env[variable ?? ''] ?? '';
  try {
    if (file !== undefined) text = readFileSync(file, 'utf8');
  } catch (error) {
    return { problem: `${where} cannot be read (${(error as NodeJS.ErrnoException).code})` };
  }
  text = text.trim();
  if (text === '') return { problem: `${where} ${file === undefined ? 'is not set' : 'is empty'}` };
  if (text.length > MAX_LENGTH || /\s/.test(text))
    return { problem: `${where} holds more than one value: it must hold nothing else` };
  return { text };
}
