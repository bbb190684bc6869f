import type { Mutation } from './mutation.ts';

const HOSTILE = 'test/integration/queue/hostileProducer.test.ts';
const RESERVED = 'test/integration/upkeep/reservedIds.test.ts';
const DEADLINE = 'test/integration/queue/deadline.test.ts';
const RUNS = 'test/integration/queue/scheduleRuns.test.ts';

export const mutations: Mutation[] = [
  {
    id: 'lost-jobs-stay-lost',
    file: 'src/queue/bullmq/ownKeys.ts',
    find: 'if (keys.length === 0) return { keys, rescued: [] };',
    replace: 'if (keys.length < 99) return { keys, rescued: [] };',
    breaks: 'Jobs that BullMQ lost while one of its keys was wrong are put back.',
    tests: [RESERVED],
    grep: 'loses none',
  },
  {
    id: 'inspection-is-dropped',
    file: 'src/queue/worker.ts',
    find: '      inspectSoon();',
    replace: '',
    breaks: 'A worker that meets an error has the queue inspected at once.',
    tests: [RESERVED],
    grep: 'loses none',
  },
  {
    id: 'call-of-anybody',
    file: 'src/queue/search/callJob.ts',
    find: 'if (!isChild || (data.run',
    replace: 'if ((data.run',
    breaks: 'A call is made only for the job that its search adds.',
    tests: [HOSTILE],
    grep: 'under another id',
  },
  {
    id: 'impostor-kept',
    file: 'src/queue/search/plan.ts',
    find: 'if (priority > LOWEST_PRIORITY) return false;',
    replace: 'return true;',
    breaks: 'A search puts its own call in the place of one that another program has delayed.',
    tests: [HOSTILE],
    grep: 'the next page in a year',
  },
  {
    id: 'forged-failure-counts',
    file: 'src/queue/search/callJob.ts',
    find: 'if (job.parentKey !== undefined) await job.removeChildDependency().catch(() => undefined);',
    replace: '',
    breaks: 'A search does not learn of the failure of a call that is not its own.',
    tests: ['test/integration/queue/callPayloads.test.ts'],
    grep: 'fails no details',
  },
  {
    id: 'forged-call-kept',
    file: 'src/queue/search/callJob.ts',
    find: '  job.opts.removeOnFail = true;',
    replace: '',
    breaks: 'A forged call that failed cannot become its search’s own when its id is added once more.',
    tests: ['test/integration/queue/callPayloads.test.ts'],
    grep: 'leaves no failed call',
  },
  {
    id: 'child-of-others-waited-for',
    file: 'src/queue/bullmq/repair.ts',
    find: "done, gaveUp = overdue or redis.call('HEXISTS', parentKey, 'ats') == 1, true",
    replace: 'done, gaveUp = overdue, true',
    breaks: 'A search under way does not wait for a child that another program has added.',
    tests: [HOSTILE],
    grep: 'a child that never ends',
  },
  {
    id: 'failed-child-of-others',
    file: 'src/queue/bullmq/repair.ts',
    find: ':unsuccessful`));',
    replace: ':none`));',
    breaks: 'The failure of a child that another program has added fails no search.',
    tests: [HOSTILE],
    grep: 'a child whose failure is to fail it',
  },
  {
    id: 'no-deadline',
    file: 'src/queue/search/plan.ts',
    find: 'return run.overdue || Date.now() >= deadlineOf(context, run);',
    replace: 'return false;',
    breaks: 'A search ends at its deadline with what it has.',
    tests: [DEADLINE],
    grep: 'with what it has',
  },
  {
    id: 'scheduler-of-others-runs',
    file: 'src/queue/schedules/scheduledRun.ts',
    find: 'if (record === undefined) return true;',
    replace: 'if (record === undefined) return false;',
    breaks: 'The runs of a scheduler that belongs to no schedule are skipped.',
    tests: [RUNS],
    grep: 'no schedule has',
  },
];
