/** `post2log explorer`: the admin server alone, over indices of Elasticsearch or OpenSearch. It receives and keeps nothing. */
import { register, collectDefaultMetrics } from 'prom-client';
import { RequestError } from '../admin/api/failures.ts';
import type { AdminBackend } from '../admin/backend.ts';
import { startAdminServer } from '../admin/server.ts';
import { readEnv } from '../config/env.ts';
import { ConfigError, formatProblem, isError } from '../core/errors.ts';
import { createLog } from '../core/log.ts';
import { version } from '../core/version.ts';
import { openIndex } from '../elasticsearch/open.ts';
import type { OpenIndex } from '../elasticsearch/open.ts';

/** Runs until SIGTERM or SIGINT; resolves with the exit code. @throws ConfigError, OperatingError */
export async function explore(): Promise<number> {
  const { settings, problems } = readEnv(process.env);
  const errors = problems.filter(isError);
  if (settings.explorerUrl === undefined)
    errors.push({ at: undefined, text: 'explorer: P2L_EXPLORER_URL names no Elasticsearch or OpenSearch to search' });
  if (settings.adminPort === 'off')
    errors.push({ at: undefined, text: 'explorer: P2L_ADMIN_PORT=off leaves nothing to run; give it a port' });
  if (errors.length > 0) throw new ConfigError(errors);
  for (const warning of problems) process.stderr.write(`${formatProblem(warning)}\n`);
  const log = createLog(settings.logLevel);
  const index = await openIndex(settings);
  if (!index) throw new Error('an URL that is set opens an index');
  collectDefaultMetrics();
  const { adminHost: host, adminPort: port, adminToken: token, adminUsers: usersPath } = settings;
  const options = { host, port: port === 'off' ? undefined : port, token, usersPath, socketPath: undefined };
  const admin = await startAdminServer(options, backendOf(index), log);
  process.stderr.write(
    `post2log ${version} is ready\n  explorer   ${admin.url ?? ''}\n  searches   ${index.pattern} at ${index.place}\n`,
  );
  await stopped();
  await admin.close();
  index.close();
  return 0;
}

/** Resolves at the first signal; a second one ends the process at once. */
function stopped(): Promise<void> {
  return new Promise((resolve) => {
    let isAsked = false;
    const ask = (): void => {
      if (isAsked) process.exit(1);
      isAsked = true;
      resolve();
    };
    process.on('SIGTERM', ask);
    process.on('SIGINT', ask);
  });
}

/** A program that receives nothing, and has something to search. */
function backendOf(index: OpenIndex): AdminBackend {
  const startedMs = Date.now();
  const router = {
    id: '@router',
    type: 'router',
    state: 'running' as const,
    delivered: 0,
    refused: {},
    passed: 0,
    derived: 0,
    waiting: 0,
    queuedBytes: 0,
    lagMs: 0,
    lastError: undefined,
    nextTryMs: undefined,
  };
  return {
    status: () =>
      Promise.resolve({
        version,
        generation: 0,
        startedMs,
        appended: 0,
        journal: { bytes: 0, bytesMax: 0, shards: 0, isFull: false },
        outputs: [],
        router,
        processes: [{ role: 'explorer', pid: process.pid, restarts: 0 }],
      }),
    metricsText: () => register.metrics(),
    targets: () => [],
    // A server that is away is told to whoever searches; restarting this program would not bring it back.
    notReady: () => Promise.resolve([]),
    reload: () => Promise.reject(new RequestError(409, 'the explorer has no configuration to read; start it again')),
    dropOutput: () => Promise.resolve(undefined),
    deadLetters: () => Promise.resolve([]),
    deadLetter: () => Promise.resolve(undefined),
    replayDeadLetters: () => Promise.resolve(0),
    dropDeadLetters: () => Promise.resolve(0),
    store: () => undefined,
    storeState: () => ({ state: 'off', waiting: 0, lastError: undefined }),
    index: () => index,
    receivingPaths: () => ({}),
  };
}
