/** The http source and the http output, killed under load: what was answered 200 arrives. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import { freePort } from '../free-port.ts';

/** Kills of one run; each costs about a second. */
const kills = 5;
/** Records acknowledged between two of them, at least. */
const betweenKills = 150;

/** A server that takes NDJSON, and now and then says later or breaks off; its URL and what arrived. */
async function startTarget(t: TestContext): Promise<{ url: string; arrived: Set<number> }> {
  const arrived = new Set<number>();
  let requests = 0;
  const target = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('error', () => {});
    req.on('end', () => {
      requests++;
      if (requests % 7 === 3) return void res.writeHead(503).end();
      if (requests % 11 === 5) return void req.socket.destroy();
      for (const line of Buffer.concat(parts).toString().trimEnd().split('\n')) arrived.add(numberIn(line));
      res.end();
    });
  });
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  t.after(() => {
    target.closeAllConnections();
    target.close();
  });
  return { url: `http://127.0.0.1:${(target.address() as AddressInfo).port}/in`, arrived };
}

const numberIn = (line: string): number => (JSON.parse(line) as { n: number }).n;

const configText = (port: number, url: string, path: string): string => `<source>
  @type http
  bind 127.0.0.1
  port ${port}
</source>
<match app.**>
  @type copy
  <store>
    @type http
    endpoint ${url}
    <buffer>
      flush_mode immediate
      retry_wait 0.1
    </buffer>
  </store>
  <store>
    @type file
    path ${path}
    append true
    <format>
      @type json
    </format>
  </store>
</match>
`;

/** Requests of three records each, as an array or line by line, until it is stopped. */
class Load {
  readonly acknowledged: number[] = [];
  readonly doubtful = new Set<number>();
  readonly #url: string;
  #next = 0;
  constructor(url: string) {
    this.#url = url;
  }
  /** Sends on eight connections; resolves with what stops them. */
  start(): () => Promise<unknown> {
    let isOn = true;
    const loops = Array.from({ length: 8 }, async () => {
      while (isOn) await this.#send();
    });
    return () => {
      isOn = false;
      return Promise.all(loops);
    };
  }
  async #send(): Promise<void> {
    const own = [this.#next++, this.#next++, this.#next++];
    const isArray = this.#next % 2 === 0;
    const records = own.map((n) => ({ n }));
    const body = isArray ? JSON.stringify(records) : records.map((one) => JSON.stringify(one)).join('\n');
    const headers = { 'content-type': isArray ? 'application/json' : 'application/x-ndjson' };
    const answer = await fetch(this.#url, { method: 'POST', headers, body }).catch(() => undefined);
    if (answer?.status === 200) this.acknowledged.push(...own);
    else for (const n of own) this.doubtful.add(n);
  }
}

/** Numbers of the records in the files of a directory whose names begin with `out`. */
async function written(directory: string): Promise<number[]> {
  const names = (await readdir(directory)).filter((name) => name.startsWith('out'));
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  return texts.flatMap((text) => text.trimEnd().split('\n').map(numberIn));
}

test('every request that the http source answered 200 is delivered, also through the http output, across kill -9', async (t) => {
  const directory = await temporaryDirectory(t);
  const config = join(directory, 'post2log.conf');
  const port = await freePort();
  const { url, arrived } = await startTarget(t);
  await writeFile(config, configText(port, url, join(directory, 'out')));
  const started = { args: ['run', '--config', config], dataDir: join(directory, 'data') };
  const load = new Load(`http://127.0.0.1:${port}/app/test?time=1`);
  for (let round = 0; round < kills; round++) {
    const program = await (await startProgram(t, started)).ready();
    const enough = load.acknowledged.length + betweenKills;
    const stop = load.start();
    await until('load', () => load.acknowledged.length >= enough);
    await program.kill();
    await stop();
  }
  const last = await (await startProgram(t, started)).ready();
  await until('all to arrive', () => load.acknowledged.every((one) => arrived.has(one)));
  await until('all to be delivered', async () => (await last.status()).outputs.every(({ waiting }) => waiting === 0));
  assert.equal(await last.stop(), 0, last.stderr);
  const numbers = await written(directory);
  const inFile = new Set(numbers);
  assert.equal(inFile.size, numbers.length, 'a record is twice in the file');
  assert.deepEqual(
    load.acknowledged.filter((one) => !inFile.has(one)),
    [],
  );
  // What came through besides was under way when the program died: taken, and its answer lost.
  const known = new Set([...load.acknowledged, ...load.doubtful]);
  for (const one of [...inFile, ...arrived]) assert.ok(known.has(one));
});
