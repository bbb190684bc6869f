import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { dashboardQueries, readDashboard } from '../support/dashboard.ts';
import { alertNames, scaledRules } from '../support/prometheus.ts';

const FOLDER = 'config/prometheus';
const RULES = readFileSync(`${FOLDER}/rules.yml`, 'utf8');
const RULE_TESTS = readFileSync(`${FOLDER}/rules.test.yml`, 'utf8');

/** What every series of ours is called: histograms have three each, recording rules a colon. */
async function seriesNames(): Promise<Set<string>> {
  const metrics = createMetrics();
  metrics.process.watchLog({ lost: {} });
  const names = (await metrics.registry.getMetricsAsJSON()).flatMap(({ name, type }) =>
    String(type) === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
  const recorded = [...RULES.matchAll(/record: (\S+)/g)].map(([, name]) => name as string);
  return new Set([...names, ...recorded]);
}

const namesIn = (expression: string) =>
  [...expression.matchAll(/\b(?:dpf|process|nodejs)[_:][\w:]+/g)].map(([name]) => name);

describe('the Prometheus files', () => {
  const checks: Array<[what: string, args: string[]]> = [
    ['rules', ['check', 'rules', `${FOLDER}/rules.yml`]],
    // The file of the API key is not part of the repository.
    ['scrape configuration', ['check', 'config', '--syntax-only', `${FOLDER}/prometheus.yml`]],
    ['unit tests of the rules', ['test', 'rules', `${FOLDER}/rules.test.yml`]],
  ];
  for (const [what, args] of checks)
    it(`have ${what} that promtool accepts`, function () {
      const { error, status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
      if (error !== undefined) return this.skip(); // promtool is part of Debian's package prometheus.
      expect(status, stdout + stderr).to.equal(0);
    });

  it('have a unit test for each alert, and each says what to do', () => {
    expect(alertNames()).to.have.length.above(15);
    for (const name of alertNames()) expect(RULE_TESTS, name).to.include(`"${name}"`);
    expect(RULES.match(/summary:/g)).to.have.length(alertNames().length);
    expect(RULES.match(/action:/g)).to.have.length(alertNames().length);
  });

  it('ask only for series that there are', async () => {
    const known = await seriesNames();
    for (const name of namesIn(RULES)) expect(known, name).to.include(name);
  });

  it('scale in tests by their times alone', () => {
    const withoutTimes = (rules: string) => rules.replace(/\[\w+\]|for: \w+|> [\d.]+/g, '');
    expect(withoutTimes(scaledRules())).to.equal(withoutTimes(RULES));
    expect(scaledRules()).to.include('> 20\n').and.to.include('[10s]').and.not.include('[5m]');
  });
});

describe('the Grafana dashboard', () => {
  const { panels, uid, schemaVersion, templating } = readDashboard();

  it('has the form that Grafana 8 and newer read', () => {
    expect(uid).to.match(/^[\w-]{1,40}$/);
    expect(schemaVersion).to.be.within(36, 40);
    expect(templating.list.map(({ name }) => name)).to.deep.equal(['datasource', 'tenant']);
    for (const { current } of templating.list) expect(current).to.have.keys('text', 'value');
    expect(new Set(panels.map(({ id }) => id)).size).to.equal(panels.length);
    for (const { title, type, gridPos, targets, datasource } of panels) {
      expect(['row', 'stat', 'timeseries'], title).to.include(type);
      expect(title).to.match(/\S/);
      expect(gridPos.x + gridPos.w, title).to.be.at.most(24);
      for (const size of Object.values(gridPos))
        expect(size, title).to.be.at.least(0).and.satisfy(Number.isInteger);
      if (type === 'row') continue;
      expect(datasource, title).to.deep.equal({ type: 'prometheus', uid: '$' + '{datasource}' });
      expect(targets, title).to.be.an('array').that.is.not.empty;
      expect(new Set(targets?.map(({ refId }) => refId)).size, title).to.equal(targets?.length);
    }
  });

  it('has panels that lie beside one another, not on one another', () => {
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).to.equal(cells.length);
  });

  it('says of every panel what it shows', () => {
    for (const { type, title, description = '' } of panels)
      if (type !== 'row') expect(description, title).to.have.length.above(10);
  });

  it('asks only for series that there are', async () => {
    const known = new Set([...(await seriesNames()), 'process_start_time_seconds']);
    for (const { panel, query } of dashboardQueries('1m')) {
      expect(query, panel).to.not.include('$');
      for (const name of namesIn(query)) expect(known, `${panel}: ${name}`).to.include(name);
    }
  });
});
