import { expect } from 'chai';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';

describe('dpf schedule in a process of its own', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const processes = useProcesses();

  const cases: Array<[what: string, args: string[], exit: number, said: RegExp]> = [
    [
      'a schedule is wrong',
      ['add', 'x', '--cron', '61 * * * *', '--tz', 'Mars/Phobos', '--query', 'x'],
      2,
      /cron +"61" is no minute[\s\S]*tz +must be an IANA time zone/,
    ],
    ['a subcommand is misspelt', ['shwo', 'x'], 2, /did you mean show/],
    ['there is no such schedule', ['show', 'nobody'], 1, /no schedule "nobody"/],
    ['the file is not there', ['apply', 'no/such/file.json'], 3, /no\/such\/file\.json cannot be read/],
  ];
  for (const [what, args, exit, said] of cases)
    it(`ends with ${exit} when ${what}`, async () => {
      const dpf = processes.dpf(['schedule', ...args], { REDIS_URL: redis.url });
      expect(await dpf.exit(), dpf.output).to.equal(exit);
      expect(dpf.output).to.match(said);
    });
});
