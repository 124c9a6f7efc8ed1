{{/* metadata of an object: (dict "root" $ "component" … "name" … "own" annotations "labels" more). */}}
{{- define "post2log.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "post2log.labels" (dict "root" .root "component" .component) | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- include "post2log.annotations" (dict "root" .root "own" .own) }}
{{- end -}}

{{/* The ConfigMap of a component. */}}
{{- define "post2log.configmap" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "post2log.metadata" (dict "root" .root "component" .component "name" (include "post2log.componentPart" (dict "root" .root "component" .component "suffix" "-config"))) | nindent 2 }}
data:
  {{- include "post2log.config.files" . | nindent 2 }}
{{- end -}}

{{/* The Service that gives pods their names, and Prometheus their admin ports. */}}
{{- define "post2log.podsService" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "post2log.metadata" (dict "root" .root "component" .component "name" (include "post2log.componentPart" (dict "root" .root "component" .component "suffix" "-pods")) "labels" (dict "post2log/metrics" "true")) | nindent 2 }}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    {{- include "post2log.selector" . | nindent 4 }}
  ports:
    - name: admin
      port: 5601
      targetPort: admin
    {{- if include "post2log.listens" . }}
    - name: forward
      port: 24224
      targetPort: forward
    {{- end }}
{{- end -}}

{{- define "post2log.pdb" -}}
{{- $own := index .root.Values .component -}}
{{- if $own.pdb.enabled -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "post2log.metadata" (dict "root" .root "component" .component "name" (include "post2log.component" .)) | nindent 2 }}
spec:
  maxUnavailable: {{ $own.pdb.maxUnavailable }}
  selector:
    matchLabels:
      {{- include "post2log.selector" . | nindent 6 }}
{{- end -}}
{{- end -}}

{{- define "post2log.hpa" -}}
{{- $own := index .root.Values .component -}}
{{- with $own.autoscaling -}}
{{- if .enabled -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "post2log.metadata" (dict "root" $.root "component" $.component "name" (include "post2log.component" $)) | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: StatefulSet
    name: {{ include "post2log.component" $ }}
  minReplicas: {{ .minReplicas }}
  maxReplicas: {{ .maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ .targetCPUUtilizationPercentage }}
    {{- with .metrics }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .behavior }}
  behavior:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* An Ingress: (dict "root" $ "component" … "ingress" {…} "annotations" {…} "paths" [...] "service" … "port" …). */}}
{{- define "post2log.ingress" -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "post2log.metadata" (dict "root" .root "component" .component "name" (include "post2log.component" .) "own" .annotations) | nindent 2 }}
spec:
  {{- with .ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- with .ingress.tls }}
  tls:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  rules:
    - http:
        paths:
          {{- range .paths }}
          - path: {{ . | quote }}
            pathType: {{ $.ingress.pathType }}
            backend:
              service:
                name: {{ include "post2log.component" $ }}
                port:
                  name: {{ $.port }}
          {{- end }}
      {{- with .ingress.hostname }}
      host: {{ . | quote }}
      {{- end }}
{{- end -}}

{{/* As the seed has it: annotations alone ask for an Ingress. */}}
{{- define "post2log.receiverIngress" -}}
{{- if or (include "post2log.truth" .Values.ingress.enabled) (include "post2log.map" (list .Values.ingressAnnotations "ingressAnnotations") | fromJson) -}}true{{- end -}}
{{- end -}}

{{/* A Secret's value in base64: the one given, the one that the cluster has, or a new one: (dict "root" $ "secret" … "key" … "value" …). */}}
{{- define "post2log.secretValue" -}}
{{- $there := lookup "v1" "Secret" .root.Release.Namespace .secret -}}
{{- if .value -}}
{{- .value | b64enc -}}
{{- else if and $there (hasKey (default dict $there.data) .key) -}}
{{- get $there.data .key -}}
{{- else -}}
{{- randAlphaNum 40 | b64enc -}}
{{- end -}}
{{- end -}}
