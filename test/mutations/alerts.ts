import type { Mutation } from './mutation.ts';

const conditions = 'src/queue/alerts/conditions.ts';
const sendingTimes = 'src/queue/alerts/sendingTimes.ts';
const histories = ['test/unit/queue/alerts/conditionHistories.test.ts'];
const examples = ['test/unit/queue/alerts/conditions.test.ts'];
const times = ['test/unit/queue/alerts/sendingTimes.test.ts'];

export const mutations: Mutation[] = [
  {
    id: 'older-answer',
    file: conditions,
    find: 'if (before !== undefined && before.at >= at) return nothing;',
    replace: '',
    breaks: 'An answer that is older than what is known, or the same one twice, meets no condition.',
    tests: histories,
  },
  {
    id: 'rearm',
    file: conditions,
    find: 'at - last.at < rearm * 1000 && !isFurther',
    replace: 'at - last.at < rearm && !isFurther',
    breaks: 'A price that goes to and fro is alerted once in the time of rearm.',
    tests: histories,
  },
  {
    id: 'held-back',
    file: conditions,
    find: 'return { mark: make(units, at), former: reference, formerAt: known.at, isFurther };',
    replace:
      'return { mark: isFurther ? make(units, at) : known, former: reference, formerAt: known.at, isFurther };',
    breaks: 'What was held back by rearm is no news later.',
    tests: histories,
  },
  {
    id: 'other-shipping',
    file: conditions,
    find: 'return base === null || own === null ? 0n : own - base;',
    replace: 'return 0n;',
    breaks: 'Another shipping cost in an item answer than in a search is no change of the price.',
    tests: examples,
  },
  {
    id: 'clock-ahead',
    file: conditions,
    find: ' && each.at <= now + MOST_AHEAD',
    replace: '',
    breaks: 'A clock that was ahead does not stop an alert.',
    tests: examples,
  },
  {
    id: 'still-shown',
    file: 'src/queue/alerts/state.ts',
    find: ' && at - formerAt <= ttlMs / 10',
    replace: '',
    breaks: 'The lowest price of all listings is remembered while it is shown.',
    tests: examples,
  },
  {
    id: 'reposted',
    file: conditions,
    find: '(condition.relisted || twin === undefined)',
    replace: 'true',
    breaks: 'A repost of a listing is not new.',
    tests: examples,
  },
  {
    id: 'quiet-end',
    file: sendingTimes,
    find: 'end !== undefined && end < begin',
    replace: 'end !== undefined && end <= begin',
    breaks: 'Quiet hours within a gap of the clocks keep nothing back.',
    tests: times,
  },
  {
    id: 'withheld-lost',
    file: sendingTimes,
    find: 'isOver && countOf(known) > 0 ? known.withheld : null',
    replace: 'null',
    breaks: 'A message says what the daily cap kept back.',
    tests: times,
  },
];
