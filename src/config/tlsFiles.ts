import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Config, ConfigProblem } from './config.ts';

type Tls = Pick<Config['redis'], 'tlsCa' | 'tlsCert' | 'tlsKey'>;

/** What the files of the TLS settings hold, each where its setting names one. */
export interface TlsFiles {
  ca?: string;
  cert?: string;
  key?: string;
}

/** @throws Error of the file system; `tlsProblems` tells beforehand. */
export function readTlsFiles({ tlsCa, tlsCert, tlsKey }: Tls): TlsFiles {
  return {
    ...(tlsCa === '' ? {} : { ca: readFileSync(tlsCa, 'utf8') }),
    ...(tlsCert === '' ? {} : { cert: readFileSync(tlsCert, 'utf8') }),
    ...(tlsKey === '' ? {} : { key: readFileSync(tlsKey, 'utf8') }),
  };
}

/** What is wrong with the TLS settings: told at start, not by a connection that never comes. */
export function tlsProblems({ redis, ebay }: Pick<Config, 'redis' | 'ebay'>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (!redis.tlsVerify && ebay.environment === 'production')
    problems.push({
      name: 'REDIS_TLS_VERIFY',
      message: 'is false, but in production Redis’s certificate must be checked: set REDIS_TLS_CA instead',
    });
  if ((redis.tlsCert === '') !== (redis.tlsKey === ''))
    problems.push({ name: 'REDIS_TLS_CERT', message: 'and REDIS_TLS_KEY belong together: set both' });
  for (const [name, path] of [
    ['REDIS_TLS_CA', redis.tlsCa],
    ['REDIS_TLS_CERT', redis.tlsCert],
    ['REDIS_TLS_KEY', redis.tlsKey],
  ] as const) {
    const problem = path === '' ? undefined : fileProblem(path, name === 'REDIS_TLS_KEY');
    if (problem !== undefined) problems.push({ name, message: problem });
  }
  return problems.length > 0 ? problems : pairProblem(redis);
}

function fileProblem(path: string, isKey: boolean): string | undefined {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    return `is ${path}, which cannot be read (${(error as NodeJS.ErrnoException).code})`;
  }
  try {
    if (!isKey) new X509Certificate(content);
    return undefined;
  } catch {
    return `is ${path}, which holds no PEM certificate`;
  }
}

function pairProblem(redis: Tls): ConfigProblem[] {
  try {
    createSecureContext(readTlsFiles(redis));
    return [];
  } catch {
    return [
      { name: 'REDIS_TLS_KEY', message: 'does not hold the PEM key of the certificate in REDIS_TLS_CERT' },
    ];
  }
}
