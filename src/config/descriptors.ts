import { readdirSync, readFileSync } from 'node:fs';
import { BootError } from '../failures.ts';

/** Open at once while modules are loaded, and what Node itself keeps open. Measured: 150 with `worker --serve`. */
const FOR_START = 200;

/** Connections to Redis of one tenant's workers. */
const REDIS_CONNECTIONS = 3;

export interface DescriptorNeeds {
  tenants: number;
  /** WORKER_CONCURRENCY: each slot may have a connection to eBay. */
  concurrency: number;
  /** HTTP_MAX_STREAMS where the process serves HTTP, else 0. */
  streams: number;
}

/**
 * How many files and connections this process may have open; undefined where the system does not say. Node has raised the
 * soft limit to the hard one. Read at once, while there are descriptors to read it with.
 */
const LIMIT = limitOfProcess();

function limitOfProcess(): number | undefined {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/** With too few a process waits without a word for connections that it cannot open. @throws BootError */
export function requireDescriptors(
  { tenants, concurrency, streams }: DescriptorNeeds,
  limit = LIMIT ?? Number.POSITIVE_INFINITY,
): void {
  const perTenant = REDIS_CONNECTIONS + concurrency;
  const needed = FOR_START + tenants * perTenant + streams;
  if (limit >= needed) return;
  const parts = [
    `${FOR_START} to start`,
    `${perTenant} for each of ${tenants} tenants`,
    `${streams} for HTTP`,
  ];
  throw new BootError(tooFew(`${limit}`, `${needed} are needed (${parts.join(', ')})`, needed), DESCRIPTORS);
}

const DESCRIPTORS = 'too-few-file-descriptors';

function tooFew(limit: string, what: string, needed: number): string {
  const remedy = `raise it, by \`ulimit -n ${needed}\` in the shell, LimitNOFILE=${needed} in systemd`;
  return `this process may open ${limit} files and connections, but ${what}: ${remedy}, or --ulimit nofile=${needed} in Docker`;
}

/** The table of open files of the whole machine is full: no limit of this process. It may pass. */
export const MACHINE_FULL = 'machine-out-of-file-descriptors';

/** A failure for want of descriptors as what it is; undefined for every other error. */
export function descriptorFailure(thrown: unknown, limit = LIMIT): BootError | undefined {
  const { code } = (thrown ?? {}) as NodeJS.ErrnoException;
  if (code === 'ENFILE') {
    const remedy = 'end programs that hold many, or raise it by `sysctl fs.file-max`';
    return new BootError(
      `the open files of all programs of this machine are at their limit (ENFILE): ${remedy}`,
      MACHINE_FULL,
    );
  }
  if (code !== 'EMFILE') return undefined;
  const needed = Math.max(4096, 2 * (limit ?? 0));
  const message = tooFew(`${limit ?? 'only so many'}`, `all of them are in use (${code})`, needed);
  return new BootError(message, DESCRIPTORS);
}

/** Open files and connections now, and how many may be; undefined where the system does not say. */
export function descriptorUse(): { open: number; limit: number } | undefined {
  if (LIMIT === undefined) return undefined;
  try {
    return { open: readdirSync('/proc/self/fd').length, limit: LIMIT };
  } catch (error) {
    return descriptorFailure(error) === undefined ? undefined : { open: LIMIT, limit: LIMIT };
  }
}
