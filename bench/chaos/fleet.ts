import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { bundle } from '../../test/support/bundle.ts';
import type { Barrier, Evidence } from './evidence.ts';
import { readJournal } from './journal.ts';

interface Life {
  child: ChildProcess;
  journal: string;
  killedAt: number | null;
  ended: Promise<unknown>;
}

export interface FleetOptions {
  size: number;
  /** The whole environment of a worker. */
  env: Record<string, string>;
  /** Where journals and the bundled program go. */
  folder: string;
}

/** Workers that die and are replaced at once, as a supervisor would. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #lives: Life[] = [];
  #running: Life[] = [];
  readonly #starting = new Set<Promise<void>>();
  #program = '';

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#program = await bundle(join(import.meta.dirname, 'worker.js'), this.#options.folder);
    await Promise.all(Array.from({ length: this.#options.size }, () => this.#spawn()));
  }

  /** Kills one at random, now. */
  async killAny(): Promise<void> {
    const life = await this.#any();
    life.child.kill('SIGKILL');
    await this.#replace(life);
  }

  /** Tells one to kill itself when it next passes the barrier; after `patienceMs` without that it is killed as it is. */
  async killAt(barrier: Barrier, patienceMs: number): Promise<void> {
    const life = await this.#any();
    life.child.send({ dieAt: barrier });
    const timer = setTimeout(() => life.child.kill('SIGKILL'), patienceMs);
    await life.ended;
    clearTimeout(timer);
    await this.#replace(life);
  }

  /** Kills whichever passes the barrier first. */
  async killFirstAt(barrier: Barrier): Promise<void> {
    await Promise.all(this.#starting);
    const all = this.#running;
    for (const { child } of all) child.send({ dieAt: barrier });
    const first = await Promise.race(all.map((life) => life.ended.then(() => life)));
    for (const life of all) if (life !== first) life.child.send({ dieAt: null });
    await this.#replace(first);
  }

  /** Ends all, politely, and returns what every process ever started has left. */
  async stop(): Promise<Evidence['lives']> {
    await Promise.all(this.#starting);
    for (const { child } of this.#running) child.kill('SIGTERM');
    await Promise.all(this.#running.map(({ ended }) => ended));
    return this.#lives.map(({ journal, killedAt }) => ({ journal: readJournal(journal), killedAt }));
  }

  /** For the way out after an error: nothing may outlive the run. */
  abandon(): void {
    for (const { child } of this.#lives) child.kill('SIGKILL');
  }

  async #any(): Promise<Life> {
    if (this.#running.length === 0) await Promise.race(this.#starting);
    return this.#running[Math.floor(Math.random() * this.#running.length)] as Life;
  }

  async #replace(life: Life): Promise<void> {
    await life.ended;
    life.killedAt = Date.now();
    this.#running = this.#running.filter((other) => other !== life);
    // Its successor comes up beside whatever happens next.
    const start = this.#spawn().finally(() => this.#starting.delete(start));
    this.#starting.add(start);
  }

  async #spawn(): Promise<void> {
    const journal = join(this.#options.folder, `journal-${this.#lives.length}.jsonl`);
    const child = fork(this.#program, [journal], {
      env: { PATH: process.env.PATH, ...this.#options.env },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const life: Life = { child, journal, killedAt: null, ended: once(child, 'exit') };
    this.#lives.push(life);
    await Promise.race([once(child, 'message'), life.ended]);
    if (child.exitCode !== null) throw new Error('a worker ended as it started');
    this.#running.push(life);
  }
}
