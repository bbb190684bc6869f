/** The process must not start, and waiting would not help. One sentence for each reason, with the remedy. */
export class BootError extends Error {
  override readonly name = 'BootError';
  readonly code: string;

  constructor(message: string, code = 'unfit-redis') {
    super(message);
    this.code = code;
  }
}
