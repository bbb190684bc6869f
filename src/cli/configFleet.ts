import { loadConfig } from '../config/load.ts';
import { applyConfig } from './configApply.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { openFleet } from './fleet.ts';
import { fleetText } from './fleetText.ts';
import type { Terminal } from './terminal.ts';

/** What the fleet runs. */
export async function showFleet(terminal: Terminal, { json }: { json?: boolean }): Promise<void> {
  const { store, close } = await openFleet(loadConfig());
  try {
    const [newest, processes] = await Promise.all([store.read(), store.processes()]);
    terminal.print(
      json ? JSON.stringify({ ...newest, processes }, null, 2) : fleetText(newest, processes, terminal),
    );
  } finally {
    close();
  }
}

/** Publishes a file and tells who follows. */
export async function apply(
  terminal: Terminal,
  file: string,
  { json }: { json?: boolean },
): Promise<ExitCode> {
  const config = loadConfig();
  const { store, close } = await openFleet(config);
  try {
    const applied = await applyConfig(store, config, file);
    const { version, changed, needRestart, running, behind } = applied;
    if (json) terminal.print(JSON.stringify(applied, null, 2));
    else
      terminal.print(
        changed ? `version ${version}, run by ${running} processes` : `version ${version} says the same`,
      );
    for (const variable of needRestart)
      terminal.note(`${variable} needs a restart: set it in the files or the environment of the processes`);
    for (const { role, host, pid, refused = 'not yet' } of behind)
      terminal.note(`${role} ${host} ${pid} does not run it: ${refused}`);
    return behind.length === 0 ? EXIT.done : EXIT.incomplete;
  } finally {
    close();
  }
}
