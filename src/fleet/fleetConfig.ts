import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Redis } from 'ioredis';
import {
  type Config,
  ConfigError,
  type ConfigProblem,
  type Content,
  environment,
  linesOf,
} from '../config/config.ts';
import { readConfigFile, readJsonObject } from '../config/files.ts';
import { type ConfigSources, configFiles, reloadablePart } from '../config/load.ts';
import { settings } from '../config/schema.ts';
import { redisFailure } from '../redis/failure.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ConfigMetrics } from '../telemetry/metrics.ts';
import {
  declarationsOf,
  FleetStore,
  NOTHING,
  type Parts,
  type ProcessReport,
  publishNext,
  type Versioned,
  withNewer,
} from './fleetStore.ts';
import { type PartNames, type Snapshot, snapshotOf } from './snapshot.ts';

interface FleetConfigOptions {
  /** As this process started. */
  config: Config;
  /** Where `config` came from. */
  sources: ConfigSources;
  role: 'worker' | 'serve';
  /** Tenants that this process works for now. */
  tenants: () => string[];
  metrics: ConfigMetrics;
  log: Logger;
}

/**
 * How often a process looks at its files and at the fleet's version, one HGET: how soon a change is everywhere. Polling
 * also works for mounted volumes, renamed folders and a Redis that restarts.
 */
const POLL_MS = 500;

/** How often a process reports that it is there; a changed report is sent at once. */
const REPORT_MS = 3000;

/**
 * The configuration of a running process. A change of its files becomes the fleet's next version, in Redis; every process
 * runs the newest version that it has seen, never an older one again, and all of a version or nothing.
 *
 * Interval, limits and shares have one owner: the fleet's document. Each process makes a snapshot of it, and `onChange`
 * brings the gates and queues in Redis in line.
 */
export class FleetConfig {
  readonly #options: FleetConfigOptions;
  readonly #store: FleetStore;
  readonly #files: SourceFiles;
  readonly #process: { config: Config; env: NodeJS.ProcessEnv };
  readonly #id = randomUUID();
  readonly #listeners: Array<(snapshot: Snapshot) => void> = [];
  readonly #logged = new Set<string>();
  #versioned: Versioned = NOTHING;
  #current: Snapshot;
  #fixed: Content | undefined;
  #signature = '';
  #refused: string | undefined;
  #reported = { text: '', at: 0 };
  #timer: NodeJS.Timeout | undefined;
  #polling = Promise.resolve();
  #stopped = false;

  /** @param redis a connection of the `caller` profile */
  constructor(redis: Redis, options: FleetConfigOptions) {
    const { config, sources } = options;
    this.#options = options;
    this.#store = new FleetStore(redis, config.queue.prefix);
    this.#files = sourceFiles(config, sources);
    this.#process = { config, env: sources.env ?? environment() };
    this.#current = snapshotOf(NOTHING, this.#process);
  }

  /** The version that this process runs now; it is replaced as a whole. */
  current(): Snapshot {
    return this.#current;
  }

  onChange(listener: (snapshot: Snapshot) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Publishes the files of this process where they are new, and takes over the fleet's version. Waits for Redis.
   * @throws ConfigError naming everything that is wrong in the files; what Redis throws once `signal` aborts
   */
  async start(signal?: AbortSignal): Promise<void> {
    for (;;) {
      try {
        this.#signature = this.#signatureNow();
        await this.#publishFiles();
        await this.#report();
        this.#schedule();
        return;
      } catch (error) {
        if (redisFailure(error) === undefined || signal?.aborted) throw error;
        await sleep(POLL_MS);
      }
    }
  }

  /** Reads the files and the keysets again, changed or not. Never rejects. */
  reload(): Promise<void> {
    this.#signature = '';
    return this.#poll();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#polling;
    await this.#store.leave(this.#id).catch(() => undefined);
  }

  #schedule(): void {
    if (!this.#stopped) this.#timer = setTimeout(() => this.#poll().then(() => this.#schedule()), POLL_MS);
  }

  #poll(): Promise<void> {
    this.#polling = this.#polling.then(() => this.#pollNow());
    return this.#polling;
  }

  async #pollNow(): Promise<void> {
    const { log, metrics } = this.#options;
    try {
      const signature = this.#signatureNow();
      if (signature !== this.#signature) {
        await this.#publishFiles();
        // Not before: a change that Redis could not take is tried again.
        this.#signature = signature;
      } else if ((await this.#store.version()) !== this.#versioned.version) await this.#takeOver();
      await this.#report();
    } catch (error) {
      // Without Redis everything stays as it is; the connection logs its errors.
      if (redisFailure(error) !== undefined) return;
      this.#signature = this.#signatureNow();
      metrics.changed('refused');
      const problems = error instanceof ConfigError ? linesOf(error.problems) : [String(error)];
      log.error('configuration refused: nothing has changed', { problems });
    }
  }

  async #publishFiles(): Promise<void> {
    const { log } = this.#options;
    const { parts, names, fixed } = readSourceFiles(this.#files);
    const { current, changed, stale } = await publishNext(
      this.#store,
      this.#versioned,
      (document) => withNewer(document, parts),
      (next) => void snapshotOf(next, this.#process, names),
    );
    const { version } = current;
    if (changed) log.info('configuration published', { version });
    for (const part of stale)
      this.#warnOnce('file is older than what the fleet runs, and is ignored', {
        file: names[part],
        version,
      });
    this.#warnOfFixed(fixed);
    this.#apply(current);
  }

  async #takeOver(): Promise<void> {
    const current = await this.#store.read();
    // Redis lost its data: the fleet keeps its version.
    if (current.version < this.#versioned.version)
      await this.#store.publish(current.version, this.#versioned);
    else this.#apply(current);
  }

  /** All of it or nothing. The same version is applied again only if its keysets have changed. */
  #apply(versioned: Versioned): void {
    const { log, metrics } = this.#options;
    const isNew = versioned.version > this.#versioned.version;
    this.#versioned = versioned;
    let next: Snapshot;
    try {
      next = snapshotOf(versioned, this.#process);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const problems = linesOf(error.problems);
      this.#refused = problems.join('; ');
      metrics.changed('refused');
      log.error('configuration of the fleet does not fit this process: it keeps its own', {
        version: versioned.version,
        problems,
      });
      return;
    }
    this.#refused = undefined;
    if (isDeepStrictEqual(next, this.#current)) return;
    this.#current = next;
    metrics.runs(next.version);
    if (isNew) {
      metrics.changed('applied');
      log.info('configuration applied', { version: next.version });
    }
    for (const listener of this.#listeners) listener(next);
  }

  async #report(): Promise<void> {
    const { role, tenants } = this.#options;
    const report: ProcessReport = {
      id: this.#id,
      role,
      host: hostname(),
      pid: process.pid,
      version: this.#current.version,
      tenants: tenants(),
      ...(this.#refused === undefined ? {} : { refused: this.#refused }),
    };
    const text = JSON.stringify(report);
    const now = performance.now();
    if (text === this.#reported.text && now - this.#reported.at < REPORT_MS) return;
    await this.#store.report(report);
    this.#reported = { text, at: now };
  }

  #signatureNow(): string {
    const { settings: own, tenants, schedules } = this.#files;
    const keysets = Object.values(declarationsOf(this.#versioned.document)).flatMap(
      ({ clientIdFile, clientSecretFile }) => [clientIdFile ?? '', clientSecretFile ?? ''],
    );
    return signatureOf([...own, tenants, schedules, ...keysets].filter((path) => path !== ''));
  }

  /** Settings that differ from the start and cannot change while the process runs. */
  #warnOfFixed(fixed: Content): void {
    this.#fixed ??= fixed;
    for (const { group, name, path, env } of settings()) {
      const [was, is] = [this.#fixed[group]?.[name], fixed[group]?.[name]];
      if (!isDeepStrictEqual(was, is))
        this.#warnOnce(
          'setting changed in the file, but needs a restart',
          { setting: path, variable: env },
          JSON.stringify(is),
        );
    }
  }

  #warnOnce(message: string, fields: Record<string, unknown>, value = ''): void {
    const about = `${message} ${JSON.stringify(fields)} ${value}`;
    if (this.#logged.has(about)) return;
    this.#logged.add(about);
    this.#options.log.warn(message, fields);
  }
}

/**
 * The fleet's version as a command sees it that ends; with the content of its own files where that is newer.
 * @throws ConfigError naming what is wrong in its files, or does not fit its environment
 */
export async function readSnapshot(
  redis: Redis,
  config: Config,
  sources: ConfigSources = {},
): Promise<Snapshot> {
  const { parts, names } = readSourceFiles(sourceFiles(config, sources));
  const { version, document } = await new FleetStore(redis, config.queue.prefix).read();
  const env = sources.env ?? environment();
  return snapshotOf({ version, document: withNewer(document, parts).document }, { config, env }, names);
}

/** The files of one process that may change while it runs; empty where there is none. */
interface SourceFiles {
  /** CONFIG_FILE, later ones win. */
  settings: readonly string[];
  /** TENANTS_FILE */
  tenants: string;
  /** SCHEDULES_FILE */
  schedules: string;
}

function sourceFiles({ tenant, schedule }: Config, { env, files }: ConfigSources): SourceFiles {
  const own = files ?? configFiles(env ?? environment());
  return { settings: own, tenants: tenant.file, schedules: schedule.file };
}

interface ReadParts {
  parts: Parts;
  names: PartNames;
  /** Settings of the files that need a restart. */
  fixed: Content;
}

/** The files' content, each with its time of change. @throws ConfigError with everything that cannot be read */
function readSourceFiles(files: SourceFiles): ReadParts {
  const problems: ConfigProblem[] = [];
  const parts: Parts = {};
  let fixed: Content = {};
  if (files.settings.length > 0) {
    const at = Math.max(...files.settings.map(changedAt));
    const contents = files.settings.map((path) => readConfigFile(path));
    problems.push(...contents.flatMap((each) => each.problems));
    const split = reloadablePart(merged(contents.map(({ content }) => content)));
    parts.settings = { at, value: split.reloadable };
    fixed = split.fixed;
  }
  for (const { key, variable, form, isRight } of LIST_FILES) {
    const path = files[key];
    if (path === '') continue;
    const at = changedAt(path);
    const read = readJsonObject(path, variable);
    if ('problem' in read) problems.push(read.problem);
    else if (Object.keys(read.content).length !== 1 || !isRight(read.content[key]))
      problems.push({ name: path, message: `must hold ${form} and nothing else` });
    else parts[key] = { at, value: read.content[key] as never };
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const names = {
    settings: files.settings.join(', ') || 'settings',
    tenants: files.tenants === '' ? 'tenants' : `${files.tenants}: tenants`,
    schedules: files.schedules === '' ? 'schedules' : `${files.schedules}: schedules`,
  };
  return { parts, names, fixed };
}

const LIST_FILES = [
  {
    key: 'tenants',
    variable: 'TENANTS_FILE',
    form: '{"tenants": {…}}',
    isRight: (value: unknown) => typeof value === 'object' && value !== null,
  },
  { key: 'schedules', variable: 'SCHEDULES_FILE', form: '{"schedules": [...]}', isRight: Array.isArray },
] as const;

/** Group by group, setting by setting. */
function merged(contents: readonly Content[]): Content {
  const all: Content = {};
  for (const content of contents)
    for (const [group, keys] of Object.entries(content)) all[group] = { ...all[group], ...keys };
  return all;
}

/** Another text once one of these files has changed or was replaced by another one. */
function signatureOf(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const found = stat(path);
      return found === undefined ? '-' : `${found.mtimeNs}:${found.ino}:${found.size}`;
    })
    .join(' ');
}

/** Ms since the epoch; 0 for a file that is not there, which reading reports. */
function changedAt(path: string): number {
  return Number(stat(path)?.mtimeNs ?? 0n) / 1e6;
}

function stat(path: string) {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}
