/**
 * The parsers that Fluent Bit brings along in a file, on which configurations count that never held one: the names, fields
 * and times of Fluent Bit 5.1's parsers.conf, by expressions of our own.
 */

/** Where its image and its packages have that file. */
const paths = new Set(['/fluent-bit/etc/parsers.conf', '/etc/fluent-bit/parsers.conf']);

/** Whether a file that is not there is the one of Fluent Bit. */
export function isStandardParsers(path: string): boolean {
  return paths.has(path);
}

const words = (...names: readonly string[]): string => names.map((name) => `(?<${name}>[^ ]*)`).join(' ');
const quoted = (name: string): string => `"(?<${name}>[^"]*)"`;
const quotedWord = (name: string): string => `"${words(name)}"`;
const bracketed = (name: string, letters = '*'): string => String.raw`\[(?<${name}>[^\]]${letters})\]`;
const method = String.raw`(?<method>\S+)`;
/** A path may be missing, and may hold blanks; the protocol behind it is no field. */
const request = String.raw`"${method}(?: +(?<path>[^"]*?)(?: +\S*)?)?"`;
const envoyRequest = String.raw`"${method}(?: +(?<path>[^"]*?)(?: +\S*)?)? (?<protocol>\S+)"`;
const agents = ` ${quoted('referer')} ${quoted('agent')}`;
const priority = '^<(?<pri>[0-9]+)>';
const oldTime = '(?<time>[^ ]* {1,2}[^ ]* [^ ]*)';
const oldMessage = String.raw`(?<ident>[\w/.-]*)(?:\[(?<pid>[0-9]+)\])?(?:[^:]*:)? *(?<message>.*)$`;
const newPriority = '^<(?<pri>[0-9]{1,5})>1';
const label = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const address = '[0-9a-f]{2}(?::[0-9a-f]{2}){5}';
/** Of netfilter: `NAME=value`, or nothing. */
const packetField = (name: string, field: string, digits = '[0-9]*'): string =>
  String.raw`\s?(?:(?:${name}=)?(?<${field}>${digits}))`;

const clock = '%d/%b/%Y:%H:%M:%S %z';
const iso = '%Y-%m-%dT%H:%M:%S.%L';
const zoned = `${iso}%z`;

interface StandardParser {
  readonly format?: 'json' | 'logfmt';
  readonly regex?: string;
  readonly time?: string;
  /** `time` where it is another field. */
  readonly timeKey?: string;
  readonly keepsTime?: boolean;
}

const parsers: Readonly<Record<string, StandardParser>> = {
  apache: {
    regex: `^${words('host')} [^ ]* ${words('user')} ${bracketed('time')} ${request} ${words('code', 'size')}(?:${agents})?$`,
    time: clock,
  },
  apache2: {
    regex: String.raw`^${words('host')} [^ ]* ${words('user')} ${bracketed('time')} "${method}(?: +${words('path')} +\S*)?" ${words('code', 'size')}(?: ${quoted('referer')} "(?<agent>.*)")?$`,
    time: clock,
  },
  // Its time is a field like others.
  apache_error: {
    regex: String.raw`^\[[^ ]* (?<time>[^\]]*)\] ${bracketed('level')}(?: \[pid (?<pid>[^\]]*)\])?(?: \[client (?<client>[^\]]*)\])? (?<message>.*)$`,
  },
  nginx: {
    regex: `^${words('remote', 'host', 'user')} ${bracketed('time')} ${request} ${words('code', 'size')}(?:${agents})`,
    time: clock,
  },
  'k8s-nginx-ingress': {
    regex: String.raw`^${words('host')} - ${words('user')} ${bracketed('time')} ${request} ${words('code', 'size')}${agents} ${words('request_length', 'request_time')} \[${words('proxy_upstream_name')}\] (?:\[${words('proxy_alternative_upstream_name')}\] )?${words('upstream_addr', 'upstream_response_length', 'upstream_response_time', 'upstream_status', 'reg_id')}.*$`,
    time: clock,
  },
  json: { format: 'json', time: clock },
  logfmt: { format: 'logfmt' },
  docker: { format: 'json', time: iso, keepsTime: true },
  'docker-daemon': {
    regex: `time="${words('time')}" level=${words('level')} msg="(?<msg>[^ ].*)"`,
    time: iso,
    keepsTime: true,
  },
  'syslog-rfc5424': {
    regex: String.raw`${newPriority} (?<time>[^ ]+) (?<host>[^ ]+) (?<ident>[^ ]+) (?<pid>[-0-9]+) (?<msgid>[^ ]+) (?<extradata>\[.*?\]|-) (?<message>.+)$`,
    time: zoned,
    keepsTime: true,
  },
  'syslog-rfc3164-local': {
    regex: `${priority}${oldTime} ${oldMessage}`,
    time: '%b %d %H:%M:%S',
    keepsTime: true,
  },
  'syslog-rfc3164': {
    regex: `${priority}${oldTime} ${words('host')} ${oldMessage}`,
    time: '%b %d %H:%M:%S',
    keepsTime: true,
  },
  mongodb: {
    regex: String.raw`^${words('time')}\s+(?<severity>\w)\s+(?<component>[^ ]+)\s+${bracketed('context', '+')}\s+(?<message>.*?) *(?<ms>[0-9]+)?(?::?ms)?$`,
    time: iso,
    keepsTime: true,
  },
  envoy: {
    regex: `^${bracketed('start_time')} ${envoyRequest} ${words('code', 'response_flags', 'bytes_received', 'bytes_sent', 'duration', 'x_envoy_upstream_service_time')} ${quotedWord('x_forwarded_for')} ${quoted('user_agent')} ${quoted('request_id')} ${quotedWord('authority')} ${quotedWord('upstream_host')}`,
    time: zoned,
    timeKey: 'start_time',
    keepsTime: true,
  },
  'istio-envoy-proxy': {
    regex: `^${bracketed('start_time')} ${envoyRequest} ${words('response_code', 'response_flags', 'response_code_details', 'connection_termination_details')} ${quotedWord('upstream_transport_failure_reason')} ${words('bytes_received', 'bytes_sent', 'duration', 'x_envoy_upstream_service_time')} ${quotedWord('x_forwarded_for')} ${quoted('user_agent')} ${quoted('x_request_id')} ${quotedWord('authority')} ${quotedWord('upstream_host')} ${words('upstream_cluster', 'upstream_local_address', 'downstream_local_address', 'downstream_remote_address', 'requested_server_name', 'route_name')}$`,
    time: zoned,
    timeKey: 'start_time',
    keepsTime: true,
  },
  cri: {
    regex: `^(?<time>[^ ]+) (?<stream>stdout|stderr) ${words('logtag')} (?<message>.*)$`,
    time: zoned,
    keepsTime: true,
  },
  'kube-custom': {
    regex: String.raw`(?<tag>[^.]+)?\.?(?<pod_name>${label}(?:\.${label})*)_(?<namespace_name>[^_]+)_(?<container_name>.+)-(?<docker_id>[a-z0-9]{64})\.log$`,
  },
  'kmsg-netfilter-log': {
    regex: String.raw`${newPriority} (?<time>[^ ]+) (?<host>[^ ]+) kernel - - - \[[0-9.]*\] ${words('logprefix')}\s?IN=${words('in')} OUT=${words('out')} MAC=(?<macsrc>${address}):(?<macdst>${address}):(?<ethtype>[0-9a-f]{2}:[0-9a-f]{2}) SRC=${words('saddr')} DST=${words('daddr')} LEN=${words('len')} TOS=${words('tos')} PREC=${words('prec')} TTL=${words('ttl')} ID=${words('id')} D*F*\s*PROTO=${words('proto')}${packetField('SPT', 'sport')}${packetField('DPT', 'dport')}${packetField('LEN', 'protolen')}${packetField('WINDOW', 'window')}${packetField('RES', 'res', '0?x?[0-9]*')}\s?${words('flag')}${packetField('URGP', 'urgp')}`,
    time: zoned,
  },
};

/** The file, in the classic form. */
export function standardParsers(): string {
  return Object.entries(parsers)
    .map(([name, { format = 'regex', regex, time, timeKey = 'time', keepsTime }]) =>
      [
        '[PARSER]',
        `Name ${name}`,
        `Format ${format}`,
        ...(regex === undefined ? [] : [`Regex ${regex}`]),
        ...(time === undefined ? [] : [`Time_Key ${timeKey}`, `Time_Format ${time}`]),
        ...(keepsTime ? ['Time_Keep On'] : []),
      ].join('\n    '),
    )
    .join('\n\n');
}
