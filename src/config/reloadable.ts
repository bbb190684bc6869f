import { crossChecks } from './checks.ts';
import type { Config, ConfigProblem } from './config.ts';
import { type Content, unknownKeys } from './files.ts';
import { FORMATS, type FormatName } from './formats.ts';
import { settings } from './schema.ts';

/** Settings that change while processes run. All others are read at start: ports, connections, sizes, the keyset. */
const RELOADABLE: ReadonlySet<string> = new Set([
  'ebay.marketplace',
  'pace.minApiCallInterval',
  'pace.dailyCallLimit',
  'pace.backfillShare',
  'pace.scheduledShare',
  'memory.backfillShare',
  'memory.share',
  'search.backlogLimit',
  'log.level',
  'log.levels',
]);

/** Every setting that a running process can change. */
export function reloadableSettings() {
  return settings().filter(({ path }) => RELOADABLE.has(path));
}

/** A file's content in two: what can change while processes run, and what needs a restart. */
export function reloadablePart(content: Content): { reloadable: Content; fixed: Content } {
  const parts: { reloadable: Content; fixed: Content } = { reloadable: {}, fixed: {} };
  for (const [group, keys] of Object.entries(content))
    for (const [name, value] of Object.entries(keys)) {
      const part = RELOADABLE.has(`${group}.${name}`) ? parts.reloadable : parts.fixed;
      part[group] = { ...part[group], [name]: value };
    }
  return parts;
}

/**
 * The settings of a running process with the reloadable ones as `content` has them; where it has none the default. A
 * variable in the environment wins, as it does at start.
 * @param name of the source, for the problems
 */
export function withSettings(
  running: Config,
  content: Content,
  { env, name }: { env: NodeJS.ProcessEnv; name: string },
): { config: Config; problems: ConfigProblem[] } {
  const problems = unknownKeys(name, content);
  if (problems.length > 0) return { config: running, problems };
  const changed: Content = {};
  for (const { path, format, env: variable, default: usual } of reloadableSettings()) {
    if ((env[variable] ?? '').trim() !== '') continue;
    const [group, key] = path.split('.') as [string, string];
    const value = content[group]?.[key] ?? usual;
    const { accepts, allowed } = FORMATS[format as FormatName];
    if (accepts(value as never)) changed[group] = { ...changed[group], [key]: value };
    else
      problems.push({
        name: `${name}: ${path}`,
        message: `is ${JSON.stringify(value).slice(0, 200)}, but must be ${allowed}`,
      });
  }
  const config = withValues(running, changed);
  if (problems.length === 0) problems.push(...crossChecks(config));
  return { config, problems };
}

/** A frozen copy with these values in place of its own. */
export function withValues(config: Config, values: Content): Config {
  const groups = Object.entries(config as unknown as Content).map(([group, keys]) => [
    group,
    group in values ? Object.freeze({ ...keys, ...values[group] }) : keys,
  ]);
  return Object.freeze(Object.fromEntries(groups)) as Config;
}
