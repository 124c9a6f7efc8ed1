/** Whether outputs' targets answer, as the running program tells it. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { atEnd, startProgram, temporaryDirectory, until } from '../program.ts';
import { freePort } from '../free-port.ts';

interface Target {
  readonly output: string;
  readonly answers?: boolean;
  readonly sinceMs?: number;
  readonly said?: string;
}

test('/readyz and the status tell of a target that is gone, and of one that is back; both are ready', async (context) => {
  const [port, own] = [await freePort(), await freePort()];
  const path = join(await temporaryDirectory(context), 'post2log.conf');
  await writeFile(
    path,
    `<source>
  @type postback
  host 127.0.0.1
  port ${own}
</source>
<match **>
  @type http
  @id there
  endpoint http://127.0.0.1:${port}/
  <buffer>
    flush_interval 0.1
    retry_max_interval 1
  </buffer>
</match>
`,
  );
  const program = await startProgram(context, { args: ['run', '--config', path], env: { P2L_PORT: String(own) } });
  await program.ready();
  const target = async (): Promise<Target | undefined> => {
    const answer = await fetch(`${program.adminUrl}/readyz`);
    assert.equal(answer.status, 200);
    return ((await answer.json()) as { targets: Target[] }).targets.find(({ output }) => output === 'there');
  };
  // Nothing was sent yet: it is asked.
  const asked = await until('the target to be asked', async () => {
    const found = await target();
    return found?.answers === false && found;
  });
  assert.match(asked.said ?? '', /ECONNREFUSED.*; is the server running, and the port right\?/);
  assert.ok((asked.sinceMs ?? 0) > 0);
  assert.equal((await program.post('/postback', '{"n":1}')).status, 200);
  const server = createServer((_request, response) => response.end('ok'));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  atEnd(context, () => new Promise((resolve) => server.close(resolve)));
  await until('the target to be back', async () => (await target())?.answers === true);
  const status = (await program.status()).outputs.find(({ id }) => id === 'there');
  assert.deepEqual([status?.target?.answers, status?.target?.said], [true, undefined]);
  server.closeAllConnections();
});
