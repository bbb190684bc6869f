import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { LONG } from '../support/long.ts';
import { builtProgram } from '../support/processes.ts';
import { waitFor } from '../support/waitFor.ts';

/** What it answers while it runs says which process it is. */
const COMMAND = `"${process.execPath}" "${builtProgram()}" simulate --port 0 --json`;

const SIGNALS = ['SIGTERM', 'SIGKILL'] as const;

describe('a process that npm started', function () {
  this.timeout(120_000);
  let folder: string;
  let children: ChildProcess[] = [];
  let pids: number[] = [];
  before(function () {
    // Its process ids are read from there.
    if (process.platform !== 'linux') this.skip();
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dpf-npm-'));
    const scripts = {
      plain: COMMAND,
      between: `true && ${COMMAND}`,
    };
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'launched', version: '1.0.0', scripts }),
    );
  });
  afterEach(() => {
    for (const pid of pids) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
    for (const child of children) child.kill('SIGKILL');
    [children, pids] = [[], []];
    rmSync(folder, { recursive: true });
  });

  /** Starts a launcher and returns it, and the id of the process that it started, once that answers. */
  async function launch(program: string, args: string[]) {
    const env = { PATH: process.env.PATH, HOME: folder, npm_config_update_notifier: 'false' };
    const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    const listening = () => /"url":"http:\/\/127\.0\.0\.1:(\d+)"/.exec(said)?.[1];
    const port = await waitFor('the simulator', listening, 40_000);
    const all = execFileSync('pgrep', ['-f', builtProgram()], { encoding: 'utf8' }).split('\n').map(Number);
    const pid = await waitFor('its id', () => all.find((id) => listens(id, port)));
    pids.push(pid);
    return { child, pid };
  }

  const byNpm: Array<[title: string, program: string, args: string[]]> = [
    ['npx', 'npx', ['-c', COMMAND]],
    ['npm exec', 'npm', ['exec', '-c', COMMAND]],
    ['npm run', 'npm', ['run', 'plain']],
    ['npm run, by a longer script', 'npm', ['run', 'between']],
  ];
  /** In a short run each launcher ends by one of the two signals, and each signal ends two launchers. */
  const endings = byNpm.flatMap((launcher, index) =>
    SIGNALS.filter((_, which) => LONG || which === index % 2).map((signal) => [signal, ...launcher] as const),
  );

  it('ends by itself once its npm has ended, by either signal; it goes on where it leads a session of its own, or where no npm started it', async () => {
    const started = [
      await launch('sh', ['-c', `nohup ${COMMAND} & wait`]),
      await launch('sh', ['-c', `npm_execpath=/inherited ${COMMAND} & wait`]),
      await launch('npm', ['exec', '-c', `setsid ${COMMAND}`]),
    ];
    for (const { child } of started) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    // Those that end count their seconds from their starts as well: by their ends the others have looked several times.
    await Promise.all(
      endings.map(async ([signal, title, program, args]) => {
        const { child, pid } = await launch(program, args);
        child.kill(signal);
        await once(child, 'exit');
        await waitFor(`the end of what ${title} started, after ${signal}`, () => !isRunning(pid));
      }),
    );
    expect(started.map(({ pid }) => isRunning(pid))).to.deep.equal([true, true, true]);
  });
});

function isRunning(pid: number): boolean {
  // A zombie has ended.
  return /^State:\s+[^Z]/m.test(fileText(`/proc/${pid}/status`));
}

/** Whether this process has a listening socket on that port. */
function listens(pid: number, port: string): boolean {
  if (pid === 0) return false;
  const hex = Number(port).toString(16).toUpperCase().padStart(4, '0');
  const row = fileText('/proc/net/tcp')
    .split('\n')
    .find((line) => line.includes(`0100007F:${hex} 00000000:0000 0A`));
  const inode = row?.trim().split(/\s+/)[9];
  return inode !== undefined && openFiles(pid).includes(`socket:[${inode}]`);
}

/** What its descriptors stand for; none of a process that has ended meanwhile. */
function openFiles(pid: number): string[] {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).map((descriptor) => readlinkSync(`${folder}/${descriptor}`));
  } catch {
    return [];
  }
}

function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
