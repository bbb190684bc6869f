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
    find: 'if (!isNews) return;',
    replace: '',
    breaks: 'A report that comes twice counts once.',
    tests: [`${watch}/planDuty.test.ts`],
    grep: 'however often it is reported',
  },
  {
    id: 'guarantee-waits-for-room',
    file: 'src/queue/watch/planDuty.ts',
    find: 'const begins = isDue(unit, now) || left',
    replace: 'const begins = left',
    breaks: 'A look that a guarantee wants begins whatever is under way.',
    tests: [`${watch}/planDuty.test.ts`],
    grep: 'large one takes its time',
  },
  {
    id: 'clock-was-ahead',
    file: 'src/queue/watch/planDuty.ts',
    find: 'if (from === null || from > now) {',
    replace: 'if (from === null) {',
    breaks: 'The planner learns again after a clock that was ahead has been set right.',
    tests: [`${watch}/planDuty.test.ts`],
    grep: 'was ahead',
  },
  {
    id: 'look-answered-by-earlier-search',
    file: 'src/queue/watch/scheduleLooks.ts',
    find: 'const request = { ...record.definition.request, maxAge: 0 };',
    replace: 'const { request } = record.definition;',
    breaks: 'A look asks eBay, whatever maxAge its search has.',
    tests: [`${watch}/autoSchedules.test.ts`],
    grep: 'again and again',
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
