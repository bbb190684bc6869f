/** What is learned of how often one flow changes. Plain JSON of less than 500 bytes. */
export interface ChangeRate {
  readonly v: 1;
}

/** How changes are spread over the hours of a day and the days of a week, of all flows together. Plain JSON. */
export interface Rhythm {
  readonly v: 1;
}

export function newRate(): ChangeRate {
  return { v: 1 };
}

export function newRhythm(): Rhythm {
  return { v: 1 };
}
