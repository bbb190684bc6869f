import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { SearchRequest } from '../../src/product/requestSchema.ts';
import type { Schedule } from '../../src/product/scheduleSchema.ts';

/** What an asker is told; it answers with the ids of the searches that it has added. */
export interface Asking {
  /** Stands for these very searches; no other has it. */
  word: string;
  request: SearchRequest;
  times: number;
  /** By the library only. */
  schedule?: Schedule;
}

/** A process that asks for searches. */
export class Requester {
  readonly #child: ChildProcess;
  readonly #ready: Promise<unknown>;

  constructor(how: 'library' | 'plain', redisUrl: string) {
    this.#child = fork(join(import.meta.dirname, 'asker.js'), [how], {
      env: { PATH: process.env.PATH, REDIS_URL: redisUrl },
      execArgv: [],
    });
    this.#ready = this.#answer();
  }

  async ready(): Promise<void> {
    await this.#ready;
  }

  async ask(asking: Asking): Promise<string[]> {
    const answer = this.#answer();
    this.#child.send(asking);
    return (await answer) as string[];
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }

  /** @throws Error when the process ends without one */
  async #answer(): Promise<unknown> {
    const ended = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`an asker ended with ${code}`);
    });
    const [answer] = await Promise.race([once(this.#child, 'message'), ended]);
    return answer;
  }
}
