/**
 * Plain manifests for those without Helm, made from the chart: `node deploy/helm/manifests.ts`; with `--check` it only says whether
 * they are fresh. HELM names the helm to render with. A component's file holds all that it needs but the Secrets, whose
 * contents are nobody else's; `post2log generate k8s` puts files together and makes the Secrets.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** File by file: which components the release has, and which of them goes into the file. */
const parts: Readonly<Record<string, { component: string; others: readonly string[] }>> = {
  receiver: { component: 'receiver', others: [] },
  'receiver-to-aggregator': { component: 'receiver', others: ['aggregator'] },
  'receiver-to-explorer': { component: 'receiver', others: ['explorer'] },
  collector: { component: 'collector', others: [] },
  'collector-to-aggregator': { component: 'collector', others: ['aggregator'] },
  'collector-to-explorer': { component: 'collector', others: ['explorer'] },
  aggregator: { component: 'aggregator', others: [] },
  'aggregator-to-explorer': { component: 'aggregator', others: ['explorer'] },
  explorer: { component: 'explorer', others: [] },
};
const components = ['receiver', 'collector', 'aggregator', 'explorer'];

/** Lines that speak of Helm, or change with what a person changes here. */
const helmLines = /^ *(?:helm\.sh\/chart|app\.kubernetes\.io\/managed-by|checksum\/\w+): .*\n/gm;

/** Documents without what only Helm needs, as they are applied one after the other. */
export function plain(rendered: string): string[] {
  return rendered
    .split(/^---\n/m)
    .map((document) =>
      document
        .replaceAll(/^# Source: .*\n/gm, '')
        .replaceAll(helmLines, '')
        .replaceAll(/^ +$/gm, '')
        .trimEnd(),
    )
    .filter((document) => /^kind: /m.test(document) && !/^kind: Secret$/m.test(document));
}

/** What the chart gives for these components. */
export function renderComponents(enabled: readonly string[], namespace: string): string {
  const switches = components.map((name) => `${name}.enabled=${enabled.includes(name)}`);
  const secrets = [
    'admin.existingSecret=post2log-admin',
    'forward.existingSecret=post2log-forward',
    'exactlyOnce=true',
  ];
  const chart = join(import.meta.dirname, 'post2log');
  // The oldest that the chart is for: what it knows, later ones know too.
  const args = ['template', 'post2log', chart, '--namespace', namespace, '--kube-version', '1.28.0'];
  return execFileSync(process.env['HELM'] ?? 'helm', [...args, '--set', [...switches, ...secrets].join(',')], {
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
}

/** Documents of a component; the service account that several share belongs to each of them. */
function documentsOf(component: string, others: readonly string[]): string[] {
  return plain(renderComponents([component, ...others], 'logging')).filter((document) => {
    const owner = /app\.kubernetes\.io\/component: (\w+)/.exec(document)?.[1];
    return owner === component || (owner === undefined && component !== 'collector');
  });
}

function files(): Map<string, string> {
  const made = Object.entries(parts).map(([name, { component, others }]): [string, string] => {
    const secrets = [
      'post2log-admin',
      ...(others.length > 0 || component === 'aggregator' || component === 'explorer' ? ['post2log-forward'] : []),
    ];
    const head = `# Made by \`node deploy/helm/manifests.ts\` from the chart. Namespace: logging. Secrets that it needs: ${secrets.join(', ')};\n# see README.md here, or let \`post2log generate k8s\` make all of it.\n`;
    return [`${name}.yaml`, `${head}---\n${documentsOf(component, others).join('\n---\n')}\n`];
  });
  return new Map(made);
}

const directory = join(import.meta.dirname, '../manifests');

function main(isCheck: boolean): void {
  mkdirSync(directory, { recursive: true });
  const fresh = files();
  for (const name of readdirSync(directory)) {
    if (!name.endsWith('.yaml') || fresh.has(name)) continue;
    if (isCheck) throw new Error(`deploy/manifests/${name} is no component's: run node deploy/helm/manifests.ts`);
    rmSync(join(directory, name));
  }
  for (const [name, text] of fresh) {
    const path = join(directory, name);
    if (readFileSync(path, { encoding: 'utf8', flag: 'a+' }) === text) continue;
    if (isCheck)
      throw new Error(`deploy/manifests/${name} is not what the chart says: run node deploy/helm/manifests.ts`);
    writeFileSync(path, text);
  }
}

if (process.argv[1] === import.meta.filename) main(process.argv.includes('--check'));
