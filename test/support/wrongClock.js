/**
 * Makes the clock of a process wrong, for `--import`: `WRONG_CLOCK_MS` ms ahead of the right time, and `WRONG_CLOCK_JUMP_MS`
 * more after each SIGUSR2. Timers and `performance` stay as they are, as on a machine whose clock is set.
 */
const RightDate = Date;
let aheadMs = Number(process.env.WRONG_CLOCK_MS ?? 0);
globalThis.Date = class WrongDate extends RightDate {
  constructor(...values) {
    if (values.length === 0) super(RightDate.now() + aheadMs);
    else super(...values);
  }

  static now() {
    return RightDate.now() + aheadMs;
  }
};
if (process.env.WRONG_CLOCK_JUMP_MS !== undefined)
  process.on('SIGUSR2', () => {
    aheadMs += Number(process.env.WRONG_CLOCK_JUMP_MS);
    process.stdout.write('{"message":"the clock was set"}\n');
  });
