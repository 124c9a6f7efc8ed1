{{/* Bytes of the data volume of a component, of which a tenth is left to the file system: (dict "root" $ "component" …). */}}
{{- define "post2log.usableBytes" -}}
{{- $name := ternary "storage" (printf "%s.storage" .component) (eq .component "receiver") -}}
{{- $size := ternary .root.Values.storage (index .root.Values .component).storage (eq .component "receiver") -}}
{{- $bytes := mulf (include "post2log.bytes" (list $size $name) | float64) 0.9 | int64 -}}
{{- if and (eq .component "receiver") (eq .root.Values.forwarder "fluentd") -}}
  {{- $files := mul (include "post2log.bytes" (list .root.Values.rotBytes "rotBytes") | int64) (add 1 (int64 .root.Values.rotBackups)) (int64 .root.Values.workers) -}}
  {{- $bytes = sub $bytes $files -}}
  {{- if lt $bytes 67108864 -}}
    {{- fail (printf "storage: %s is too small: the log files of %v workers alone take up to %d bytes (rotBytes, rotBackups), and the journal needs 64Mi besides" (toString $size) .root.Values.workers $files) -}}
  {{- end -}}
{{- end -}}
{{- $bytes -}}
{{- end -}}

{{/* How the program shares the volume out: without a store most is the journal's, with one the store's. */}}
{{- define "post2log.spaceEnv" -}}
{{- $bytes := include "post2log.usableBytes" . | int64 -}}
{{- if eq .component "explorer" -}}
- name: P2L_STORAGE
  value: {{ mulf $bytes 0.15 | int64 | quote }}
- name: P2L_FLUENTD_STORAGE
  value: {{ mulf $bytes 0.1 | int64 | quote }}
- name: P2L_STORE_LIMIT
  value: {{ mulf $bytes 0.75 | int64 | quote }}
- name: P2L_STORE_KEEP
  value: {{ .root.Values.explorer.keep | quote }}
- name: P2L_STORE_MEMORY
  value: {{ .root.Values.explorer.memory | quote }}
{{- else -}}
- name: P2L_STORAGE
  value: {{ mulf $bytes 0.7 | int64 | quote }}
- name: P2L_FLUENTD_STORAGE
  value: {{ mulf $bytes 0.2 | int64 | quote }}
{{- end }}
{{- end -}}

{{- define "post2log.env" -}}
{{- $root := .root -}}
{{- $own := index $root.Values .component -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: P2L_DATA_DIR
  value: /var/lib/post2log
- name: P2L_WORKERS
  value: {{ ternary $root.Values.workers (default 1 $own.workers) (eq .component "receiver") | toString | quote }}
- name: P2L_LOGLEVEL
  value: {{ ternary $root.Values.uvicorn.logLevel (default $root.Values.logLevel $own.logLevel) (eq .component "receiver") | quote }}
- name: P2L_GRACE
  value: {{ $root.Values.grace | toString | quote }}
- name: P2L_KEEP
  value: {{ $root.Values.keep | toString | quote }}
{{- if and (eq .component "explorer") (not (include "post2log.hasStore" $root)) }}
{{ include "post2log.elasticsearchEnv" $root }}
{{- else }}
{{ include "post2log.spaceEnv" . }}
{{- end }}
- name: P2L_ADMIN_HOST
  value: {{ ternary $root.Values.listen "127.0.0.1" (eq (include "post2log.isOpen" .) "true") | quote }}
- name: P2L_ADMIN_PORT
  value: "5601"
{{- if include "post2log.adminOpen" $root }}
- name: P2L_ADMIN_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ include "post2log.adminSecret" $root }}
      key: {{ $root.Values.admin.tokenKey }}
{{- end }}
{{- if and (eq .component "explorer") (include "post2log.explorerUsers" $root) }}
- name: P2L_ADMIN_USERS
  value: /etc/post2log-users/users
{{- end }}
{{- if or (include "post2log.listens" .) (include "post2log.next" .) }}
- name: FORWARD_SHARED_KEY
  valueFrom:
    secretKeyRef:
      name: {{ include "post2log.forwardSecret" $root }}
      key: {{ $root.Values.forward.sharedKeyKey }}
{{- end }}
{{- if eq .component "receiver" }}
{{- with $own.bearerToken }}
{{- if .existingSecret }}
- name: POSTBACK_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .key }}
{{- end }}
{{- end }}
{{- with $own.signature }}
{{- if .existingSecret }}
- name: POSTBACK_SIGNATURE_SECRET
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .key }}
{{- end }}
{{- end }}
{{- end }}
{{- if include "post2log.truth" $root.Values.exactlyOnce }}
- name: P2L_EXACTLY_ONCE
  value: "true"
{{- end }}
{{- end -}}

{{/* The chart's variables, then the release's, then the component's: of one name only the last, or upgrades would mix them. */}}
{{- define "post2log.allEnv" -}}
{{- $root := .root -}}
{{- $written := tpl (toYaml (concat $root.Values.extraEnv (index $root.Values .component).extraEnv)) $root | fromYamlArray -}}
{{- $seen := dict -}}
{{- $env := list -}}
{{- range concat (include "post2log.env" . | fromYamlArray) $written | reverse -}}
  {{- if not (hasKey $seen .name) -}}
    {{- $_ := set $seen .name true -}}
    {{- $env = prepend $env . -}}
  {{- end -}}
{{- end -}}
{{- toYaml $env -}}
{{- end -}}

{{/* Where the explorer searches, and how it gets in. */}}
{{- define "post2log.elasticsearchEnv" -}}
{{- with .Values.explorer.elasticsearch -}}
- name: P2L_EXPLORER_URL
  value: {{ .url | quote }}
- name: P2L_EXPLORER_INDEX
  value: {{ .index | quote }}
- name: P2L_EXPLORER_TIME_FIELD
  value: {{ .timeField | quote }}
- name: P2L_EXPLORER_TAG_FIELD
  value: {{ .tagField | quote }}
{{- with .user }}
- name: P2L_EXPLORER_USER
  value: {{ . | quote }}
{{- end }}
{{- if .existingSecret }}
- name: {{ ternary "P2L_EXPLORER_PASSWORD" "P2L_EXPLORER_API_KEY" (ne .user "") }}
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ ternary .passwordKey .apiKeyKey (ne .user "") }}
{{- end }}
{{- with .aws.region }}
- name: P2L_EXPLORER_AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- with .aws.service }}
- name: P2L_EXPLORER_AWS_SERVICE
  value: {{ . | quote }}
{{- end }}
{{- with .aws.role }}
- name: P2L_EXPLORER_AWS_ROLE
  value: {{ . | quote }}
{{- end }}
{{- if .tls.existingSecret }}
- name: P2L_EXPLORER_TLS_CA
  value: /etc/post2log-elasticsearch/ca.crt
{{- if .tls.clientCertificate }}
- name: P2L_EXPLORER_TLS_CERT
  value: /etc/post2log-elasticsearch/tls.crt
- name: P2L_EXPLORER_TLS_KEY
  value: /etc/post2log-elasticsearch/tls.key
{{- end }}
{{- end }}
- name: P2L_EXPLORER_TLS_VERIFY
  value: {{ .tls.verify | quote }}
{{- end -}}
{{- end -}}

{{- define "post2log.explorerUsers" -}}
{{- $auth := .Values.explorer.auth -}}
{{- if or $auth.users $auth.existingSecret -}}true{{- end -}}
{{- end -}}

{{/* Probes on the admin server, which knows most; where that is on loopback, on what listens: (dict "root" $ "component" …). */}}
{{- define "post2log.probes" -}}
{{- $own := index .root.Values .component -}}
{{- $isOpen := include "post2log.isOpen" . -}}
{{- $scheme := ternary "HTTPS" "HTTP" (and (eq .component "receiver") (not $isOpen) (ne $own.tls.existingSecret "")) -}}
{{- $kinds := dict "startupProbe" "/healthz" "livenessProbe" "/healthz" "readinessProbe" "/readyz" -}}
{{- range $kind, $path := $kinds }}
{{- $how := dict -}}
{{- if $isOpen -}}
{{- $how = dict "httpGet" (dict "path" $path "port" "admin") -}}
{{- else if eq $.component "receiver" -}}
{{- $how = dict "httpGet" (dict "path" "/healthz" "port" "http" "scheme" $scheme) -}}
{{- else if include "post2log.listens" $ -}}
{{- $how = dict "tcpSocket" (dict "port" "forward") -}}
{{- end -}}
{{- if $how }}
{{ $kind }}:
  {{- toYaml (merge (dict) $how (index $own $kind)) | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "post2log.container" -}}
{{- $root := .root -}}
{{- $own := index $root.Values .component -}}
name: post2log
image: {{ include "post2log.image" (dict "root" $root "image" $root.Values.image "slim" $own.slim) }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
{{- if and (eq .component "explorer") (not (include "post2log.hasStore" $root)) }}
args: [explorer]
{{- else }}
args: [run, --config, /etc/post2log/post2log.conf]
{{- end }}
env:
  {{- include "post2log.allEnv" . | nindent 2 }}
{{- with concat $root.Values.extraEnvFrom $own.extraEnvFrom }}
envFrom:
  {{- tpl (toYaml .) $root | nindent 2 }}
{{- end }}
ports:
{{- if eq .component "receiver" }}
  - name: http
    containerPort: {{ $own.containerPort }}
{{- end }}
{{- if include "post2log.listens" . }}
  - name: forward
    containerPort: 24224
{{- end }}
{{- range $own.extraPorts }}
  - {{ toYaml . | nindent 4 | trim }}
{{- end }}
  - name: admin
    containerPort: 5601
{{- include "post2log.probes" . }}
{{- $lifecycle := $own.lifecycle }}
{{- if and (not $lifecycle) (eq .component "receiver") (semverCompare ">=1.30-0" $root.Capabilities.KubeVersion.Version) }}
{{- $lifecycle = dict "preStop" (dict "sleep" (dict "seconds" 5)) }}
{{- end }}
{{- with $lifecycle }}
lifecycle:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "post2log.containerSecurity" (dict "root" $root "own" $own.securityContext) | nindent 2 }}
volumeMounts:
  - name: data
    mountPath: /var/lib/post2log
{{- if include "post2log.hasConfig" . }}
  - name: config
    mountPath: /etc/post2log
    readOnly: true
{{- end }}
  - name: tmp
    mountPath: /tmp
{{- if eq .component "receiver" }}
{{- if eq $root.Values.forwarder "fluentd" }}
  - name: data
    mountPath: /data
    subPath: files
{{- end }}
{{- if $own.tls.existingSecret }}
  - name: tls
    mountPath: /etc/post2log-tls
    readOnly: true
{{- end }}
{{- end }}
{{- if include "post2log.forwardTls" . }}
  - name: forward-tls
    mountPath: /etc/post2log-forward
    readOnly: true
{{- end }}
{{- if eq .component "collector" }}
{{- range $index, $path := $own.hostPaths }}
  - name: host-{{ $index }}
    mountPath: {{ $path }}
    readOnly: true
{{- end }}
{{- end }}
{{- if and (eq .component "explorer") (include "post2log.explorerUsers" $root) }}
  - name: users
    mountPath: /etc/post2log-users
    readOnly: true
{{- end }}
{{- if and (eq .component "explorer") $root.Values.explorer.elasticsearch.tls.existingSecret }}
  - name: elasticsearch-tls
    mountPath: /etc/post2log-elasticsearch
    readOnly: true
{{- end }}
{{- with $own.extraVolumeMounts }}
  {{- tpl (toYaml .) $root | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The container's own settings over the least privileges. */}}
{{- define "post2log.containerSecurity" -}}
{{- $least := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL")) -}}
{{- toYaml (mergeOverwrite $least (deepCopy (default dict .own))) -}}
{{- end -}}

{{- define "post2log.fluentdContainer" -}}
{{- $own := .Values.fluentd -}}
name: fluentd
image: {{ include "post2log.image" (dict "root" . "image" .Values.fluentdImage "slim" false) }}
imagePullPolicy: {{ .Values.fluentdImage.pullPolicy }}
env:
  - name: FLUENTD_CONF
    value: fluentd.conf
  - name: NODE_NAME
    valueFrom:
      fieldRef:
        fieldPath: spec.nodeName
  - name: POD_NAME
    valueFrom:
      fieldRef:
        fieldPath: metadata.name
{{- with $own.extraEnv }}
  {{- tpl (toYaml .) $ | nindent 2 }}
{{- end }}
{{- with $own.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "post2log.containerSecurity" (dict "root" . "own" $own.securityContext) | nindent 2 }}
volumeMounts:
  - name: fluentd-config
    mountPath: /fluentd/etc
    readOnly: true
  - name: fluentd
    mountPath: /fluentd/state
  - name: data
    mountPath: /data
    subPath: files
    readOnly: true
  - name: tmp
    mountPath: /tmp
{{- with $own.extraVolumeMounts }}
  {{- tpl (toYaml .) $ | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Seconds until the kubelet kills: more than the program's own grace time. */}}
{{- define "post2log.termination" -}}
{{- $grace := include "post2log.seconds" (list .root.Values.grace "grace") | int64 -}}
{{- $own := (index .root.Values .component).terminationGracePeriodSeconds -}}
{{- if $own -}}
  {{- if le (int64 $own) $grace -}}
    {{- fail (printf "%s.terminationGracePeriodSeconds: %v is not above grace (%v): the pod would be killed while it still delivers" .component $own .root.Values.grace) -}}
  {{- end -}}
  {{- $own -}}
{{- else -}}
  {{- add $grace 20 -}}
{{- end -}}
{{- end -}}

{{/* The pods that may not share a node with this one, and what the user writes besides. */}}
{{- define "post2log.affinity" -}}
{{- $own := deepCopy (default dict (index .root.Values .component).affinity) -}}
{{- if and (eq .component "receiver") (include "post2log.truth" .root.Values.nodeExclusive) -}}
  {{- $term := dict "labelSelector" (dict "matchLabels" (include "post2log.selector" . | fromYaml)) "topologyKey" "kubernetes.io/hostname" -}}
  {{- $anti := default dict $own.podAntiAffinity -}}
  {{- $required := append (default list $anti.requiredDuringSchedulingIgnoredDuringExecution) $term -}}
  {{- $_ := set $own "podAntiAffinity" (set $anti "requiredDuringSchedulingIgnoredDuringExecution" $required) -}}
{{- end -}}
{{- if $own -}}{{- toYaml $own -}}{{- end -}}
{{- end -}}

{{/* A pod template: (dict "root" $ "component" …). */}}
{{- define "post2log.pod" -}}
{{- include "post2log.validate" .root -}}
{{- $root := .root -}}
{{- $component := .component -}}
{{- $own := index $root.Values $component -}}
{{- $isFluentd := and (eq $component "receiver") (eq $root.Values.forwarder "fluentd") -}}
metadata:
  labels:
    {{- include "post2log.selector" . | nindent 4 }}
    {{- with merge (dict) $own.podLabels $root.Values.podLabels $root.Values.commonLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    {{- if include "post2log.hasConfig" . }}
    checksum/config: {{ include "post2log.config.files" . | sha256sum }}
    {{- end }}
    {{- if $isFluentd }}
    checksum/fluentd: {{ include "post2log.fluentdFiles" $root | sha256sum }}
    {{- end }}
    {{- with include "post2log.secretChecksum" . }}
    checksum/secrets: {{ . }}
    {{- end }}
    kubectl.kubernetes.io/default-container: {{ ternary "fluentd" "post2log" $isFluentd }}
    {{- with merge (dict) $own.podAnnotations $root.Values.podAnnotations $root.Values.commonAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  # A Service called p2l would put P2L_PORT=tcp://… into every container.
  enableServiceLinks: false
  serviceAccountName: {{ include "post2log.serviceAccount" . }}
  automountServiceAccountToken: {{ eq $component "collector" }}
  terminationGracePeriodSeconds: {{ include "post2log.termination" . }}
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ kindIs "string" . | ternary . (dig "name" "" (kindIs "map" . | ternary . (dict))) }}
    {{- end }}
  {{- end }}
  securityContext:
    {{- include "post2log.podSecurity" . | nindent 4 }}
  {{- with concat $root.Values.hostAliases $own.hostAliases }}
  hostAliases:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $own.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $own.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- with $own.dnsPolicy }}
  dnsPolicy: {{ . }}
  {{- end }}
  {{- with $own.dnsConfig }}
  dnsConfig:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- $selector := ternary (list $root.Values.nodeSelector "nodeSelector") (list $own.nodeSelector (printf "%s.nodeSelector" $component)) (eq $component "receiver") }}
  {{- with include "post2log.map" $selector | fromJson }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with include "post2log.affinity" . }}
  affinity:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with $own.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $own.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    - {{ merge (dict) . (dict "labelSelector" (dict "matchLabels" (include "post2log.selector" $ | fromYaml))) | toYaml | nindent 6 | trim }}
    {{- end }}
  {{- end }}
  {{- $init := $own.initContainers }}
  {{- if or $init (and (eq $component "collector") (not $own.runAsRoot)) }}
  initContainers:
    {{- if and (eq $component "collector") (not $own.runAsRoot) }}
    - {{ include "post2log.dataOwner" . | nindent 6 | trim }}
    {{- end }}
    {{- with $init }}
    {{- tpl (toYaml .) $root | nindent 4 }}
    {{- end }}
  {{- end }}
  containers:
    - {{ include "post2log.container" . | nindent 6 | trim }}
    {{- if $isFluentd }}
    - {{ include "post2log.fluentdContainer" $root | nindent 6 | trim }}
    {{- end }}
    {{- with $own.extraContainers }}
    {{- tpl (toYaml .) $root | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "post2log.volumes" . | nindent 4 }}
{{- end -}}

{{- define "post2log.volumes" -}}
{{- $root := .root -}}
{{- $own := index $root.Values .component -}}
{{- if include "post2log.hasConfig" . }}
- name: config
  configMap:
    name: {{ include "post2log.componentPart" (dict "root" $root "component" .component "suffix" "-config") }}
{{- end }}
- name: tmp
  emptyDir: {}
{{- if eq .component "collector" }}
- name: data
  hostPath:
    path: {{ include "post2log.collectorData" $root }}
    type: DirectoryOrCreate
{{- range $index, $path := $own.hostPaths }}
- name: host-{{ $index }}
  hostPath:
    path: {{ $path }}
{{- end }}
{{- else if not (include "post2log.hasConfig" .) }}
- name: data
  emptyDir: {}
{{- else if not $own.persistence.enabled }}
- name: data
  emptyDir:
    sizeLimit: {{ ternary $root.Values.storage $own.storage (eq .component "receiver") }}
{{- end }}
{{- if and (eq .component "receiver") (eq $root.Values.forwarder "fluentd") }}
- name: fluentd-config
  configMap:
    name: {{ include "post2log.named" (list $root "-fluentd") }}
{{- if not $own.persistence.enabled }}
- name: fluentd
  emptyDir:
    sizeLimit: {{ $root.Values.fluentd.storage }}
{{- end }}
{{- end }}
{{- if include "post2log.forwardTls" . }}
- name: forward-tls
  secret:
    secretName: {{ $root.Values.forward.tls.existingSecret }}
{{- end }}
{{- if and (eq .component "receiver") $own.tls.existingSecret }}
- name: tls
  secret:
    secretName: {{ $own.tls.existingSecret }}
{{- end }}
{{- if and (eq .component "explorer") (include "post2log.explorerUsers" $root) }}
- name: users
  secret:
    secretName: {{ $own.auth.existingSecret | default (include "post2log.componentPart" (dict "root" $root "component" "explorer" "suffix" "-users")) }}
    items:
      - key: {{ $own.auth.usersKey }}
        path: users
{{- end }}
{{- if and (eq .component "explorer") $own.elasticsearch.tls.existingSecret }}
- name: elasticsearch-tls
  secret:
    secretName: {{ $own.elasticsearch.tls.existingSecret }}
{{- end }}
{{- with $own.extraVolumes }}
{{ tpl (toYaml .) $root }}
{{- end }}
{{- end -}}

{{- define "post2log.collectorData" -}}
{{- .Values.collector.dataHostPath | default (printf "/var/lib/post2log/%s-%s" .Release.Namespace (include "post2log.fullname" .)) -}}
{{- end -}}

{{/*
The user of a pod. Log files belong to root, mode 0640: group 0 is enough to read them, and the collector has no more than that.
*/}}
{{- define "post2log.podSecurity" -}}
{{- $own := index .root.Values .component -}}
{{- $least := dict "runAsNonRoot" true "runAsUser" 65532 "runAsGroup" 65532 "fsGroup" 65532 "fsGroupChangePolicy" "OnRootMismatch" "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- if eq .component "collector" -}}
  {{- $least = dict "runAsNonRoot" true "runAsUser" 65532 "runAsGroup" 0 "seccompProfile" (dict "type" "RuntimeDefault") -}}
  {{- if $own.runAsRoot -}}
    {{- $least = mergeOverwrite $least (dict "runAsNonRoot" false "runAsUser" 0) -}}
  {{- end -}}
{{- end -}}
{{- toYaml (mergeOverwrite $least (deepCopy (default dict $own.podSecurityContext))) -}}
{{- end -}}

{{/*
The kubelet makes a host path for root alone. Its owner, without a single capability, opens it to group 0 once; then the
collector runs as nobody.
*/}}
{{- define "post2log.dataOwner" -}}
{{- $own := .root.Values.collector -}}
name: data-directory
image: {{ include "post2log.image" (dict "root" .root "image" .root.Values.image "slim" $own.slim) }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
command: [node, -e, 'require("node:fs").chmodSync("/var/lib/post2log", 0o770)']
securityContext:
  runAsNonRoot: false
  runAsUser: 0
  runAsGroup: 0
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
resources:
  requests: { cpu: 10m, memory: 32Mi }
  limits: { memory: 64Mi }
volumeMounts:
  - name: data
    mountPath: /var/lib/post2log
{{- end -}}

{{- define "post2log.serviceAccount" -}}
{{- $own := index .root.Values .component -}}
{{- if eq .component "collector" -}}
{{- .root.Values.serviceAccount.collectorName | default (include "post2log.component" .) -}}
{{- else -}}
{{- .root.Values.serviceAccount.name | default (include "post2log.fullname" .root) -}}
{{- end -}}
{{- end -}}

{{/* Changes with the Secrets that the chart makes from values, so that pods see the new ones. */}}
{{- define "post2log.secretChecksum" -}}
{{- $values := .root.Values -}}
{{- with list $values.admin.token $values.forward.sharedKey (ternary $values.explorer.auth.users "" (eq .component "explorer")) | join "" -}}
{{- . | sha256sum -}}
{{- end -}}
{{- end -}}

{{- define "post2log.fluentdFiles" -}}
{{- toYaml (dict "fluentd.conf" (include "post2log.config.fluentd" .) "extra.conf" (tpl .Values.fluentd.extraCfg .)) -}}
{{- end -}}

{{/* volumeClaimTemplates entry: (dict "name" "data" "size" "4Gi" "persistence" {…}). */}}
{{- define "post2log.claim" -}}
metadata:
  name: {{ .name }}
  {{- with .persistence.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  accessModes:
    {{- toYaml .persistence.accessModes | nindent 4 }}
  {{- with .persistence.storageClass }}
  storageClassName: {{ ternary "" . (eq . "-") | quote }}
  {{- end }}
  resources:
    requests:
      storage: {{ .size }}
{{- end -}}

{{/* Whether a component speaks TLS to others of the release. */}}
{{- define "post2log.forwardTls" -}}
{{- if and .root.Values.forward.tls.existingSecret (or (include "post2log.listens" .) (include "post2log.next" .)) -}}true{{- end -}}
{{- end -}}

{{/* Whether a component runs a configuration, and keeps records: all but an explorer over an Elasticsearch. */}}
{{- define "post2log.hasConfig" -}}
{{- if or (ne .component "explorer") (include "post2log.hasStore" .root) -}}true{{- end -}}
{{- end -}}

{{/* A StatefulSet: (dict "root" $ "component" …). */}}
{{- define "post2log.statefulset" -}}
{{- $root := .root -}}
{{- $component := .component -}}
{{- $own := index $root.Values $component -}}
{{- $isReceiver := eq $component "receiver" -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ include "post2log.component" . }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "post2log.labels" . | nindent 4 }}
  {{- include "post2log.annotations" (dict "root" $root "own" $own.annotations) | nindent 2 }}
spec:
  serviceName: {{ include "post2log.componentPart" (dict "root" $root "component" $component "suffix" "-pods") }}
  {{- if not (and $own.autoscaling $own.autoscaling.enabled) }}
  replicas: {{ ternary $root.Values.replicas (default 1 $own.replicas) $isReceiver | int }}
  {{- end }}
  # A pod that does not start must not hold up the others: none depends on another.
  podManagementPolicy: {{ $own.podManagementPolicy | default "Parallel" }}
  {{- with $own.updateStrategy }}
  updateStrategy:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "post2log.selector" . | nindent 6 }}
  template:
    {{- include "post2log.pod" . | nindent 4 }}
  {{- if $own.persistence.enabled }}
  # Volumes outlive their pods: what waits in one is delivered when its pod is back.
  persistentVolumeClaimRetentionPolicy:
    whenDeleted: Retain
    whenScaled: Retain
  volumeClaimTemplates:
    - {{ include "post2log.claim" (dict "name" "data" "size" (ternary $root.Values.storage $own.storage $isReceiver) "persistence" $own.persistence) | nindent 6 | trim }}
    {{- if and $isReceiver (eq $root.Values.forwarder "fluentd") }}
    - {{ include "post2log.claim" (dict "name" "fluentd" "size" $root.Values.fluentd.storage "persistence" $own.persistence) | nindent 6 | trim }}
    {{- end }}
  {{- end }}
{{- end -}}
