/** Manifests against the schemas of a Kubernetes version. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { schemaDirectory } from '../services/kubernetes-schemas.ts';
import { kubeconform } from '../services/kubernetes-tools.ts';
import { serviceMonitorSchema } from './crds.ts';

interface Output {
  readonly resources?: readonly {
    readonly kind: string;
    readonly name: string;
    readonly status: string;
    readonly msg: string;
  }[];
  readonly summary: {
    readonly valid: number;
    readonly invalid: number;
    readonly errors: number;
    readonly skipped: number;
  };
}

export interface Validation {
  /** How many objects are as they should be. */
  readonly validCount: number;
  /** `Kind name: what is wrong`, of all others. */
  readonly problems: readonly string[];
}

/** Schemas of kinds that no version of Kubernetes has by itself. */
const others = mkdtempSync(join(tmpdir(), 'p2l-schemas-'));
writeFileSync(join(others, 'servicemonitor-monitoring-v1.json'), JSON.stringify(serviceMonitorSchema));
process.once('exit', () => rmSync(others, { recursive: true, force: true }));

/** What kubeconform says of YAML documents; a kind that the version does not know is a problem. */
export function validate(manifests: string, version: string): Validation {
  const places = [schemaDirectory(version), others].map((path) => `${path}/{{.ResourceKind}}{{.KindSuffix}}.json`);
  const args = [
    '-strict',
    '-summary',
    '-output',
    'json',
    ...places.flatMap((place) => ['-schema-location', place]),
    '-',
  ];
  const { stdout, stderr, error } = spawnSync(kubeconform.path, args, { encoding: 'utf8', input: manifests });
  if (error) throw error;
  if (!stdout.startsWith('{')) throw new Error(`kubeconform said:\n${stderr}${stdout}`);
  const { resources = [], summary } = JSON.parse(stdout) as Output;
  const problems = resources.map(({ kind, name, msg }) => `${kind} ${name}: ${msg}`);
  if (problems.length !== summary.invalid + summary.errors + summary.skipped)
    throw new Error(`kubeconform counts ${JSON.stringify(summary)} and tells ${JSON.stringify(resources)}`);
  return { validCount: summary.valid, problems };
}
