import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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
  #isOver = false;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#program = await bundle(join(import.meta.dirname, 'worker.js'), this.#options.folder);
    await Promise.all(Array.from({ length: this.#options.size }, () => this.#spawn()));
  }

  /** Kills one at random, now. */
  async killAny(): Promise<void> {
    const running = await this.#someRunning();
    const life = running[Math.floor(Math.random() * running.length)] as Life;
    life.child.kill('SIGKILL');
    await life.ended;
  }

  /** Whichever passes the barrier next kills itself; when none has after `patienceMs`, one at random is killed. */
  async killAt(barrier: Barrier, patienceMs: number): Promise<void> {
    const armed = await this.#someRunning();
    tell(armed, { dieAt: barrier });
    const died = await Promise.race([...armed.map(({ ended }) => ended), sleep(patienceMs, 'none')]);
    tell(this.#running, { dieAt: null });
    if (died === 'none') await this.killAny();
  }

  /** Ends all, politely, and returns what every process ever started has left. */
  async stop(): Promise<Evidence['lives']> {
    await Promise.all(this.#starting);
    this.#isOver = true;
    for (const { child } of this.#running) child.kill('SIGTERM');
    await Promise.all(this.#running.map(({ ended }) => ended));
    return this.#lives.map(({ journal, killedAt }) => ({ journal: readJournal(journal), killedAt }));
  }

  /** For the way out after an error: nothing may outlive the run. */
  abandon(): void {
    this.#isOver = true;
    for (const { child } of this.#lives) child.kill('SIGKILL');
  }

  async #someRunning(): Promise<Life[]> {
    if (this.#running.length === 0) await Promise.race(this.#starting);
    return this.#running;
  }

  /** Its successor comes up beside whatever happens next. */
  #replace(life: Life): void {
    life.killedAt = Date.now();
    this.#running = this.#running.filter((other) => other !== life);
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
    const ended = once(child, 'exit').then(([code, signal]) => {
      if (this.#isOver) return;
      if (signal !== 'SIGKILL') throw new Error(`a worker ended by itself, with ${code ?? signal}`);
      this.#replace(life);
    });
    const life: Life = { child, journal, killedAt: null, ended };
    this.#lives.push(life);
    await Promise.race([once(child, 'message'), ended]);
    this.#running.push(life);
  }
}

function tell(lives: Life[], message: { dieAt: Barrier | null }): void {
  // One that is dying at this moment hears nothing any more.
  for (const { child } of lives) child.send(message, () => undefined);
}
