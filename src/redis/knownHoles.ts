/** A hole that was repaired: the first release of each branch that has the repair; an older branch has none. */
interface Hole {
  cve: string;
  redis: string[];
  valkey: string[];
  /** The first release that has the hole; default: all have it. */
  since?: string;
}

const LUA_2025 = {
  redis: ['6.2.20', '7.2.11', '7.4.6', '8.0.4', '8.2.2'],
  valkey: ['7.2.11', '8.0.6', '8.1.4'],
};
const MAY_2026 = {
  redis: ['7.2.14', '7.4.9', '8.2.6', '8.4.3', '8.6.3'],
  valkey: ['7.2.13', '8.0.8', '8.1.7', '9.0.4'],
};

/** Holes that a client with this service's rights reaches: scripts and blocking commands. Oldest first. */
const HOLES: Hole[] = [
  // Release notes of Redis 8.2.2 and Valkey 8.1.4, October 2025.
  { cve: 'CVE-2025-46817', ...LUA_2025 },
  { cve: 'CVE-2025-46818', ...LUA_2025 },
  { cve: 'CVE-2025-46819', ...LUA_2025 },
  { cve: 'CVE-2025-49844', ...LUA_2025 },
  // Release notes of Redis 8.6.3 and Valkey 9.0.4, May 2026. Redis 6.2 has no such code (redis/redis issue 15231).
  { cve: 'CVE-2026-23631', since: '7.0', ...MAY_2026 },
  // The same; its CVE record names Redis 7.2.0 as the first.
  { cve: 'CVE-2026-23479', since: '7.2', ...MAY_2026 },
];

const isBefore = (one: string, other: string) => one.localeCompare(other, 'en', { numeric: true }) < 0;
const branchOf = (version: string) => version.split('.').slice(0, 2).join('.');

/** Which holes the version says that this server has, and the nearest release without them; nothing if none. */
export function knownHoles(server: 'redis' | 'valkey', version: string) {
  if (!/^\d+\.\d+/.test(version)) return undefined;
  const own = branchOf(version);
  const open = HOLES.filter((hole) => {
    if (isBefore(version, hole.since ?? '')) return false;
    const repaired = hole[server].find((each) => branchOf(each) === own) ?? hole[server].at(-1);
    return repaired !== undefined && isBefore(version, repaired);
  });
  if (open.length === 0) return undefined;
  const repaired = MAY_2026[server].find((each) => !isBefore(branchOf(each), own));
  return { cves: open.map(({ cve }) => cve), repaired };
}
