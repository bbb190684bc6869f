import { credentialProblems, crossChecks } from '../config/checks.ts';
import type { Content } from '../config/config.ts';
import { type Config, ConfigError, type ConfigProblem, withValues } from '../config/config.ts';
import { withSettings } from '../config/load.ts';
import { parseScheduleList } from '../queue/schedules/store.ts';
import {
  DEFAULT_TENANT,
  declarationProblems,
  type Keyset,
  OVERRIDES,
  readKeyset,
  type TenantDeclaration,
} from './declaration.ts';
import { declarationsOf, type Parts, type Versioned } from './fleetStore.ts';

/** A tenant as this process sees it. */
export interface Tenant {
  readonly name: string;
  /** The settings of the process with the tenant's own in place of them, its keyset included. */
  readonly config: Config;
  /** What its schedules have to be; undefined: nobody says. */
  readonly schedules: readonly unknown[] | undefined;
  /** Why this process cannot call eBay for it. */
  readonly obstacle: string | undefined;
}

/** Everything that one version means for one process. Never changes: the next version is another one. */
export interface Snapshot {
  readonly version: number;
  readonly config: Config;
  readonly tenants: ReadonlyMap<string, Tenant>;
}

/** What a process brings with it. */
export interface ProcessSettings {
  /** As it started. */
  config: Config;
  env: NodeJS.ProcessEnv;
}

/** Where each part was read, for the problems. */
export type PartNames = Readonly<Record<keyof Parts, string>>;

const PART_NAMES: PartNames = { settings: 'settings', tenants: 'tenants', schedules: 'schedules' };

/**
 * A version as a whole, or nothing of it.
 * @throws ConfigError with everything that is wrong. A keyset that cannot be read here is no mistake of the version: it
 * is the tenant's `obstacle` in this process.
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
  return { name: DEFAULT_TENANT, config, schedules, obstacle: obstacleOf(config) };
}

function tenantOf(
  name: string,
  declaration: TenantDeclaration,
  base: Config,
  env: NodeJS.ProcessEnv,
): Tenant {
  const read = readKeyset(declaration, env);
  const config = tenantConfig(base, declaration, 'keyset' in read ? read.keyset : NO_KEYSET);
  const obstacle = 'problem' in read ? read.problem : obstacleOf(config);
  return { name, config, schedules: declaration.schedules, obstacle };
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

function obstacleOf(config: Config): string | undefined {
  const problems = credentialProblems(config).map(({ name, message }) => `${name} ${message}`);
  return problems.length === 0 ? undefined : problems.join('; ');
}

function scheduleProblems({ name: tenant, config, schedules }: Tenant, at: string): ConfigProblem[] {
  if (schedules === undefined) return [];
  const { marketplace } = config.ebay;
  const { minInterval } = config.schedule;
  const { errors } = parseScheduleList(schedules, { tenant, marketplace, minInterval });
  return errors.map(({ path, message }) => ({ name: `${at}.${path}`, message }));
}
