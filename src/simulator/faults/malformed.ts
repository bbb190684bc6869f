import type { Answer } from '../answer.ts';
import type { Fault } from './fault.ts';

export type Malformation =
  | 'cut'
  | 'empty'
  | 'garbage'
  | 'null'
  | 'array'
  | 'number'
  | 'bom'
  | 'duplicate-keys';

export interface MalformedParameters {
  /** Default `cut`: JSON that stops in the middle although the length is right. */
  readonly shape?: Malformation;
}

const BODIES: Record<Malformation, (body: string) => string> = {
  cut: (body) => body.slice(0, Math.floor(body.length / 2)),
  empty: () => '',
  garbage: () => '{"total": 12, "itemSummaries": [{"itemId": "v1|1|0", "price": {"value":: }',
  null: () => 'null',
  array: () => '[]',
  number: () => '42',
  bom: (body) => `\uFEFF${body}`,
  'duplicate-keys': (body) => body.replace(/\}$/, ',"total":0,"limit":0}'),
};

/** A complete answer whose body is not the JSON that was promised. */
export const malformed: Fault<MalformedParameters> = ({ shape = 'cut' }) => ({
  alter: (answer): Answer => ({ ...answer, body: Buffer.from(BODIES[shape](answer.body.toString())) }),
});
