import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parse, parseAllDocuments } from 'yaml';
import { defaultConfig } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { settings } from '../../src/config/schema.ts';

/** An object of Kubernetes, as far as anybody here reads it. */
// biome-ignore lint/suspicious/noExplicitAny: a manifest holds anything until it is checked.
export type Manifest = any;

type Labels = Record<string, string>;

/** The objects of a file of manifests. Kubernetes reads YAML 1.1. */
export function readManifests(text: string): Manifest[] {
  return parseAllDocuments(text, { version: '1.1', merge: true }).flatMap(
    (document) => document.toJS() ?? [],
  );
}

export function deploymentOf(objects: Manifest[], role: string): Manifest {
  return objects.find(
    ({ kind, metadata }) => kind === 'Deployment' && metadata.labels['app.kubernetes.io/component'] === role,
  );
}

export const containerOf = (deployment: Manifest) => deployment.spec.template.spec.containers[0];

/** The variables of a deployment's container. */
export function envOf(deployment: Manifest): Record<string, string> {
  return Object.fromEntries(containerOf(deployment).env.map(({ name, value }: Manifest) => [name, value]));
}

/** What a line of the Dockerfile that begins so says, the last one. */
export function imageLine(instruction: string): string {
  const lines = readFileSync('Dockerfile', 'utf8')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n');
  return lines.findLast((line) => line.startsWith(`${instruction} `))?.slice(instruction.length + 1) ?? '';
}

const RULES = 'config/prometheus/rules.yml';
const DASHBOARDS = 'config/grafana/dashboards';

/** Between the end of what a process may take to stop and its kill, seconds. */
const MARGIN_S = 5;

/** What does not fit together, or not to the image, the settings and `config/`: one sentence each. */
export function faultsIn(objects: Manifest[]): string[] {
  const of = (kind: string) => objects.filter((each) => each.kind === kind);
  const deployments = of('Deployment');
  const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  return [
    ...names.filter((name, index) => names.indexOf(name) !== index).map((name) => `${name}: is there twice`),
    ...deployments.flatMap((each) =>
      deploymentFaults(each, objects).map((fault) => `${nameOf(each)}: ${fault}`),
    ),
    ...[...of('Service'), ...of('PodDisruptionBudget'), ...of('NetworkPolicy')].flatMap((each) => {
      const { selector, podSelector } = each.spec;
      const labels = (podSelector ?? selector).matchLabels ?? selector;
      const selected = deployments.filter(({ spec }) => includes(spec.template.metadata.labels, labels));
      if (selected.length !== 1) return [`${nameOf(each)}: selects ${selected.length} deployments`];
      const known = containerOf(selected[0]).ports.map(({ name }: Manifest) => name);
      const used = [...(each.spec.ports ?? []).map(({ targetPort }: Manifest) => targetPort)];
      for (const { ports } of each.spec.ingress ?? []) used.push(...ports.map(({ port }: Manifest) => port));
      return used
        .filter((port) => !known.includes(port))
        .map((port) => `${nameOf(each)}: there is no port ${port}`);
    }),
    ...of('ServiceMonitor').flatMap((each) => {
      const services = of('Service').filter(({ metadata }) =>
        includes(metadata.labels, each.spec.selector.matchLabels),
      );
      if (services.length !== 1) return [`${nameOf(each)}: selects ${services.length} services`];
      const [{ port, relabelings }] = each.spec.endpoints;
      const known = services[0].spec.ports.map(({ name }: Manifest) => name);
      const job = relabelings.find(({ targetLabel }: Manifest) => targetLabel === 'job')?.replacement;
      const rules = readFileSync(RULES, 'utf8');
      return [
        ...(known.includes(port) ? [] : [`${nameOf(each)}: there is no port ${port}`]),
        ...(/^dpf-(worker|serve)$/.test(job) && rules.includes('job=~"dpf-.*"')
          ? []
          : [`${nameOf(each)}: no alert knows the job ${job}`]),
      ];
    }),
    ...of('PrometheusRule').flatMap((each) =>
      isDeepStrictEqual(each.spec, parse(readFileSync(RULES, 'utf8')))
        ? []
        : [`${nameOf(each)}: differs from ${RULES}`],
    ),
    ...of('ConfigMap')
      .filter(({ metadata }) => metadata.name.endsWith('-dashboards'))
      .flatMap((each) => {
        const files = readdirSync(DASHBOARDS).map((name) => [
          name,
          readFileSync(join(DASHBOARDS, name), 'utf8'),
        ]);
        const same = isDeepStrictEqual(jsonOf(each.data), jsonOf(Object.fromEntries(files)));
        return same ? [] : [`${nameOf(each)}: differs from ${DASHBOARDS}`];
      }),
    ...of('ScaledObject').flatMap((each) => {
      const target = deployments.find(({ metadata }) => metadata.name === each.spec.scaleTargetRef.name);
      if (target === undefined) return [`${nameOf(each)}: scales nothing`];
      const { minReplicaCount: min, maxReplicaCount: max } = each.spec;
      return [
        ...(target.spec.replicas === undefined ? [] : [`${nameOf(each)}: its deployment sets replicas too`]),
        ...(min >= 1 && max >= min && max <= 10 ? [] : [`${nameOf(each)}: is not bounded`]),
      ];
    }),
  ];
}

const nameOf = ({ kind, metadata }: Manifest) => `${kind} ${metadata.name}`;

const includes = (labels: Labels, wanted: Labels) =>
  Object.keys(wanted).length > 0 && Object.entries(wanted).every(([key, value]) => labels[key] === value);

const jsonOf = (data: Labels) =>
  Object.fromEntries(Object.entries(data).map(([name, text]) => [name, JSON.parse(text)]));

function deploymentFaults(deployment: Manifest, objects: Manifest[]): string[] {
  const { spec } = deployment.spec.template;
  const container = containerOf(deployment);
  const role = container.args[0];
  const faults: string[] = [];
  const expectThat = (holds: boolean, fault: string) => holds || faults.push(fault);
  const isSelected = includes(deployment.spec.template.metadata.labels, deployment.spec.selector.matchLabels);
  expectThat(isSelected, 'does not select its own pods');
  expectThat(existsSync(`src/cli/${role}.ts`), `dpf has no command ${role}`);
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  expectThat(
    container.image.endsWith(`:${version}`) || /@sha256:\w{64}$/.test(container.image),
    `the image ${container.image} is not of version ${version}`,
  );
  faults.push(...envFaults(deployment, objects));

  // Probes.
  const check = imageLine('HEALTHCHECK');
  const command = JSON.parse(/CMD (\[.*\])/.exec(check)?.[1] ?? '[]');
  const option = (name: string) => Number.parseInt(new RegExp(`--${name}=(\\d+)`).exec(check)?.[1] ?? '', 10);
  const { startupProbe, livenessProbe, readinessProbe } = container;
  for (const probe of [startupProbe, livenessProbe])
    expectThat(
      isDeepStrictEqual(probe.exec?.command, command),
      'a probe does not run the check of the image',
    );
  const { periodSeconds, timeoutSeconds, failureThreshold } = livenessProbe;
  expectThat(
    isDeepStrictEqual(
      [periodSeconds, timeoutSeconds, failureThreshold],
      [option('interval'), option('timeout'), option('retries')],
    ),
    'the liveness probe has other times than the check of the image',
  );
  expectThat(
    startupProbe.periodSeconds * startupProbe.failureThreshold === option('start-period'),
    'the startup probe has another time than the check of the image',
  );
  const port = container.ports.find(({ name }: Manifest) => name === readinessProbe.httpGet.port);
  const env = envOf(deployment);
  expectThat(readinessProbe.httpGet.path === '/readyz', 'the readiness probe asks for something else');
  expectThat(
    String(port?.containerPort) === env[role === 'serve' ? 'HTTP_PORT' : 'METRICS_PORT'],
    'the readiness probe asks at a port that the process does not open',
  );

  // The end of a process.
  const stopS = Number(env.SHUTDOWN_GRACE ?? defaultConfig().worker.shutdownGrace);
  const drainS = container.lifecycle?.preStop.sleep.seconds ?? 0;
  expectThat(
    spec.terminationGracePeriodSeconds >= stopS + drainS + MARGIN_S,
    `is killed ${spec.terminationGracePeriodSeconds} s after the request to stop, which may take ${stopS + drainS} s`,
  );

  // Rights, as in docker-compose.yml.
  const [user, group] = imageLine('USER').split(':').map(Number);
  expectThat(
    isDeepStrictEqual(spec.securityContext, {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: group,
      fsGroup: group,
      seccompProfile: { type: 'RuntimeDefault' },
    }) &&
      isDeepStrictEqual(container.securityContext, {
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
      }),
    'has more rights than in docker-compose.yml',
  );
  expectThat(
    spec.automountServiceAccountToken === false && spec.enableServiceLinks === false,
    'gets a token of Kubernetes or variables of other services',
  );

  // Volumes.
  const volumes = spec.volumes.map(({ name }: Manifest) => name).sort();
  const mounts = container.volumeMounts.map(({ name }: Manifest) => name).sort();
  expectThat(isDeepStrictEqual(volumes, mounts), `has the volumes ${volumes} and mounts ${mounts}`);
  const socket = /HEALTH_SOCKET=(\S+)/.exec(readFileSync('Dockerfile', 'utf8'))?.[1] ?? '';
  expectThat(
    volumeAt(deployment, env.HEALTH_SOCKET ?? socket)?.emptyDir !== undefined,
    'cannot write its health socket',
  );
  return faults;
}

function envFaults(deployment: Manifest, objects: Manifest[]): string[] {
  const env = envOf(deployment);
  const faults: string[] = [];
  const plain: Record<string, string> = {};
  const FILES = [
    'CONFIG_FILE',
    ...settings().flatMap(({ env, sensitive }) => (sensitive ? `${env}_FILE` : [])),
  ];
  const OF_FILES = [...FILES, 'SCHEDULES_FILE', 'TENANTS_FILE', 'REDIS_TLS_CA'];
  for (const [name, value] of Object.entries(env)) {
    const setting = settings().find((each) => each.env === name);
    if (setting === undefined && !FILES.includes(name)) faults.push(`${name} is no setting`);
    if (setting?.sensitive) faults.push(`${name} is a secret in the open`);
    if (!OF_FILES.includes(name)) plain[name] = value;
    else if (!isThere(volumeAt(deployment, value), value, objects))
      faults.push(`${name} names ${value}, which is not there`);
  }
  if (!/^(REDIS_URL)(_FILE)?$/m.test(Object.keys(env).join('\n'))) faults.push('has no REDIS_URL');
  try {
    loadConfig({ env: plain, files: [] });
  } catch (error) {
    faults.push((error as Error).message);
  }
  return faults;
}

/** The volume that holds this path. */
function volumeAt(deployment: Manifest, path: string): Manifest {
  const mount = containerOf(deployment).volumeMounts.find(
    (each: Manifest) => dirname(path) === each.mountPath,
  );
  return deployment.spec.template.spec.volumes.find(({ name }: Manifest) => name === mount?.name);
}

/** Whether a volume has this file, as far as its source is known here. */
function isThere(volume: Manifest, path: string, objects: Manifest[]): boolean {
  const file = basename(path);
  if (volume?.secret !== undefined)
    return (
      volume.secret.items === undefined || volume.secret.items.some((item: Manifest) => item.path === file)
    );
  if (volume?.configMap === undefined) return false;
  const map = objects.find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === volume.configMap.name,
  );
  // Extra volumes come from outside.
  return map === undefined ? !path.startsWith('/etc/dpf/') : map.data[file] !== undefined;
}
