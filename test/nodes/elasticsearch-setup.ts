/** The Job of the chart elasticsearch: its program, and what its values ask for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root } from '../files.ts';

const chart = join(root, 'deploy/helm/post2log/charts/elasticsearch');
export const setupPath = join(chart, 'files/setup.mjs');

/** As the chart's own values say, changed by `changes`. */
export function setupWanted(changes: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  const { setup } = parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as { setup: Record<string, unknown> };
  return { ...setup, ...changes };
}
