/** Entry: turns on the compile cache, so that a second start is fast, and hands the arguments to the command line. */
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

// Failing (a read-only home) only costs start time; Node says nothing then and neither do we.
enableCompileCache(
  process.env['NODE_COMPILE_CACHE'] ??
    join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'post2log', 'compile'),
);

const { runCommandLine } = await import('./cli/command-line.ts');
await runCommandLine(process.argv.slice(2));
