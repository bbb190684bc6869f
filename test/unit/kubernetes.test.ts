import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { CHART, helm, MANIFESTS, manifests, rendered } from '../../scripts/kubernetes.ts';
import { settings } from '../../src/config/schema.ts';
import {
  containerOf,
  deploymentOf,
  envOf,
  faultsIn,
  type Manifest,
  readManifests,
} from '../support/manifests.ts';

const TEXT = readFileSync(MANIFESTS, 'utf8');
const VALUES = readdirSync(`${CHART}/ci`).map((name) => `${CHART}/ci/${name}`);

/** The module of the published types that has objects of this kind. */
const MODULES: Record<string, string> = {
  'apps/v1': 'apps/v1',
  v1: 'core/v1',
  'policy/v1': 'policy/v1',
  'networking.k8s.io/v1': 'networking/v1',
};

/** What the published types of Kubernetes 1.30 do not know or want otherwise. Custom kinds are left out. */
function typeErrors(objects: Manifest[]): string {
  const known = objects.filter(({ apiVersion }) => MODULES[apiVersion] !== undefined);
  const lines = known.map((each, index) => {
    const module = resolve('node_modules/kubernetes-types', MODULES[each.apiVersion] as string);
    return `export const object${index}: import('${module}').${each.kind} = ${JSON.stringify(each)};`;
  });
  const folder = mkdtempSync(join(tmpdir(), 'dpf-manifests-'));
  try {
    const file = join(folder, 'manifests.ts');
    writeFileSync(file, lines.join('\n'));
    const flags = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--types',
      '',
      '--ignoreConfig',
      '--pretty',
      'false',
    ];
    const { error, stdout } = spawnSync(resolve('node_modules/.bin/tsc'), [...flags, file], {
      encoding: 'utf8',
    });
    if (error !== undefined) throw error;
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The NetworkPolicy of a role, and those whom it lets in. */
function policyOf(objects: Manifest[], role: string): { peers: Manifest[]; egress: Manifest[] } {
  const { spec } = objects.find(
    ({ kind, metadata }) =>
      kind === 'NetworkPolicy' && metadata.labels['app.kubernetes.io/component'] === role,
  );
  const peers = spec.ingress.flatMap(({ from }: Manifest) => from ?? ['everybody']);
  return { peers, egress: spec.egress };
}

const namespace = (name: string) => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
});

describe('the manifests for Kubernetes', function () {
  this.timeout(20_000);
  const objects = readManifests(TEXT);

  it('fit together, and fit the image, the settings and docker-compose.yml', () => {
    expect(objects.map(({ kind }) => kind).sort()).to.deep.equal(
      ['Deployment', 'NetworkPolicy', 'PodDisruptionBudget', 'Service'].flatMap((kind) => [kind, kind]),
    );
    expect(faultsIn(objects)).to.deep.equal([]);
  });

  it('have no field and no type that Kubernetes does not know', () => {
    expect(typeErrors(objects)).to.equal('');
    const broken = structuredClone(objects);
    const { spec } = deploymentOf(broken, 'worker').spec.template;
    spec.terminationGracePeriod = 30;
    expect(typeErrors(broken)).to.include(`'"terminationGracePeriod"' does not exist`);
    delete spec.terminationGracePeriod;
    spec.terminationGracePeriodSeconds = '30';
    expect(typeErrors(broken)).to.include("'string' is not assignable to type 'number'");
  });

  const planted: Array<[what: string, breakIt: (objects: Manifest[]) => void, fault: RegExp]> = [
    [
      'a kill within SHUTDOWN_GRACE',
      (all) => {
        deploymentOf(all, 'worker').spec.template.spec.terminationGracePeriodSeconds = 20;
      },
      /is killed 20 s after the request to stop, which may take 20 s/,
    ],
    [
      'a probe of something else',
      (all) => {
        containerOf(deploymentOf(all, 'worker')).livenessProbe.exec.command = ['true'];
      },
      /does not run the check of the image/,
    ],
    [
      'a variable that is no setting',
      (all) => containerOf(deploymentOf(all, 'serve')).env.push({ name: 'HTTP_PROT', value: '1' }),
      /HTTP_PROT is no setting/,
    ],
    [
      'a value that no process takes',
      (all) => containerOf(deploymentOf(all, 'worker')).env.push({ name: 'LOG_LEVEL', value: 'loud' }),
      /LOG_LEVEL/,
    ],
    [
      'a secret in the open',
      (all) => containerOf(deploymentOf(all, 'serve')).env.push({ name: 'EBAY_CLIENT_SECRET', value: 'x' }),
      /EBAY_CLIENT_SECRET is a secret in the open/,
    ],
    [
      'a file of a secret that nobody mounts',
      (all) => containerOf(deploymentOf(all, 'worker')).volumeMounts.splice(1, 1),
      /REDIS_URL_FILE names .*, which is not there/,
    ],
    [
      'a service that selects nothing',
      (all) => {
        all.find(({ kind }) => kind === 'Service').spec.selector['app.kubernetes.io/component'] = 'workers';
      },
      /Service .*: selects 0 deployments/,
    ],
    [
      'a port that nobody opens',
      (all) => {
        deploymentOf(all, 'serve').spec.template.spec.containers[0].ports[0].containerPort = 80;
      },
      /a port that the process does not open/,
    ],
    [
      'a user of one’s own',
      (all) => {
        deploymentOf(all, 'serve').spec.template.spec.securityContext.runAsUser = 0;
      },
      /more rights than in docker-compose.yml/,
    ],
    [
      'the image of another release',
      (all) => {
        containerOf(deploymentOf(all, 'worker')).image = 'dropship-product-finder:0.0.9';
      },
      /is not of version/,
    ],
  ];
  for (const [what, breakIt, fault] of planted)
    it(`are found wrong with ${what}`, () => {
      const broken = structuredClone(objects);
      breakIt(broken);
      expect(faultsIn(broken).join('\n')).to.match(fault);
    });

  it('let pods of the same namespace alone reach the API, and pods of the cluster the metrics of workers', () => {
    expect(policyOf(objects, 'serve').peers).to.deep.equal([{ podSelector: {} }]);
    expect(policyOf(objects, 'worker').peers).to.deep.equal([{ namespaceSelector: {} }]);
  });

  it('are as hardened as docker-compose.yml', () => {
    const { services } = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true });
    for (const role of ['worker', 'serve']) {
      expect(services[role]).to.deep.include({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        tmpfs: ['/tmp'],
      });
      expect(envOf(deploymentOf(objects, role)).HTTP_HOST).to.equal(services[role].environment.HTTP_HOST);
    }
  });
});

describe('the Helm chart', () => {
  it('has the version of the package', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(parse(readFileSync(`${CHART}/Chart.yaml`, 'utf8'))).to.include({ version, appVersion: version });
  });

  it('has the alerts and dashboards of config/ and no copy of them', () => {
    const links = readdirSync(`${CHART}/files`).map((name) => [name, realpathSync(`${CHART}/files/${name}`)]);
    expect(Object.fromEntries(links)).to.deep.equal({
      'rules.yml': resolve('config/prometheus/rules.yml'),
      dashboards: resolve('config/grafana/dashboards'),
    });
  });

  it('takes every secret from a file, and none as a value', () => {
    const { definitions } = JSON.parse(readFileSync(`${CHART}/values.schema.json`, 'utf8'));
    const secrets = settings().flatMap(({ env, sensitive }) => (sensitive ? env : []));
    expect(definitions.secret.properties.settings.items.enum).to.have.members(secrets);
    expect(definitions.env.propertyNames.not.enum).to.include.members(secrets);
  });
});

describe('Helm', function () {
  this.timeout(60_000);
  before(function () {
    if (helm('version') !== undefined) return;
    console.log('    (skipped: there is no helm here)');
    this.skip();
  });

  it('made the manifests from the chart (else run scripts/kubernetes.ts)', () => {
    expect(manifests()).to.equal(TEXT);
  });

  for (const values of VALUES)
    it(`renders what is right with ${values.replace(/.*\//, '')}`, () => {
      expect(helm('lint', CHART, '--strict', '--kube-version', '1.30.0', '-f', values)).to.match(
        /0 chart\(s\) failed/,
      );
      const objects = readManifests(rendered('-f', values) ?? '');
      expect(faultsIn(objects)).to.deep.equal([]);
      expect(typeErrors(objects)).to.equal('');
    });

  it('renders what watches, alerts and scales where it is asked to, in the namespace of the release', () => {
    const objects = readManifests(
      rendered('--namespace', 'shop', '-f', `${CHART}/ci/watched-values.yaml`) ?? '',
    );
    const kinds = objects.map(({ kind }) => kind);
    expect(kinds).to.include.members(['PrometheusRule', 'ServiceMonitor', 'ScaledObject', 'ConfigMap']);
    expect(kinds.filter((kind) => kind === 'ServiceMonitor')).to.have.length(2);
    const scaled = objects.find(({ kind }) => kind === 'ScaledObject');
    expect(scaled.spec.triggers[0].metadata.query).to.include('namespace="shop"');
    const grace = (role: string) =>
      deploymentOf(objects, role).spec.template.spec.terminationGracePeriodSeconds;
    expect([grace('worker'), grace('serve')]).to.deep.equal([56, 71]);
  });

  it('opens the API to those of apiFrom, and to those of metricsFrom only where Prometheus watches servers', () => {
    const apiFrom = 'networkPolicy.apiFrom[0].podSelector.matchLabels.app=shop';
    for (const watched of ['serviceMonitor.enabled=true', 'serviceMonitor.serveKey.name=key']) {
      const { peers } = policyOf(readManifests(rendered('--set', apiFrom, '--set', watched) ?? ''), 'serve');
      expect(peers).to.deep.equal([{ podSelector: { matchLabels: { app: 'shop' } } }]);
    }
    const watched = readManifests(rendered('-f', `${CHART}/ci/watched-values.yaml`) ?? '');
    expect(policyOf(watched, 'serve').peers).to.deep.equal([namespace('ingress'), namespace('monitoring')]);
    expect(policyOf(watched, 'worker').peers).to.deep.equal([namespace('monitoring')]);
  });

  it('adds the rules of extraEgress to those of workers and of servers', () => {
    const objects = readManifests(rendered('-f', `${CHART}/ci/watched-values.yaml`) ?? '');
    const traces = { to: [namespace('tracing')], ports: [{ protocol: 'TCP', port: 4318 }] };
    for (const [role, ports] of [
      ['worker', [53, 53, 6379, 26379, 443, 4318]],
      ['serve', [53, 53, 6379, 26379, 4318]],
    ] as const) {
      const { egress } = policyOf(objects, role);
      expect(egress.at(-1)).to.deep.equal(traces);
      expect(egress.flatMap((rule) => rule.ports.map(({ port }: Manifest) => port))).to.deep.equal(ports);
    }
  });

  for (const [flag, value] of [
    ['--set', 'worker.replica=3'],
    ['--set', 'networkPolicy.extraEgress.ports=4318'],
    ['--set-string', 'env.SHUTDOWN_GRACE=5'],
    ['--set-string', 'env.EBAY_CLIENT_SECRET=x'],
    ['--set', 'worker.secret.settings={EBAY_CLIENT_ID}'],
    ['--set', 'keda.maxReplicas=50'],
    ['--set', 'keda.enabled=true'],
    ['--set', 'podDisruptionBudget.maxUnavailable=0'],
  ] as const)
    it(`refuses ${value}`, () => {
      expect(() => rendered(flag, value)).to.throw(/don't meet the specifications of the schema/);
    });
});
