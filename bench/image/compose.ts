import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** A service of docker-compose.yml, as far as it says how a container runs. */
export interface Service {
  command?: string[];
  entrypoint?: string[];
  environment?: Record<string, string | number>;
  env_file?: unknown;
  user?: string;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  tmpfs?: string[];
  volumes?: string[];
  healthcheck?: { test: string[] };
}

/** The services of docker-compose.yml with its variables replaced. @throws Error where a required variable is missing */
export function composeServices(variables: Record<string, string>): Record<string, Service> {
  const text = readFileSync('docker-compose.yml', 'utf8').replace(
    /\$\{(\w+)(?::([-?])([^}]*))?\}/g,
    (_whole, name: string, kind?: string, rest = '') => {
      const value = variables[name];
      if (value !== undefined && value !== '') return value;
      if (kind === '?') throw new Error(`${name}: ${rest}`);
      return rest;
    },
  );
  return (parse(text, { merge: true }) as { services: Record<string, Service> }).services;
}

/** .env of the demo profile: the settings of .env.example, and its last lines, which stand in comments, instead of a keyset. */
export function demoEnvFile(): Record<string, string> {
  const lines = readFileSync('.env.example', 'utf8').matchAll(/^(?:# )?([A-Z_]+)=(.*)$/gm);
  return Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value]));
}
