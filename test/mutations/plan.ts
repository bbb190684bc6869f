import type { Mutation } from './mutation.ts';

const watch = 'test/integration/queue/watch';

export const mutations: Mutation[] = [
  {
    id: 'two-planners',
    file: 'src/queue/watch/planStore.ts',
    find: "if (redis.call('HGET', KEYS[1], 'version') or '') ~= ARGV[1] then return 0 end\n",
    replace: '',
    breaks: 'A process that was held up while another one planned changes nothing of the plan.',
    tests: [`${watch}/planDuty.test.ts`],
    grep: 'another one has planned',
  },
  {
    id: 'claimed-look-forgotten',
    file: 'src/queue/watch/planDuty.ts',
    find: 'if (!unit?.busy || (this.#checks.get(id) ?? 0) > this.#round) continue;',
    replace: 'continue;',
    breaks: 'A look whose process died between claim and begin is begun by the next one.',
    tests: [`${watch}/planDuty.test.ts`],
    grep: 'claimed and is not under way|wherever that was',
  },
  {
    id: 'report-counts-twice',
    file: 'src/queue/watch/planDuty.ts',
    find: 'if (number !== 0 && !(unit.busy && unit.number === number)) return;',
    replace: '',
    breaks: 'A report that comes twice counts once.',
    tests: [`${watch}/planDuty.test.ts`],
    grep: 'however often it is reported',
  },
  {
    id: 'auto-for-earlier-release',
    file: 'src/queue/schedules/store.ts',
    find: ': { ...record, paused: true, pausedAuto: record.paused };',
    replace: ': record;',
    breaks: 'Release 0.2 gives an auto schedule no scheduler.',
    tests: [`${watch}/autoSchedules.test.ts`],
    grep: 'release 0.2',
  },
];
