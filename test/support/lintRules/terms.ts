import { type Sources, withoutComments } from './sources.ts';

/** Names that only this project understood. Each has a term of the field, named in docs/glossary.md. */
const NAMES =
  'houseRules HouseRules DemoHouse demoHouse DoorOptions Door lastWords seldom Repeats SuspectRoom suspects apartFromSuspects leaveToNewer asker askers askerOf Asker joinIdentical IdenticalSearches Legacy legacy leaveToOthers wakeSearch goOn spentInVain fruitlessCalls breakChain lanes lanesFor Family Standing standing standingOf Sight Sighting Stretch stretches displace mended Seat seat seats obstacle Obstacles Teller teller tellWaiting announce announceEnd announceFailure announceLoss Nap nap leaving MemoryLedger RedisSilent SILENT upToTheKnown strangers oddities patience patienceMs'.split(
    ' ',
  );

/** Words and phrases that a reader from another country or another team has to guess. */
const PHRASES = [
  'anew',
  '(?<!-)told',
  'tells?',
  'whoever',
  'for good',
  'comes? to',
  'as far as',
  'of (no )?account',
  'owes? an answer',
  'hangs? on it',
  'leaves? word',
  'is nobody’s',
  "is nobody's",
  'let through',
  'has to wait',
  'failed by a defect',
  'refreshing ahead',
  'worker that died',
];

const NAME = new RegExp(`(?<![\\w.#-])#?(${NAMES.join('|')})(?![\\w-])`, 'g');
const PHRASE = new RegExp(`\\b(${PHRASES.join('|')})\\b`, 'gi');
/** `because` as a name; in a sentence it is English. */
const BECAUSE = /(?<=[.{,(]\s*)because(?=\s*[,:}=)?.])/g;

/** JSON that users read and labels of metrics carry the former name for one release. */
const KEEPS_BECAUSE = /^src\/(failures|telemetry\/metrics|http\/api\/schemas|queue\/searchReader)\.ts$/;

function found(path: string, text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => {
    const line = text.slice(0, match.index).split('\n').length;
    return `${path}:${line}: "${match[0]}"`;
  });
}

/** Private names in code. */
export function privateNames(sources: Sources): string[] {
  return [...sources].flatMap(([path, source]) => {
    // The simulator's catalogue has families of products, and sells cars.
    if (!path.startsWith('src/') || path.startsWith('src/simulator/catalogue/')) return [];
    const code = withoutComments(source);
    const because = KEEPS_BECAUSE.test(path) ? [] : found(path, code, BECAUSE);
    return [...found(path, code, NAME), ...because];
  });
}

/** Private phrases in code, comments, messages and documents. */
export function privatePhrases(texts: ReadonlyMap<string, string>): string[] {
  return [...texts].flatMap(([path, text]) => found(path, text, PHRASE));
}
