/** The machine's monotonic clock, ms with fraction, which the simulator's log and all processes share. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;
