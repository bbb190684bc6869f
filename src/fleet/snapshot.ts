import { credentialProblems, crossChecks } from '../config/checks.ts';

import {
  type Config,
  ConfigError,
  type ConfigProblem,
  type Content,
  linesOf,
  withValues,
} from '../config/config.ts';
import { withSettings } from '../config/load.ts';
import { parseScheduleList } from '../queue/schedules/definition.ts';
import {
  DEFAULT_TENANT,
  declarationProblems,
  type Keyset,
  OVERRIDES,
  readKeyset,
  type TenantDeclaration,
} from './declaration.ts';
import { declarationsOf, type FleetDocument, type Parts, type Versioned } from './fleetStore.ts';

/** A tenant as this process sees it. */
export interface Tenant {
  readonly name: string;
  /** The settings of the process with the tenant's own in place of them, its keyset included. */
  readonly config: Config;
  /** Its schedules as declared; undefined: they stay as they are. */
  readonly schedules: readonly unknown[] | undefined;
  /** Why this process cannot call eBay for it. */
  readonly unavailableReason: string | undefined;
}

/** One version of the fleet's configuration, as one process runs it. It never changes: the next version replaces it. */
export interface Snapshot {
  readonly version: number;
  readonly config: Config;
  readonly tenants: ReadonlyMap<string, Tenant>;
}

/** What a process starts with. */
interface ProcessSettings {
  config: Config;
  env: NodeJS.ProcessEnv;
}

/** The source of each part, for the problems. */
export type PartNames = Readonly<Record<keyof Parts, string>>;

const PART_NAMES: PartNames = { settings: 'settings', tenants: 'tenants', schedules: 'schedules' };

/**
 * A version as a whole, or nothing of it. A keyset that cannot be read here is no mistake of the version: it is the
 * tenant's `unavailableReason` in this process.
 * @throws ConfigError with everything that is wrong
 */
export function snapshotOf(
  { version, document }: Versioned,
  { config: running, env }: ProcessSettings,
  names: PartNames = PART_NAMES,
): Snapshot {
  const { settings, schedules, tenants } = document;
  const { config, problems } =
    settings === undefined
      ? { config: running, problems: [] }
      : withSettings(running, settings.value, { env, name: names.settings });
  problems.push(...(tenants === undefined ? [] : declarationProblems(tenants.value, names.tenants)));
  if (problems.length > 0) throw new ConfigError(problems);

  const own = defaultTenant(config, schedules?.value);
  problems.push(...scheduleProblems(own, names.schedules));
  const all = [own];
  for (const [name, declaration] of Object.entries(declarationsOf(document))) {
    const tenant = tenantOf(name, declaration, config, env);
    const at = `${names.tenants}.${name}`;
    problems.push(
      ...crossChecks(tenant.config).map(({ name: variable, message }) => ({
        name: at,
        message: `${variable} ${message}`,
      })),
      ...scheduleProblems(tenant, `${at}.schedules`),
    );
    all.push(tenant);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { version, config, tenants: new Map(all.map((tenant) => [tenant.name, tenant])) };
}

function defaultTenant(config: Config, schedules: readonly unknown[] | undefined): Tenant {
  return { name: DEFAULT_TENANT, config, schedules, unavailableReason: credentialReason(config) };
}

function tenantOf(
  name: string,
  declaration: TenantDeclaration,
  base: Config,
  env: NodeJS.ProcessEnv,
): Tenant {
  const read = readKeyset(declaration, env);
  const config = tenantConfig(base, declaration, 'keyset' in read ? read.keyset : NO_KEYSET);
  const unavailableReason = 'problem' in read ? read.problem : credentialReason(config);
  return { name, config, schedules: declaration.schedules, unavailableReason };
}

const NO_KEYSET: Keyset = { clientId: '', clientSecret: '' };

function tenantConfig(base: Config, declaration: TenantDeclaration, keyset: Keyset): Config {
  const values: Content = { ebay: { ...keyset } };
  for (const [field, path] of Object.entries(OVERRIDES)) {
    const value = declaration[field as keyof typeof OVERRIDES];
    const [group, key] = path.split('.') as [string, string];
    if (value !== undefined) values[group] = { ...values[group], [key]: value };
  }
  return withValues(base, values);
}

/** Names of all tenants, the default one included. */
export function tenantNames(document: FleetDocument): string[] {
  return [DEFAULT_TENANT, ...Object.keys(declarationsOf(document))];
}

/**
 * A tenant's settings for a producer: no keyset, and nothing of this process's environment and files. Undefined for an
 * unknown tenant.
 * @throws ConfigError where this release cannot read the fleet's settings
 */
export function producerConfig(document: FleetDocument, name: string, base: Config): Config | undefined {
  const { config, problems } =
    document.settings === undefined
      ? { config: base, problems: [] }
      : withSettings(base, document.settings.value, { env: {}, name: 'settings' });
  if (problems.length > 0) throw new ConfigError(problems);
  if (name === DEFAULT_TENANT) return config;
  const declaration = declarationsOf(document)[name];
  return declaration === undefined ? undefined : tenantConfig(config, declaration, NO_KEYSET);
}

function credentialReason(config: Config): string | undefined {
  const problems = credentialProblems(config);
  return problems.length === 0 ? undefined : linesOf(problems).join('; ');
}

function scheduleProblems({ name: tenant, config, schedules }: Tenant, at: string): ConfigProblem[] {
  if (schedules === undefined) return [];
  const { marketplace } = config.ebay;
  const { minInterval } = config.schedule;
  const { errors } = parseScheduleList(schedules, { tenant, marketplace, minInterval });
  return errors.map(({ path, message }) => ({ name: `${at}.${path}`, message }));
}
