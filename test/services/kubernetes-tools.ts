/** What charts are rendered and checked with. */
import { existsSync } from 'node:fs';
import { buildGoProgram, goProgramPath, type GoProgram } from './go.ts';

export interface Tool {
  /** As `scripts/services get` takes it. */
  readonly name: string;
  readonly path: string;
  /** @throws with what to do */
  install(): Promise<void>;
}

function built(program: GoProgram): Tool {
  return {
    name: program.name,
    path: goProgramPath(program),
    install: () => buildGoProgram(program),
  };
}

const kubernetesOfHelm = (major: string, minor: string): Record<string, string> => ({
  'helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor': major,
  'helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor': minor,
  'helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor': major,
  'helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor': minor,
});

export const helm: Tool = built({
  name: 'helm',
  version: '3.22.0',
  package: 'helm.sh/helm/v3/cmd/helm',
  variables: {
    'helm.sh/helm/v3/internal/version.version': 'v3.22.0',
    // The cluster that it believes in without one: that of its client-go. Charts that ask for a version are refused otherwise.
    ...kubernetesOfHelm('1', '37'),
  },
});

export const kubeconform: Tool = built({
  name: 'kubeconform',
  version: '0.8.0',
  package: 'github.com/yannh/kubeconform/cmd/kubeconform',
  variables: { 'main.version': 'v0.8.0' },
});

/** Renders with the helm that is first on its PATH. Some ten minutes of two cores the first time. */
export const skaffold: Tool = built({
  name: 'skaffold',
  version: '2.16.1',
  package: 'github.com/GoogleContainerTools/skaffold/v2/cmd/skaffold',
  tags: ['osusergo', 'netgo', 'release', 'timetzdata'],
  variables: { 'github.com/GoogleContainerTools/skaffold/v2/pkg/skaffold/version.version': 'v2.16.1' },
});

/** Why there is no such tool; false where it is built. For `skip`. */
export function whyNoTool({ name, path }: Tool): string | false {
  return existsSync(path) ? false : `${name} is not built; "scripts/services get ${name}" builds it`;
}
