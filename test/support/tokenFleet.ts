import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from './bundle.ts';

/** What a worker is asked, and what it answers; see `tokenWorker.ts`. */
export interface Questions {
  /** A service of its own from these environment variables; the former one is closed. */
  configure: { ask: { env: Record<string, string> }; answer: null };
  /** So many callers of `getAccessToken` at once. */
  get: { ask: { callers: number }; answer: Outcomes };
  /** So many searches at once through the real HTTP client. */
  search: { ask: { callers: number }; answer: Outcomes & { mostAttempts: number } };
  /** `refreshToken` with the same refused token, one after another. */
  refuse: { ask: { token: string; times: number }; answer: Outcomes };
  /** Calls `getAccessToken` every few ms until `rest`. */
  load: { ask: { everyMs: number }; answer: null };
  rest: { ask: object; answer: Load };
  look: { ask: object; answer: Look };
}

export interface Outcomes {
  /** The tokens that callers got, each once. */
  tokens: string[];
  /** Failures as `code: because`, with how often each came. */
  failures: Record<string, number>;
}

export interface Load extends Outcomes {
  calls: number;
  /** As in `Look`, since the beginning. */
  waited: number;
}

export interface Look {
  source: string;
  token: string | null;
  servedFromMemory: number;
  /** Times that the process waited for another's token request. */
  waits: number;
  /** Calls that waited for a token request, its own or another's. */
  waited: number;
}

/** One real process with an `EbayAuthService`. */
export class TokenWorker {
  readonly child: ChildProcess;
  #asked = 0;

  constructor(program: string) {
    this.child = fork(program, [], {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.child.setMaxListeners(0);
  }

  ask<Q extends keyof Questions>(question: Q, ask: Questions[Q]['ask']): Promise<Questions[Q]['answer']> {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve, reject) => {
      const gone = () => reject(new Error(`the worker died before it answered ${question}`));
      const listen = (message: { id: number; answer?: never; error?: string }) => {
        if (message.id !== id) return;
        this.child.off('message', listen).off('exit', gone);
        if (message.error === undefined) resolve(message.answer as never);
        else reject(new Error(message.error));
      };
      this.child.on('message', listen).on('exit', gone);
      if (this.child.connected) this.child.send({ id, question, ask });
      else gone();
    });
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    await exited;
  }
}

/** Real processes that share one token. */
export class TokenFleet {
  workers: TokenWorker[] = [];
  #folder = '';

  async start(processes: number): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'dpf-tokens-'));
    const program = await bundle(join(import.meta.dirname, 'tokenWorker.ts'), this.#folder);
    this.workers = Array.from({ length: processes }, () => new TokenWorker(program));
  }

  ask<Q extends keyof Questions>(question: Q, ask: Questions[Q]['ask']): Promise<Questions[Q]['answer'][]> {
    return Promise.all(this.workers.map((worker) => worker.ask(question, ask)));
  }

  async end(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.end()));
    await rm(this.#folder, { recursive: true });
  }
}

/** All workers' outcomes as one. */
export function together(outcomes: Outcomes[]): Outcomes {
  const failures: Record<string, number> = {};
  for (const [failure, times] of outcomes.flatMap((outcome) => Object.entries(outcome.failures)))
    failures[failure] = (failures[failure] ?? 0) + times;
  return { tokens: [...new Set(outcomes.flatMap(({ tokens }) => tokens))], failures };
}
