import { importsOf, type Sources, withoutComments } from './sources.ts';

/** Packages that only some places may know, so that they can be changed there. */
const RESERVED: Record<string, RegExp> = {
  bullmq: /^src\/(queue|http\/dashboard|app)\//,
  axios: /^src\/ebay\//,
  'axios-retry': /^src\/ebay\//,
};

export function reservedPackages(sources: Sources): string[] {
  return [...sources].flatMap(([path, source]) => {
    if (!path.startsWith('src/')) return [];
    return importsOf(path, source).flatMap(({ specifier }) => {
      const places = RESERVED[specifier];
      return places === undefined || places.test(path)
        ? []
        : [`${path}: imports ${specifier}, which only ${places.source} may`];
    });
  });
}

const ENVIRONMENT = 'src/config/config.ts';

export function environmentReaders(sources: Sources): string[] {
  return [...sources].flatMap(([path, source]) =>
    path.startsWith('src/') && path !== ENVIRONMENT && /\bprocess\.env\b/.test(withoutComments(source))
      ? [`${path}: reads process.env, which only ${ENVIRONMENT} may: take a setting or an argument`]
      : [],
  );
}

const DRAWERS = /(^|\/)(utils?|helpers?|common|lib|misc|shared)(\/|\.ts$)/;

export function drawers(sources: Sources): string[] {
  return [...sources.keys()].flatMap((path) =>
    DRAWERS.test(path) ? [`${path}: is a drawer: put each part beside its user, named for what it is`] : [],
  );
}

const REEXPORT = /^export\b[^;]*?\bfrom\s*['"][^'"]+['"];?/gm;
const IMPORT = /^import\b[^;]*?['"][^'"]+['"];?/gm;
const EXPORT_LIST = /^export\s*(type\s*)?\{[^}]*\};?/gm;

export function barrels(sources: Sources): string[] {
  return [...sources].flatMap(([path, source]) => {
    if (path === 'src/index.ts') return [];
    const own = withoutComments(source).replace(REEXPORT, '').replace(IMPORT, '').replace(EXPORT_LIST, '');
    return own.trim() === '' ? [`${path}: only re-exports: let its users import what they need`] : [];
  });
}

const VARIABLE = /^(?:export\s+)?(?:let|var)\s+([\w$]+)/gm;
const EMPTY_COLLECTION = /^(?:export\s+)?const\s+([\w$]+)[^=\n]*=\s*new (?:Weak)?(?:Map|Set)(?:<.*>)?\(\);/gm;

export function moduleState(sources: Sources): string[] {
  return [...sources].flatMap(([path, source]) => {
    if (!path.startsWith('src/')) return [];
    return [VARIABLE, EMPTY_COLLECTION].flatMap((pattern) =>
      [...source.matchAll(pattern)].map(
        ([, name]) => `${path}: ${name} is mutable state of a module: two apps in one process would share it`,
      ),
    );
  });
}
