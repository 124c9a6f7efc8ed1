/**
 * What collectors of container logs are asked to do in the `tail` scenario, written in Fluent Bit's and in Fluentd's way.
 * post2log runs Fluent Bit's configurations as they are.
 */
import { join } from 'node:path';
import { podName } from './collector-targets.ts';

export interface Way {
  readonly name: string;
  readonly line: (n: number) => string;
  /** Times the lines of Fluent Bit in a CPU second: what it must reach, and what is aimed at. */
  readonly ratios: { readonly must?: number; readonly aim?: number };
  /** Lines in a CPU second on the design's machine. */
  readonly speeds: { readonly must?: number; readonly aim?: number };
  readonly fluentBit: (place: Place) => string;
  readonly fluentd: (place: Place) => string;
}

/** Where a collector finds things. */
export interface Place {
  /** Its own: `parsers.conf` and the token lie there, the files it writes go to `out`. */
  readonly directory: string;
  readonly log: string;
  /** Of what takes records. */
  readonly port: number;
  readonly kubernetesUrl: string;
}

const access = (n: number): string =>
  `{"n":${n},"remote":"192.0.2.${n % 256}","method":"GET","path":"/shop/${n % 97}/item-${n % 1013}","code":${n % 50 ? 200 : 404},"agent":"Mozilla/5.0 (X11; Linux x86_64)"}`;
const timeOf = (n: number): string => `2026-01-01T12:00:00.${String(n % 1_000_000_000).padStart(9, '0')}Z`;

export const parsersFile = `[PARSER]
  Name cri
  Format regex
  Regex ^(?<time>[^ ]+) (?<stream>stdout|stderr) (?<logtag>[^ ]*) (?<message>.*)$
  Time_Key time
  Time_Format %Y-%m-%dT%H:%M:%S.%L%z
[PARSER]
  Name docker
  Format json
  Time_Key time
  Time_Format %Y-%m-%dT%H:%M:%S.%L
  Time_Keep On
[PARSER]
  Name json
  Format json
`;
const bitInput = ({ directory, log }: Place, parser: string): string => `[SERVICE]
  Flush 1
  Log_Level error
  Parsers_File ${directory}/parsers.conf
[INPUT]
  Name tail
  Path ${log}
  Tag kube.*
  Read_from_Head On
  Parser ${parser}
`;
const fluentdInput = ({ directory, log }: Place, parse: string): string => `<source>
  @type tail
  path ${log}
  pos_file ${directory}/in.pos
  tag kube.*
  read_from_head true
  <parse>
${parse}
  </parse>
</source>
`;
const dockerParse = `    @type json
    time_format %Y-%m-%dT%H:%M:%S.%NZ`;
const flushEachSecond = `  <buffer>
    flush_mode interval
    flush_interval 1s
  </buffer>
`;

function kubernetesWay(codec: 'gzip' | 'zstd', goals: Pick<Way, 'ratios' | 'speeds'>): Way {
  return {
    name: `cri → json → kubernetes → http, ${codec}`,
    ...goals,
    line: (n) => `${timeOf(n)} stdout F ${access(n)}\n`,
    fluentBit: (place) => `${bitInput(place, 'cri')}[FILTER]
  Name parser
  Match *
  Key_Name message
  Parser json
  Reserve_Data On
[FILTER]
  Name kubernetes
  Match kube.*
  Kube_URL ${place.kubernetesUrl}
  Kube_Token_File ${place.directory}/token
  Kube_Tag_Prefix kube.${tagPrefix(place.log)}
[OUTPUT]
  Name http
  Match *
  Host 127.0.0.1
  Port ${place.port}
  URI /
  Format json_lines
  Compress ${codec}
`,
    fluentd: (place) => `${fluentdInput(
      place,
      `    @type regexp
    expression /^(?<time>[^ ]+) (?<stream>stdout|stderr) (?<logtag>[^ ]*) (?<message>.*)$/
    time_format %Y-%m-%dT%H:%M:%S.%N%z`,
    )}<filter **>
  @type parser
  key_name message
  reserve_data true
  <parse>
    @type json
  </parse>
</filter>
<filter kube.**>
  @type kubernetes_metadata
  kubernetes_url ${place.kubernetesUrl}/api
  watch false
  tag_to_kubernetes_name_regexp \\.(?<pod_name>[^_.]+)_(?<namespace>[^_]+)_(?<container_name>.+)-(?<docker_id>[a-z0-9]{64})\\.log$
</filter>
<match **>
  @type http
  endpoint http://127.0.0.1:${place.port}/
  compress ${codec}
  <format>
    @type json
  </format>
${flushEachSecond}</match>
`,
  };
}

const dockerLine = (n: number): string =>
  `${JSON.stringify({ log: `${access(n)}\n`, stream: 'stdout', time: timeOf(n) })}\n`;

export const ways: readonly Way[] = [
  kubernetesWay('gzip', { ratios: { must: 1.2 }, speeds: { must: 170_000 } }),
  kubernetesWay('zstd', { ratios: { must: 1.2, aim: 1.5 }, speeds: { must: 170_000, aim: 250_000 } }),
  {
    name: 'docker → file',
    ratios: { must: 1, aim: 1.5 },
    speeds: { must: 400_000 },
    line: dockerLine,
    fluentBit: (place) => `${bitInput(place, 'docker')}[OUTPUT]
  Name file
  Match *
  Path ${place.directory}/out
  Format plain
  Mkdir On
`,
    fluentd: (place) => `${fluentdInput(place, dockerParse)}<match **>
  @type file
  path ${place.directory}/out/all
  append true
  <format>
    @type json
  </format>
${flushEachSecond}</match>
`,
  },
  {
    name: 'docker → _bulk',
    ratios: { must: 1, aim: 1.5 },
    speeds: { must: 360_000 },
    line: dockerLine,
    fluentBit: (place) => `${bitInput(place, 'docker')}[OUTPUT]
  Name es
  Match *
  Host 127.0.0.1
  Port ${place.port}
  Index logs
  Suppress_Type_Name On
`,
    fluentd: (place) => `${fluentdInput(place, dockerParse)}<match **>
  @type elasticsearch
  host 127.0.0.1
  port ${place.port}
  index_name logs
  suppress_type_name true
${flushEachSecond}</match>
`,
  },
];

/** The name of a container's log, as Kubernetes gives it. */
export const logName = `${podName}_shop_web-${'0123456789abcdef'.repeat(4)}.log`;

function tagPrefix(log: string): string {
  return `${join(log, '..').slice(1).replaceAll('/', '.')}.`;
}
