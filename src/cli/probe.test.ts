import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../config/load.ts';
import { Registry } from '../core/registry.ts';
import { builtinPlugins } from '../plugins.ts';
import { probeOutputs } from './probe.ts';

test('check --probe asks every target, and says of each what is wrong and what to do', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'post2log-probe-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const path = join(directory, 'f.conf');
  writeFileSync(
    path,
    `<match a>
  @type http
  @id there
  endpoint http://127.0.0.1:${port}/
</match>
<match b>
  @type http
  @id nowhere
  endpoint http://127.0.0.1:1/
  <secondary>
    @type secondary_file
    directory ${directory}
  </secondary>
</match>
<match **>
  @type stdout
</match>
`,
  );
  const registry = new Registry(builtinPlugins);
  const { model } = await loadConfig({ path, env: {}, registry });
  let said = '';
  assert.equal(await probeOutputs(model, registry, (text) => (said += text)), false);
  const lines = said.trimEnd().split('\n');
  assert.equal(lines[0], 'probe there: ok');
  assert.match(
    lines[1] ?? '',
    /^probe nowhere: FAILED: connecting to http:\/\/127\.0\.0\.1:1\/: .*ECONNREFUSED.*; is the server running/,
  );
  assert.equal(lines[2], 'probe nowhere, its secondary: ok, nothing to ask');
  assert.match(lines[3] ?? '', /^probe .*: ok, nothing to ask$/);
  assert.equal(lines.length, 4);
});
