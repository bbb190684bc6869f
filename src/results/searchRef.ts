/**
 * Which search a result belongs to. The job's timestamp is part of it, so that a job id used a second time starts
 * afresh instead of finding the first one's pages.
 */
export interface SearchRef {
  tenant: string;
  searchId: string;
  /** When the search job was added, ms since the epoch. */
  timestamp: number;
}

export function keyOf(
  prefix: string,
  kind: 'pages' | 'run' | 'announced',
  { tenant, searchId, timestamp }: SearchRef,
): string {
  return `${prefix}:${kind}:${tenant}:${searchId}:${timestamp}`;
}
