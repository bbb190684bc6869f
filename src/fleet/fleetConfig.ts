import { isDeepStrictEqual } from 'node:util';
import type { Content } from '../config/config.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { settings } from '../config/schema.ts';
import { redisFailure } from '../redis/failure.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ConfigMetrics } from '../telemetry/metrics.ts';
import {
  declarationsOf,
  type FleetStore,
  NOTHING,
  type ProcessReport,
  publishParts,
  type Versioned,
} from './fleetStore.ts';
import { type Snapshot, snapshotOf } from './snapshot.ts';
import { readSourceFiles, type SourceFiles, signatureOf } from './sourceFiles.ts';

export interface FleetConfigOptions {
  /** As this process started. */
  config: Config;
  env: NodeJS.ProcessEnv;
  files: SourceFiles;
  store: FleetStore;
  process: Pick<ProcessReport, 'id' | 'role' | 'host' | 'pid'>;
  /** Tenants that this process works for now. */
  tenants: () => string[];
  metrics: ConfigMetrics;
  log: Logger;
}

/**
 * How often a process looks at its files and at the fleet's version: two small questions to Redis, and how soon a change
 * is everywhere. Looking survives what watching does not: mounted volumes, renamed folders, a subscription that was lost.
 */
const LOOK_EVERY_MS = 500;

/**
 * The configuration of a running process. A change of its files becomes the fleet's next version, in Redis; every process
 * runs the newest version that it has seen, never an older one again, and all of a version or nothing.
 */
export class FleetConfig {
  readonly #options: FleetConfigOptions;
  readonly #listeners: Array<(snapshot: Snapshot) => void> = [];
  readonly #told = new Set<string>();
  #versioned: Versioned = NOTHING;
  #current: Snapshot;
  #fixed: Content | undefined;
  #signature = '';
  #refused: { version: number; why: string } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking = Promise.resolve();
  #stopped = false;

  constructor(options: FleetConfigOptions) {
    this.#options = options;
    this.#current = snapshotOf(NOTHING, options);
  }

  /** What this process runs now; ask again rather than keep it. */
  current(): Snapshot {
    return this.#current;
  }

  onChange(listener: (snapshot: Snapshot) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Publishes what the files of this process say, where that is new, and takes over what the fleet runs.
   * @throws ConfigError naming everything that is wrong in the files; what Redis throws
   */
  async start(): Promise<void> {
    this.#signature = this.#signatureNow();
    await this.#publishFiles();
    this.#schedule();
  }

  /** Reads the files and the keysets again, changed or not. Never rejects. */
  reload(): Promise<void> {
    this.#signature = '';
    return this.#look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
    await this.#options.store.leave(this.#options.process.id).catch(() => undefined);
  }

  #schedule(): void {
    if (!this.#stopped)
      this.#timer = setTimeout(() => this.#look().then(() => this.#schedule()), LOOK_EVERY_MS);
  }

  #look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#lookNow());
    return this.#looking;
  }

  async #lookNow(): Promise<void> {
    const { store, log, metrics, process, tenants } = this.#options;
    try {
      const signature = this.#signatureNow();
      if (signature !== this.#signature) {
        await this.#publishFiles();
        // Not before: a change that Redis could not take is tried again.
        this.#signature = signature;
      } else if ((await store.version()) !== this.#versioned.version) await this.#takeOver();
      const { version } = this.#current;
      const refused = this.#refused === undefined ? {} : { refused: this.#refused.why };
      await store.report({ ...process, version, tenants: tenants(), ...refused });
    } catch (error) {
      // Without Redis everything stays as it is; its connection tells.
      if (redisFailure(error) !== undefined) return;
      this.#signature = this.#signatureNow();
      metrics.changed('refused');
      const problems = error instanceof ConfigError ? lines(error) : [String(error)];
      log.error('configuration refused: nothing has changed', { problems });
    }
  }

  async #publishFiles(): Promise<void> {
    const { files, store, log } = this.#options;
    const { parts, names, fixed } = readSourceFiles(files);
    const { standing, changed, stale } = await publishParts(store, this.#versioned, parts, (next) =>
      snapshotOf(next, this.#options, names),
    );
    if (changed) log.info('configuration published', { version: standing.version });
    for (const part of stale)
      this.#once(`stale ${part} ${standing.version}`, () =>
        log.warn('file is older than what the fleet runs, and is ignored', {
          file: names[part],
          version: standing.version,
        }),
      );
    this.#tellFixed(fixed);
    this.#apply(standing);
  }

  async #takeOver(): Promise<void> {
    const { store } = this.#options;
    const standing = await store.read();
    // Redis lost its data: what the fleet runs goes on.
    if (standing.version < this.#versioned.version) await store.publish(standing.version, this.#versioned);
    else this.#apply(standing);
  }

  /** All of it or nothing. The same version again only where its keysets are others by now. */
  #apply(versioned: Versioned): void {
    const { log, metrics } = this.#options;
    const isNew = versioned.version > this.#versioned.version;
    this.#versioned = versioned;
    let next: Snapshot;
    try {
      next = snapshotOf(versioned, this.#options);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#refused = { version: versioned.version, why: lines(error).join('; ') };
      metrics.changed('refused');
      log.error('configuration of the fleet does not fit this process: it keeps what it runs', {
        version: versioned.version,
        problems: lines(error),
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

  #signatureNow(): string {
    const { settings: own, tenants, schedules } = this.#options.files;
    const keysets = Object.values(declarationsOf(this.#versioned.document)).flatMap(
      ({ clientIdFile, clientSecretFile }) => [clientIdFile ?? '', clientSecretFile ?? ''],
    );
    return signatureOf([...own, tenants, schedules, ...keysets].filter((path) => path !== ''));
  }

  /** What differs from the start and cannot change: told once each. */
  #tellFixed(fixed: Content): void {
    this.#fixed ??= fixed;
    for (const { path, env } of settings()) {
      const [group, name] = path.split('.') as [string, string];
      const [was, is] = [this.#fixed[group]?.[name], fixed[group]?.[name]];
      if (!isDeepStrictEqual(was, is))
        this.#once(`fixed ${path} ${JSON.stringify(is)}`, () =>
          this.#options.log.warn('setting changed in the file, but needs a restart', {
            setting: path,
            variable: env,
          }),
        );
    }
  }

  #once(about: string, say: () => void): void {
    if (this.#told.has(about)) return;
    this.#told.add(about);
    say();
  }
}

function lines({ problems }: ConfigError): string[] {
  return problems.map(({ name, message }) => `${name} ${message}`);
}
