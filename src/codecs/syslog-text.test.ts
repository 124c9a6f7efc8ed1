import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileSyslogText } from './syslog-text.ts';
import type { SyslogTextOptions } from './syslog-text.ts';

const plain: SyslogTextOptions = {
  format: 'rfc5424',
  severityPreset: 6,
  facilityPreset: 1,
  sdKeys: [],
  allowsLongerIds: false,
  bytesMax: 2048,
  messageKey: 'log',
};
const write = (options: Partial<SyslogTextOptions>, fields: Record<string, never> | object): string =>
  compileSyslogText({ ...plain, ...options })(fields as never, 1_709_287_200, 123_456_789).toString();

test('RFC 5424: parts of fields, presets where they are missing, structured data', () => {
  const keys = { hostnameKey: 'h', appnameKey: 'a', procidKey: 'p', msgidKey: 'm', severityKey: 's', facilityKey: 'f' };
  const full = {
    log: 'text é',
    h: 'host',
    a: 'app',
    p: 12,
    m: 'id',
    s: 3,
    f: 'daemon',
    sd: { k: 'v"]\\', 'n =é': 1.5 },
  };
  assert.equal(
    write({ ...keys, sdKeys: ['sd'] }, full),
    '<27>1 2024-03-01T10:00:00.123456Z host app 12 id [sd k="v\\"\\]\\\\" n____="1.500000"] \u{feff}text é',
  );
  assert.equal(write({ ...keys, hostnamePreset: 'x' }, {}), '<14>1 2024-03-01T10:00:00.123456Z x - - - -');
  const loud = write({ ...keys }, { s: 'loud', f: '24', log: ['no text'] });
  assert.match(loud, /^<14>1 /);
  assert.equal(write({ ...keys }, { s: 'WARNING', f: '16' }).slice(0, 6), '<132>1');
});

test('parts are cut at their limits, messages at theirs; no character in two', () => {
  const long = 'x'.repeat(300);
  const parts = write({ hostnameKey: 'h', appnameKey: 'h' }, { h: long }).split(' ');
  assert.deepEqual([parts[2]?.length, parts[3]], [255, '-']);
  assert.equal(write({ sdKeys: [long] }, { [long]: {} }).split(' ')[6], `[${'x'.repeat(32)}]`);
  assert.equal(write({ sdKeys: [long], allowsLongerIds: true }, { [long]: {} }).split(' ')[6], `[${long}]`);
  const cut = compileSyslogText({ ...plain, bytesMax: 49 })({ log: '1é' }, 0, 0);
  assert.equal(cut.toString(), '<14>1 1970-01-01T00:00:00.000000Z - - - - - \u{feff}1');
});

test('RFC 3164, with and without host and application; a message with a header goes as it is', () => {
  const keys = { format: 'rfc3164', hostnameKey: 'h', appnameKey: 'a', procidKey: 'p' } as const;
  assert.equal(write(keys, { log: 'text', h: 'host', a: 'app', p: '7' }), '<14>Mar  1 10:00:00 host app[7]: text');
  assert.equal(write(keys, { log: 'text', p: '7' }), '<14>Mar  1 10:00:00 text');
  assert.equal(write(keys, { log: '<34>Oct 11 22:14:15 host su: x' }), '<34>Oct 11 22:14:15 host su: x');
});
