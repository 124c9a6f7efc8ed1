/** The helm program that renders the chart. */
import { helm } from '../services/kubernetes-tools.ts';

/** @throws with what to do */
export async function findHelm(): Promise<string> {
  const named = process.env['HELM'];
  if (named !== undefined) return named;
  await helm.install(600_000);
  return helm.path;
}
