import { readdirSync } from 'node:fs';

/** One small defect that somebody could put into `src` by mistake, and the tests that have to notice it. */
export interface Mutation {
  /** Unique in its list. */
  id: string;
  /** Path from the root of the checkout, with `/`. */
  file: string;
  /** The text to replace; it occurs exactly once in `file`. */
  find: string;
  replace: string;
  /** The promise that the mutation breaks, in one sentence. */
  breaks: string;
  /** Mocha test files, paths from the root of the checkout. */
  tests: string[];
  /** Only the tests whose title matches this expression. */
  grep?: string;
  /** Why no test can notice the mutation, where that is known. */
  survives?: string;
}

/** A mutation and its full name, `LIST/ID`. */
export type NamedMutation = Mutation & { name: string };

const here = new URL('./', import.meta.url);
const NO_LISTS = new Set(['mutation.ts', 'run.ts']);

/** The mutations of every list in this folder, list by list. */
export async function allMutations(): Promise<NamedMutation[]> {
  const files = readdirSync(here).filter((file) => file.endsWith('.ts') && !NO_LISTS.has(file));
  const lists = await Promise.all(
    files.sort().map(async (file) => {
      const { mutations } = (await import(new URL(file, here).href)) as { mutations: Mutation[] };
      return mutations.map((mutation) => ({ ...mutation, name: `${file.slice(0, -3)}/${mutation.id}` }));
    }),
  );
  return lists.flat();
}

/** How often `text` contains `find`. */
export function occurrences(text: string, find: string): number {
  return text.split(find).length - 1;
}
