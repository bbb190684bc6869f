import { expect } from 'chai';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';

describe('dpf plan in a process of its own', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const processes = useProcesses();

  const cases: Array<[what: string, args: string[], exit: number, said: RegExp]> = [
    ['nothing is there yet', ['--json'], 0, /"code": "nothing-to-plan"/],
    ['the limit is wrong', ['--calls', '0'], 2, /--calls must be a whole number of calls a day/],
  ];
  for (const [what, args, exit, said] of cases)
    it(`ends with ${exit} when ${what}`, async () => {
      const dpf = processes.dpf(['plan', ...args], { REDIS_URL: redis.url });
      expect(await dpf.exit(), dpf.output).to.equal(exit);
      expect(dpf.output).to.match(said);
    });

  it('ends with 4 without Redis, but reports a wrong file before it needs one', async () => {
    const nowhere = { REDIS_URL: 'redis://127.0.0.1:1' };
    const dpf = processes.dpf(['plan'], nowhere);
    expect(await dpf.exit(), dpf.output).to.equal(4);
    const wrong = processes.dpf(['plan', '--add', 'package.json'], nowhere);
    expect(await wrong.exit(), wrong.output).to.equal(2);
    expect(wrong.output).to.match(/package\.json request +is required here/);
  });
});
