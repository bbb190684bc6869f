import { credentialProblems, crossChecks } from '../config/checks.ts';
import { type Config, ConfigError, type Content, linesOf, withValues } from '../config/config.ts';
import { withSettings } from '../config/load.ts';
import { parseScheduleList } from '../queue/schedules/definition.ts';
import {
  DEFAULT_TENANT,
  declarationProblems,
  type Keyset,
  NO_KEYSET,
  OVERRIDES,
  ownCostsProblems,
  readKeyset,
  type TenantDeclaration,
  unknownTenant,
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
  /** The mark of the Redis data that it belongs to: with another one all is declared again. */
  readonly data?: string;
  readonly config: Config;
  readonly tenants: ReadonlyMap<string, Tenant>;
}

/** The source of each part, for the problems. */
export type PartNames = Readonly<Record<keyof Parts, string>>;

const PART_NAMES: PartNames = { settings: 'settings', tenants: 'tenants', schedules: 'schedules' };

/**
 * A version as a whole, or nothing of it. A keyset that cannot be read here is no mistake of the version: it is the
 * tenant's `unavailableReason` in this process.
 * @param running what this process started with
 * @throws ConfigError with everything that is wrong
 */
export function snapshotOf(
  { version, document }: Versioned,
  { config: running, env }: { config: Config; env: NodeJS.ProcessEnv },
  names: PartNames = PART_NAMES,
): Snapshot {
  const { settings, schedules, tenants } = document;
  const { config, problems } =
    settings === undefined
      ? { config: running, problems: [] }
      : withSettings(running, settings.value, { env, name: names.settings });
  problems.push(...(tenants === undefined ? [] : declarationProblems(tenants.value, names.tenants)));
  if (problems.length > 0) throw new ConfigError(problems);

  const all: Tenant[] = [
    {
      name: DEFAULT_TENANT,
      config,
      schedules: schedules?.value,
      unavailableReason: credentialReason(config),
    },
    ...Object.entries(declarationsOf(document)).map(([name, declaration]) => {
      const { problem, ...keyset } = readKeyset(declaration, env);
      const own = tenantConfig(config, declaration, keyset);
      const unavailableReason = problem ?? credentialReason(own);
      return { name, config: own, schedules: declaration.schedules, unavailableReason };
    }),
  ];
  for (const { name, config: own, schedules: declared } of all) {
    const at = `${names.tenants}.${name}`;
    for (const { name: variable, message } of crossChecks(own))
      problems.push({ name: at, message: `${variable} ${message}` });
    problems.push(...ownCostsProblems(own, name === DEFAULT_TENANT ? 'COSTS' : `${at}.costs`));
    const { marketplace } = own.ebay;
    const { minInterval } = own.schedule;
    const { errors } = parseScheduleList(declared ?? [], { tenant: name, marketplace, minInterval });
    const list = name === DEFAULT_TENANT ? names.schedules : `${at}.schedules`;
    problems.push(...errors.map(({ path, message }) => ({ name: `${list}.${path}`, message })));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { version, config, tenants: new Map(all.map((tenant) => [tenant.name, tenant])) };
}

function credentialReason(config: Config): string | undefined {
  return linesOf(credentialProblems(config)).join('; ') || undefined;
}

function tenantConfig(base: Config, declaration: TenantDeclaration, keyset: Keyset): Config {
  // A campaign and costs are those of one party: a tenant never has another one's.
  const values: Content = { ebay: { ...keyset, affiliateCampaignId: '' }, search: { costs: '' } };
  for (const [field, path] of Object.entries(OVERRIDES)) {
    const value = declaration[field as keyof typeof OVERRIDES];
    const [group, key] = path.split('.') as [string, string];
    if (value !== undefined) values[group] = { ...values[group], [key]: value };
  }
  return withValues(base, values);
}

/**
 * A tenant's settings for a producer: no keyset, and nothing of this process's environment and files.
 * @throws ConfigError where this release cannot read the fleet's settings; Failure `tenant_not_found`
 */
export function producerConfig(document: FleetDocument, name: string, base: Config): Config {
  const { config, problems } =
    document.settings === undefined
      ? { config: base, problems: [] }
      : withSettings(base, document.settings.value, { env: {}, name: 'settings' });
  if (problems.length > 0) throw new ConfigError(problems);
  if (name === DEFAULT_TENANT) return config;
  const declarations = declarationsOf(document);
  // A tenant may be called as a member that every object has: constructor.
  const declaration = Object.hasOwn(declarations, name) ? declarations[name] : undefined;
  if (declaration === undefined) throw unknownTenant(name, [DEFAULT_TENANT, ...Object.keys(declarations)]);
  return tenantConfig(config, declaration, NO_KEYSET);
}
