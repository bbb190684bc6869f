import type { Fault } from './fault.ts';

export interface FieldsParameters {
  /** Top-level fields to overwrite, e.g. `{"expires_in": "3600"}` or `{"total": -1}`. */
  readonly set?: Readonly<Record<string, unknown>>;
  /** Top-level fields to leave out, e.g. `["expires_in"]`. */
  readonly omit?: readonly string[];
}

/** A JSON answer with other top-level fields: the odd token answers, a lying `next`, a wrong `total`. */
export const fields: Fault<FieldsParameters> = ({ set = {}, omit = [] }) => ({
  alter: (answer) => {
    const parsed: unknown = JSON.parse(answer.body.toString() || '{}');
    const bent = Object.entries({ ...(parsed as object), ...set }).filter(([name]) => !omit.includes(name));
    return { ...answer, body: Buffer.from(JSON.stringify(Object.fromEntries(bent))) };
  },
});
