import { ConfigError } from './config.ts';

/**
 * A module whose packages npm may have left out (`npm install --omit=optional`).
 * @param user what needs it, for the message
 * @throws ConfigError naming the missing package
 */
export async function optionalPackage<T>(module: Promise<T>, user: string): Promise<T> {
  try {
    return await module;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const name = /Cannot find (?:package|module) '((?:@[^/']+\/)?[^/']+)/.exec(message)?.[1];
    if (!code?.endsWith('MODULE_NOT_FOUND') || name === undefined) throw error;
    throw new ConfigError([
      { name, message: `is not installed, but ${user} needs it: run npm install ${name}` },
    ]);
  }
}
