import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { importCycles, unresolvedImports, wrongDirections } from './support/lintRules/directions.ts';
import {
  barrels,
  drawers,
  environmentReaders,
  moduleState,
  reservedPackages,
} from './support/lintRules/reserved.ts';
import { readDocuments, readSources, type Sources } from './support/lintRules/sources.ts';
import { privateNames, privatePhrases } from './support/lintRules/terms.ts';
import { missingFiles, walksOf } from './support/lintRules/walks.ts';

const code = (from: string) => `import { x } from '${from}';\nexport const y = x;\n`;
const lazily = (from: string) => `export const x = await import('${from}');\n`;

/** Each rule with sources that break it, and what the message then says. */
const rules: Array<{
  title: string;
  check: (sources: Sources) => string[];
  planted: Array<[sources: Record<string, string>, message: string]>;
  innocent: Record<string, string>;
}> = [
  {
    title: 'imports point one way through src',
    check: wrongDirections,
    planted: [
      [{ 'src/ebay/a.ts': code('../queue/b.ts') }, 'src/ebay/a.ts: imports src/queue/b.ts, but ebay comes'],
      [{ 'src/redis/a.ts': "import type { X } from '../product/b.ts';" }, 'redis comes before product'],
      [{ 'src/ebay/a.ts': "export * from '../collector/b.ts';" }, 'ebay comes before collector'],
      [{ 'src/app.ts': lazily('./cli/b.ts') }, 'app comes before cli'],
      [{ 'src/simulator/a.ts': code('../failures.ts') }, 'the simulator shares nothing'],
      [{ 'src/helper/a.ts': '' }, 'src/helper has no place'],
      [{ 'src/http/a.ts': code('../../test/support/b.ts') }, 'src imports only from src'],
    ],
    innocent: { 'src/queue/a.ts': code('../ebay/b.ts'), 'src/cli/a.ts': code('../simulator/search/b.ts') },
  },
  {
    title: 'no files import each other in a circle',
    check: importCycles,
    planted: [
      [
        {
          'src/ebay/a.ts': code('./b.ts'),
          'src/ebay/b.ts': "import type { X } from './c.ts';",
          'src/ebay/c.ts': code('./a.ts'),
        },
        'src/ebay/a.ts → src/ebay/b.ts → src/ebay/c.ts → src/ebay/a.ts',
      ],
    ],
    innocent: { 'src/a.ts': code('./b.ts') + code('./c.ts'), 'src/b.ts': code('./c.ts'), 'src/c.ts': '' },
  },
  {
    title: 'every relative import resolves and has its extension',
    check: unresolvedImports,
    planted: [
      [{ 'src/a.ts': code('./gone.ts') }, "src/a.ts: imports './gone.ts', which does not exist"],
      [{ 'src/a.ts': code('./b'), 'src/b.ts': '' }, "src/a.ts: imports './b' without the .ts extension"],
      [{ 'src/a.ts': "import {\n  x,\n} from './gone.ts';" }, 'which does not exist'],
    ],
    innocent: { 'src/a.ts': `${code('./b.ts')}// import x from './gone.ts'`, 'src/b.ts': code('node:fs') },
  },
  {
    title: 'bullmq, axios and axios-retry are known in their own places only',
    check: reservedPackages,
    planted: [
      [{ 'src/cli/a.ts': code('bullmq') }, 'src/cli/a.ts: imports bullmq'],
      [{ 'src/results/a.ts': "import type { Job } from 'bullmq';" }, 'imports bullmq'],
      [{ 'src/queue/a.ts': code('axios') }, 'src/queue/a.ts: imports axios'],
      [{ 'src/http/a.ts': code('axios-retry') }, 'imports axios-retry'],
    ],
    innocent: {
      'src/queue/a.ts': code('bullmq'),
      'src/app/a.ts': code('bullmq'),
      'src/ebay/oauth/a.ts': code('axios'),
    },
  },
  {
    title: 'the environment is read in one file',
    check: environmentReaders,
    planted: [[{ 'src/cli/a.ts': 'const a = process.env.PATH;' }, 'src/cli/a.ts: reads process.env']],
    innocent: {
      'src/config/config.ts': 'const a = process.env;',
      'src/ebay/a.ts': '/**\n * process.env\n */\nconst a = 1; // not process.env',
    },
  },
  {
    title: 'no file or folder is a drawer',
    check: drawers,
    planted: [
      [{ 'src/ebay/utils/a.ts': '' }, 'src/ebay/utils/a.ts: is a drawer'],
      [{ 'src/helpers.ts': '' }, 'src/helpers.ts: is a drawer'],
      [{ 'test/common/a.ts': '' }, 'test/common/a.ts: is a drawer'],
    ],
    innocent: { 'src/ebay/library.ts': '', 'test/support/redis.ts': '' },
  },
  {
    title: 'no file only re-exports, save the library’s entry',
    check: barrels,
    planted: [
      [
        { 'src/ebay/index.ts': "export * from './a.ts';\nexport {\n  b,\n} from './b.ts';\n" },
        'only re-exports',
      ],
      [
        { 'src/ebay/all.ts': "// all of it\nimport { a } from './a.ts';\nexport { a };\n" },
        'only re-exports',
      ],
    ],
    innocent: { 'src/index.ts': "export * from './a.ts';", 'src/ebay/a.ts': code('./b.ts') },
  },
  {
    title: 'no module of src keeps mutable state',
    check: moduleState,
    planted: [
      [{ 'src/ebay/a.ts': 'let calls = 0;' }, 'src/ebay/a.ts: calls is mutable state'],
      [{ 'src/ebay/a.ts': 'export const seen: Set<string> = new Set();' }, 'seen is mutable state'],
      [{ 'src/ebay/a.ts': 'const seen = new Map<string, string[]>();' }, 'seen is mutable state'],
    ],
    innocent: { 'src/ebay/a.ts': "const KNOWN = new Set(['a']);\nfunction f() {\n  let i = 0;\n}" },
  },
  {
    title: 'names are terms of the field',
    check: privateNames,
    planted: [
      [{ 'src/queue/a.ts': 'const houseRules = 1;' }, 'src/queue/a.ts:1: "houseRules"'],
      [{ 'src/http/a.ts': 'x;\nclass A {\n  #seats = 1;\n}' }, 'src/http/a.ts:3: "#seats"'],
      [{ 'src/ebay/a.ts': 'const { because } = closed;' }, '"because"'],
    ],
    innocent: {
      'src/queue/a.ts': 'const jobDefaults = 1; // not houseRules',
      'src/simulator/catalogue/a.ts': 'interface Family {}',
    },
  },
  {
    title: 'comments, messages and documents are plain English',
    check: (sources) =>
      privatePhrases(new Map([...sources].filter(([path]) => !/^(test|bench)\//.test(path)))),
    planted: [
      [{ 'src/queue/a.ts': '// Whoever waits is told.' }, 'src/queue/a.ts:1: "Whoever"'],
      [{ 'docs/a.md': 'The search begins anew.' }, 'docs/a.md:1: "anew"'],
    ],
    innocent: { 'docs/a.md': 'A retry helps because eBay recovers.', 'test/a.ts': '// told' },
  },
];

/** The most project files that each walk of docs/architecture.md may cross. */
const LONGEST_WALKS = [40, 10, 10, 14, 14, 12, 14];

describe('the architecture', () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const sources = new Map([
    ...readSources(root, ['src', 'test', 'scripts', 'bench', 'examples']),
    ...readDocuments(root),
  ]);

  for (const { title, check, planted, innocent } of rules) {
    it(title, () => {
      expect(check(sources).join('\n')).to.equal('');
    });

    it(`${title}: a breach is told, and nothing else is`, () => {
      for (const [breach, message] of planted)
        expect(check(new Map(Object.entries(breach))).join('\n')).to.include(message);
      expect(check(new Map(Object.entries(innocent))).join('\n')).to.equal('');
    });
  }

  it('lists the files of seven walks through the code, in order, each within its limit', () => {
    const walks = walksOf(sources.get('docs/architecture.md') ?? '');
    expect(walks.map(({ files }) => files.length)).to.have.length(LONGEST_WALKS.length);
    for (const [index, { title, files }] of walks.entries()) {
      expect(files.length, title).to.be.within(2, LONGEST_WALKS[index] as number);
      expect(new Set(files).size, `${title}: each file once`).to.equal(files.length);
    }
    expect(missingFiles(walks, sources)).to.deep.equal([]);
  });
});
