import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import type { Redis } from 'ioredis';
import {
  type Config,
  ConfigError,
  type ConfigProblem,
  type Content,
  environment,
  linesOf,
  packageVersion,
} from '../config/config.ts';
import { readConfigFile, readJsonObject } from '../config/files.ts';
import { type ConfigSources, configFiles, reloadablePart } from '../config/load.ts';
import { settings } from '../config/schema.ts';
import { redisFailure } from '../redis/failure.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ConfigMetrics, ScheduleMetrics } from '../telemetry/metrics.ts';
import { CensusTaker } from './census.ts';
import { unknownTenant } from './declaration.ts';
import {
  declarationsOf,
  FleetStore,
  NOTHING,
  onRedisClock,
  type Parts,
  type ProcessReport,
  publishNext,
  type Versioned,
  withNewer,
} from './fleetStore.ts';
import {
  type DataState,
  goneText,
  isOlderThan,
  LOSS_REMEDY,
  type Loss,
  lossKind,
  lossOf,
  lossText,
  sinceOf,
} from './loss.ts';
import { type Snapshot, snapshotOf, type Tenant } from './snapshot.ts';
import { startDuty } from './upkeep.ts';

interface FleetConfigOptions {
  /** As this process started. */
  config: Config;
  /** Where `config` came from. */
  sources: ConfigSources;
  role: 'worker' | 'serve';
  /** Tenants that this process works for now. */
  tenants: () => string[];
  metrics: ConfigMetrics;
  /** Of a worker, which counts what would be gone if Redis lost its data. */
  schedules?: ScheduleMetrics;
  log: Logger;
}

/**
 * How often a process looks at its files, the fleet's version and the mark of Redis's data, one HMGET: how soon a change is everywhere. Polling
 * also works for mounted volumes, renamed folders and a Redis that restarts.
 */
const POLL_MS = 500;

/** How often one worker of the fleet counts what would be gone if Redis lost its data, ms. */
const CENSUS_EVERY_MS = 10_000;

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
  readonly #redis: Redis;
  readonly #store: FleetStore;
  readonly #files: SourceFiles;
  readonly #process: { config: Config; env: NodeJS.ProcessEnv };
  readonly #id = randomUUID();
  readonly #listeners: Array<(snapshot: Snapshot) => void> = [];
  readonly #logged = new Set<string>();
  readonly #census: CensusTaker;
  readonly #startedAt = performance.now();
  #versioned: Versioned = NOTHING;
  /** The data of Redis as this process knows it. */
  #data: DataState = { mark: '', version: 0, census: undefined, loss: undefined, replaced: [] };
  #current: Snapshot;
  #fixed: Content | undefined;
  #signature = '';
  #refused: string | undefined;
  #reported = { text: '', at: 0 };
  #timer: NodeJS.Timeout | undefined;
  #counting: ReturnType<typeof startDuty> | undefined;
  #polling = Promise.resolve();
  #stopped = false;

  /** @param redis a connection of the `caller` profile */
  constructor(redis: Redis, options: FleetConfigOptions) {
    const { config, sources } = options;
    this.#options = options;
    this.#redis = redis;
    this.#store = new FleetStore(redis, config.queue.prefix);
    this.#census = new CensusTaker(redis, config.queue.prefix);
    this.#files = sourceFiles(config, sources);
    this.#process = { config, env: sources.env ?? environment() };
    this.#current = snapshotOf(NOTHING, this.#process);
  }

  /** The version that this process runs now; it is replaced as a whole. */
  current(): Snapshot {
    return this.#current;
  }

  /** A loss of Redis's data that nobody has acknowledged, as last seen. */
  get loss(): Loss | undefined {
    return this.#data.loss;
  }

  onChange(listener: (snapshot: Snapshot) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Publishes the files of this process where they are new, and takes over the fleet's version. May be called again where it
   * failed.
   * @throws ConfigError naming everything that is wrong in the files; what Redis throws
   */
  async start(): Promise<void> {
    this.#signature = this.#signatureNow();
    await this.#publishFiles();
    await this.#report();
    this.#schedule();
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
    await this.#counting?.stop();
    await this.#store.leave(this.#id).catch(() => undefined);
  }

  #schedule(): void {
    if (this.#stopped) return;
    const { config, schedules, log } = this.#options;
    this.#counting ??=
      schedules &&
      startDuty({
        name: 'census',
        redis: this.#redis,
        prefix: config.queue.prefix,
        everyMs: CENSUS_EVERY_MS,
        work: () => this.#takeCensus(schedules),
        log,
      });
    this.#timer = setTimeout(() => this.#poll().then(() => this.#schedule()), POLL_MS);
  }

  #poll(): Promise<void> {
    this.#polling = this.#polling.then(() => this.#pollNow());
    return this.#polling;
  }

  async #pollNow(): Promise<void> {
    try {
      const found = await this.#store.look();
      const kind = lossKind({ ...this.#data, version: this.#versioned.version }, found);
      if (kind === undefined) this.#know(found);
      else await this.#recover(kind, found);
      const signature = this.#signatureNow();
      if (signature !== this.#signature) {
        await this.#publishFiles();
        // Not before: a change that Redis could not take is tried again.
        this.#signature = signature;
      } else if (this.#data.version !== this.#versioned.version) await this.#takeOver();
      await this.#report();
    } catch (error) {
      // Without Redis everything stays as it is, and a change is tried again; the connection logs its own errors.
      const failure = redisFailure(error);
      if (failure !== undefined) {
        const isChange = this.#signatureNow() !== this.#signature;
        const { message: reason } = failure;
        if (isChange) this.#warnOnce('configuration not published yet', { reason }, this.#signatureNow());
        return;
      }
      this.#signature = this.#signatureNow();
      this.#refuse('configuration refused: nothing has changed', error);
    }
  }

  async #publishFiles(): Promise<void> {
    const { log } = this.#options;
    if (this.#data.mark === '') {
      const found = await this.#store.look();
      // Only a person knows whether Redis lost its data while no process ran.
      if (found.mark === '' && found.version === 0) log.info('first process on this Redis and prefix');
      this.#know({ ...found, mark: await this.#store.mark() });
    }
    const { parts, names, fixed } = readSourceFiles(this.#files);
    const timed = onRedisClock(parts, await this.#store.now());
    const { current, changed, stale } = await publishNext(
      this.#store,
      this.#versioned,
      (document) => withNewer(document, timed),
      (next) => void snapshotOf(next, this.#process, names),
    );
    const { version } = current;
    if (changed) log.info('configuration published', { version });
    for (const part of stale)
      this.#warnOnce('older file ignored: the fleet runs a newer one', { file: names[part], version });
    this.#warnOfFixed(fixed);
    this.#apply(current);
  }

  async #takeOver(): Promise<void> {
    const current = await this.#store.read();
    // The process that restored it did not know the newest version.
    if (current.version < this.#versioned.version)
      await this.#store.publish(current.version, this.#versioned);
    else this.#apply(current);
  }

  /** Redis lost its data. The first process that notices restores the document; each one declares its part again. */
  async #recover(kind: Loss['kind'], found: DataState): Promise<void> {
    const { log, metrics } = this.#options;
    let restored: DataState | undefined = found;
    let next = this.#versioned;
    if (!found.replaced.includes(this.#data.mark)) {
      next = this.#restoredVersion(kind, found, await this.#readable());
      const { census } = await this.#census.take(this.#current.tenants);
      const loss = lossOf(kind, this.#data, census);
      restored = await this.#store.restore(found, this.#data, next, { census, loss });
      // Another process was faster: the next poll sees what it did.
      if (restored === undefined) return;
      metrics.dataLost();
      const tenants = [...this.#current.tenants.values()];
      log.warn('Redis lost its data: the fleet declares its own again', {
        what: lossText(loss),
        restored: {
          version: next.version,
          tenants: tenants.length,
          schedules: tenants.reduce((sum, { schedules = [] }) => sum + schedules.length, 0),
        },
        gone: goneText(loss),
        remedy: LOSS_REMEDY,
      });
    } else log.info('Redis lost its data: another process has restored it');
    this.#know(restored);
    this.#apply(next);
  }

  /** What another program wrote there is replaced. */
  #readable(): Promise<Versioned> {
    return this.#store.read().catch((error) => {
      if (error instanceof ConfigError) return NOTHING;
      throw error;
    });
  }

  /** The version that this process runs, with what a command added to the empty Redis meanwhile. */
  #restoredVersion(kind: Loss['kind'], { version }: DataState, { document: there }: Versioned): Versioned {
    const own = this.#versioned;
    const added = { ...own.document.added, ...there.added };
    const merged = { ...withNewer(own.document, there).document, added };
    const document = kind === 'empty' ? merged : own.document;
    if (version <= own.version && isDeepStrictEqual(document, own.document)) return own;
    return { version: Math.max(version, own.version) + 1, document };
  }

  #know(data: DataState): void {
    const { metrics } = this.#options;
    this.#data = data;
    metrics.data(sinceOf(data.mark), data.loss !== undefined);
  }

  /** Counts what would be gone if Redis lost its data, and looks after the schedules. */
  async #takeCensus(metrics: ScheduleMetrics): Promise<void> {
    const { mark, census: known } = this.#data;
    const { census, figures } = await this.#census.take(this.#current.tenants);
    metrics.counted(figures, 3 * CENSUS_EVERY_MS);
    // The processes that ran before this one must see for themselves that Redis has older data.
    const isYoung = performance.now() - this.#startedAt < CENSUS_EVERY_MS;
    if (isYoung && known !== undefined && isOlderThan(census.at, known)) return;
    // Where Redis's clock was set back, an earlier time would look like older data.
    const at = Math.max(census.at, (known?.at ?? 0) + 1);
    await this.#store.storeCensus(mark, known, { ...census, at });
  }

  /** All of it or nothing. The same version is applied again only if its keysets have changed. */
  #apply(versioned: Versioned): void {
    const { log, metrics } = this.#options;
    const isNew = versioned.version > this.#versioned.version;
    this.#versioned = versioned;
    let next: Snapshot;
    try {
      next = { ...snapshotOf(versioned, this.#process), data: this.#data.mark };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#refused = linesOf(error.problems).join('; ');
      this.#refuse('configuration of the fleet does not fit this process: it keeps its own', error);
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

  #refuse(message: string, error: unknown): void {
    const problems = error instanceof ConfigError ? linesOf(error.problems) : [String(error)];
    this.#options.metrics.changed('refused');
    this.#options.log.error(message, { version: this.#versioned.version, problems });
  }

  async #report(): Promise<void> {
    const { role, tenants } = this.#options;
    const report: ProcessReport = {
      id: this.#id,
      role,
      host: hostname(),
      pid: process.pid,
      release: packageVersion(),
      version: this.#current.version,
      tenants: tenants(),
      ...(this.#refused === undefined ? {} : { refused: this.#refused }),
    };
    // Data that was restored has no reports: `dpf doctor` would miss the processes until their next ones.
    const text = JSON.stringify([this.#data.mark, report]);
    const now = performance.now();
    if (text === this.#reported.text && now - this.#reported.at < REPORT_MS) return;
    await this.#store.report(report);
    this.#reported = { text, at: now };
  }

  /** Another text once a file of this process or of a keyset has changed, or was replaced by another one. */
  #signatureNow(): string {
    const { settings: own, tenants, schedules } = this.#files;
    const declarations = Object.values(declarationsOf(this.#versioned.document));
    const keysets = declarations.flatMap((each) => [each.clientIdFile, each.clientSecretFile]);
    const found = [...own, tenants, schedules, ...keysets].map((path) => (path ? stat(path) : undefined));
    return found.map((file) => `${file?.mtimeMs}:${file?.ino}:${file?.size}`).join(' ');
  }

  /** Settings that differ from the start and cannot change while the process runs. */
  #warnOfFixed(fixed: Content): void {
    this.#fixed ??= fixed;
    for (const { group, name, path, env } of settings()) {
      const value = fixed[group]?.[name];
      if (isDeepStrictEqual(this.#fixed[group]?.[name], value)) continue;
      const fields = { setting: path, variable: env };
      this.#warnOnce('setting changed in the file, but needs a restart', fields, value);
    }
  }

  #warnOnce(message: string, fields: Record<string, unknown>, value?: unknown): void {
    const about = JSON.stringify([message, fields, value]);
    if (this.#logged.has(about)) return;
    this.#logged.add(about);
    this.#options.log.warn(message, fields);
  }
}

/**
 * A tenant with the settings that the fleet runs, or those of this process's own files where they are newer.
 * @throws ConfigError naming what is wrong in its files, or does not fit its environment; Failure `tenant_not_found`
 */
export async function readTenant(redis: Redis, config: Config, name: string): Promise<Tenant> {
  const { parts, names } = readSourceFiles(sourceFiles(config, {}));
  const store = new FleetStore(redis, config.queue.prefix);
  const { version, document } = await store.read();
  const timed = onRedisClock(parts, await store.now());
  const newest = { version, document: withNewer(document, timed).document };
  const { tenants } = snapshotOf(newest, { config, env: environment() }, names);
  const tenant = tenants.get(name);
  if (tenant === undefined) throw unknownTenant(name, [...tenants.keys()]);
  return tenant;
}

type SourceFiles = ReturnType<typeof sourceFiles>;

/** The files of one process that may change while it runs; of `settings` later ones win. Empty where there is none. */
function sourceFiles({ tenant, schedule }: Config, { env, files }: ConfigSources) {
  const own = files ?? configFiles(env ?? environment());
  return { settings: own, tenants: tenant.file, schedules: schedule.file };
}

const LIST_FORMS = { tenants: '{"tenants": {…}}', schedules: '{"schedules": [...]}' };

/**
 * The files' content, each with its time of change; `fixed` are settings that need a restart.
 * @throws ConfigError with everything that cannot be read
 */
function readSourceFiles(files: SourceFiles) {
  const problems: ConfigProblem[] = [];
  const parts: Parts = {};
  const at = Math.max(...files.settings.map(changedAt));
  const contents = files.settings.map((path) => {
    const read = readConfigFile(path);
    problems.push(...read.problems);
    return read.content;
  });
  const { reloadable, fixed } = reloadablePart(...contents);
  if (contents.length > 0) parts.settings = { at, value: reloadable };
  for (const key of ['tenants', 'schedules'] as const) {
    const path = files[key];
    if (path === '') continue;
    const since = changedAt(path);
    const { content, problem } = readJsonObject(path, `${key.toUpperCase()}_FILE`);
    const value = content?.[key];
    const isList = typeof value === 'object' && Array.isArray(value) === (key === 'schedules');
    if (problem !== undefined) problems.push(problem);
    else if (isList && Object.keys(content).length === 1) parts[key] = { at: since, value: value as never };
    else problems.push({ name: path, message: `must hold ${LIST_FORMS[key]} and nothing else` });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const names = {
    settings: files.settings.join(', ') || 'settings',
    tenants: files.tenants === '' ? 'tenants' : `${files.tenants}: tenants`,
    schedules: files.schedules === '' ? 'schedules' : `${files.schedules}: schedules`,
  };
  return { parts, names, fixed };
}

/** Ms since the epoch; 0 for a file that is not there, which reading reports. */
function changedAt(path: string): number {
  return stat(path)?.mtimeMs ?? 0;
}

function stat(path: string) {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
