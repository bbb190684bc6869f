import { ConfigError } from '../../config/config.ts';
import { readJsonObject } from '../../config/files.ts';
import { Failure } from '../../failures.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { ApplyReport, Schedules } from './schedules.ts';

/** The schedules that a file lists, `{ "schedules": [ … ] }`, unchecked. @throws ConfigError */
export function readSchedulesFile(path: string): unknown[] {
  const { content, problem } = readJsonObject(path);
  if (problem !== undefined) throw new ConfigError([problem]);
  const { schedules } = content;
  if (!Array.isArray(schedules) || Object.keys(content).length !== 1)
    throw new ConfigError([{ name: path, message: 'must hold {"schedules": [...]} and nothing else' }]);
  return schedules;
}

/** Applies a file once. @throws ConfigError naming everything wrong in it; Failure `redis-unavailable` */
export async function applyFile(schedules: Schedules, path: string): Promise<ApplyReport> {
  const wanted = readSchedulesFile(path);
  try {
    return await schedules.apply(wanted);
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'invalid_request') throw error;
    const problems = (error.detail.errors ?? []).map((each) => ({
      name: `${path}: schedules.${each.path}`,
      message: each.message,
    }));
    throw new ConfigError(problems);
  }
}

/** Makes a tenant's schedules those of its declaration. @throws Failure `invalid_request`, `redis-unavailable` */
export async function applySchedules(
  schedules: Schedules,
  wanted: readonly unknown[],
  log: Logger,
): Promise<void> {
  const { refused, unchanged, ...changes } = await schedules.apply(wanted);
  log.info('schedules applied', { ...changes, unchanged: unchanged.length });
  if (refused.length > 0)
    log.warn('schedules left out: these names were added elsewhere', { names: refused });
}
