/** The plugins that come with the program. Sorted; one line each. */
import { apacheParser } from './codecs/apache.ts';
import { apache2Parser } from './codecs/apache2.ts';
import { apacheErrorParser } from './codecs/apache_error.ts';
import { criParser } from './codecs/cri.ts';
import { csvFormatter, csvParser } from './codecs/csv.ts';
import { fluentbitParser } from './codecs/fluentbit/index.ts';
import { fluentbitFirstlineParser } from './codecs/fluentbit_firstline.ts';
import { fluentbitMultilineParser } from './codecs/fluentbit_multiline.ts';
import { fluentbitFileFormatter } from './codecs/fluentbit_file.ts';
import { fluentbitGelfFormatter } from './codecs/fluentbit_gelf.ts';
import { fluentbitJsonFormatter } from './codecs/fluentbit_json.ts';
import { fluentbitMsgpackFormatter } from './codecs/fluentbit_msgpack.ts';
import { fluentbitTemplateFormatter } from './codecs/fluentbit_template.ts';
import { fluentbitTextFormatter } from './codecs/fluentbit_text.ts';
import { hashFormatter } from './codecs/hash.ts';
import { inHttpParser } from './codecs/in_http.ts';
import { jsonFormatter, jsonLineParser } from './codecs/json.ts';
import { logfmtParser } from './codecs/logfmt.ts';
import { ltsvFormatter, ltsvParser } from './codecs/ltsv.ts';
import { msgpackFormatter, msgpackParser } from './codecs/msgpack.ts';
import { multilineParser } from './codecs/multiline.ts';
import { nginxParser } from './codecs/nginx.ts';
import { multiFormatParser } from './codecs/multi_format.ts';
import { noneParser } from './codecs/none.ts';
import { outFileFormatter } from './codecs/out_file.ts';
import { regexpParser } from './codecs/regexp.ts';
import { singleValueFormatter } from './codecs/single_value.ts';
import { stdoutFormatter } from './codecs/stdout.ts';
import { syslogParser } from './codecs/syslog.ts';
import { tsvFormatter, tsvParser } from './codecs/tsv.ts';
import type { Plugin } from './core/plugin.ts';
import { contentModifierFilter } from './filters/content_modifier.ts';
import { dedotFilter } from './filters/dedot.ts';
import { elasticsearchGenidFilter } from './filters/elasticsearch_genid.ts';
import { expectFilter } from './filters/expect.ts';
import { fluentbitGrepFilter } from './filters/fluentbit_grep.ts';
import { fluentbitParserFilter } from './filters/fluentbit_parser.ts';
import { fluentbitRecordModifierFilter } from './filters/fluentbit_record_modifier.ts';
import { fluentbitThrottleFilter } from './filters/fluentbit_throttle.ts';
import { grepFilter } from './filters/grep.ts';
import { kubernetesFilter } from './filters/kubernetes/index.ts';
import { kubernetesMetadataFilter } from './filters/kubernetes_metadata/index.ts';
import { modifyFilter } from './filters/modify.ts';
import { nestFilter } from './filters/nest.ts';
import { parserFilter } from './filters/parser.ts';
import { recordModifierFilter } from './filters/record_modifier/index.ts';
import { recordTransformerFilter } from './filters/record_transformer/index.ts';
import { stdoutFilter } from './filters/stdout.ts';
import { throttleFilter } from './filters/throttle.ts';
import { typeConverterFilter } from './filters/type_converter.ts';
import { awsElasticsearchServiceOutput } from './outputs/aws-elasticsearch-service.ts';
import { counterOutput } from './outputs/counter.ts';
import { elasticsearchOutput } from './outputs/elasticsearch/index.ts';
import { elasticsearchDataStreamOutput } from './outputs/elasticsearch_data_stream.ts';
import { elasticsearchDynamicOutput } from './outputs/elasticsearch_dynamic.ts';
import { esOutput } from './outputs/es.ts';
import { fileOutput } from './outputs/file/index.ts';
import { fluentbitInfluxdbOutput } from './outputs/fluentbit_influxdb.ts';
import { fluentbitKafkaOutput } from './outputs/fluentbit_kafka.ts';
import { fluentbitLokiOutput } from './outputs/fluentbit_loki.ts';
import { fluentbitOpensearchOutput } from './outputs/fluentbit_opensearch.ts';
import { fluentbitSplunkOutput } from './outputs/fluentbit_splunk.ts';
import { fluentbitSyslogOutput } from './outputs/fluentbit_syslog.ts';
import { forwardOutput } from './outputs/forward/index.ts';
import { googleCloudOutput } from './outputs/google_cloud/index.ts';
import { httpOutput } from './outputs/http/index.ts';
import { influxdbOutput } from './outputs/influxdb/index.ts';
import { influxdb2Output } from './outputs/influxdb2.ts';
import { kafkaOutput } from './outputs/kafka/index.ts';
import { kafka2Output } from './outputs/kafka2.ts';
import { nullOutput } from './outputs/null.ts';
import { opensearchOutput } from './outputs/opensearch.ts';
import { opensearchDataStreamOutput } from './outputs/opensearch_data_stream.ts';
import { rdkafkaOutput } from './outputs/rdkafka.ts';
import { rdkafka2Output } from './outputs/rdkafka2.ts';
import { secondaryFileOutput } from './outputs/secondary_file.ts';
import { stackdriverOutput } from './outputs/stackdriver/index.ts';
import { stdoutOutput } from './outputs/stdout.ts';
import { storeOutput } from './outputs/store.ts';
import { tcpOutput } from './outputs/tcp.ts';
import { udpOutput } from './outputs/udp.ts';
import { fluentbitHttpSource } from './sources/fluentbit_http/index.ts';
import { fluentbitKafkaSource } from './sources/fluentbit_kafka.ts';
import { forwardSource } from './sources/forward/index.ts';
import { httpSource } from './sources/http/index.ts';
import { kafkaSource } from './sources/kafka/index.ts';
import { kafkaGroupSource } from './sources/kafka_group.ts';
import { ownLogSource } from './sources/own_log.ts';
import { postback } from './sources/postback/index.ts';
import { rdkafkaGroupSource } from './sources/rdkafka_group.ts';
import { sampleSource } from './sources/sample.ts';
import { stdinSource } from './sources/stdin.ts';
import { syslogSource } from './sources/syslog.ts';
import { systemdSource } from './sources/systemd/index.ts';
import { tailSource } from './sources/tail/index.ts';
import { tcpSource } from './sources/tcp.ts';
import { concatJoin } from './joins/concat/index.ts';
import { detectExceptionsJoin } from './joins/detect_exceptions/index.ts';
import { fluentbitMultilineJoin } from './joins/fluentbit_multiline.ts';
import { udpSource } from './sources/udp.ts';
import { unixSource } from './sources/unix.ts';
import { copyStep } from './steps/copy.ts';
import { relabelStep } from './steps/relabel.ts';
import { rewriteTagStep } from './steps/rewrite_tag.ts';
import { rewriteTagFilterStep } from './steps/rewrite_tag_filter.ts';
import { roundrobinStep } from './steps/roundrobin.ts';
import { prometheusFilter } from './filters/prometheus.ts';
import { prometheusOutput } from './outputs/prometheus.ts';
import { monitorAgentSource } from './sources/monitor_agent.ts';
import { prometheusSource } from './sources/prometheus.ts';
import { prometheusMonitorSource } from './sources/prometheus_monitor.ts';
import { prometheusOutputMonitorSource } from './sources/prometheus_output_monitor.ts';

export const builtinPlugins: readonly Plugin[] = [
  apache2Parser,
  apacheErrorParser,
  apacheParser,
  awsElasticsearchServiceOutput,
  contentModifierFilter,
  concatJoin,
  detectExceptionsJoin,
  fluentbitMultilineJoin,
  copyStep,
  counterOutput,
  criParser,
  csvFormatter,
  csvParser,
  dedotFilter,
  elasticsearchDataStreamOutput,
  elasticsearchDynamicOutput,
  elasticsearchGenidFilter,
  elasticsearchOutput,
  esOutput,
  expectFilter,
  fileOutput,
  fluentbitFileFormatter,
  fluentbitGelfFormatter,
  fluentbitGrepFilter,
  fluentbitHttpSource,
  fluentbitInfluxdbOutput,
  fluentbitJsonFormatter,
  fluentbitKafkaOutput,
  fluentbitKafkaSource,
  fluentbitLokiOutput,
  fluentbitMsgpackFormatter,
  fluentbitOpensearchOutput,
  fluentbitParser,
  fluentbitFirstlineParser,
  fluentbitMultilineParser,
  fluentbitParserFilter,
  fluentbitRecordModifierFilter,
  fluentbitSplunkOutput,
  fluentbitSyslogOutput,
  fluentbitTemplateFormatter,
  fluentbitTextFormatter,
  fluentbitThrottleFilter,
  forwardOutput,
  forwardSource,
  googleCloudOutput,
  grepFilter,
  kubernetesFilter,
  kubernetesMetadataFilter,
  hashFormatter,
  httpOutput,
  httpSource,
  influxdb2Output,
  influxdbOutput,
  inHttpParser,
  jsonFormatter,
  jsonLineParser,
  kafka2Output,
  kafkaGroupSource,
  kafkaOutput,
  kafkaSource,
  logfmtParser,
  ltsvFormatter,
  ltsvParser,
  modifyFilter,
  msgpackFormatter,
  msgpackParser,
  multilineParser,
  nestFilter,
  nginxParser,
  multiFormatParser,
  noneParser,
  nullOutput,
  opensearchDataStreamOutput,
  opensearchOutput,
  outFileFormatter,
  ownLogSource,
  parserFilter,
  monitorAgentSource,
  postback,
  prometheusFilter,
  prometheusMonitorSource,
  prometheusOutput,
  prometheusOutputMonitorSource,
  prometheusSource,
  rdkafka2Output,
  rdkafkaGroupSource,
  rdkafkaOutput,
  recordModifierFilter,
  recordTransformerFilter,
  regexpParser,
  relabelStep,
  rewriteTagFilterStep,
  rewriteTagStep,
  roundrobinStep,
  sampleSource,
  secondaryFileOutput,
  singleValueFormatter,
  stackdriverOutput,
  stdinSource,
  stdoutFilter,
  stdoutFormatter,
  stdoutOutput,
  storeOutput,
  syslogParser,
  syslogSource,
  systemdSource,
  tailSource,
  tcpOutput,
  tcpSource,
  throttleFilter,
  tsvFormatter,
  tsvParser,
  typeConverterFilter,
  udpOutput,
  udpSource,
  unixSource,
];
