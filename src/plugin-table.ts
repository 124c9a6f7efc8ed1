/**
 * The plugins that come with the program, one line each: what must be known of a plugin before its file is loaded. Files
 * are loaded when a configuration names the plugin, so that what nobody uses costs neither memory nor time at the start.
 */
import { createRequire } from 'node:module';
import { isPlugin } from './core/registry.ts';
import type { LazyPlugin, PluginNames } from './core/registry.ts';
import type { Plugin, PluginKind } from './core/plugin.ts';

/** Where plugins of a kind live. */
const folders: Readonly<Record<PluginKind, string>> = {
  source: 'sources',
  parser: 'codecs',
  formatter: 'codecs',
  filter: 'filters',
  step: 'steps',
  join: 'joins',
  output: 'outputs',
};

/** Files by kind. Each is named after its plugin, or lies in a folder that is; test/registry.test.ts compares the names with what the files declare. */
const table: Readonly<Record<PluginKind, Readonly<Record<string, Omit<PluginNames, 'kind' | 'name'>>>>> = {
  source: {
    'fluentbit_http/index': { fluentbit: ['http'] },
    fluentbit_kafka: { fluentbit: ['kafka'] },
    'forward/index': { fluentbit: ['forward'] },
    'http/index': {},
    'kafka/index': {},
    kafka_group: {},
    monitor_agent: {},
    own_log: {},
    'postback/index': {},
    prometheus: {},
    prometheus_monitor: {},
    prometheus_output_monitor: {},
    rdkafka_group: {},
    sample: { aliases: ['dummy'], fluentbit: ['dummy'] },
    stdin: { fluentbit: ['stdin'] },
    syslog: { fluentbit: ['syslog'] },
    'systemd/index': { fluentbit: ['systemd'] },
    'tail/index': { fluentbit: ['tail'] },
    tcp: { fluentbit: ['tcp'] },
    udp: { fluentbit: ['udp'] },
    unix: {},
  },
  parser: {
    apache: {},
    apache2: {},
    apache_error: {},
    cri: {},
    csv: {},
    'fluentbit/index': { fluentbit: ['fluentbit'] },
    fluentbit_firstline: {},
    fluentbit_multiline: { fluentbit: ['fluentbit_multiline'] },
    in_http: {},
    json: {},
    logfmt: {},
    ltsv: {},
    msgpack: {},
    multi_format: {},
    multiline: {},
    nginx: {},
    none: {},
    regexp: { aliases: ['regex'] },
    syslog: {},
    tsv: {},
  },
  formatter: {
    csv: {},
    fluentbit_file: {},
    fluentbit_gelf: {},
    fluentbit_json: {},
    fluentbit_msgpack: {},
    fluentbit_template: {},
    fluentbit_text: {},
    hash: {},
    json: {},
    ltsv: {},
    msgpack: {},
    out_file: {},
    single_value: {},
    stdout: {},
    tsv: {},
  },
  filter: {
    content_modifier: { fluentbit: ['content_modifier'] },
    dedot: {},
    elasticsearch_genid: { aliases: ['opensearch_genid'] },
    expect: { fluentbit: ['expect'] },
    fluentbit_grep: { fluentbit: ['grep'] },
    fluentbit_parser: { fluentbit: ['parser'] },
    fluentbit_record_modifier: { fluentbit: ['record_modifier'] },
    fluentbit_throttle: { fluentbit: ['throttle'] },
    grep: {},
    'kubernetes/index': { fluentbit: ['kubernetes'] },
    'kubernetes_metadata/index': {},
    modify: { fluentbit: ['modify'] },
    nest: { fluentbit: ['nest'] },
    parser: {},
    prometheus: {},
    'record_modifier/index': {},
    'record_transformer/index': {},
    stdout: { fluentbit: ['stdout'] },
    throttle: {},
    type_converter: { fluentbit: ['type_converter'] },
  },
  step: {
    copy: {},
    relabel: {},
    rewrite_tag: { fluentbit: ['rewrite_tag'] },
    rewrite_tag_filter: {},
    roundrobin: {},
  },
  join: {
    'concat/index': {},
    'detect_exceptions/index': {},
    fluentbit_multiline: { fluentbit: ['multiline'] },
  },
  output: {
    'aws-elasticsearch-service': { aliases: ['amazon_es'] },
    counter: { fluentbit: ['counter'] },
    'elasticsearch/index': {},
    elasticsearch_data_stream: {},
    elasticsearch_dynamic: {},
    es: { fluentbit: ['es'] },
    'file/index': { fluentbit: ['file'] },
    fluentbit_influxdb: { fluentbit: ['influxdb'] },
    fluentbit_kafka: { fluentbit: ['kafka'] },
    fluentbit_loki: { fluentbit: ['loki'] },
    fluentbit_opensearch: { fluentbit: ['opensearch'] },
    fluentbit_splunk: { fluentbit: ['splunk'] },
    fluentbit_syslog: { fluentbit: ['syslog'] },
    'forward/index': { fluentbit: ['forward'] },
    'google_cloud/index': {},
    'http/index': { fluentbit: ['http'] },
    'influxdb/index': {},
    influxdb2: {},
    'kafka/index': { aliases: ['kafka_buffered'] },
    kafka2: {},
    null: { fluentbit: ['null'] },
    opensearch: {},
    opensearch_data_stream: {},
    prometheus: {},
    rdkafka: {},
    rdkafka2: {},
    secondary_file: {},
    'stackdriver/index': { fluentbit: ['stackdriver'] },
    stdout: { fluentbit: ['stdout'] },
    store: { fluentbit: ['store'] },
    tcp: { fluentbit: ['tcp'] },
    udp: { fluentbit: ['udp'] },
  },
};

const loadFile = createRequire(import.meta.url);
/** Sources run as they are; the published package has them built. */
const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** A plugin of the program, and the file that defines it: its path from here, without ending. */
interface BuiltinPlugin extends LazyPlugin {
  readonly path: string;
}

function builtinPlugin(kind: PluginKind, file: string, names: Omit<PluginNames, 'kind' | 'name'>): BuiltinPlugin {
  const name = file.replace(/\/index$/, '');
  const path = `${folders[kind]}/${file}`;
  let plugin: Plugin | undefined;
  const load = (): Plugin => {
    const exported = loadFile(`./${path}${ending}`) as Readonly<Record<string, unknown>>;
    const found = Object.values(exported).find((one) => isPlugin(one) && one.kind === kind && one.name === name);
    if (!found) throw new Error(`${path} defines no ${kind} plugin ${name}`);
    return found as Plugin;
  };
  return { kind, name, ...names, path, load: () => (plugin ??= load()) };
}

/** All of them, not loaded. */
export const pluginTable: readonly BuiltinPlugin[] = Object.entries(table).flatMap(([kind, files]) =>
  Object.entries(files).map(([file, names]) => builtinPlugin(kind as PluginKind, file, names)),
);
