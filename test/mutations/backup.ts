import type { Mutation } from './mutation.ts';

const tests = ['test/integration/cli/backup.test.ts'];

export const mutations: Mutation[] = [
  {
    id: 'cut-file',
    file: 'src/app/backupFile.ts',
    find: "if (previous !== 'end')",
    replace: 'if (number < 0)',
    breaks: 'A backup that was cut off is refused as a whole.',
    tests,
  },
  {
    id: 'endless-track',
    file: 'src/app/restore.ts',
    find: 'const lifeMs = Math.min(',
    replace: 'const lifeMs = Math.max(',
    breaks: 'A restored track lives as long as it would have lived, and never longer than TRACK_TTL.',
    tests,
  },
  {
    id: 'restored-over-another',
    file: 'src/queue/schedules/schedules.ts',
    find: 'const isWanted = present === undefined || replace;',
    replace: 'const isWanted = true;',
    breaks: 'A restore leaves a schedule of the same name as it is.',
    tests,
  },
  {
    id: 'runs-start-again',
    file: 'src/queue/schedules/schedules.ts',
    find: 'if (isWanted || lacksRuns) await this.#store.putRuns(name, runs);',
    replace: '',
    breaks: 'A restored schedule knows how many runs it has had, so that its limit holds.',
    tests,
  },
  {
    id: 'readable-by-all',
    file: 'src/cli/backup.ts',
    find: 'mode: 0o600',
    replace: 'mode: 0o644',
    breaks: 'Only its owner can read a backup.',
    tests,
  },
  {
    id: 'end-of-later-loss',
    file: 'src/app/restore.ts',
    find: 'store.clearLoss(loss)',
    replace: 'store.clearLoss()',
    breaks: 'A restore does not end the report of a loss that came while it restored.',
    tests,
    grep: 'came while it restored',
  },
];
