/** The two programs of the forward crash test, and the load that goes through both. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { originsOption } from '../../src/codecs/forward-handshake.ts';
import { realClock } from '../../src/core/clock.ts';
import { MsgpackWriter, encodeMsgpack } from '../../src/core/msgpack.ts';
import { packOrigins } from '../../src/core/origin.ts';
import type { Value } from '../../src/core/record.ts';
import { ForwardClient } from '../../src/outputs/forward/client.ts';
import { Post2log } from '../../bench/post2log.ts';
import type { Status } from '../../bench/post2log.ts';
import { wait } from '../../bench/program.ts';
import { freePort } from '../free-port.ts';

/** A program that is started again and again on one data directory. */
export class End {
  readonly dataDirectory: string;
  readonly #directory: string;
  readonly #store: 'on' | 'off';
  readonly #adminPort: number;
  readonly #configPath: string;
  #running: Post2log | undefined;
  #isExpectedToEnd = false;
  /** How often it ended though nobody had killed it. */
  readonly ownDeaths: string[] = [];

  private constructor(directory: string, config: string, store: 'on' | 'off', adminPort: number) {
    this.#store = store;
    mkdirSync(directory, { recursive: true });
    this.#directory = directory;
    this.dataDirectory = join(directory, 'data');
    this.#configPath = join(directory, 'fluent.conf');
    this.#adminPort = adminPort;
    writeFileSync(this.#configPath, config);
  }
  static async make(directory: string, config: string, store: 'on' | 'off'): Promise<End> {
    return new End(directory, config, store, await freePort());
  }
  async start(): Promise<void> {
    this.#isExpectedToEnd = false;
    const post2log = await Post2log.start(
      {
        dataDirectory: this.dataDirectory,
        workDirectory: this.#directory,
        stdout: 'ignore',
        env: { P2L_STORE: this.#store },
        shellCommand: `exec bin/post2log run --config '${this.#configPath}'`,
      },
      { port: 1, adminPort: this.#adminPort },
    );
    this.#running = post2log;
    void post2log.program.exited.then(({ code, signal }) => {
      if (this.#running === post2log && !this.#isExpectedToEnd) this.ownDeaths.push(`code ${code}, signal ${signal}`);
    });
  }
  async ready(): Promise<void> {
    await this.#running?.ready;
  }
  /** SIGKILL to all its processes; resolves when none of them holds its standard error any more. */
  async kill(): Promise<void> {
    const program = this.#running?.program;
    if (!program) return;
    this.#isExpectedToEnd = true;
    program.signalGroup('SIGKILL');
    await program.exited;
  }
  status(): Promise<Status | undefined> {
    return this.#running?.status() ?? Promise.resolve(undefined);
  }
  /** Ends it in order; its exit code. */
  async stop(): Promise<number | null> {
    this.#isExpectedToEnd = true;
    return (await this.#running?.program.stop(30_000))?.code ?? null;
  }
}

/** A certificate of localhost that vouches for itself. */
function makeCertificate(directory: string): { cert: string; key: string } {
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout ${key} -out ${cert}`;
  execFileSync('openssl', words.split(' '), { stdio: 'ignore' });
  return { cert, key };
}

/** load → sender → (TLS, shared key, acknowledgements) → receiver → its store. */
export async function makeEnds(directory: string): Promise<{ sender: End; receiver: End; port: number }> {
  const { cert, key } = makeCertificate(directory);
  const [senderPort, receiverPort] = [await freePort(), await freePort()];
  const receiver = await End.make(
    join(directory, 'receiver'),
    `<source>
  @type forward
  bind localhost
  port ${receiverPort}
  <transport tls>
    cert_path ${cert}
    private_key_path ${key}
  </transport>
  <security>
    self_hostname receiver
    shared_key crash
  </security>
</source>
<match **>
  @type store
</match>
`,
    'on',
  );
  const sender = await End.make(
    join(directory, 'sender'),
    `<source>
  @type forward
  port ${senderPort}
</source>
<match **>
  @type forward
  @id out
  transport tls
  tls_ca_cert_path ${cert}
  exactly_once true
  require_ack_response true
  ack_response_timeout 20s
  heartbeat_type none
  keepalive true
  <security>
    self_hostname sender
    shared_key crash
  </security>
  <server>
    host localhost
    port ${receiverPort}
  </server>
  <buffer tag>
    flush_mode interval
    flush_interval 0.1
    chunk_limit_records 5000
    retry_wait 0.2
    retry_max_interval 1
  </buffer>
</match>
`,
    'off',
  );
  return { sender, receiver, port: senderPort };
}

const packetRecords = 500;
const never = new AbortController().signal;

/** Sends records 0, 1, 2 … and sends again what was not acknowledged, with the same origins. */
export class ForwardLoad {
  readonly #port: number;
  readonly #records: number;
  /** It sends no record from this one on. */
  limit = 0;
  acknowledged = 0;
  /** Messages sent again. */
  again = 0;
  #isStopped = false;

  constructor(port: number, records: number) {
    this.#port = port;
    this.#records = records;
  }
  stop(): void {
    this.#isStopped = true;
  }
  /** Resolves when all are acknowledged, or after stop(). */
  async run(): Promise<void> {
    let client: ForwardClient | undefined;
    while (this.acknowledged < this.#records && !this.#isStopped) {
      if (this.acknowledged >= this.limit) {
        await wait(5);
        continue;
      }
      const count = Math.min(packetRecords, this.#records - this.acknowledged);
      try {
        client ??= await this.#connect();
        const chunk = `${this.acknowledged}\n`;
        await client.send([packet(this.acknowledged, count, chunk)]);
        await client.acknowledged(chunk);
        this.acknowledged += count;
      } catch {
        this.again++;
        client?.destroy();
        client = undefined;
        await wait(20);
      }
    }
    client?.end();
  }
  #connect(): Promise<ForwardClient> {
    const place = { address: '127.0.0.1', port: this.#port, name: undefined };
    const timeouts = { connectTimeoutMs: 5000, sendTimeoutMs: 20_000, ackTimeoutMs: 20_000, hardTimeoutMs: 5000 };
    const settings = {
      clock: realClock,
      keepAlivePacket: false,
      tls: undefined,
      isSelfSignedAllowed: false,
      ...timeouts,
    };
    return ForwardClient.open(place, undefined, settings, never);
  }
}

function packet(first: number, count: number, chunk: string): Buffer {
  const writer = new MsgpackWriter();
  for (let n = first; n < first + count; n++) {
    writer.shortArray(2);
    writer.eventTime(1_709_618_828 + Math.floor(n / 1000), n % 1000);
    writer.value({ n, text: `record ${n} on its way through two programs` });
  }
  const run = { stream: 'load.0', rows: count, offset: first, ordinal: -1, before: 0, after: 0 };
  const origins = packOrigins([run]) as unknown as Value;
  return encodeMsgpack([
    'crash.forward',
    new Uint8Array(writer.take()),
    { size: count, chunk, [originsOption]: origins },
  ]);
}
