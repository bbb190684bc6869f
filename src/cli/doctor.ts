import { Command } from 'commander';
import { ConfigError } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { redisFailure } from '../redis/failure.ts';
import { unreachable } from '../redis/fitness.ts';
import { type Finding, fail, skipped, type Trouble } from '../telemetry/finding.ts';
import { quietLog, requireRedis } from './commandSetup.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { ProgressLine } from './progress.ts';
import { type Colour, harmless, type Terminal } from './terminal.ts';

export function doctorCommand(terminal: Terminal, setExit: (code: ExitCode) => void): Command {
  return new Command('doctor')
    .description('Look at everything that the service needs, and say what to do about what is wrong.')
    .option('--json', 'print as JSON')
    .addHelpText('after', AFTER_HELP)
    .action(({ json }: { json?: boolean }) => doctor(terminal, setExit, json));
}

const AFTER_HELP = `
Costs one token request and one call of the day. Warnings count as healthy.

Exit codes: 0 healthy · 3 a setting or a credential is wrong · 4 Redis or eBay does not answer · 5 works, but not as it should`;

/** The worst first: what only a person can mend, then what is away, then what is slow. */
const EXITS: ReadonlyArray<[Trouble, ExitCode]> = [
  ['configuration', EXIT.configuration],
  ['dependency', EXIT.dependency],
  ['degraded', EXIT.incomplete],
];

/** What a fast check takes; only slower ones are announced. */
const PATIENCE_MS = 500;

async function doctor(terminal: Terminal, setExit: (code: ExitCode) => void, json = false): Promise<void> {
  const findings: Finding[] = [];
  const progress = slowProgress(terminal);
  try {
    for await (const finding of examined((what) => progress.next(`looking at ${what}`))) {
      findings.push(finding);
      progress.clear();
      if (!json) terminal.print(findingLine(finding, terminal));
    }
  } finally {
    progress.clear();
  }
  const exit = exitOf(findings);
  if (json) terminal.print(JSON.stringify({ healthy: exit === EXIT.done, exit, findings }, null, 2));
  else terminal.print(`\n${verdict(findings, terminal)}`);
  setExit(exit);
}

/** What stops the examination itself is a finding as well. */
async function* examined(onStep: (what: string) => void): AsyncGenerator<Finding> {
  try {
    const config = loadConfig();
    onStep('Redis');
    await requireRedis(config);
    const { examine } = await import('../app/doctor.ts');
    yield* examine(config, { log: quietLog(), onStep });
  } catch (error) {
    if (error instanceof ConfigError) {
      for (const { name, message } of error.problems)
        yield fail('settings', 'configuration', `${name} ${message}`, `correct ${name}`);
      return;
    }
    if (redisFailure(error) === undefined) throw error;
    yield unreachable(error);
    yield skipped('the rest', 'is looked at once Redis answers: credentials, quota, search, queues, worker');
  }
}

export function exitOf(findings: readonly Finding[]): ExitCode {
  const [, exit] = EXITS.find(([trouble]) => findings.some((each) => each.trouble === trouble)) ?? [];
  return exit ?? EXIT.done;
}

const WORDS: Record<Finding['state'], [word: string, colour: Colour]> = {
  ok: ['ok', 'green'],
  warn: ['warn', 'yellow'],
  fail: ['FAIL', 'red'],
  skipped: ['–', 'dim'],
};
const CHECK_WIDTH = 11;

function findingLine({ check, state, message, remedy }: Finding, { paint }: Terminal): string {
  const [word, colour] = WORDS[state];
  const advice = remedy === undefined ? '' : ` → ${harmless(remedy)}`;
  return `${paint(colour, word.padEnd(4))}  ${check.padEnd(CHECK_WIDTH)}  ${harmless(message)}${advice}`;
}

function verdict(findings: readonly Finding[], { paint }: Terminal): string {
  const count = (state: Finding['state']) => findings.filter((each) => each.state === state).length;
  const [failed, warned] = [count('fail'), count('warn')];
  if (failed > 0) return paint('red', `not healthy: ${failed} of ${findings.length} checks failed`);
  return paint('green', warned === 0 ? 'healthy' : `healthy, with ${warned} to look at`);
}

/** Says what is being looked at, but only where that takes a while. */
function slowProgress(terminal: Terminal) {
  let line: ProgressLine | undefined;
  let timer: NodeJS.Timeout | undefined;
  const clear = () => {
    clearTimeout(timer);
    line?.end();
    line = undefined;
  };
  return {
    clear,
    next(text: string) {
      clear();
      timer = setTimeout(() => {
        line = new ProgressLine(terminal);
        line.show(text);
      }, PATIENCE_MS);
    },
  };
}
