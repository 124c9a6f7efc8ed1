import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf } from '../../test/fixture.ts';
import { format } from '../../test/formatting.ts';
import { compileInject } from './inject.ts';
import { jsonFormatter } from './json.ts';

process.env['TZ'] = 'UTC';

test('inject, as recorded', () => {
  const times = [
    { seconds: 1_709_618_828, nanos: 123_456_789 },
    { seconds: 1_709_650_799, nanos: 1 },
  ];
  const two = batchOf('app.x', ['{"a":1}', '{"a":2}'], times);
  const injected = (inject: Parameters<typeof compileInject>[0]) =>
    format(jsonFormatter, {}, compileInject(inject)(two)).trim().split('\n');
  assert.deepEqual(injected({ hostnameKey: 'host', hostname: 'my-host', workerIdKey: 'wid', tagKey: 't' }), [
    '{"a":1,"host":"my-host","wid":0,"t":"app.x"}',
    '{"a":2,"host":"my-host","wid":0,"t":"app.x"}',
  ]);
  assert.deepEqual(
    injected({
      tagKey: 'tag',
      timeKey: 'at',
      timeType: 'string',
      timeFormat: '%Y-%m-%d %H:%M:%S.%3N %z',
      timezone: '+0530',
    }),
    [
      '{"a":1,"tag":"app.x","at":"2024-03-05 11:37:08.123 +0530"}',
      '{"a":2,"tag":"app.x","at":"2024-03-05 20:29:59.000 +0530"}',
    ],
  );
  assert.deepEqual(injected({ timeKey: 'at', timeType: 'string' })[0], '{"a":1,"at":"2024-03-05T06:07:08+00:00"}');
  assert.deepEqual(injected({ timeKey: 'at' }), ['{"a":1,"at":1709618828.123456}', '{"a":2,"at":1709650799.0}']);
  assert.deepEqual(injected({ timeKey: 'a', timeType: 'unixtime' }), ['{"a":1709618828}', '{"a":1709650799}']);
  assert.deepEqual(injected({ timeKey: 'at', timeType: 'unixtime_millis' }), [
    '{"a":1,"at":1709618828123}',
    '{"a":2,"at":1709650799000}',
  ]);
  assert.deepEqual(injected({ timeKey: 'at', timeType: 'unixtime_nanos' }), [
    '{"a":1,"at":1709618828123456789}',
    '{"a":2,"at":1709650799000000001}',
  ]);
  assert.deepEqual(injected({ tagKey: '1' })[0], '{"a":1,"1":"app.x"}');
  assert.equal(compileInject({})(two), two);
});
