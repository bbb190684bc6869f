import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { openProducer } from '../../src/app/producer.ts';
import { startCommand } from '../support/commands.ts';
import { testConfig } from '../support/config.ts';
import { builtProgram } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { waitFor } from '../support/waitFor.ts';

const run = promisify(execFile);

/** Ends the words that bash sends to `serveCommands`. */
const END = '\0\u0001\0';

/** What bash does at a press of the tabulator; it takes words apart at `=` and `:`. */
const PRESS = `
press() {
  COMP_WORDS=("$@")
  COMP_CWORD=$(($# - 1))
  COMPREPLY=()
  _dpf_complete dpf
  echo "$* > \${COMPREPLY[*]}"
}`;

/** The words of a command line over a connection, each ended by NUL, an empty one behind the last; its stdout comes back. */
async function serveCommands(env: Record<string, string>) {
  const server = createServer((socket) => {
    let text = '';
    socket.setEncoding('utf8').on('data', async (chunk: string) => {
      text += chunk;
      if (!text.endsWith(END)) return;
      const command = startCommand(text.slice(0, -END.length).split('\0'), env);
      await command.exit();
      socket.end(command.stdout);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

describe('completion in a shell', function () {
  this.timeout(120_000);
  const redis = useRedis();

  it('works in bash: commands, options, values, names in Redis, files; and nothing from a hostile name', async () => {
    const producer = openProducer(testConfig({ REDIS_URL: redis.url }));
    await producer.ready();
    const request = { query: 'hub', track: 'hubs' };
    await producer.schedule.add({ name: 'new-hubs', every: 3600, request });
    await producer.close();
    const connection = redis.connect();
    const key = (await connection.keys('{ebay}:schedules:*'))[0] as string;
    const record = (await connection.hget(key, 'new-hubs')) as string;
    await connection.hset(key, '$(touch x)', record.replace('new-hubs', '$(touch x)'));
    const env = { REDIS_URL: redis.url };
    // A press that waits for a module to be loaded may find no name in its time.
    await waitFor('a name', async () => {
      const completing = startCommand(['completion', '--', 'schedule', 'show', ''], env);
      await completing.exit();
      return completing.stdout.includes('new-hubs');
    });
    const commands = await serveCommands(env);
    const script = `
dpf() { "${process.execPath}" "${builtProgram()}" "$@"; }
source <(dpf completion bash)
complete -p dpf
${PRESS}
press dpf sched
dpf() {
  exec 3<>/dev/tcp/127.0.0.1/${commands.port}
  printf '%s\\0' "$@" $'\\1' >&3
  cat <&3
  exec 3<&-
}
press dpf search --sort = pr
press dpf search --ship-to US : 19406 --condition NE
press dpf search --columns title,legacy
press dpf schedule show ''
press dpf search --track h
press dpf alerts show ''
press dpf restore tsconfig.b
`;
    const { stdout, stderr } = await run('bash', ['--norc', '-c', script], {
      env: { PATH: process.env.PATH, ...env },
    });
    commands.close();
    expect(stderr).to.equal('');
    expect(stdout.trim().split('\n')).to.deep.equal([
      'complete -F _dpf_complete dpf',
      'dpf sched > schedule',
      'dpf search --sort = pr > price',
      'dpf search --ship-to US : 19406 --condition NE > NEW',
      'dpf search --columns title,legacy > title,legacyItemId',
      'dpf schedule show  > new-hubs',
      'dpf search --track h > hubs',
      'dpf alerts show  > ',
      'dpf restore tsconfig.b > tsconfig.build.json',
    ]);
  });

  it('works in fish', async function () {
    if (isMissing('fish')) this.skip();
    const script = `
function dpf; "${process.execPath}" "${builtProgram()}" $argv; end
dpf completion fish | sed 's/(command /(/' | source
complete -C 'dpf sched'
complete -C 'dpf search --sort=pr'
complete -C 'dpf restore tsconfig.b'`;
    const { stdout } = await run('fish', ['--no-config', '-c', script]);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split('\t')[0]),
    ).to.deep.equal(['schedule', '--sort=price', 'tsconfig.build.json']);
  });

  it('has a script that zsh reads', async function () {
    if (isMissing('zsh')) this.skip();
    const dpf = startCommand(['completion', 'zsh']);
    expect(await dpf.exit()).to.equal(0);
    const { status, stderr } = spawnSync('zsh', ['-n', '-c', dpf.stdout]);
    expect([stderr.toString(), status]).to.deep.equal(['', 0]);
  });

  function isMissing(shell: string): boolean {
    const missing = spawnSync(shell, ['--version']).status !== 0;
    if (missing) console.error(`skipped: ${shell} is not there (apt-get install ${shell})`);
    return missing;
  }
});
