import { importsOf, type Sources } from './sources.ts';

/** What stands left may be imported by what stands right of it, never the other way. */
const ORDER =
  'failures lifecycle config telemetry redis product ebay collector results events queue fleet text http app simulator cli main index'.split(
    ' ',
  );

/** `ebay` of `src/ebay/gate/gate.ts`, `app` of `src/app/client.ts`. */
function partOf(path: string): string {
  return (path.split('/')[1] ?? '').replace(/\.ts$/, '');
}

export function wrongDirections(sources: Sources): string[] {
  return [...sources].flatMap(([path, source]) => {
    if (!path.startsWith('src/')) return [];
    const part = partOf(path);
    const place = ORDER.indexOf(part);
    if (place < 0) return [`${path}: src/${part} has no place in the import order: give it one`];
    return importsOf(path, source).flatMap(({ target }) => {
      if (target === undefined) return [];
      if (!target.startsWith('src/')) return [`${path}: imports ${target}, but src imports only from src`];
      const other = partOf(target);
      if (other === part) return [];
      if (part === 'simulator')
        return [`${path}: imports ${target}, but the simulator shares nothing with the rest of src`];
      if (ORDER.indexOf(other) < place) return [];
      return [`${path}: imports ${target}, but ${part} comes before ${other} in the import order`];
    });
  });
}

/** Each circle of imports once, as the files along it. */
export function importCycles(sources: Sources): string[] {
  const targets = new Map(
    [...sources].map(([path, source]) => [
      path,
      importsOf(path, source).flatMap(({ target }) => (target && sources.has(target) ? [target] : [])),
    ]),
  );
  const cycles: string[] = [];
  const done = new Set<string>();
  const walk = (path: string, trail: string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      cycles.push(`${path}: import cycle ${[...trail.slice(start), path].join(' → ')}`);
      return;
    }
    if (done.has(path)) return;
    for (const target of targets.get(path) ?? []) walk(target, [...trail, path]);
    done.add(path);
  };
  for (const path of targets.keys()) walk(path, []);
  return cycles;
}

export function unresolvedImports(sources: Sources): string[] {
  return [...sources].flatMap(([path, source]) =>
    importsOf(path, source).flatMap(({ specifier, target }) => {
      if (target === undefined) return [];
      if (!target.endsWith('.ts')) return [`${path}: imports '${specifier}' without the .ts extension`];
      return sources.has(target) ? [] : [`${path}: imports '${specifier}', which does not exist`];
    }),
  );
}
