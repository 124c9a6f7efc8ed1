{{/* The release's name with the chart's, as long as it is: as the seed names its Service. */}}
{{- define "post2log.longname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Name of an object: (list $ suffix). At most 52 characters, because a StatefulSet's pods carry it with a hash in a label
of at most 63. A longer one ends in a hash of the whole, so that two never become the same.
*/}}
{{- define "post2log.named" -}}
{{- $long := include "post2log.longname" (index . 0) -}}
{{- $suffix := index . 1 -}}
{{- if gt (add (len $long) (len $suffix)) 52 -}}
{{- $room := int (sub 43 (len $suffix)) -}}
{{- printf "%s-%s%s" ($long | trunc $room | trimSuffix "-" | trimSuffix ".") (sha256sum $long | trunc 8) $suffix -}}
{{- else -}}
{{- printf "%s%s" $long $suffix -}}
{{- end -}}
{{- end -}}

{{- define "post2log.fullname" -}}{{- include "post2log.named" (list . "") -}}{{- end -}}

{{/* Name of a component: (dict "root" $ "component" "collector"). The receiver has the release's own. */}}
{{- define "post2log.component" -}}
{{- if eq .component "receiver" -}}
{{- include "post2log.fullname" .root -}}
{{- else -}}
{{- include "post2log.named" (list .root (printf "-%s" .component)) -}}
{{- end -}}
{{- end -}}

{{/* Name of something of a component's: (dict "root" $ "component" … "suffix" "-config"). */}}
{{- define "post2log.componentPart" -}}
{{- $suffix := .suffix -}}
{{- if ne .component "receiver" -}}{{- $suffix = printf "-%s%s" .component .suffix -}}{{- end -}}
{{- include "post2log.named" (list .root $suffix) -}}
{{- end -}}

{{/* What selects the pods of a component; never changes between versions. */}}
{{- define "post2log.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Labels of every object: (dict "root" $ "component" …); component may be empty. */}}
{{- define "post2log.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* `annotations:` of an object, or nothing: (dict "root" $ "own" {…}). */}}
{{- define "post2log.annotations" -}}
{{- with merge (dict) (default dict .own) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Image reference: (dict "root" $ "image" {…} "slim" true). */}}
{{- define "post2log.image" -}}
{{- $image := .image -}}
{{- $tag := default .root.Chart.AppVersion $image.tag -}}
{{- if .slim -}}{{- $tag = printf "%s-slim" $tag -}}{{- end -}}
{{- with $image.registry -}}{{- . -}}/{{- end -}}{{- $image.repository -}}
{{- if $image.digest -}}
@{{- $image.digest -}}
{{- else -}}
:{{- $tag -}}
{{- end -}}
{{- end -}}

{{- define "post2log.adminSecret" -}}
{{- .Values.admin.existingSecret | default (include "post2log.named" (list . "-admin")) -}}
{{- end -}}

{{- define "post2log.forwardSecret" -}}
{{- .Values.forward.existingSecret | default (include "post2log.named" (list . "-forward")) -}}
{{- end -}}

{{/* Cluster-wide names carry the namespace: releases of two namespaces must not meet. */}}
{{- define "post2log.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "post2log.component" (dict "root" . "component" "collector")) -}}
{{- end -}}
