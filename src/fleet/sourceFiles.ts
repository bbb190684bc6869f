import { statSync } from 'node:fs';
import { ConfigError, type ConfigProblem, type Content } from '../config/config.ts';
import { readConfigFile, readJsonObject } from '../config/files.ts';
import { reloadablePart } from '../config/load.ts';
import type { Declarations } from './declaration.ts';
import type { Parts } from './fleetStore.ts';
import type { PartNames } from './snapshot.ts';

/** The files of one process that may change while it runs; empty where there is none. */
export interface SourceFiles {
  /** CONFIG_FILE, later ones win. */
  settings: readonly string[];
  /** TENANTS_FILE */
  tenants: string;
  /** SCHEDULES_FILE */
  schedules: string;
}

export interface ReadParts {
  parts: Parts;
  names: PartNames;
  /** Settings of the files that need a restart. */
  fixed: Content;
}

/** What the files say now, each with its time of change. @throws ConfigError with everything that cannot be read */
export function readSourceFiles(files: SourceFiles): ReadParts {
  const problems: ConfigProblem[] = [];
  const parts: Parts = {};
  let fixed: Content = {};
  if (files.settings.length > 0) {
    const at = newest(files.settings);
    const contents = files.settings.map((path) => readConfigFile(path));
    problems.push(...contents.flatMap((each) => each.problems));
    const split = reloadablePart(merged(contents.map(({ content }) => content)));
    parts.settings = { at, value: split.reloadable };
    fixed = split.fixed;
  }
  const only = (key: 'tenants' | 'schedules', variable: string, isRight: (value: unknown) => boolean) => {
    const path = files[key];
    if (path === '') return undefined;
    const at = newest([path]);
    const read = readJsonObject(path, variable);
    if ('problem' in read) problems.push(read.problem);
    else if (Object.keys(read.content).length !== 1 || !isRight(read.content[key]))
      problems.push({ name: path, message: `must hold ${SHAPES[key]} and nothing else` });
    else return { at, value: read.content[key] as never };
    return undefined;
  };
  const tenants = only('tenants', 'TENANTS_FILE', (value) => typeof value === 'object' && value !== null);
  const schedules = only('schedules', 'SCHEDULES_FILE', Array.isArray);
  if (problems.length > 0) throw new ConfigError(problems);
  if (tenants !== undefined) parts.tenants = tenants as { at: number; value: Declarations };
  if (schedules !== undefined) parts.schedules = schedules as { at: number; value: unknown[] };
  return { parts, names: namesOf(files), fixed };
}

const SHAPES = { tenants: '{"tenants": {…}}', schedules: '{"schedules": [...]}' };

export function namesOf({ settings, tenants, schedules }: SourceFiles): PartNames {
  return {
    settings: settings.join(', ') || 'settings',
    tenants: tenants === '' ? 'tenants' : `${tenants}: tenants`,
    schedules: schedules === '' ? 'schedules' : `${schedules}: schedules`,
  };
}

/** Tells that one of these files is another than before; also one that was renamed into its place. */
export function signatureOf(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const found = stat(path);
      return found === undefined ? '-' : `${found.mtimeNs}:${found.ino}:${found.size}`;
    })
    .join(' ');
}

function newest(paths: readonly string[]): number {
  return Math.max(...paths.map((path) => Number(stat(path)?.mtimeNs ?? 0n) / 1e6));
}

function stat(path: string) {
  try {
    return statSync(path, { bigint: true });
  } catch {
    // Reading it will tell why.
    return undefined;
  }
}

/** Group by group, setting by setting. */
function merged(contents: readonly Content[]): Content {
  const all: Content = {};
  for (const content of contents)
    for (const [group, keys] of Object.entries(content)) all[group] = { ...all[group], ...keys };
  return all;
}
