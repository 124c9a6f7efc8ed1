/**
 * The monitoring server with the paths that Fluent Bit's `HTTP_Server` has, for dashboards and probes that know those.
 * It runs while a configuration asks for it, on an address of its own. Source: Fluent Bit 5.1 src/http_server/api.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { closeServer, http } from '../core/node-http.ts';
import type { MonitorModel } from '../config/model.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { OperatingError, errorText, systemCode } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { version } from '../core/version.ts';
import { isForeign } from './auth.ts';
import type { AdminBackend } from './backend.ts';
import { labelText, monitorCounts, plainText, prometheusText } from './monitor-counts.ts';
import type { MonitorCounts } from './monitor-counts.ts';

export interface MonitorOptions {
  readonly backend: Pick<AdminBackend, 'status' | 'metricsText' | 'reload'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Plugins by kind, as Fluent Bit's configurations name them. */
  readonly plugins: {
    readonly inputs: readonly string[];
    readonly filters: readonly string[];
    readonly outputs: readonly string[];
  };
}

/** The version whose paths and names these are. */
const followed = '5.1.1';
/** Failures are counted this often; Fluent Bit's metrics come once a second. */
const healthIntervalMs = 1000;

interface Answer {
  readonly status: number;
  readonly type: 'application/json' | 'text/plain' | 'text/plain; version=0.0.4';
  readonly body: string;
}

export class Monitor {
  readonly #options: MonitorOptions;
  readonly #startedMs: number;
  #server: Server | undefined;
  #model: MonitorModel | undefined;
  #health: Health | undefined;
  #reloads = 0;
  #isReloading = false;

  constructor(options: MonitorOptions) {
    this.#options = options;
    this.#startedMs = options.clock.nowMs();
  }
  /** Listens as a configuration says, or no longer. @throws OperatingError LISTEN_FAILED */
  async use(model: MonitorModel | undefined): Promise<void> {
    const before = this.#model;
    this.#model = model;
    this.#health?.stop();
    this.#health = model?.health && new Health(this.#options.clock, model.health, () => this.#counts());
    if (this.#server && model && before?.host === model.host && before.port === model.port) return;
    await this.#close();
    if (model) await this.#listen(model);
  }
  /** Port it listens on; undefined: it does not. */
  get port(): number | undefined {
    return (this.#server?.address() as AddressInfo | null)?.port;
  }
  close(): Promise<void> {
    return this.use(undefined);
  }

  async #listen({ host, port }: MonitorModel): Promise<void> {
    const server = http.createServer((request, response) => void this.#serve(request, response));
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, resolve);
      });
    } catch (error) {
      throw new OperatingError(
        'LISTEN_FAILED',
        `listening for HTTP_Server on ${host}:${port}: ${systemCode(error) ?? errorText(error)}; write another HTTP_Port`,
        { cause: error },
      );
    }
    server.on('error', (error) => this.#options.log.error(`accepting connections of HTTP_Server: ${errorText(error)}`));
    server.unref();
    this.#server = server;
  }
  async #close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    await closeServer(server);
  }
  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    let answer: Answer;
    try {
      answer = await this.#answer(request);
    } catch (error) {
      this.#options.log.error(`answering ${request.url ?? ''} of HTTP_Server: ${errorText(error)}`);
      answer = { status: 500, type: 'text/plain', body: '' };
    }
    const allow = answer.status === 405 ? { Allow: 'GET, POST, PUT' } : {};
    response.writeHead(answer.status, { 'Content-Type': answer.type, 'X-Content-Type-Options': 'nosniff', ...allow });
    response.end(answer.body);
  }
  #answer(request: IncomingMessage): Answer | Promise<Answer> {
    const path = (request.url ?? '').replace(/\?.*$/s, '');
    if (path === '/api/v2/reload') return this.#reload(request);
    const model = this.#model;
    switch (path) {
      case '/':
        return json({ 'fluent-bit': { version: followed, edition: `post2log ${version}`, flags: [] } });
      case '/api/v1/uptime':
        return json(uptime(Math.floor((this.#options.clock.nowMs() - this.#startedMs) / 1000)));
      case '/api/v1/plugins':
        return json({ plugins: this.#options.plugins });
      case '/api/v1/metrics':
        return this.#counts().then(json);
      case '/api/v1/metrics/prometheus':
        return this.#prometheus(true);
      case '/api/v2/metrics/prometheus':
        return this.#prometheus(false);
      case '/api/v2/metrics':
        return this.#plain();
      case '/api/v1/health':
      case '/api/v2/health':
        return this.#health ? this.#health.state().then((state) => healthAnswer(path, state)) : notFound;
      case '/api/v1/storage':
        return model?.tellsStorage === true ? this.#storage(model) : notFound;
      default:
        return notFound;
    }
  }
  async #counts(): Promise<MonitorCounts> {
    const model = this.#model;
    if (!model) return { input: {}, filter: {}, output: {} };
    return monitorCounts(await this.#options.backend.metricsText(), model);
  }
  async #prometheus(isFirst: boolean): Promise<Answer> {
    const nowMs = this.#options.clock.nowMs();
    const seconds = Math.floor((nowMs - this.#startedMs) / 1000);
    const started = Math.floor(this.#startedMs / 1000);
    const own = isFirst ? '' : `{hostname="${labelText(hostname())}"}`;
    const prefix = isFirst ? '' : 'fluentbit_';
    const body = [
      prometheusText(await this.#counts(), isFirst ? nowMs : undefined),
      family('fluentbit_uptime', 'counter', 'Number of seconds that Fluent Bit has been running.', own, seconds),
      family(
        `${prefix}process_start_time_seconds`,
        'gauge',
        'Start time of the process since unix epoch in seconds.',
        own,
        started,
      ),
      family(
        'fluentbit_build_info',
        'gauge',
        'Build version information.',
        `{version="${followed}",edition="post2log ${version}"}`,
        1,
      ),
      ...(isFirst
        ? []
        : [
            family(
              'fluentbit_hot_reloaded_times',
              'gauge',
              'Collect the count of hot reloaded times.',
              own,
              this.#reloads,
            ),
          ]),
    ];
    return { status: 200, type: 'text/plain; version=0.0.4', body: body.join('') };
  }
  async #plain(): Promise<Answer> {
    const now = new Date(this.#options.clock.nowMs()).toISOString();
    return { status: 200, type: 'text/plain', body: plainText(await this.#counts(), now) };
  }
  /** What waits is in the journal: its shards are the chunks, all of them on disk. */
  async #storage({ sources }: MonitorModel): Promise<Answer> {
    const { journal } = await this.#options.backend.status();
    const chunks = {
      total_chunks: journal.shards,
      mem_chunks: 0,
      fs_chunks: journal.shards,
      fs_chunks_up: journal.shards,
      fs_chunks_down: 0,
    };
    const input = {
      status: { overlimit: journal.isFull, mem_size: '0b', mem_limit: '0b' },
      chunks: { total: 0, up: 0, down: 0, busy: 0, busy_size: '0b' },
    };
    const inputs = Object.fromEntries(Object.keys(sources).map((name) => [name, input]));
    return json({ storage_layer: { chunks }, input_chunks: inputs });
  }
  async #reload(request: IncomingMessage): Promise<Answer> {
    if (request.method === 'GET') return json({ hot_reload_count: this.#reloads });
    if (request.method !== 'POST' && request.method !== 'PUT') return { ...notFound, status: 405 };
    // A page of another site may make a browser post here.
    if (isForeign(request.headers)) return { ...notFound, status: 403 };
    if (this.#model?.canReload !== true) return json({ reload: 'not enabled', status: -1 });
    if (this.#isReloading) return json({ reload: 'in progress', status: -2 }, 400);
    this.#isReloading = true;
    try {
      await this.#options.backend.reload();
      this.#reloads++;
      return json({ reload: 'done', status: 0 });
    } catch (error) {
      this.#options.log.error(`reading the configuration again: ${errorText(error)}; the running one goes on.`);
      return json({ reload: 'failed', status: -4, error: errorText(error) }, 400);
    } finally {
      this.#isReloading = false;
    }
  }
}

const notFound: Answer = { status: 404, type: 'text/plain', body: '' };

function json(value: unknown, status = 200): Answer {
  return { status, type: 'application/json', body: JSON.stringify(value) };
}

function family(name: string, type: string, help: string, labels: string, value: number): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name}${labels} ${value}\n`;
}

/** In the words of Fluent Bit, two blanks included. */
function uptime(seconds: number): { readonly uptime_sec: number; readonly uptime_hr: string } {
  const parts = [
    [Math.floor(seconds / 86_400), 'day'],
    [Math.floor(seconds / 3600) % 24, 'hour'],
    [Math.floor(seconds / 60) % 60, 'minute'],
    [seconds % 60, 'second'],
  ] as const;
  const [days, hours, minutes, rest] = parts.map(([count, word]) => `${count} ${word}${count > 1 ? 's' : ''}`);
  return { uptime_sec: seconds, uptime_hr: `Fluent Bit has been running:  ${days}, ${hours}, ${minutes} and ${rest}` };
}

interface HealthState {
  readonly errors: number;
  readonly retriesFailed: number;
  readonly limits: NonNullable<MonitorModel['health']>;
}

function healthAnswer(path: string, { errors, retriesFailed, limits }: HealthState): Answer {
  const isWell = errors <= limits.errorsMax && retriesFailed <= limits.retriesFailedMax;
  const status = isWell ? 200 : 500;
  if (path === '/api/v1/health') return { status, type: 'text/plain', body: isWell ? 'ok\n' : 'error\n' };
  const state = {
    status: isWell ? 'ok' : 'error',
    errors,
    retries_failed: retriesFailed,
    error_limit: limits.errorsMax,
    retry_failure_limit: limits.retriesFailedMax,
    period_limit: limits.periodSeconds,
  };
  return json(state, status);
}

/** Failures of the last seconds: what is counted now less what was counted when the period began. */
class Health {
  readonly #clock: Clock;
  readonly #limits: HealthState['limits'];
  readonly #counts: () => Promise<MonitorCounts>;
  /** Oldest first; the first one is where the period begins. */
  #samples: { readonly atMs: number; readonly errors: number; readonly retriesFailed: number }[] = [];
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(clock: Clock, limits: HealthState['limits'], counts: () => Promise<MonitorCounts>) {
    this.#clock = clock;
    this.#limits = limits;
    this.#counts = counts;
    this.#wait();
  }
  async state(): Promise<HealthState> {
    const { errors, retriesFailed } = await this.#sample();
    const first = this.#samples[0] ?? { errors, retriesFailed };
    return {
      errors: errors - first.errors,
      retriesFailed: retriesFailed - first.retriesFailed,
      limits: this.#limits,
    };
  }
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }
  #wait(): void {
    void this.#sample()
      .then((sample) => {
        const fromMs = sample.atMs - this.#limits.periodSeconds * 1000;
        this.#samples = [...this.#samples.filter(({ atMs }) => atMs >= fromMs), sample];
      })
      // Counts that cannot be had now are had in a second.
      .catch(() => undefined)
      .then(() => {
        if (!this.#isStopped) this.#timer = this.#clock.after(healthIntervalMs, () => this.#wait());
      });
  }
  async #sample() {
    const outputs = Object.values((await this.#counts()).output);
    const sum = (name: string): number => outputs.reduce((total, counts) => total + (counts[name] ?? 0), 0);
    return { atMs: this.#clock.monotonicMs(), errors: sum('errors'), retriesFailed: sum('retries_failed') };
  }
}
