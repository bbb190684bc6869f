import type { FormatName } from './formats.ts';

/** One setting as convict takes it. */
export interface Key<T> {
  format: FormatName;
  env: string;
  default: T;
  doc: string;
  sensitive: boolean;
}

/** Never shown. */
export const SECRET = true;

export function key<T>(format: FormatName, env: string, value: T, doc: string, sensitive = false): Key<T> {
  return { format, env, default: value, doc, sensitive };
}

export const seconds = (env: string, value: number, doc: string) => key('seconds', env, value, doc);
export const secondsOrZero = (env: string, value: number, doc: string) =>
  key('seconds or 0', env, value, doc);
export const share = (env: string, value: number, doc: string) => key('share', env, value, doc);
export const count = (env: string, value: number, doc: string) => key('count', env, value, doc);
export const text = (env: string, value: string, doc: string, sensitive = false) =>
  key('text', env, value, doc, sensitive);
