/**
 * deploy/kubernetes, made from the chart with its default values, for people without Helm.
 * `node --import tsx scripts/kubernetes.ts` writes it. It needs `helm` on the PATH.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

export const CHART = 'deploy/helm/dropship-product-finder';
export const MANIFESTS = 'deploy/kubernetes/dropship-product-finder.yaml';

/** Helm's output. @throws Error with what it says when it fails; undefined where there is no Helm */
export function helm(...args: string[]): string | undefined {
  const { error, status, stdout, stderr } = spawnSync('helm', args, { encoding: 'utf8' });
  if (error !== undefined) return undefined;
  if (status !== 0) throw new Error(`helm ${args[0]}: ${stderr}${stdout}`);
  return stdout;
}

/** What Helm sends to a cluster of the oldest release that the chart is for. @param args values and other flags */
export function rendered(...args: string[]): string | undefined {
  return helm('template', 'dropship-product-finder', CHART, '--kube-version', '1.30.0', ...args);
}

/** The content that `MANIFESTS` must have. */
export function manifests(): string | undefined {
  const text = rendered()?.replaceAll(/^# Source: .*\n/gm, '');
  return (
    text &&
    `# Made from ${CHART} by scripts/kubernetes.ts. Set image and namespace in kustomization.yaml.\n${text}`
  );
}

if (process.argv[1] === import.meta.filename) {
  const text = manifests();
  if (text === undefined) throw new Error('there is no helm on the PATH');
  writeFileSync(MANIFESTS, text);
}
