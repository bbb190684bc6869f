import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';

/** Path from the repository's root, with `/`, → source text. */
export type Sources = ReadonlyMap<string, string>;

export interface Import {
  /** As written. */
  specifier: string;
  /** Path from the root, of a relative import. */
  target?: string;
}

export function readSources(root: string, trees: string[]): Sources {
  return new Map(
    trees.flatMap((tree) =>
      readdirSync(join(root, tree), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => {
          const path = posix.join(tree, name.split(sep).join('/'));
          return [path, readFileSync(join(root, path), 'utf8')] as const;
        }),
    ),
  );
}

/** The documents for people, by path from the root. */
export function readDocuments(root: string): Sources {
  const pages = readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`);
  const paths = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'AGENTS.md', ...pages];
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

/** `import … from`, `export … from` and bare imports begin a line; `import()` may stand anywhere in one. */
const STATEMENT = /^(?:import|export)\b(?:[^'"`;=]*?\bfrom)?\s*['"]([^'"]+)['"]/gm;
const EXPRESSION = /^(?!\s*(?:\/\/|\/?\*)).*?\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm;

/** Every module that a file names, types included. */
export function importsOf(path: string, source: string): Import[] {
  return [STATEMENT, EXPRESSION].flatMap((pattern) =>
    [...source.matchAll(pattern)].map(([, specifier = '']) =>
      specifier.startsWith('.')
        ? { specifier, target: posix.join(posix.dirname(path), specifier) }
        : { specifier },
    ),
  );
}

/** A source without its comments: whole-line ones, blocks, and those behind code. */
export function withoutComments(source: string): string {
  return source
    .replace(/^\s*\/\*[\s\S]*?\*\//gm, '')
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(/\s\/\/ .*$/gm, '');
}
