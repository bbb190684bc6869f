import { createHash } from 'node:crypto';

/** What the sweep reads of a stored job, in this order. The first five decide whether BullMQ can read it. */
export const JOB_FIELDS = [
  'name',
  'data',
  'opts',
  'progress',
  'parent',
  'timestamp',
  'stc',
  'parentKey',
] as const;

export type JobFields = Record<(typeof JOB_FIELDS)[number], string | undefined>;

/**
 * Why nobody can work on a job with these fields, or undefined if it is fine. BullMQ throws on what is named here, from
 * its workers and from its lists alike.
 */
export function brokenBecause(fields: JobFields): string | undefined {
  for (const field of ['name', 'data', 'timestamp'] as const)
    if (fields[field] === undefined) return `${field} is missing`;
  if (!Number.isFinite(Number(fields.timestamp))) return 'timestamp is not a number';
  if (parsed(fields.data) === undefined) return 'data is not JSON';
  if (fields.opts !== undefined && !isRecord(parsed(fields.opts))) return 'opts are not a JSON object';
  if (fields.progress !== undefined && parsed(fields.progress) === undefined) return 'progress is not JSON';
  if (fields.parent !== undefined && !isRecord(parsed(fields.parent))) return 'parent is not a JSON object';
  return undefined;
}

/** Names this very content, so that a job which changed since it was read is left alone. As in `quarantineScript.ts`. */
export function fingerprint({ name, data, opts, progress, parent }: JobFields): string {
  const content = [name, data, opts, progress, parent].map((value) => value ?? '').join('\n');
  return createHash('sha1').update(content, 'latin1').digest('hex');
}

function parsed(json: string | undefined): unknown {
  try {
    return JSON.parse(json ?? '');
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
