import { expect } from 'chai';
import { useCommands } from '../support/commands.ts';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';

/** Sets the title of a terminal window, clears the screen, turns the direction of text, begins a colour by one character. */
const CONTROLS = '\u001b]0;x\u0007\u001b[2J\u202e\u009b31m\r';

describe('names that another program has written into Redis', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const dpf = useCommands();
  const processes = useProcesses();

  const commands = [
    'config --fleet',
    'tenants list',
    'keys list',
    'schedule list',
    'keys list --json',
    'token',
  ];
  for (const command of commands)
    it(`bring no control of the terminal into what dpf ${command} prints`, async () => {
      const admin = redis.connect();
      const [now] = await admin.time();
      const named = (name: string) => `${name}${CONTROLS}`;
      const report = {
        role: named('worker'),
        host: named('host'),
        pid: 1,
        version: 1,
        tenants: [],
        refused: named('x'),
      };
      await admin.hset('{ebay}:processes', 'x', `${now} ${JSON.stringify(report)}`);
      const keyset = { clientIdEnv: 'ID', clientSecretEnv: 'SECRET' };
      const document = JSON.stringify({ added: { [named('tenant')]: keyset } });
      await admin.hset('{ebay}:config', { version: 1, document });
      const key = { id: named('id'), name: named('name'), tenant: 'default', roles: ['read'] };
      const dates = { createdAt: '2026-01-01T00:00:00Z', expiresAt: null };
      await admin.hset('{ebay}:api-keys', 'x', JSON.stringify({ ...key, ...dates, hash: '' }));
      const request = { query: 'x', marketplaces: ['EBAY_US'] };
      const definition = { name: named('schedule'), cron: '1 1 1 1 1', tz: 'UTC', request };
      const record = { definition, source: named('code'), paused: true, anchor: 1 };
      await admin.hset('{ebay}:schedules:default', definition.name, JSON.stringify(record));
      // Of one command the very bytes that a process writes.
      const start = command === 'keys list' ? processes.dpf : dpf;
      const running = start(command.split(' '), {
        REDIS_URL: redis.url,
        EBAY_CLIENT_ID: 'Finder-Test-SBX-0123456789',
        EBAY_CLIENT_SECRET: 'SBX-canary-secret-4711',
      });
      expect(await running.exit(), running.output).to.equal(0);
      expect(running.output).to.not.match(/[^\P{Cc}\n]|[\u202a-\u202e]/u);
      if (command !== 'token') expect(running.stdout).to.include('\\u001b]0;x\\u0007');
      if (command.endsWith('--json')) expect(JSON.parse(running.stdout)[0].name).to.equal(key.name);
    });
});
