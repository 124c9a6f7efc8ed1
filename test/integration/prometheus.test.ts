/** Fluentd's monitoring plugins in the real program. */
import assert from 'node:assert/strict';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import { freePort } from '../free-port.ts';

const configOf = (directory: string, ports: readonly number[]): string => `<source>
  @type prometheus
  port ${ports[0]}
</source>
<source>
  @type prometheus_monitor
</source>
<source>
  @type prometheus_output_monitor
</source>
<source>
  @type monitor_agent
  bind 127.0.0.1
  port ${ports[1]}
</source>
<source>
  @type tail
  @id in
  path ${directory}/in.log
  pos_file ${directory}/pos
  tag app.web
  read_from_head true
  <parse>
    @type json
  </parse>
</source>
<filter app.**>
  @type prometheus
  <metric>
    name app_bytes_total
    type counter
    desc Bytes of answers
    key bytes
    <labels>
      level $.level
    </labels>
  </metric>
</filter>
<match app.**>
  @type copy
  <store>
    @type null
    @id first
  </store>
  <store>
    @type prometheus
    @id second
    <metric>
      name app_records_total
      type counter
      desc Records
    </metric>
  </store>
</match>
`;

for (const workers of ['1', '2'])
  test(`${workers} workers: metrics over records, of outputs, and the plugins that run`, async (t) => {
    const directory = await temporaryDirectory(t);
    const [metricsPort, agentPort] = [await freePort(), await freePort()];
    const configPath = join(directory, 'fluent.conf');
    const input = join(directory, 'in.log');
    await writeFile(input, '');
    await writeFile(configPath, configOf(directory, [metricsPort, agentPort]));
    const program = await startProgram(t, {
      args: ['run', '--config', configPath],
      env: { P2L_STORE: 'off', P2L_WORKERS: workers },
    });
    await program.ready();
    await appendFile(input, '{"bytes":5,"level":"a"}\n{"bytes":7,"level":"a"}\n{"bytes":1,"level":"b"}\n');
    const metrics = async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    // What several processes and plugins say is not asked for at the same moment.
    const said = [
      /^app_records_total 3$/m,
      /^fluentd_status_buffer_queue_length\{plugin_id="first",plugin_category="output",type="null"\} 0$/m,
      /^records_received_total\{source="in"[^}]*\} 3$/m,
      /^fluentd_output_status_emit_records\{plugin_id="second",type="prometheus"\} 3$/m,
    ];
    const text = await until('the records in all that counts them, and an empty queue', async () => {
      const found = await metrics();
      return said.every((one) => one.test(found)) && found;
    });
    assert.match(text, /^app_bytes_total\{level="a"\} 12$/m);
    assert.match(text, /^app_bytes_total\{level="b"\} 1$/m);
    const agent = await fetch(`http://127.0.0.1:${agentPort}/api/plugins.json`);
    const { plugins } = (await agent.json()) as { plugins: { plugin_id: string; emit_records?: number }[] };
    assert.deepEqual(
      plugins
        .filter(({ plugin_id: id }) => ['in', 'first'].includes(id))
        .map((one) => [one.plugin_id, one.emit_records]),
      [
        ['in', 3],
        ['first', 3],
      ],
    );
    // Gone with a configuration that does not have them.
    await writeFile(
      configPath,
      `<source>\n  @type http\n  port ${await freePort()}\n  bind 127.0.0.1\n</source>\n<match **>\n  @type null\n  @id first\n</match>\n`,
    );
    program.child.kill('SIGHUP');
    await until('the agent to be gone', () =>
      fetch(`http://127.0.0.1:${agentPort}/`).then(
        () => false,
        () => true,
      ),
    );
    assert.equal(await program.stop(), 0, program.stderr);
  });
