import type { Sources } from './sources.ts';

export interface Walk {
  title: string;
  /** Paths from the root, in the order in which a reader meets them. */
  files: string[];
}

/** The walks of docs/architecture.md: a heading "### Walk N: …" and below it a numbered list that begins with files. */
export function walksOf(page: string): Walk[] {
  return page
    .split(/^### /m)
    .filter((section) => section.startsWith('Walk '))
    .map((section) => {
      const [title = '', ...lines] = section.split('\n');
      const end = lines.findIndex((line) => line.startsWith('#'));
      const own = lines.slice(0, end < 0 ? undefined : end);
      const steps = own.filter((line) => /^\d+\. /.test(line));
      return {
        title,
        files: steps.flatMap((step) =>
          [...step.matchAll(/`(src\/[^`]+\.ts)`/g)].map(([, file = '']) => file),
        ),
      };
    });
}

/** Files that a walk names and the checkout lacks. */
export function missingFiles(walks: readonly Walk[], sources: Sources): string[] {
  return walks.flatMap(({ title, files }) =>
    files.filter((file) => !sources.has(file)).map((file) => `${title}: ${file}`),
  );
}
