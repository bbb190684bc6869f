import { expect } from 'chai';
import { knownHoles } from '../../../src/redis/knownHoles.ts';

describe('known holes of Redis and Valkey', () => {
  const LUA = ['CVE-2025-46817', 'CVE-2025-46818', 'CVE-2025-46819', 'CVE-2025-49844'];
  const [FUNCTIONS, UNBLOCK] = ['CVE-2026-23631', 'CVE-2026-23479'];
  const rows: Array<['redis' | 'valkey', version: string, cves: string[], repaired?: string]> = [
    ['redis', '6.2.19', LUA, '7.2.14'],
    ['redis', '6.2.20', []],
    // No release of the branch has a repair.
    ['redis', '7.0.15', [...LUA, FUNCTIONS], '7.2.14'],
    ['redis', '7.2.10', [...LUA, FUNCTIONS, UNBLOCK], '7.2.14'],
    ['redis', '7.2.11', [FUNCTIONS, UNBLOCK], '7.2.14'],
    ['redis', '7.2.14', []],
    ['redis', '7.4.2', [...LUA, FUNCTIONS, UNBLOCK], '7.4.9'],
    ['redis', '7.4.10', []],
    ['redis', '8.0.4', [FUNCTIONS, UNBLOCK], '8.2.6'],
    ['redis', '8.2.1', [...LUA, FUNCTIONS, UNBLOCK], '8.2.6'],
    ['redis', '8.2.10', []],
    ['redis', '8.4.2', [FUNCTIONS, UNBLOCK], '8.4.3'],
    ['redis', '8.6.2', [FUNCTIONS, UNBLOCK], '8.6.3'],
    ['redis', '8.6.3', []],
    ['redis', '8.10.1', []],
    ['redis', '255.255.255', []],
    ['redis', 'unknown', []],
    ['valkey', '7.2.10', [...LUA, FUNCTIONS, UNBLOCK], '7.2.13'],
    ['valkey', '8.0.1', [...LUA, FUNCTIONS, UNBLOCK], '8.0.8'],
    ['valkey', '8.0.8', []],
    ['valkey', '8.1.4', [FUNCTIONS, UNBLOCK], '8.1.7'],
    ['valkey', '9.0.3', [FUNCTIONS, UNBLOCK], '9.0.4'],
    ['valkey', '9.0.4', []],
    ['valkey', '9.1.0', []],
  ];
  for (const [server, version, cves, repaired] of rows)
    it(`${server} ${version} has ${cves.length === 0 ? 'none' : `${cves.length}, and none from ${repaired} on`}`, () => {
      expect(knownHoles(server, version)).to.deep.equal(cves.length === 0 ? undefined : { cves, repaired });
    });
});
