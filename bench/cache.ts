/** Where benchmarks keep what is costly to make: outside the checkout, so that a fresh clone can reuse it. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** `$XDG_CACHE_HOME/post2log`, else `~/.cache/post2log`. Not made yet. */
export const cacheDirectory = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'post2log');
