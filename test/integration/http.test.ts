/** The http source and the http output, killed under load: what was answered 200 arrives. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort, startProgram, temporaryDirectory, until } from '../program.ts';

/** Kills of one run; each costs about a second. */
const kills = 5;

test('every request that the http source answered 200 is delivered, also through the http output, across kill -9', async (t) => {
  const directory = await temporaryDirectory(t);
  const dataDir = join(directory, 'data');
  const port = await freePort();
  const arrived = new Map<number, number>();
  let answers = 0;
  const target = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('error', () => {});
    req.on('end', () => {
      // Some say later, some break off, one refuses what it does not know: nothing of it may lose a record.
      answers++;
      if (answers % 7 === 3) return void res.writeHead(503).end();
      if (answers % 11 === 5) return void req.socket.destroy();
      const lines = Buffer.concat(parts).toString().trimEnd().split('\n');
      for (const line of lines) {
        const { n } = JSON.parse(line) as { n: number };
        arrived.set(n, (arrived.get(n) ?? 0) + 1);
      }
      res.end();
    });
  });
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  t.after(() => {
    target.closeAllConnections();
    target.close();
  });
  const config = join(directory, 'post2log.conf');
  const endpoint = `http://127.0.0.1:${(target.address() as AddressInfo).port}/in`;
  await writeFile(
    config,
    `<source>
  @type http
  bind 127.0.0.1
  port ${port}
</source>
<match app.**>
  @type copy
  <store>
    @type http
    endpoint ${endpoint}
    <buffer>
      flush_mode immediate
      retry_wait 0.1
    </buffer>
  </store>
  <store>
    @type file
    path ${join(directory, 'out')}
    append true
    <format>
      @type json
    </format>
  </store>
</match>
`,
  );
  const acknowledged: number[] = [];
  const doubtful = new Set<number>();
  let n = 0;
  const send = async (): Promise<void> => {
    const own = [n++, n++, n++];
    const [body, type] =
      (own[0] ?? 0) % 2 === 0
        ? [JSON.stringify(own.map((one) => ({ n: one }))), 'application/json']
        : [own.map((one) => JSON.stringify({ n: one })).join('\n'), 'application/x-ndjson'];
    const status = await fetch(`http://127.0.0.1:${port}/app/test?time=1`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    }).then(
      (answer) => answer.status,
      () => undefined,
    );
    if (status === 200) acknowledged.push(...own);
    else for (const one of own) doubtful.add(one);
  };
  for (let round = 0; round < kills; round++) {
    const program = await startProgram(t, { args: ['run', '--config', config], dataDir });
    await program.ready();
    const enough = acknowledged.length + 150;
    let isOn = true;
    const loops = Array.from({ length: 8 }, async () => {
      while (isOn) await send();
    });
    await until('load', () => acknowledged.length >= enough);
    await program.kill();
    isOn = false;
    await Promise.all(loops);
  }
  const last = await (await startProgram(t, { args: ['run', '--config', config], dataDir })).ready();
  await until('all to arrive', () => acknowledged.every((one) => arrived.has(one)));
  assert.equal(await last.stop(), 0, last.stderr);
  const names = (await readdir(directory)).filter((name) => name.startsWith('out'));
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  const written = texts
    .flatMap((text) => text.trimEnd().split('\n'))
    .map((line) => (JSON.parse(line) as { n: number }).n);
  assert.equal(new Set(written).size, written.length, 'a record is twice in the file');
  const inFile = new Set(written);
  assert.deepEqual(
    acknowledged.filter((one) => !inFile.has(one)),
    [],
  );
  // What came through besides was under way when the program died: taken, and its answer lost.
  for (const one of [...inFile, ...arrived.keys()])
    assert.ok(one < n && (acknowledged.includes(one) || doubtful.has(one)));
  assert.ok(acknowledged.length >= kills * 150);
});
