import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, written } from '../../test/fixture.ts';
import { splunkFormatter } from './splunk-rows.ts';
import type { SplunkRowOptions } from './splunk-rows.ts';

const plain: SplunkRowOptions = { eventFields: {}, isRaw: false, hasTime: true };
const records = batchOf(
  'app.web',
  ['{"log":"hé","m":{"k":"v"},"i":"other"}', '{"n":1}'],
  [
    { seconds: 1_709_287_200, nanos: 123_456_789 },
    { seconds: 1_709_287_201, nanos: 500_000_000 },
  ],
);
const events = (options: Partial<SplunkRowOptions>): string =>
  written(splunkFormatter({ ...plain, ...options }), records);

test('an event has its time and the record', () => {
  assert.equal(
    events({}),
    '{"time":1709287200.123457,"event":{"log":"hé","m":{"k":"v"},"i":"other"}}{"time":1709287201.5,"event":{"n":1}}',
  );
  assert.equal(events({ isRaw: true }), '{"log":"hé","m":{"k":"v"},"i":"other"}\n{"n":1}\n');
  assert.equal(events({ isRaw: true, eventKey: '$log' }), '"h\\u00e9"\n{"n":1}\n');
});

test('what stands around it is filled from the record; what is empty is left out', () => {
  const all = { eventHost: 'h-$TAG', eventSource: '$none', eventSourcetype: 'st', eventIndex: 'main' };
  const more = { eventIndexKey: '$i', eventKey: '$log', eventFields: { kind: "$m['k']" }, hasTime: false };
  assert.equal(
    events({ ...all, ...more }),
    '{"host":"h-app.web","sourcetype":"st","index":"other","fields":{"kind":"v"},"event":"h\\u00e9"}' +
      '{"host":"h-app.web","sourcetype":"st","index":"main","fields":{},"event":{"n":1}}',
  );
});
