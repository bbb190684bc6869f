import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Command } from 'commander';
import { plainTerminal } from './plainTerminal.ts';

interface Call {
  args: string[];
  code: number;
  says: RegExp;
}

const CALLS: Record<string, Call> = {
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
  'the end of a key on a day that does not exist': {
    args: ['keys', 'add', 'shop', '--expires', '2030-02-30'],
    ...{ code: 2, says: /^dpf: --expires must be days such as 90d or a future time .*; got "2030-02-30"/ },
  },
  'events since a time without its offset': {
    args: ['events', '--since', '2026-11-30T10:00:00'],
    ...{
      code: 2,
      says: /^dpf: --since must be an age .*a time with its offset .*; got "2026-11-30T10:00:00"/,
    },
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
    ...{ code: 2, says: /Allowed choices are comma, semicolon, tab; --help/ },
  },
  'Excel and JSON at once': {
    args: ['search', 'hub', '--excel', '--json'],
    ...{ code: 2, says: /--json or --csv, not both/ },
  },
  'a limit of a search: which option that is': {
    args: ['search', 'hub', '--limit', '5'],
    ...{ code: 2, says: /^dpf: --limit needs --list; products of a search are limited by --max-items$/ },
  },
  'a place of events that no stream has': {
    args: ['events', '--since', '1764421800000-99999999999999999999'],
    ...{ code: 2, says: /^dpf: --since must be an age .* or a place in the stream/ },
  },
  'a list of searches as CSV': {
    args: ['search', '--list', '--state', 'done', '--csv'],
    ...{ code: 2, says: /^dpf: --list takes no --csv$/ },
  },
  'a query without quotes: quotes': {
    args: ['search', 'usb', 'c', 'hub'],
    ...{ code: 2, says: /^dpf: a query is one argument: put it in quotes: dpf search "usb c hub"$/ },
  },
  'facets without quotes: quotes': {
    args: ['facets', 'usb', '$hub'],
    ...{ code: 2, says: /dpf facets "usb \\\$hub"$/ },
  },
  'several options that cannot be read: all of them, each by its own name': {
    args: [
      'search',
      'hub',
      '--ship-to',
      'Spain',
      '--price-max',
      'ten',
      '--rate',
      '0.9',
      '--payment-fee',
      'a lot',
    ],
    ...{
      code: 2,
      says: /--ship-to +must be .*ES \(Spain\)\?\n +--payment-fee +must be .*\n +--rate +must be .*\n +--price-max +must be/,
    },
  },
  'an order that is none: what there is, on eBay and of what is shown': {
    args: ['search', 'hub', '--sort', 'cheapest'],
    ...{
      code: 2,
      says: /--sort +must be one of price, .*did you mean price\?; total, delivered, landed, margin/,
    },
  },
  'a condition that is none: where finer ones are': {
    args: ['search', 'hub', '--condition', 'Refurbished'],
    ...{
      code: 2,
      says: /--condition +must be one of NEW, USED, UNSPECIFIED; got "Refurbished"; --condition-id has/,
    },
  },
  'a site by the name of its country: the one that is meant': {
    args: ['search', 'hub', '--marketplace', 'EBAY_UK,de', '--price-max', '5'],
    ...{ code: 2, says: /wrong:\n.*did you mean EBAY_GB\?\n.*did you mean EBAY_DE\?$/ },
  },
  'help for a command that is none: what was meant': {
    args: ['help', 'schedul'],
    ...{ code: 2, says: /^dpf: there is no command schedul; did you mean schedule\?$/ },
  },
  'help for a subcommand that is none: what was meant': {
    args: ['help', 'schedule', 'ad'],
    ...{ code: 2, says: /^dpf: there is no command schedule ad; did you mean add\?$/ },
  },
  'a command without its subcommand: its help, as a mistake': {
    args: ['schedule'],
    ...{ code: 2, says: /^Usage: dpf schedule/ },
  },
  'a shell that is none': {
    args: ['completion', 'cmd'],
    ...{ code: 2, says: /Allowed choices are bash, zsh, fish/ },
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

/** Every command that runs something: those with subcommands do not. */
async function commandTree(): Promise<{ path: string[]; command: Command }[]> {
  const folder = new URL('../../../src/cli/', import.meta.url);
  const files = readdirSync(folder).filter((file) =>
    readFileSync(new URL(file, folder), 'utf8').includes('export function command('),
  );
  const commands: { path: string[]; command: Command }[] = [];
  for (const file of files) {
    const module = (await import(new URL(file, folder).href)) as { command(terminal: object): Command };
    const add = (command: Command, path: string[]) => {
      if (command.commands.length === 0) commands.push({ path, command });
      for (const each of command.commands) add(each, [...path, each.name()]);
    };
    const top = module.command(plainTerminal());
    add(top, [top.name()]);
  }
  return commands;
}

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

  it('has help for itself, without a command too, and for every command and subcommand in both ways', async () => {
    const terminal = plainTerminal();
    expect(await run(['--help'], terminal)).to.equal(0);
    for (const args of [[], ['help']]) {
      const same = plainTerminal();
      expect(await run(args, same)).to.equal(0);
      expect(same.out).to.deep.equal(terminal.out);
    }
    const commands = [...terminal.out.join('\n').matchAll(/^ {2}([a-z]+) {2,}/gm)].map(
      ([, name = '']) => name,
    );
    expect(commands).to.include.members(['demo', 'worker', 'search', 'token', 'simulate', 'config']);
    for (const name of commands) {
      const own = plainTerminal();
      expect(await run([name, '--help'], own), name).to.equal(0);
      expect(own.out.join('\n')).to.match(new RegExp(`^Usage: dpf ${name}`));
      const same = plainTerminal();
      expect(await run(['help', name], same), name).to.equal(0);
      expect(same.out).to.deep.equal(own.out);
    }
    const add = plainTerminal();
    expect(await run(['help', 'schedule', 'add'], add)).to.equal(0);
    expect(add.out.join('\n')).to.match(/^Usage: dpf schedule add /);
  });

  it('refuses for every command an option that is none, and a missing argument, and names them', async () => {
    const commands = await commandTree();
    expect(commands.length).to.be.greaterThan(50);
    for (const { path, command } of commands) {
      const options = command.options
        .filter(({ mandatory }) => mandatory)
        .flatMap(({ long }) => [long as string, 'x']);
      const unknown = plainTerminal();
      expect(await run([...path, ...options, '--no-such-option'], unknown), path.join(' ')).to.equal(2);
      expect(unknown.err.join('\n')).to.match(/^dpf: unknown option '--no-such-option'.*; --help shows/);
      const needs = command.registeredArguments.filter(({ required }) => required);
      const [first] = needs;
      if (first === undefined) continue;
      const missing = plainTerminal();
      expect(await run([...path, ...options], missing), path.join(' ')).to.equal(2);
      expect(missing.err.join('\n')).to.match(
        new RegExp(`^dpf: missing required argument '${first.name()}'`),
      );
    }
  });

  it('warns once, and goes on, of a variable that was probably meant as a setting, and never shows its value', async () => {
    process.env.WORKER_CONCURENCY = 'hush-hush';
    try {
      for (const [args, says] of [
        [
          ['config'],
          /^dpf: WORKER_CONCURENCY in the environment is no setting; did you mean WORKER_CONCURRENCY\?$/,
        ],
        [['config', '--json'], /^\{"warning":\{"variable":"WORKER_CONCURENCY","message":".*\?"\}\}$/],
      ] as const) {
        const terminal = plainTerminal();
        expect(await run([...args], terminal)).to.equal(0);
        const lines = terminal.err.filter((line) => line.includes('CONCURENCY'));
        expect(lines).to.have.length(1);
        expect(lines[0]).to.match(says);
        expect(terminal.err.join() + terminal.out.join()).to.not.include('hush-hush');
      }
    } finally {
      delete process.env.WORKER_CONCURENCY;
    }
  });
});
