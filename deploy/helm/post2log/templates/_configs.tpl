{{/* A <match>'s or <store>'s inside that sends to a component of the release, each record once: (dict "root" $ "to" "explorer"). */}}
{{- define "post2log.config.forward" -}}
@type forward
@id to_{{ .to }}
exactly_once true
{{- if .root.Values.forward.tls.existingSecret }}
transport tls
tls_cert_path /etc/post2log-forward/ca.crt
{{- if .root.Values.forward.tls.clientCertificates }}
tls_client_cert_path /etc/post2log-forward/tls.crt
tls_client_private_key_path /etc/post2log-forward/tls.key
{{- end }}
{{- end }}
<security>
  self_hostname "#{ENV['POD_NAME']}"
  shared_key "#{ENV['FORWARD_SHARED_KEY']}"
</security>
<server>
  host {{ include "post2log.component" (dict "root" .root "component" .to) }}
  port 24224
</server>
<buffer tag>
  flush_interval 1s
  # The way is short: what waited for a node that was cut off goes on soon after it is back.
  retry_max_interval 10s
</buffer>
{{- end -}}

{{/* The text of a value with templates in it, and a line feed behind it. */}}
{{- define "post2log.config.text" -}}
{{- $text := tpl .text .root -}}
{{- if $text | trim -}}
{{ $text | trimSuffix "\n" }}
{{ end -}}
{{- end -}}

{{/*
Where the records of a source in the label @RECEIVED go: to the next component, and on to what the user wrote.
(dict "root" $ "next" "explorer" "goesOn" true "filters" TEXT)
*/}}
{{- define "post2log.config.received" -}}
<label @RECEIVED>
{{- with .filters }}
{{ . | indent 2 }}
{{- end }}
  <match **>
{{- if and .next .goesOn }}
    @type copy
    <store>
{{ include "post2log.config.forward" (dict "root" .root "to" .next) | indent 6 }}
    </store>
    <store>
      @type relabel
      @label @ROOT
    </store>
{{- else if .next }}
{{ include "post2log.config.forward" (dict "root" .root "to" .next) | indent 4 }}
{{- else }}
    @type relabel
    @label @ROOT
{{- end }}
  </match>
</label>
{{- end -}}

{{/* Fields under a second name, where a record has them. */}}
{{- define "post2log.config.duplicates" -}}
{{- with merge (dict) .Values.duplicateFields .Values.fluentd.duplicateFields }}
<filter **>
  @type modify
{{- range $from, $to := . }}
  <rule>
    type copy
    key {{ toJson $from }}
    value {{ toJson $to }}
  </rule>
{{- end }}
</filter>
{{- end }}
{{- end -}}

{{- define "post2log.config.receiver" -}}
{{- $next := include "post2log.next" (dict "root" . "component" "receiver") -}}
{{- $duplicates := include "post2log.config.duplicates" . | trim -}}
{{- $isLabelled := or $next (and $duplicates (eq .Values.forwarder "builtin")) -}}
{{- $own := .Values.receiver -}}
<source>
  @type postback
  @id postback
{{- if $isLabelled }}
  @label @RECEIVED
{{- end }}
  host {{ .Values.listen | quote }}
  port {{ $own.containerPort }}
  endpoints {{ .Values.endpoint }}
  log_query_parameters {{ include "post2log.truth" .Values.logQueryParam | default "false" }}
  skip_null_fields {{ include "post2log.truth" .Values.skipNullFields | default "false" }}
  node_name "#{ENV['NODE_NAME']}"
  pod_name "#{ENV['POD_NAME']}"
  workload_name {{ include "post2log.fullname" . }}
{{- if eq .Values.forwarder "fluentd" }}
  forwarder files
  log_dir /data
  rotate_bytes {{ include "post2log.bytes" (list .Values.rotBytes "rotBytes") }}
  rotate_backups {{ .Values.rotBackups }}
{{- end }}
{{- if $own.bearerToken.existingSecret }}
  bearer_token "#{ENV['POSTBACK_TOKEN']}"
{{- end }}
{{- with $own.signature }}
{{- if .existingSecret }}
  signature {{ .preset }}
{{- with .header }}
  signature_header {{ . }}
{{- end }}
  signature_secret "#{ENV['POSTBACK_SIGNATURE_SECRET']}"
{{- end }}
{{- end }}
{{- with $own.tls.existingSecret }}
  tls_cert /etc/post2log-tls/tls.crt
  tls_key /etc/post2log-tls/tls.key
{{- end }}
{{- with include "post2log.config.text" (dict "root" . "text" $own.sourceCfg) }}
{{ . | trimSuffix "\n" | indent 2 }}
{{- end }}
</source>
{{- if $isLabelled }}

{{ include "post2log.config.received" (dict "root" . "next" $next "goesOn" (eq .Values.forwarder "builtin") "filters" (ternary $duplicates "" (eq .Values.forwarder "builtin"))) }}
{{- end }}
{{- if eq .Values.forwarder "builtin" }}

@include extra.conf

<match **>
  @type stdout
  @id builtin_stdout
</match>
{{- else if not $isLabelled }}

# Fluentd in the container beside this one forwards what is in the files.
<match **>
  @type null
  @id builtin_null
</match>
{{- end }}
{{ end -}}

{{/* Fluentd beside the receiver: its rotating files, with the tags that post2log gives. */}}
{{- define "post2log.config.fluentd" -}}
<source>
  @type tail
  @id rotating_files
  path /data/*.txt
  pos_file /fluentd/state/post2log.pos
  read_from_head true
  refresh_interval 5
  tag post2log.files
  <parse>
    @type json
  </parse>
</source>
{{- with merge (dict) .Values.duplicateFields .Values.fluentd.duplicateFields }}

<filter post2log.files>
  @type record_transformer
  enable_ruby true
  <record>
{{- range $from, $to := . }}
    {{ $to }} ${record[{{ toJson $from }}]}
{{- end }}
  </record>
</filter>
{{- end }}

<match post2log.files>
  @type rewrite_tag_filter
  @id tags
  <rule>
    key _path
    pattern /^\/postback\/(.+)$/
    tag $1
  </rule>
  <rule>
    key _path
    pattern /.*/
    tag post2log
  </rule>
</match>

@include extra.conf

<match **>
  @type stdout
  @id builtin_stdout
</match>
{{ end -}}

{{- define "post2log.config.collector" -}}
{{- $next := include "post2log.next" (dict "root" . "component" "collector") -}}
{{- $own := .Values.collector -}}
{{- $extra := $own.extraCfg | trim -}}
{{- $namespace := .Release.Namespace -}}
{{- $exclude := $own.exclude -}}
{{- if $own.excludeOwn -}}
{{- range $component := list "receiver" "collector" "aggregator" "explorer" -}}
{{- $exclude = append $exclude (printf "/var/log/containers/%s-*_%s_post2log-*.log" (include "post2log.component" (dict "root" $ "component" $component)) $namespace) -}}
{{- end -}}
{{- $exclude = append $exclude (printf "/var/log/containers/%s-*_%s_fluentd-*.log" (include "post2log.fullname" .) $namespace) -}}
{{- end -}}
[SERVICE]
    Flush         1
    Parsers_File  parsers.conf
    scheduler.cap 10

[INPUT]
    Name             tail
    Alias            containers
    Tag              kube.*
    Path             {{ join "," $own.paths }}
{{- with $exclude }}
    Exclude_Path     {{ join "," . }}
{{- end }}
    multiline.parser {{ $own.multilineParsers }}
    Read_from_Head   {{ ternary "On" "Off" $own.readFromHead }}
    Refresh_Interval 5
    Skip_Empty_Lines On

[FILTER]
    Name                kubernetes
    Match               kube.*
    Merge_Log           {{ ternary "On" "Off" $own.mergeLog }}
    Keep_Log            {{ ternary "On" "Off" $own.keepLog }}
    Labels              {{ ternary "On" "Off" $own.labels }}
    Annotations         {{ ternary "On" "Off" $own.annotationsInRecords }}
    K8S-Logging.Parser  On
    K8S-Logging.Exclude On
{{- with $extra }}

@INCLUDE extra.conf
{{- end }}
{{- if $next }}

[OUTPUT]
    Name                 forward
    Alias                to_{{ $next }}
    Match                *
    Host                 {{ include "post2log.component" (dict "root" . "component" $next) }}
    Port                 24224
    Exactly_Once         On
    Compress             gzip
    Shared_Key           ${FORWARD_SHARED_KEY}
    Self_Hostname        ${POD_NAME}
{{- if .Values.forward.tls.existingSecret }}
    tls                  On
    tls.verify_hostname  On
    tls.ca_file          /etc/post2log-forward/ca.crt
{{- if .Values.forward.tls.clientCertificates }}
    tls.crt_file         /etc/post2log-forward/tls.crt
    tls.key_file         /etc/post2log-forward/tls.key
{{- end }}
{{- end }}
{{- else if not $extra }}

[OUTPUT]
    Name   stdout
    Match  *
    Format json_lines
{{- end }}
{{ end -}}

{{/* A source that takes what other components send. */}}
{{- define "post2log.config.listen" -}}
<source>
  @type forward
  @id forward
{{- with .label }}
  @label {{ . }}
{{- end }}
  bind {{ .root.Values.listen | quote }}
  port 24224
{{- if .root.Values.forward.tls.existingSecret }}
  <transport tls>
    cert_path /etc/post2log-forward/tls.crt
    private_key_path /etc/post2log-forward/tls.key
{{- if .root.Values.forward.tls.clientCertificates }}
    client_cert_auth true
    ca_path /etc/post2log-forward/ca.crt
{{- end }}
  </transport>
{{- end }}
  <security>
    self_hostname "#{ENV['POD_NAME']}"
    shared_key "#{ENV['FORWARD_SHARED_KEY']}"
  </security>
</source>
{{- end -}}

{{- define "post2log.config.aggregator" -}}
{{- $next := include "post2log.next" (dict "root" . "component" "aggregator") -}}
{{- $extra := .Values.aggregator.extraCfg | trim -}}
{{ include "post2log.config.listen" (dict "root" . "label" (ternary "@RECEIVED" "" (ne $next ""))) }}
{{- if $next }}

{{ include "post2log.config.received" (dict "root" . "next" $next "goesOn" (ne $extra "") "filters" "") }}
{{- end }}
{{- if $extra }}

@include extra.conf
{{- end }}
{{- if and $next $extra }}

# What no match above takes is at the {{ $next }} all the same.
<match **>
  @type null
  @id builtin_null
</match>
{{- else if not $next }}
{{- if not $extra }}

<match **>
  @type stdout
  @id builtin_stdout
</match>
{{- end }}
{{- end }}
{{ end -}}

{{- define "post2log.config.explorer" -}}
{{ include "post2log.config.listen" (dict "root" . "label" "") }}

<match **>
  @type store
</match>
{{ end -}}

{{/* What the ConfigMap of a component holds, byte for byte: (dict "root" $ "component" …). */}}
{{- define "post2log.config.files" -}}
{{- $root := .root -}}
{{- $own := index $root.Values .component -}}
{{- $files := dict -}}
{{- if $own.config | trim -}}
  {{- $_ := set $files "post2log.conf" (tpl $own.config $root) -}}
{{- else -}}
  {{- $_ := set $files "post2log.conf" (include (printf "post2log.config.%s" .component) $root) -}}
{{- end -}}
{{- if and (eq .component "receiver") (eq $root.Values.forwarder "builtin") -}}
  {{- $_ := set $files "extra.conf" (tpl $root.Values.fluentd.extraCfg $root) -}}
{{- else if and (has .component (list "collector" "aggregator")) ($own.extraCfg | trim) -}}
  {{- $_ := set $files "extra.conf" (tpl $own.extraCfg $root) -}}
{{- end -}}
{{- if eq .component "collector" -}}
  {{- $_ := set $files "parsers.conf" (tpl $own.parsersCfg $root) -}}
{{- end -}}
{{- range $name, $text := $own.extraFiles -}}
  {{- $_ := set $files $name (tpl $text $root) -}}
{{- end -}}
{{- toYaml $files -}}
{{- end -}}
