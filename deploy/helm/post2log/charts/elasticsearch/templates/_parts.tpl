{{- define "elasticsearch.name" -}}
{{- .Values.fullnameOverride | default (printf "%s-elasticsearch" .Release.Name) | trunc 45 | trimSuffix "-" -}}
{{- end -}}

{{/* What selects the pods of a role: (dict "root" $ "role" "master"). */}}
{{- define "elasticsearch.selector" -}}
app.kubernetes.io/name: elasticsearch
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}

{{- define "elasticsearch.metadata" -}}
name: {{ include "elasticsearch.name" .root }}{{ with .suffix }}-{{ . }}{{ end }}
namespace: {{ .root.Release.Namespace }}
labels:
  helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
  app.kubernetes.io/managed-by: {{ .root.Release.Service }}
  app.kubernetes.io/name: elasticsearch
  app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .role }}
  app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{/* Mebibytes of a heap (2g, 512m). */}}
{{- define "elasticsearch.heapMebibytes" -}}
{{- $number := regexFind "^[0-9]+" . | int64 -}}
{{- if hasSuffix "g" (lower .) -}}{{- mul $number 1024 -}}{{- else -}}{{- $number -}}{{- end -}}
{{- end -}}

{{/* A role as a StatefulSet: (dict "root" $ "role" "data" "roles" "data,ingest"). */}}
{{- define "elasticsearch.statefulset" -}}
{{- $root := .root -}}
{{- $own := index $root.Values .role -}}
{{- $name := include "elasticsearch.name" $root -}}
{{- $heap := include "elasticsearch.heapMebibytes" $own.heap | int64 -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  {{- include "elasticsearch.metadata" (dict "root" $root "role" .role "suffix" .role) | nindent 2 }}
spec:
  serviceName: {{ $name }}-discovery
  replicas: {{ $own.replicas }}
  podManagementPolicy: Parallel
  selector:
    matchLabels:
      {{- include "elasticsearch.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "elasticsearch.selector" . | nindent 8 }}
    spec:
      enableServiceLinks: false
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 120
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        runAsGroup: 1000
        fsGroup: 1000
        fsGroupChangePolicy: OnRootMismatch
        seccompProfile: { type: RuntimeDefault }
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $own.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $own.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 100
              podAffinityTerm:
                topologyKey: kubernetes.io/hostname
                labelSelector:
                  matchLabels:
                    {{- include "elasticsearch.selector" . | nindent 20 }}
      containers:
        - name: elasticsearch
          image: {{ $root.Values.image.repository }}:{{ $root.Values.image.tag | default $root.Chart.AppVersion }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          env:
            - name: node.name
              valueFrom:
                fieldRef:
                  fieldPath: metadata.name
            - name: cluster.name
              value: {{ $root.Values.clusterName | quote }}
            - name: node.roles
              value: {{ .roles | quote }}
            - name: network.host
              value: 0.0.0.0
            - name: discovery.seed_hosts
              value: {{ $name }}-discovery
            {{- if eq .role "master" }}
            # Only a cluster that has never been one looks at it.
            - name: cluster.initial_master_nodes
              value: {{ range $n := until (int $own.replicas) }}{{ if $n }},{{ end }}{{ $name }}-master-{{ $n }}{{ end }}
            {{- end }}
            - name: xpack.security.enabled
              value: "false"
            - name: node.store.allow_mmap
              value: {{ $root.Values.memoryMaps | quote }}
            - name: ES_JAVA_OPTS
              value: -Xms{{ $heap }}m -Xmx{{ $heap }}m
            {{- range $key, $value := $root.Values.settings }}
            - name: {{ $key }}
              value: {{ $value | toString | quote }}
            {{- end }}
          ports:
            - name: http
              containerPort: 9200
            - name: transport
              containerPort: 9300
          startupProbe:
            tcpSocket: { port: http }
            periodSeconds: 5
            failureThreshold: 60
          readinessProbe:
            httpGet: { path: '/_cluster/health?local=true', port: http }
            periodSeconds: 10
            timeoutSeconds: 5
          livenessProbe:
            tcpSocket: { port: transport }
            periodSeconds: 20
            timeoutSeconds: 5
            failureThreshold: 6
          resources:
            {{- if $own.resources }}
            {{- toYaml $own.resources | nindent 12 }}
            {{- else }}
            requests: { cpu: 250m, memory: {{ printf "%dMi" (mul $heap 2) }} }
            limits: { memory: {{ printf "%dMi" (mul $heap 2) }} }
            {{- end }}
          securityContext:
            allowPrivilegeEscalation: false
            capabilities:
              drop: [ALL]
          volumeMounts:
            - name: data
              mountPath: /usr/share/elasticsearch/data
      {{- if not $own.disk }}
      volumes:
        - name: data
          emptyDir: {}
      {{- end }}
  {{- if $own.disk }}
  volumeClaimTemplates:
    - metadata:
        name: data
      spec:
        accessModes: [ReadWriteOnce]
        {{- with $root.Values.storageClass }}
        storageClassName: {{ . | quote }}
        {{- end }}
        resources:
          requests:
            storage: {{ $own.disk }}
  {{- end }}
{{- end -}}
