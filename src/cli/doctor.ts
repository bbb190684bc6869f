import { Command } from 'commander';
import { ConfigError } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { FleetStore } from '../fleet/fleetStore.ts';
import { redisFailure } from '../redis/failure.ts';
import { unreachable } from '../redis/fitness.ts';
import { type Finding, fail, skipped, type Trouble } from '../telemetry/finding.ts';
import { type Answer, answering, quietLog, withRedis } from './commandSetup.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { type Colour, harmless, progressLine, type Terminal } from './terminal.ts';

export function command(terminal: Terminal): Command {
  const doctor = new Command('doctor')
    .description('Check everything that the service needs, and say what to do about what is wrong.')
    .option(
      '--loss-seen',
      'first end the report that Redis lost its data: nothing is to be restored any more',
    )
    .addHelpText('after', AFTER_HELP);
  return answering(doctor, terminal, ({ json, lossSeen }: { json?: boolean; lossSeen?: boolean }) =>
    diagnose(terminal, json, lossSeen),
  );
}

const AFTER_HELP = `
Costs one token request and one call of the day. Warnings count as healthy.

Exit codes: 0 healthy · 3 a setting or a credential is wrong · 4 Redis or eBay does not answer · 5 works, but not as it should`;

/** A check that takes longer is named on the progress line, ms. */
const SLOW_MS = 500;

async function diagnose(terminal: Terminal, json = false, lossSeen = false): Promise<Answer> {
  const findings: Finding[] = [];
  const line = progressLine(terminal);
  let timer: NodeJS.Timeout | undefined;
  const clear = () => {
    clearTimeout(timer);
    line.end();
  };
  const onStep = (what: string) => {
    clear();
    timer = setTimeout(() => line.show(() => `looking at ${what}`), SLOW_MS);
  };
  try {
    for await (const finding of examined(onStep, lossSeen)) {
      clear();
      findings.push(finding);
      if (!json) terminal.print(findingLine(finding, terminal));
    }
  } finally {
    clear();
  }
  // The most serious has the lowest code.
  const [exit = EXIT.done] = findings.flatMap(({ trouble }) => (trouble ? EXITS[trouble] : [])).toSorted();
  const data = { healthy: exit === EXIT.done, exit, findings };
  return { data, text: `\n${verdict(findings, terminal)}`, exit };
}

const EXITS: Record<Trouble, ExitCode> = {
  configuration: EXIT.configuration,
  dependency: EXIT.dependency,
  degraded: EXIT.incomplete,
};

/** An error that ends the examination is a finding too. */
async function* examined(onStep: (what: string) => void, lossSeen: boolean): AsyncGenerator<Finding> {
  try {
    const config = loadConfig();
    onStep('Redis');
    await withRedis(config, async (redis) => {
      if (lossSeen) await new FleetStore(redis, config.queue.prefix).clearLoss();
    });
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
    yield skipped('the rest', 'needs Redis: credentials, quota, search, queues, worker');
  }
}

const WORDS: Record<Finding['state'], [word: string, colour: Colour]> = {
  ok: ['ok', 'green'],
  warn: ['warn', 'yellow'],
  fail: ['FAIL', 'red'],
  skipped: ['–', 'dim'],
};

function findingLine({ check, state, message, remedy }: Finding, { paint }: Terminal): string {
  const [word, colour] = WORDS[state];
  const advice = remedy === undefined ? '' : ` → ${harmless(remedy)}`;
  return `${paint(colour, word.padEnd(4))}  ${check.padEnd(11)}  ${harmless(message)}${advice}`;
}

function verdict(findings: readonly Finding[], { paint }: Terminal): string {
  const count = (state: Finding['state']) => findings.filter((each) => each.state === state).length;
  const [failed, warned] = [count('fail'), count('warn')];
  if (failed > 0) return paint('red', `not healthy: ${failed} of ${findings.length} checks failed`);
  return paint('green', warned === 0 ? 'healthy' : `healthy, with ${warned} to look at`);
}
