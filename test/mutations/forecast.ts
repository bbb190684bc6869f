import type { Mutation } from './mutation.ts';

const unit = 'test/unit/queue/watch/forecast.test.ts';
const http = 'test/integration/http/plan.test.ts';

export const mutations: Mutation[] = [
  {
    id: 'clock-not-reserved',
    file: 'src/queue/watch/forecast.ts',
    find: 'scheduledCalls(state, limit) - fixed;',
    replace: 'scheduledCalls(state, limit);',
    breaks: 'Calls of schedules by the clock are not there for auto schedules.',
    tests: [unit],
    grep: 'splits the day',
  },
  {
    id: 'drops-the-best',
    file: 'src/queue/watch/forecast.ts',
    find: '.sort((one, other) => one.valuePerCall - other.valuePerCall)',
    replace: '.sort((one, other) => other.valuePerCall - one.valuePerCall)',
    breaks: 'What finds least value with a call is named first.',
    tests: [unit],
    grep: 'what to drop first',
  },
  {
    id: 'shared-call-counted-twice',
    file: 'src/queue/watch/planReader.ts',
    find: 'return isNew;',
    replace: 'return true;',
    breaks: 'A schedule that shares calls costs no calls of its own.',
    tests: [http],
    grep: 'two schedules share',
  },
  {
    id: 'calls-never-forgotten',
    file: 'src/queue/watch/planStore.ts',
    find: 'return (calls * keptPart(now - at, dayMs)) / weight;',
    replace: 'return calls / ((now - since) / dayMs);',
    breaks: 'The measured calls a day are those of the last days.',
    tests: [unit],
    grep: 'another pace within days',
  },
];
