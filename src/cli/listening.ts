import { DependencyError } from './exit.ts';

/** Where a command wanted to listen, and the names by which people choose another place. */
export interface Place {
  host: string;
  port: number;
  hostName: string;
  portName: string;
}

/** What kept a server from listening, in words; any other error as it is. */
export function cannotListen(error: unknown, { host, port, hostName, portName }: Place): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return new DependencyError(
      'port-in-use',
      `port ${port} on ${host} is in use: stop what uses it, or choose another with ${portName} (0 for any)`,
    );
  if (code === 'EACCES')
    return new DependencyError('port-not-allowed', `port ${port} needs more rights: choose one above 1023`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new DependencyError(
      'no-such-address',
      `${host} is no address of this machine: choose another ${hostName}`,
    );
  return error;
}
