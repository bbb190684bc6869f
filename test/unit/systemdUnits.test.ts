import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { EXIT } from '../../src/cli/exit.ts';
import { defaultConfig } from '../../src/config/config.ts';

describe('the systemd units', () => {
  for (const role of ['worker', 'serve']) {
    const name = `dpf-${role}.service`;
    const unit = readFileSync(join('config/systemd', name), 'utf8');
    const lineOf = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1];

    it(`${name}: runs Node itself, waits longer than a stop takes, and leaves what a restart cannot correct`, () => {
      expect(lineOf('ExecStart')).to.equal(`/usr/bin/node dist/main.js ${role}`);
      expect(Number(lineOf('TimeoutStopSec'))).to.be.greaterThan(defaultConfig().worker.shutdownGrace);
      expect(lineOf('RestartPreventExitStatus')).to.equal(`${EXIT.usage} ${EXIT.configuration}`);
      for (const hardening of ['NoNewPrivileges=yes', 'ProtectSystem=strict', 'PrivateTmp=yes'])
        expect(unit).to.match(new RegExp(`^${hardening}$`, 'm'));
    });

    it(`${name}: systemd finds no fault in it`, function () {
      this.timeout(20_000);
      if (spawnSync('systemd-analyze', ['--version']).error !== undefined) {
        console.log('      (skipped: there is no systemd-analyze here)');
        this.skip();
      }
      const folder = mkdtempSync(join(tmpdir(), 'dpf-units-'));
      const file = join(folder, name);
      // Node stands elsewhere on this machine, perhaps.
      writeFileSync(file, unit.replace('/usr/bin/node', process.execPath));
      const checked = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
      rmSync(folder, { recursive: true });
      expect(checked.stderr.split('\n').filter((line) => line.includes(name))).to.deep.equal([]);
      expect(checked.status).to.equal(0);
    });
  }
});
