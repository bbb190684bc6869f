import type { Service } from './compose.ts';

/** How a command is run once: with the settings of which service, and what it must end with. */
export interface Call {
  args: string[];
  as: 'worker' | 'serve' | 'backup';
  /** Any of these. */
  exits: number[];
  /** What it must print. */
  prints?: RegExp;
}

const call = (as: Call['as'], args: string[], prints?: RegExp, exits = [0]): Call => ({
  as,
  args,
  prints,
  exits,
});

/** `worker`, `serve` and `simulate` run all the time, and `demo` is run apart from the others. */
export const CALLS: Call[] = [
  call('serve', ['keys', 'add', 'caller', '--roles', 'enqueue,read'], /dpf_live_/),
  call('serve', ['keys', 'list'], /caller/),
  call('serve', ['search', 'phone case', '--max-items', '3', '--json'], /itemId/),
  call('worker', ['token']),
  call('worker', ['token', '--refresh']),
  call('worker', ['quota']),
  call('serve', ['schedule', 'add', 'daily', '--query', 'usb c hub', '--every', '86400']),
  call('serve', ['schedule', 'list'], /daily/),
  call('serve', ['events'], /search\.completed/),
  call('serve', ['tenants', 'list']),
  call('worker', ['config']),
  call('backup', ['backup', '-']),
  call('worker', ['restore', '/backup/backup.ndjson']),
  call('worker', ['doctor']),
  call('worker', ['compliance']),
  // Workers write their counts once a minute; 1: none has yet.
  call('worker', ['growth-report'], undefined, [0, 1]),
];

/** The commands of the help's list. */
export function commandNames(help: string): string[] {
  const [, list = ''] = help.split(/^Commands:$/m);
  return [...list.matchAll(/^ {2}([a-z][a-z-]*)(?: |$)/gm)].map(([, name = '']) => name);
}

/** Commands of the list that nothing above runs: their help is shown instead, and the report says so. */
export function otherCommands(names: string[]): string[] {
  const run = new Set(['worker', 'serve', 'simulate', 'demo', ...CALLS.map(({ args }) => args[0])]);
  return names.filter((name) => !run.has(name));
}

/** The service that a call is made as. */
export function serviceOf({ as, args }: Call, services: Record<string, Service>, folder: string): Service {
  const service = services[as === 'backup' ? 'worker' : as];
  return {
    ...service,
    command: args,
    environment: {
      ...service?.environment,
      ...(as === 'backup' && { REDIS_URL: 'redis://backup:b-1@redis:6379/0' }),
    },
    volumes: [`${folder}/backup:/backup:ro`],
  };
}
