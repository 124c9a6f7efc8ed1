/** `post2log query` in indices of Elasticsearch or OpenSearch, where no program runs that could be asked. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Place } from '../admin/api/asking.ts';
import { readEnv } from '../config/env.ts';
import { ConfigError, isError } from '../core/errors.ts';
import type { OpenAsked } from './query.ts';

/** Undefined: the store is meant. @throws ConfigError for variables that are wrong, and where indices are meant and none are named */
export async function openIndexAsked(dataDirectory: string, place: Place | undefined): Promise<OpenAsked | undefined> {
  if (place === 'store') return undefined;
  const { settings, problems } = readEnv(process.env);
  const errors = problems.filter((problem) => isError(problem) && problem.text.startsWith('P2L_EXPLORER_'));
  if (errors.length > 0) throw new ConfigError(errors);
  if (settings.explorerUrl === undefined) {
    if (place === undefined) return undefined;
    throw new ConfigError([{ at: undefined, text: '--in index: no indices are named; set P2L_EXPLORER_URL' }]);
  }
  // As the running program has it: the store, where there is one.
  const hasStore =
    place === undefined && (await stat(join(dataDirectory, 'store')).catch(() => undefined)) !== undefined;
  if (hasStore) return undefined;
  const { openIndex } = await import('../elasticsearch/open.ts');
  const index = await openIndex(settings);
  return index && { queries: index.queries, close: () => Promise.resolve(index.close()) };
}
