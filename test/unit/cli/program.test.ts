import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { plainTerminal } from './plainTerminal.ts';

interface Call {
  args: string[];
  code: number;
  says: RegExp;
}

const CALLS: Record<string, Call> = {
  'no command: help, as a mistake': { args: [], code: 2, says: /^Usage: dpf/ },
  'an unknown command: what was meant': {
    args: ['serch', 'hub'],
    ...{ code: 2, says: /^dpf: unknown command 'serch' \(did you mean search\?\)/ },
  },
  'an unknown flag: what was meant': {
    args: ['search', 'hub', '--max-item', '5'],
    ...{ code: 2, says: /^dpf: unknown option '--max-item' \(did you mean --max-items\?\)/ },
  },
  'a flag without its value': {
    args: ['search', 'hub', '--max-items'],
    ...{ code: 2, says: /^dpf: option '--max-items <n>' argument missing/ },
  },
  'a secret as argument': {
    args: ['token', '--client-secret', 'hush-hush'],
    ...{
      code: 2,
      says: /^dpf: --client-secret is not accepted as an argument, because arguments are visible in ps: pass secrets by/,
    },
  },
  'a wrong request: every option and what is allowed': {
    args: ['search', 'hub', '--max-items', '0', '--track', 'My Hubs'],
    ...{ code: 2, says: /--max-items +must be an integer from 1 to 10000; got 0\n +--track +must be/ },
  },
  'a country that is none': {
    args: ['search', 'hub', '--ship-to', 'Spain'],
    ...{ code: 2, says: /^dpf: --ship-to must be .*; got "Spain"; did you mean ES \(Spain\)\?$/ },
  },
  'two answers to one question': {
    args: ['search', 'hub', '--json', '--csv'],
    ...{ code: 2, says: /--json or --csv, not both/ },
  },
  'a separator without CSV': {
    args: ['search', 'hub', '--separator', 'tab'],
    ...{ code: 2, says: /--separator needs --csv or --excel/ },
  },
  'a separator that is none': {
    args: ['search', 'hub', '--csv', '--separator', ';'],
    ...{ code: 2, says: /Allowed choices are comma, semicolon, tab/ },
  },
  'Excel and JSON at once': {
    args: ['search', 'hub', '--excel', '--json'],
    ...{ code: 2, says: /--json or --csv, not both/ },
  },
  'a query without quotes: quotes': {
    args: ['search', 'usb', 'c', 'hub'],
    ...{ code: 2, says: /Expected 1 argument but got 3\. Put several words in quotes;/ },
  },
  'a command for the version': { args: ['version'], code: 2, says: /^dpf: unknown command 'version'/ },
  'a port that is none': {
    args: ['simulate', '--port', '70000'],
    code: 2,
    says: /from 0 to 65535; got "70000"/,
  },
  'a day of a market without a length': {
    args: ['simulate', '--market-day', '0'],
    code: 2,
    says: /--market-day must be seconds, 1 to 99999; got "0"/,
  },
};

describe('the command line', () => {
  // Imported as the program does it: mocha loads test files another way, with classes of their own.
  let run: typeof import('../../../src/cli/program.ts').run;
  before(async () => {
    ({ run } = await import('../../../src/cli/program.ts'));
  });

  for (const [what, { args, code, says }] of Object.entries(CALLS))
    it(`answers ${what}`, async () => {
      const terminal = plainTerminal();
      expect(await run(args, terminal)).to.equal(code);
      expect(terminal.out).to.deep.equal([]);
      expect(terminal.err.join('\n')).to.match(
        args.includes('--json') ? /^\{"error":\{"code":"usage"/ : says,
      );
      expect(terminal.err.join('\n')).to.match(says).and.not.contain('hush-hush');
    });

  for (const option of ['--version', '-V'])
    it(`prints the version of the package for ${option}, and nothing else`, async () => {
      const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
      const terminal = plainTerminal();
      expect(await run([option], terminal)).to.equal(0);
      expect(terminal.out).to.deep.equal([version]);
      expect(terminal.err).to.deep.equal([]);
    });

  it('has help for itself and every command', async () => {
    const terminal = plainTerminal();
    expect(await run(['--help'], terminal)).to.equal(0);
    const commands = [...terminal.out.join('\n').matchAll(/^ {2}([a-z]+) {2,}/gm)].map(
      ([, name = '']) => name,
    );
    expect(commands).to.include.members(['demo', 'worker', 'search', 'token', 'simulate', 'config']);
    for (const name of commands) {
      const own = plainTerminal();
      expect(await run([name, '--help'], own), name).to.equal(0);
      expect(own.out.join('\n')).to.match(new RegExp(`^Usage: dpf ${name}`));
    }
  });
});
