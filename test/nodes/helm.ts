/** The helm program that renders the chart. */
import { helm, whyNoTool } from '../services/kubernetes-tools.ts';

/** Why nothing can be rendered; false where it can. */
export function whyNoHelm(): string | false {
  return process.env['HELM'] === undefined && whyNoTool(helm);
}

export function helmProgram(): string {
  return process.env['HELM'] ?? helm.path;
}
