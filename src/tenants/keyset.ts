import { readFileSync } from 'node:fs';
import type { TenantDeclaration } from './declaration.ts';

export interface Keyset {
  clientId: string;
  clientSecret: string;
}

/** Longer than any keyset: what is longer is some other file. */
const LONGEST = 1000;

/**
 * What a declaration refers to, read here and now. The problem names the reference and never shows what it led to.
 * @param env the process's environment
 */
export function readKeyset(
  declaration: TenantDeclaration,
  env: NodeJS.ProcessEnv,
): { keyset: Keyset } | { problem: string } {
  try {
    return {
      keyset: {
        clientId: referred('clientId', declaration.clientIdFile, declaration.clientIdEnv, env),
        clientSecret: referred(
          'clientSecret',
          declaration.clientSecretFile,
          declaration.clientSecretEnv,
          env,
        ),
      },
    };
  } catch (error) {
    if (error instanceof Unreadable) return { problem: error.message };
    throw error;
  }
}

class Unreadable extends Error {}

function referred(
  name: string,
  file: string | undefined,
  variable: string | undefined,
  env: NodeJS.ProcessEnv,
): string {
  const where = file === undefined ? `${name}Env ${variable}` : `${name}File ${file}`;
  const text = (file === undefined ? (env[variable ?? ''] ?? '') : contentOf(file, where)).trim();
  if (text === '') throw new Unreadable(`${where} ${file === undefined ? 'is not set' : 'is empty'}`);
  if (text.length > LONGEST || /\s/.test(text))
    throw new Unreadable(`${where} holds more than one value: it must hold nothing else`);
  return text;
}

function contentOf(file: string, where: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Unreadable(`${where} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
