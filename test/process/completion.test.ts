import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { openProducer } from '../../src/app/producer.ts';
import { testConfig } from '../support/config.ts';
import { builtProgram, startDpf } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';

const run = promisify(execFile);

/** What bash does at a press of the tabulator; it takes words apart at `=` and `:`. */
const PRESS = `
press() {
  COMP_WORDS=("$@")
  COMP_CWORD=$(($# - 1))
  COMPREPLY=()
  _dpf_complete dpf
  echo "$* > \${COMPREPLY[*]}"
}`;

describe('completion in a shell', function () {
  this.timeout(60_000);
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
    const script = `
dpf() { "${process.execPath}" "${builtProgram()}" "$@"; }
source <(dpf completion bash)
complete -p dpf
${PRESS}
press dpf sched
press dpf search --sort = pr
press dpf search --ship-to US : 19406 --condition NE
press dpf search --columns title,legacy
press dpf schedule show ''
press dpf search --track h
press dpf alerts show ''
press dpf restore tsconfig.b
`;
    const { stdout, stderr } = await run('bash', ['--norc', '-c', script], {
      env: { PATH: process.env.PATH, REDIS_URL: redis.url },
    });
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

  for (const [shell, check] of [
    ['zsh', ['-n']],
    ['fish', ['--no-execute']],
  ] as const)
    it(`has a script that ${shell} reads`, async function () {
      if (spawnSync(shell, ['--version']).status !== 0) {
        console.error(`skipped: ${shell} is not there (apt-get install ${shell})`);
        this.skip();
      }
      const dpf = startDpf(['completion', shell]);
      expect(await dpf.exit()).to.equal(0);
      const { status, stderr } = spawnSync(shell, [...check, '/dev/stdin'], { input: dpf.stdout });
      expect(stderr.toString()).to.equal('');
      expect(status).to.equal(0);
    });
});
