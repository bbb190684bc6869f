import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, ConfigError } from '../config/config.ts';
import { environment } from '../config/environment.ts';
import { type Content, readJsonObject, unknownKeys } from '../config/files.ts';
import { reloadablePart } from '../config/reloadable.ts';
import { settings } from '../config/schema.ts';
import type { FleetDocument, Parts } from '../tenants/document.ts';
import { NOTHING, withNewer } from '../tenants/document.ts';
import type { FleetStore, ProcessReport } from '../tenants/fleetStore.ts';
import { publishNext } from '../tenants/publish.ts';
import { snapshotOf } from '../tenants/snapshot.ts';

export interface Applied {
  version: number;
  changed: boolean;
  /** Variables of settings in the file that only a restart changes. */
  needRestart: string[];
  /** Processes that run this version by now, and those that do not. */
  running: number;
  behind: ProcessReport[];
}

/** So long a command waits for the processes to follow, ms. */
const FOLLOW_MS = 3000;

/**
 * Makes a file the fleet's next version: settings as in CONFIG_FILE, `tenants` as in TENANTS_FILE, `schedules` as in
 * SCHEDULES_FILE, any of them. What it does not name stays; what it names is replaced. It wins over every file that was
 * changed earlier.
 * @throws ConfigError naming everything that is wrong; then nothing has changed
 */
export async function applyConfig(store: FleetStore, config: Config, path: string): Promise<Applied> {
  const { parts, needRestart } = readParts(path);
  const names = { settings: path, tenants: `${path}: tenants`, schedules: `${path}: schedules` };
  const { standing, changed } = await publishNext(
    store,
    NOTHING,
    (document) => withNewer(document, asNewest(parts, document)),
    (next) => void snapshotOf(next, { config, env: environment() }, names),
  );
  const giveUpAt = Date.now() + FOLLOW_MS;
  for (;;) {
    const processes = await store.processes();
    const behind = processes.filter(({ version }) => version < standing.version);
    const running = processes.length - behind.length;
    if (behind.length === 0 || behind.every(({ refused }) => refused !== undefined) || Date.now() >= giveUpAt)
      return { version: standing.version, changed, needRestart, running, behind };
    await sleep(100);
  }
}

function readParts(path: string): { parts: Parts; needRestart: string[] } {
  const read = readJsonObject(path);
  if ('problem' in read) throw new ConfigError([read.problem]);
  const { tenants, schedules, ...groups } = read.content;
  const problems = unknownKeys(path, groups);
  if (schedules !== undefined && !Array.isArray(schedules))
    problems.push({ name: `${path}: schedules`, message: 'must be a list' });
  if (Object.keys(read.content).length === 0) problems.push({ name: path, message: 'holds nothing' });
  if (problems.length > 0) throw new ConfigError(problems);
  const { reloadable, fixed } = reloadablePart(groups as Content);
  const at = Date.now();
  return {
    parts: {
      ...(Object.keys(groups).length === 0 ? {} : { settings: { at, value: reloadable } }),
      ...(tenants === undefined ? {} : { tenants: { at, value: tenants as never } }),
      ...(schedules === undefined ? {} : { schedules: { at, value: schedules as unknown[] } }),
    },
    needRestart: settings().flatMap(({ path: setting, env }) => {
      const [group, name] = setting.split('.') as [string, string];
      return fixed[group]?.[name] === undefined ? [] : [env];
    }),
  };
}

/** Files may come from a machine whose clock is ahead. */
function asNewest(parts: Parts, document: FleetDocument): Parts {
  return Object.fromEntries(
    Object.entries(parts).map(([name, part]) => [
      name,
      { ...part, at: Math.max(part.at, document[name as keyof Parts]?.at ?? 0) },
    ]),
  );
}
