import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import {
  CommandError,
  EXIT,
  errorJson,
  errorText,
  reportOf,
  searchFailed,
  UsageError,
} from '../../../src/cli/exit.ts';
import { ENDS } from '../../../src/cli/search.ts';
import { ConfigError } from '../../../src/config/config.ts';
import { descriptorFailure } from '../../../src/config/descriptors.ts';
import { Failure } from '../../../src/failures.ts';
import { OUTCOMES, outcomeOf, STOPPED_BY } from '../../../src/product/summary.ts';
import type { SearchReport } from '../../../src/queue/searchReader.ts';

const wrongRequest = new Failure('invalid_request', 'two things are wrong', {
  errors: [
    { path: 'maxItems', code: 'max_items_range', message: 'must be an integer from 1 to 10000; got 0' },
    { path: 'sort', code: 'unknown_sort', message: 'must be one of price; got "up"' },
  ],
});
const failedReport: SearchReport = {
  ...{ searchId: 's_1', state: 'done', progress: null, summary: null },
  error: { code: 'ebay-refused', message: 'eBay refused the request (12001)' },
};

const LOOKED = {
  pages: 1,
  missing: 0,
  cancelled: false,
  onFailure: 'fail',
  counts: { collected: 1, products: 1 },
} as const;

describe('exit codes', () => {
  it('of outcomes: 0 where all that was wanted is there, 5 for a part, 1 for nothing', () => {
    const codes = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, ENDS[outcome].exit]));
    expect(codes).to.deep.equal({
      ...{ complete: 0, 'none-found': 0, 'filtered-out': 0 },
      ...{ partial: 5, degraded: 5, cancelled: 5, skipped: 5, failed: 1 },
    });
  });

  it('of outcomes stand in docs/searches.md as they are, with every reason to stop early', () => {
    const doc = readFileSync(new URL('../../../docs/searches.md', import.meta.url), 'utf8');
    const rows = [...doc.matchAll(/^\| (.+) \| `([\w-]+)` \| (\d+) \| .+ \|$/gm)];
    const written = rows.map(([, , outcome, code]) => [outcome, Number(code)] as const);
    const actual = OUTCOMES.map((outcome) => [outcome, ENDS[outcome].exit] as const);
    expect(Object.fromEntries(written)).to.deep.equal(Object.fromEntries(actual));
    const evidence = rows.filter(([, , outcome]) => outcome === 'partial').map(([, what]) => what);
    const early = STOPPED_BY.filter((each) => outcomeOf({ ...LOOKED, stoppedBy: each }) === 'partial');
    for (const reason of early) expect(evidence.join()).to.include(`stoppedBy: ${reason}`);
    expect(evidence).to.have.length(early.length + 1);
  });

  for (const [what, thrown, code] of [
    ['a search that failed', searchFailed(failedReport), 1],
    ['a search that is not there', new Failure('search_not_found', 'no search'), 1],
    ['a defect of ours', new TypeError('x is undefined'), 1],
    ['a wrong call', new UsageError('give one'), 2],
    ['a wrong request', wrongRequest, 2],
    ['a wrong configuration', new ConfigError([{ name: 'LOG_LEVEL', message: 'is loud' }]), 3],
    ['a credential that eBay refused', new Failure('credential-refused', 'invalid_client'), 3],
    ['a Redis that is away', new Failure('redis-unavailable', 'cannot reach Redis'), 4],
    ['a token endpoint that is away', new Failure('token-unavailable', 'no token'), 4],
    ['a port in use', new CommandError(EXIT.dependency, 'port-in-use', 'port 1 is in use'), 4],
    ['Ctrl-C', new Failure('interrupted', 'interrupted'), 130],
  ] as const)
    it(`of ${what}: ${code}`, () => {
      expect(reportOf(thrown).exit).to.equal(code);
    });
});

describe('an error for want of file descriptors', () => {
  const error = (code: string) => Object.assign(new Error(`${code}: open`), { code });

  it('of this process exits with 3, and names a higher limit than it has', () => {
    expect(reportOf(error('EMFILE'))).to.deep.include({ exit: 3, code: 'too-few-file-descriptors' });
    for (const limit of [25, 4096, 65_536]) {
      const { message = '' } = descriptorFailure(error('EMFILE'), limit) ?? {};
      expect(message).to.match(new RegExp(`may open ${limit} files and connections.*EMFILE`));
      const named = [...message.matchAll(/(?:ulimit -n |LimitNOFILE=|nofile=)(\d+)/g)];
      expect(named).to.have.length(3);
      for (const [, number] of named) expect(Number(number)).to.be.above(limit);
    }
  });

  it('of the machine exits with 4, for a restart may find some, and names no limit of this process', () => {
    const { exit, code, message } = reportOf(error('ENFILE'));
    expect([exit, code]).to.deep.equal([4, 'machine-out-of-file-descriptors']);
    expect(message)
      .to.match(/machine.*ENFILE.*fs\.file-max/)
      .and.not.match(/this process|ulimit|LimitNOFILE/);
  });
});

describe('an error on stderr', () => {
  it('is one line for one thing', () => {
    expect(errorText(reportOf(new ConfigError([{ name: 'LOG_LEVEL', message: 'is loud' }])))).to.equal(
      'dpf: LOG_LEVEL is loud',
    );
  });

  it('names each field of a wrong request and what is allowed there', () => {
    expect(errorText(reportOf(wrongRequest)).split('\n')).to.deep.equal([
      'dpf: the request is wrong:',
      '  maxItems  must be an integer from 1 to 10000; got 0',
      '  sort      must be one of price; got "up"',
    ]);
  });

  it('is an object with --json', () => {
    const { error } = JSON.parse(errorJson(reportOf(searchFailed(failedReport))));
    expect(error).to.include({ code: 'ebay-refused', searchId: 's_1' });
    expect(error.message).to.contain('12001');
    expect(JSON.parse(errorJson(reportOf(wrongRequest))).error.errors).to.have.length(2);
  });
});
