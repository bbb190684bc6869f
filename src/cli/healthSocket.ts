import type { Lifecycle } from '../lifecycle.ts';

interface HealthSocket {
  /** HEALTH_SOCKET; empty: none. */
  path: string | undefined;
  /** Hears why it could not be opened: a process works without it. */
  warn: (reason: string) => void;
  /** A sentence for each part that should run and does not. */
  stopped?: () => string[];
}

/** Answers `/livez` on a Unix socket from the first moment of a process to its last. */
export async function openHealthSocket(
  lifecycle: Lifecycle,
  { path, warn, stopped }: HealthSocket,
): Promise<void> {
  if (!path) return;
  const { liveness, serveLivez } = await import('../http/operations.ts');
  try {
    lifecycle.opened('health socket', await serveLivez(path, liveness(lifecycle, stopped)));
  } catch (error) {
    warn(`HEALTH_SOCKET ${path} cannot be opened: ${(error as Error).message}`);
  }
}
