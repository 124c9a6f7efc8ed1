import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsed } from '../../test/parsing.ts';
import { apacheParser } from './apache.ts';
import { apache2Parser } from './apache2.ts';
import { apacheErrorParser } from './apache_error.ts';
import { nginxParser } from './nginx.ts';

const common = '192.0.2.1 - ann [28/Feb/2013:12:00:00 +0900] "GET /a?b HTTP/1.1" 200 777';

test('apache: text', () => {
  assert.equal(
    parsed(apacheParser, common),
    '{"host":"192.0.2.1","user":"ann","method":"GET","path":"/a?b","code":"200","size":"777"} 1362020400.000000000',
  );
  assert.match(parsed(apacheParser, `${common} "http://r/" "agent"`), /"referer":"http:\/\/r\/","agent":"agent"/);
  assert.match(parsed(apacheParser, common, { types: { code: 'integer' }, keepTimeKey: true }), /"code":200/);
  assert.match(parsed(apacheParser, common.replace('28/Feb', 'bad')), /^invalid/);
  assert.match(parsed(apacheParser, 'no'), /^mismatch/);
});

test('apache2: numbers and null', () => {
  assert.equal(
    parsed(apache2Parser, common),
    '{"host":"192.0.2.1","user":"ann","method":"GET","path":"/a?b","code":200,"size":777,"referer":null,"agent":null} 1362020400.000000000',
  );
  assert.equal(
    parsed(apache2Parser, '- - - [28/Feb/2013:12:00:00 +0900] "GET /" 0 - "-" "a \\"b\\""', { keepTimeKey: true }),
    '{"host":null,"user":null,"method":"GET","path":"/","code":null,"size":null,"referer":null,"agent":"a \\\\\\"b\\\\\\"","time":"28/Feb/2013:12:00:00 +0900"} 1362020400.000000000',
  );
  assert.match(parsed(apache2Parser, common.replace('Feb', 'Foo')), /^invalid: the time/);
  assert.match(parsed(apache2Parser, Buffer.from(common.replace('ann', '\xe9'), 'latin1')), /"host":"192.0.2.1"/);
});

test('apache_error', () => {
  assert.equal(
    parsed(apacheErrorParser, '[Wed Oct 11 14:32:52 2000 +0000] [error] [pid 7] [client 127.0.0.1] denied'),
    '{"level":"error","pid":"7","client":"127.0.0.1","message":"denied"} 971274772.000000000',
  );
  assert.match(
    parsed(apacheErrorParser, '[Wed Oct 11 14:32:52 2000] [notice] up'),
    /^\{"level":"notice","message":"up"\} 9712/,
  );
});

test('nginx', () => {
  const line = '127.0.0.1 - bob [05/Mar/2024:06:07:08 +0000] "POST /a HTTP/2.0" 201 12 "http://r/" "curl"';
  const fields =
    '"remote":"127.0.0.1","host":"-","user":"bob","method":"POST","path":"/a","code":"201","size":"12","referer":"http://r/","agent":"curl"';
  assert.equal(parsed(nginxParser, line), `{${fields}} 1709618828.000000000`);
  assert.equal(
    parsed(nginxParser, `${line} "10.0.0.1, 10.0.0.2"`),
    `{${fields},"http_x_forwarded_for":"10.0.0.1, 10.0.0.2"} 1709618828.000000000`,
  );
});
