import { Writable } from 'node:stream';

/** A reader that stands still must not fill this process's memory with lines that wait for it. */
const MOST_WAITING_BYTES = 4_000_000;

/** Bound, once, to every stream that a log writes to: without a listener a full disk or a closed pipe ends the process. */
const ignore = () => undefined;

/** Why lines are lost: the stream refused them (full disk, closed pipe), or its reader stands still. */
export type Loss = 'refused' | 'stuck';

/**
 * Takes finished lines and hands them to a stream that may fail: what it refuses is lost and counted, and the process
 * goes on. Once it takes lines again, `recovered` is told how many are missing.
 */
export class LineSink extends Writable {
  readonly lost: Record<Loss, number> = { refused: 0, stuck: 0 };
  readonly #stream: NodeJS.WritableStream & { writableLength?: number };
  readonly #recovered: (lines: number) => void;
  #missing = 0;

  constructor(stream: NodeJS.WritableStream, recovered: (lines: number) => void) {
    super({ decodeStrings: false });
    this.#stream = stream;
    this.#recovered = recovered;
    if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
  }

  override _write(line: string, _encoding: BufferEncoding, done: () => void): void {
    if ((this.#stream.writableLength ?? 0) > MOST_WAITING_BYTES) this.#lose('stuck');
    else this.#stream.write(line, (error) => (error ? this.#lose('refused') : this.#arrived()));
    done();
  }

  #lose(loss: Loss): void {
    this.lost[loss] += 1;
    this.#missing += 1;
  }

  #arrived(): void {
    if (this.#missing === 0) return;
    const missing = this.#missing;
    this.#missing = 0;
    this.#recovered(missing);
  }
}
