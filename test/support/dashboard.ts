import { readFileSync } from 'node:fs';

const DASHBOARD = new URL('../../config/grafana/dashboards/dropship-product-finder.json', import.meta.url);

export interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { h: number; w: number; x: number; y: number };
  datasource?: { type: string; uid: string };
  targets?: Array<{ refId: string; expr: string; datasource: { type: string; uid: string } }>;
}

export interface Dashboard {
  title: string;
  uid: string;
  schemaVersion: number;
  panels: Panel[];
  templating: { list: Array<{ name: string; type: string; current: object }> };
  annotations: { list: Array<{ expr: string }> };
}

export function readDashboard(): Dashboard {
  return JSON.parse(readFileSync(DASHBOARD, 'utf8')) as Dashboard;
}

/** Every query of the dashboard with its variables filled in, `30m` and `1h` as they are. */
export function dashboardQueries(rateInterval: string): Array<{ panel: string; query: string }> {
  return readDashboard().panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      panel: title,
      query: expr.replaceAll('$__rate_interval', rateInterval).replaceAll('$tenant', '.*'),
    })),
  );
}
