import type { Config, ConfigProblem } from '../config/config.ts';
import { didYouMean } from '../config/files.ts';
import { FORMATS, type Format, type FormatName, MARKETPLACES } from '../config/formats.ts';
import { settings } from '../config/schema.ts';
import { readSecretFile } from '../config/secrets.ts';
import { mistakeIn } from '../config/written.ts';
import { Failure } from '../failures.ts';
import { isMarketplace } from '../product/marketplaces.ts';
import { checkCosts } from '../product/parseRequest.ts';

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
  /** Its budget: calls a day that its searches may spend; 0: none. */
  dailyCalls?: number;
  backfillShare?: number;
  scheduledShare?: number;
  /** Calls that one worker handles at once for this tenant. */
  concurrency?: number;
  /** Digits. */
  affiliateCampaignId?: string;
  /** Of a request without costs of its own. */
  costs?: Readonly<Record<string, unknown>>;
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
  dailyCalls: 'pace.tenantCalls',
  backfillShare: 'pace.backfillShare',
  scheduledShare: 'pace.scheduledShare',
  concurrency: 'worker.concurrency',
  affiliateCampaignId: 'ebay.affiliateCampaignId',
  costs: 'search.costs',
} as const satisfies Partial<Record<keyof TenantDeclaration, string>>;

const VARIABLE = /^[A-Za-z_]\w{0,99}$/;

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
  if (!isObject(value))
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
  if (!isObject(value)) return [{ name: '', message: 'must be an object' }];
  const problems: ConfigProblem[] = [];
  const refuse = (name: string, message: string) => problems.push({ name, message });
  for (const field of Object.keys(value).filter((each) => !FIELDS.includes(each)))
    if (/^client(id|secret)$/i.test(field))
      refuse(field, `is not written here: name a file with ${field}File, or a variable with ${field}Env`);
    else refuse(field.slice(0, 64), `is not a field of a tenant${didYouMean(field, FIELDS)}`);
  // Their values are never shown: people write the secret itself there.
  for (const name of REFERENCES) {
    const [file, variable] = [value[`${name}File`], value[`${name}Env`]];
    if ((file === undefined) === (variable === undefined))
      refuse(name, `needs either ${name}File or ${name}Env`);
    else if (file !== undefined && (typeof file !== 'string' || file.trim() === ''))
      refuse(`${name}File`, 'must be the path of a file that holds it');
    else if (file === undefined && (typeof variable !== 'string' || !VARIABLE.test(variable)))
      refuse(`${name}Env`, 'must be the name of the environment variable that holds it');
  }
  for (const [field, path] of Object.entries(OVERRIDES)) {
    const { format } = settings().find((setting) => setting.path === path) as { format: FormatName };
    const { accepts, allowed }: Format = FORMATS[format];
    if (value[field] !== undefined && !accepts(value[field]))
      refuse(field, `is ${(JSON.stringify(value[field]) ?? '').slice(0, 200)}, but must be ${allowed}`);
  }
  if (isObject(value.costs)) problems.push(...costsProblems(value.costs, 'costs'));
  if (value.schedules !== undefined && !Array.isArray(value.schedules))
    refuse('schedules', 'must be a list, as in SCHEDULES_FILE');
  return problems;
}

/** What is wrong with costs, each by its path. @param name what the path begins with */
function costsProblems(costs: unknown, name: string, currencies: readonly string[] = []): ConfigProblem[] {
  return checkCosts(costs, currencies).map(({ path, message }) => ({
    name: path.replace(/^costs/, name),
    message,
  }));
}

/**
 * What is wrong with the costs of a tenant, on the marketplace of a search that names none.
 * @param name what the path begins with; default: that of the environment's tenant
 */
export function ownCostsProblems(
  { search: { costs }, ebay: { marketplace } }: Pick<Config, 'search' | 'ebay'>,
  name = 'COSTS',
): ConfigProblem[] {
  return costs === ''
    ? []
    : costsProblems(costs, name, isMarketplace(marketplace) ? [MARKETPLACES[marketplace].currency] : []);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export interface Keyset {
  clientId: string;
  clientSecret: string;
}

/** Longer than any part of a keyset. */
const MAX_LENGTH = 1000;

export const NO_KEYSET: Keyset = { clientId: '', clientSecret: '' };

/**
 * The keyset that a declaration refers to; empty, with the problem, where it cannot be read here. A problem names the
 * reference and never shows its content.
 */
export function readKeyset(
  declaration: TenantDeclaration,
  env: NodeJS.ProcessEnv,
): Keyset & { problem?: string } {
  const keyset = { ...NO_KEYSET };
  for (const name of REFERENCES) {
    const file = declaration[`${name}File`];
    const variable = declaration[`${name}Env`] ?? '';
    const refused = (problem: string) => ({
      ...NO_KEYSET,
      problem: `${file === undefined ? `${name}Env ${variable}` : `${name}File ${file}`} ${problem}`,
    });
    const read = file === undefined ? { text: env[variable]?.trim() ?? '' } : readSecretFile(file);
    if ('problem' in read) return refused(read.problem);
    if (read.text === '') return refused('is not set');
    const mistake = mistakeIn(read.text, { keyset: true });
    if (mistake !== undefined) return refused(mistake);
    if (read.text.length > MAX_LENGTH) return refused('holds more than one value: it must hold nothing else');
    keyset[name] = read.text;
  }
  return keyset;
}
