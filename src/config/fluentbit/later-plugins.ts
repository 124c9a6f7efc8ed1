/** Plugins that Fluent Bit 5.1 has. What is not in the registry is named as known, so that nobody looks for a spelling mistake. */

/** Their names by kind, in lower case. */
export const fluentbitPlugins: Readonly<Record<'source' | 'filter' | 'output', readonly string[]>> = {
  source: words(`blob calyptia_fleet collectd cpu disk docker docker_events dummy ebpf elasticsearch etw exec exec_wasi
    fluentbit_logs fluentbit_metrics forward gpu_metrics head health http kafka kmsg kubernetes_events mem mqtt
    netif nginx_metrics node_exporter_metrics opentelemetry podman_metrics proc process_exporter_metrics
    prometheus_remote_write prometheus_scrape prometheus_textfile random serial splunk statsd stdin
    stream_processor syslog systemd tail tcp thermal udp unix_socket windows_exporter_metrics winevtlog winlog
    winstat`),
  filter:
    words(`alter_size aws checklist ecs expect geoip2 grep kubernetes log_to_metrics lua modify multiline nest nightfall
    parser record_modifier rewrite_tag stdout sysinfo tensorflow throttle throttle_size type_converter wasm`),
  output:
    words(`azure azure_blob azure_kusto azure_logs_ingestion bigquery calyptia chronicle cloudwatch_logs counter datadog
    es exit file flowcounter forward gcs gelf http influxdb kafka kafka-rest kinesis_firehose kinesis_streams
    logdna loki nats nrlogs null opensearch opentelemetry oracle_log_analytics pgsql plot prometheus_exporter
    prometheus_remote_write s3 skywalking slack splunk stackdriver stdout syslog tcp td udp vivo_exporter
    websocket`),
};

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
