/** `post2log generate k8s`: plain manifests, put together from those in deploy/manifests, which are made from the chart. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { errorText } from '../core/errors.ts';
import { exitCodes } from './exit.ts';

/** Components in the order in which they are printed. */
export const components = ['receiver', 'collector', 'aggregator', 'explorer'] as const;
export type Component = (typeof components)[number];

export interface GenerateOptions {
  readonly components: readonly Component[];
  readonly namespace: string;
  /** undefined: the one of this version. */
  readonly image: string | undefined;
  readonly makesSecrets: boolean;
}

/** Prints them. Gives the exit code. */
export async function generate(options: GenerateOptions): Promise<number> {
  let text: string;
  try {
    text = await manifests(options);
  } catch (error) {
    process.stderr.write(
      `post2log: reading the manifests that come with it: ${errorText(error)}; install the package again, or use the chart in deploy/helm/post2log\n`,
    );
    return exitCodes.failed;
  }
  process.stdout.write(text);
  return exitCodes.ok;
}

/** @throws where a file of the package is missing */
export async function manifests(options: GenerateOptions): Promise<string> {
  const { namespace, image, makesSecrets } = options;
  const chosen = components.filter((component) => options.components.includes(component));
  const parts = await Promise.all(chosen.map((component) => documentsOf(component, chosen)));
  // Components share a service account: the same text twice is one document.
  const written = [...new Set(parts.flat())].map((document) => inNamespace(document, namespace));
  const documents = image === undefined ? written : written.map((one) => one.replaceAll(imageLine, `$1${image}`));
  const secrets = makesSecrets ? secretsFor(chosen, namespace) : [];
  return [...secrets, ...documents].map((document) => `---\n${document}\n`).join('');
}

// ------------------------------------------------------------------------------------------------- the files

const directory = new URL('../../deploy/manifests/', import.meta.url);
const imageLine = /^( *image: )\S*post2log:\S+$/gm;

/** To whom a component sends; undefined where it keeps, prints or delivers all itself. */
function nextOf(component: Component, chosen: readonly Component[]): Component | undefined {
  const later: readonly Component[] = component === 'aggregator' ? ['explorer'] : ['aggregator', 'explorer'];
  return component === 'explorer' ? undefined : later.find((one) => chosen.includes(one));
}

async function documentsOf(component: Component, chosen: readonly Component[]): Promise<string[]> {
  const next = nextOf(component, chosen);
  const name = next === undefined ? component : `${component}-to-${next}`;
  const text = await readFile(new URL(`${name}.yaml`, directory), 'utf8');
  // What stands in front of the first document is about the file.
  return text
    .split(/^---\n/m)
    .slice(1)
    .map((document) => document.trimEnd());
}

/** The files have `logging`: as a field, in names of the whole cluster, and in paths of logs and of the data. */
function inNamespace(document: string, namespace: string): string {
  return document
    .replaceAll(/^( *namespace: )logging$/gm, `$1${namespace}`)
    .replaceAll('name: logging:', `name: ${namespace}:`)
    .replaceAll('_logging_', `_${namespace}_`)
    .replaceAll('/var/lib/post2log/logging-', `/var/lib/post2log/${namespace}-`);
}

// ------------------------------------------------------------------------------------------------- Secrets

function secretsFor(chosen: readonly Component[], namespace: string): string[] {
  const secret = (name: string, key: string): string => `apiVersion: v1
kind: Secret
metadata:
  name: ${name}
  namespace: ${namespace}
type: Opaque
stringData:
  ${key}: ${randomBytes(24).toString('base64url')}`;
  const isForwarding = chosen.includes('aggregator') || chosen.includes('explorer');
  return [secret('post2log-admin', 'token'), ...(isForwarding ? [secret('post2log-forward', 'shared-key')] : [])];
}
