import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/program.ts';
import { compileCapture } from '../../codecs/onigmo.ts';
import { Registry } from '../../core/registry.ts';
import { builtinPlugins } from '../../plugins.ts';
import { readConfig } from '../load.ts';
import { parseClassic } from './classic.ts';
import { lastProperty } from './element.ts';
import { standardParsers } from './standard-parsers.ts';

const parsed = parseClassic(standardParsers(), 'parsers.conf', () => []);
const find = (name: string) => parsed.sections.find((one) => lastProperty(one, 'name')?.value === name);

/** Fields that are not empty, as `name=text`. */
function fields(name: string, line: string): string {
  const section = find(name);
  assert.ok(section, name);
  const { expression, names } = compileCapture(lastProperty(section, 'regex')?.value ?? '');
  const match = expression.exec(line);
  assert.ok(match, `${name} takes ${line}`);
  return names.flatMap((field, i) => (match[i + 1] ? [`${field}=${match[i + 1]}`] : [])).join(' ');
}

const access = '[10/Oct/2000:13:55:36 -0700] "GET /a b HTTP/1.1" 200 2326';
const hex = '0123456789abcdef'.repeat(4);
const envoy = '[2016-04-15T20:17:00.310Z] "POST /v1/x HTTP/2"';
const mac = '00:11:22:33:44:55:66:77:88:99:aa:bb:08:00';
const samples: readonly (readonly [name: string, line: string, fields: string])[] = [
  [
    'apache',
    `1.2.3.4 - bob ${access} "http://r" "Moz"`,
    'host=1.2.3.4 user=bob time=10/Oct/2000:13:55:36 -0700 method=GET path=/a b code=200 size=2326 referer=http://r agent=Moz',
  ],
  [
    'apache2',
    '1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.1" 200 - "-" "a "b""',
    'host=1.2.3.4 user=- time=10/Oct/2000:13:55:36 -0700 method=GET path=/a code=200 size=- referer=- agent=a "b"',
  ],
  [
    'apache_error',
    '[Wed Oct 11 14:32:52 2000] [core:error] [pid 7:tid 9] [client 1.1.1.1:5] denied',
    'time=Oct 11 14:32:52 2000 level=core:error pid=7:tid 9 client=1.1.1.1:5 message=denied',
  ],
  [
    'nginx',
    `1.2.3.4 - bob ${access} "-" "curl" "-"`,
    'remote=1.2.3.4 host=- user=bob time=10/Oct/2000:13:55:36 -0700 method=GET path=/a b code=200 size=2326 referer=- agent=curl',
  ],
  [
    'k8s-nginx-ingress',
    `1.2.3.4 - - ${access} "-" "curl" 120 0.003 [ns-svc-80] [] 10.0.0.1:80 3 0.002 201 abcd`,
    'host=1.2.3.4 user=- time=10/Oct/2000:13:55:36 -0700 method=GET path=/a b code=200 size=2326 referer=- agent=curl request_length=120 request_time=0.003 proxy_upstream_name=ns-svc-80 upstream_addr=10.0.0.1:80 upstream_response_length=3 upstream_response_time=0.002 upstream_status=201 reg_id=abcd',
  ],
  [
    'docker-daemon',
    'time="2020-01-01T00:00:00.1Z" level=info msg="a "b" c"',
    'time=2020-01-01T00:00:00.1Z level=info msg=a "b" c',
  ],
  [
    'syslog-rfc5424',
    '<34>1 2003-10-11T22:14:15.003Z host su 12 ID47 [ex@1 a="b"] the text',
    'pri=34 time=2003-10-11T22:14:15.003Z host=host ident=su pid=12 msgid=ID47 extradata=[ex@1 a="b"] message=the text',
  ],
  [
    'syslog-rfc3164-local',
    '<34>Oct  1 22:14:15 su[12]: x: y',
    'pri=34 time=Oct  1 22:14:15 ident=su pid=12 message=x: y',
  ],
  ['syslog-rfc3164', '<34>Oct 11 22:14:15 host su: x', 'pri=34 time=Oct 11 22:14:15 host=host ident=su message=x'],
  [
    'mongodb',
    '2014-11-03T18:28:32.450-0500 I NETWORK  [conn1] query 12ms',
    'time=2014-11-03T18:28:32.450-0500 severity=I component=NETWORK context=conn1 message=query ms=12',
  ],
  [
    'envoy',
    `${envoy} 204 - 154 0 226 100 "10.0.35.28" "a b" "cc21" "locations" "tcp://10.0.2.1:80"`,
    'start_time=2016-04-15T20:17:00.310Z method=POST path=/v1/x protocol=HTTP/2 code=204 response_flags=- bytes_received=154 bytes_sent=0 duration=226 x_envoy_upstream_service_time=100 x_forwarded_for=10.0.35.28 user_agent=a b request_id=cc21 authority=locations upstream_host=tcp://10.0.2.1:80',
  ],
  [
    'istio-envoy-proxy',
    `${envoy} 418 - via_upstream - "-" 0 135 4 3 "-" "curl" "8496" "httpbin:8000" "127.0.0.1:80" inbound|8000|| 127.0.0.1:41854 10.44.1.27:80 10.44.1.23:37652 outbound_ default`,
    'start_time=2016-04-15T20:17:00.310Z method=POST path=/v1/x protocol=HTTP/2 response_code=418 response_flags=- response_code_details=via_upstream connection_termination_details=- upstream_transport_failure_reason=- bytes_received=0 bytes_sent=135 duration=4 x_envoy_upstream_service_time=3 x_forwarded_for=- user_agent=curl x_request_id=8496 authority=httpbin:8000 upstream_host=127.0.0.1:80 upstream_cluster=inbound|8000|| upstream_local_address=127.0.0.1:41854 downstream_local_address=10.44.1.27:80 downstream_remote_address=10.44.1.23:37652 requested_server_name=outbound_ route_name=default',
  ],
  ['cri', '2016-10-06T00:17:09.6Z stderr F a b', 'time=2016-10-06T00:17:09.6Z stream=stderr logtag=F message=a b'],
  [
    'kube-custom',
    `app.my-pod.a-1_ns_the-app-${hex}.log`,
    `tag=app pod_name=my-pod.a-1 namespace_name=ns container_name=the-app docker_id=${hex}`,
  ],
  [
    'kmsg-netfilter-log',
    `<4>1 2022-01-01T00:00:00.1+00:00 fw kernel - - - [1.5] DROP: IN=eth0 OUT= MAC=${mac} SRC=1.1.1.1 DST=2.2.2.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP SPT=9 DPT=80 WINDOW=64 RES=0x00 SYN URGP=0`,
    'pri=4 time=2022-01-01T00:00:00.1+00:00 host=fw logprefix=DROP: in=eth0 macsrc=00:11:22:33:44:55 macdst=66:77:88:99:aa:bb ethtype=08:00 saddr=1.1.1.1 daddr=2.2.2.2 len=60 tos=0x00 prec=0x00 ttl=64 id=1 proto=TCP sport=9 dport=80 window=64 res=0x00 flag=SYN urgp=0',
  ],
];

test('each takes its lines apart', () => {
  assert.deepEqual(parsed.problems, []);
  for (const [name, line, expected] of samples) assert.equal(fields(name, line), expected, name);
  const names = parsed.sections.map((section) => lastProperty(section, 'name')?.value);
  const known = [...samples.map(([name]) => name), 'json', 'logfmt', 'docker'];
  assert.deepEqual(new Set(names), new Set(known));
});

test(
  'they are those of a Parsers_File of Fluent Bit that is not there, and of no other',
  { skip: existsSync('/fluent-bit/etc/parsers.conf') && 'Fluent Bit is installed' },
  async (context) => {
    const path = join(await temporaryDirectory(context), 'a.conf');
    const read = async (file: string) => {
      const service = `[SERVICE]\n    Parsers_File ${file}\n`;
      await writeFile(
        path,
        `${service}[INPUT]\n    Name tail\n    Path /x\n    Parser docker\n[OUTPUT]\n    Name null\n`,
      );
      return readConfig({ path, env: {}, registry: new Registry(builtinPlugins) });
    };
    const { problems, loaded } = await read('/fluent-bit/etc/parsers.conf');
    assert.deepEqual(problems, []);
    assert.equal(loaded?.model.sources[0]?.plugin.parser?.options['format'], 'json');
    for (const other of ['/fluent-bit/etc/parsers_extra.conf', 'parsers.conf'])
      assert.match((await read(other)).problems[0]?.text ?? '', /no such file/);
  },
);
