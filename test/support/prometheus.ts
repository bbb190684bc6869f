import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './freePort.ts';
import { waitFor } from './waitFor.ts';

const RULES = new URL('../../config/prometheus/rules.yml', import.meta.url);

/** How much faster than in production everything goes: windows and `for:` are divided by it, thresholds of age too. */
export const SCALE = 30;

/** What a scrape costs of that: one every so many seconds. */
const SCRAPE_S = 2;

/** The rules as they are shipped, but for their times. */
export function scaledRules(): string {
  const seconds = (count: string, unit: string) =>
    `${Math.max(1, Math.round((Number(count) * { s: 1, m: 60, h: 3600 }[unit as 's']) / SCALE))}s`;
  return readFileSync(RULES, 'utf8')
    .replace(/\[(\d+)([smh])\]/g, (_, count, unit) => `[${seconds(count, unit)}]`)
    .replace(/for: (\d+)([smh])/g, (_, count, unit) => `for: ${seconds(count, unit)}`)
    .replace(
      /((?:oldest_waiting_seconds\{[^}]*\}|schedule_overdue_seconds)\) > )(\d+)/g,
      (_, expression, age) => expression + Number(age) / SCALE,
    );
}

/** Every alert that is shipped. */
export function alertNames(): string[] {
  return [...readFileSync(RULES, 'utf8').matchAll(/- alert: (\w+)/g)].map(([, name]) => name as string);
}

/** Whether Debian's packages `prometheus` (which has promtool) is installed. */
export function hasPrometheus(): boolean {
  return ['prometheus', 'promtool'].every((name) => spawnSync(name, ['--version']).error === undefined);
}

export interface Target {
  job: 'dpf-worker' | 'dpf-serve';
  address: string;
  /** API key, where the target asks for one. */
  key?: string;
}

export interface RunningPrometheus {
  /** Series that the expression gives now, with their values. */
  query(expression: string): Promise<Array<{ labels: Record<string, string>; value: number }>>;
  /** Whether the expression had any finite value since `since` (s since the epoch). */
  hadData(expression: string, since: number): Promise<boolean>;
  /** Names of the alerts that fire now. */
  firing(): Promise<string[]>;
  stop(): Promise<void>;
}

/** A real Prometheus with the shipped rules, scaled, on a free port. Everything that it writes is gone after `stop`. */
export async function startPrometheus(targets: Target[]): Promise<RunningPrometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'dpf-prometheus-'));
  const port = await freePort();
  writeFileSync(join(folder, 'rules.yml'), scaledRules());
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(configFor(targets)));
  const child = spawn(
    'prometheus',
    [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  const ended = once(child, 'exit');
  const ask = async (path: string, parameters: Record<string, string> = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}?${new URLSearchParams(parameters)}`);
    const answer = (await response.json()) as { status: string; error?: string; data: never };
    if (answer.status !== 'success') throw new Error(`Prometheus: ${answer.error} in ${parameters.query}`);
    return answer.data;
  };
  await waitFor('Prometheus', async () => {
    if (child.exitCode !== null) throw new Error(`prometheus ended: ${said}`);
    return fetch(`http://127.0.0.1:${port}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  });
  return {
    async query(expression) {
      const { result } = (await ask('/api/v1/query', { query: expression })) as {
        result: Array<{ metric: Record<string, string>; value: [number, string] }>;
      };
      return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
    },
    async hadData(expression, since) {
      const range = { start: String(since), end: String(Date.now() / 1000), step: String(SCRAPE_S) };
      const { result } = (await ask('/api/v1/query_range', { query: expression, ...range })) as {
        result: Array<{ values: Array<[number, string]> }>;
      };
      return result.some(({ values }) => values.some(([, value]) => Number.isFinite(Number(value))));
    },
    async firing() {
      const { alerts } = (await ask('/api/v1/alerts')) as {
        alerts: Array<{ state: string; labels: { alertname: string } }>;
      };
      const names = alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
      return [...new Set(names)];
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** JSON is YAML. */
function configFor(targets: Target[]) {
  const every = `${SCRAPE_S}s`;
  return {
    global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: '1s' },
    rule_files: ['rules.yml'],
    scrape_configs: targets.map(({ job, address, key }, index) => ({
      job_name: `${index}`,
      static_configs: [{ targets: [address] }],
      relabel_configs: [{ target_label: 'job', replacement: job }],
      ...(key === undefined ? {} : { authorization: { credentials: key } }),
    })),
  };
}
