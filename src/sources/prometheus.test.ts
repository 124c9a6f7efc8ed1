import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatingError } from '../core/errors.ts';
import { recordMetrics } from '../codecs/record-metrics/instruments.ts';
import { builtinPlugins } from '../plugins.ts';
import { contextOf, section } from '../../test/fixture.ts';
import { endpointOf, listening } from './endpoints/endpoint-fixture.ts';
import { prometheusSource } from './prometheus.ts';

test('the program’s metrics and those over records, at both paths', async (t) => {
  const context = contextOf(builtinPlugins);
  const metric = recordMetrics(context).metric({ name: 'seen', type: 'counter', help: 'Seen' });
  metric.take(3, [['a', 'b']]);
  const ask = await listening(t, prometheusSource, {}, {}, context);
  for (const path of ['/metrics', '/aggregated_metrics?x=1']) {
    const answer = await ask(path);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    assert.equal(await answer.text(), 'own_metric 1\n# TYPE seen counter\n# HELP seen Seen\nseen{a="b"} 3\n');
  }
  assert.equal((await ask('/other')).status, 404);
  assert.equal((await ask('/metrics', { method: 'POST' })).status, 405);
  assert.equal(await (await ask('/metrics', { method: 'HEAD' })).text(), '');
});

test('its own paths, and packed answers', async (t) => {
  const ask = await listening(t, prometheusSource, { metricsPath: '/m', contentEncoding: 'gzip' });
  const answer = await ask('/m');
  assert.equal(answer.headers.get('content-encoding'), 'gzip');
  assert.equal(await answer.text(), 'own_metric 1\n');
  assert.equal((await ask('/metrics')).status, 404);
});

test('a port that is taken is an error that says what to do', async (t) => {
  const first = endpointOf(prometheusSource, { port: 0 });
  await first.start();
  t.after(() => first.stop());
  const { port } = first as unknown as { readonly port: number };
  await assert.rejects(endpointOf(prometheusSource, { port }).start(), (error) => {
    assert.ok(error instanceof OperatingError && error.code === 'LISTEN_FAILED');
    assert.match(error.message, /EADDRINUSE; write another bind or port/);
    return true;
  });
});

test('TLS needs certificates; both ways to write it at once are an error', () => {
  const ssl = section({ enable: true, certificatePath: 'a', privateKeyPath: 'b' });
  const make = (sections: Parameters<typeof endpointOf>[2]) => () => endpointOf(prometheusSource, {}, sections);
  make({ ssl: [ssl] })();
  assert.throws(make({ ssl: [section({ enable: true })] }), /needs certificate_path and private_key_path/);
  assert.throws(
    make({ transport: [{ ...section({}), argument: 'tls' }] }),
    /cert_path and private_key_path are required/,
  );
  assert.throws(make({ ssl: [ssl], transport: [{ ...section({}), argument: 'tls' }] }), /write <transport tls> alone/);
});
