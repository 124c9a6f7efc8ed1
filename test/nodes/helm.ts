/** The helm program that renders the chart. */
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../services/contract.ts';

/** @throws with what to do */
export async function findHelm(): Promise<string> {
  const named = process.env['HELM'];
  const found = [...(named === undefined ? [] : [named]), ...globSync(join(cacheDirectory(), 'helm-*'))].find(
    existsSync,
  );
  if (found === undefined) throw new Error('there is no helm: name one in HELM');
  return found;
}
