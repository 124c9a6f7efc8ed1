{{/* True for true, "true", "True", "1", "yes", "on": what charts and skaffold pass. */}}
{{- define "post2log.truth" -}}
{{- if has (lower (toString .)) (list "true" "1" "yes" "on") -}}true{{- end -}}
{{- end -}}

{{/* A map from a map, a list of maps, or YAML text (tpl is not applied): (list VALUE "name of the value"). As JSON. */}}
{{- define "post2log.map" -}}
{{- $value := index . 0 -}}
{{- $name := index . 1 -}}
{{- $map := dict -}}
{{- if kindIs "string" $value -}}
  {{- if $value | trim -}}
    {{- $map = fromYaml $value -}}
    {{- if hasKey $map "Error" -}}
      {{- fail (printf "%s: %q is no YAML map such as `key: value`: %s" $name $value $map.Error) -}}
    {{- end -}}
  {{- end -}}
{{- else if kindIs "slice" $value -}}
  {{- range $value -}}{{- $map = merge $map . -}}{{- end -}}
{{- else if $value -}}
  {{- $map = $value -}}
{{- end -}}
{{- $texts := dict -}}
{{- range $key, $one := $map -}}
  {{- if or (kindIs "map" $one) (kindIs "slice" $one) -}}
    {{- fail (printf "%s: %s is no text: labels and annotations hold texts" $name $key) -}}
  {{- end -}}
  {{- $_ := set $texts $key (toString $one) -}}
{{- end -}}
{{- toJson $texts -}}
{{- end -}}

{{/* Bytes of a quantity (4Gi, 500M, 1048576): (list VALUE "name of the value"). */}}
{{- define "post2log.bytes" -}}
{{- $text := toString (index . 0) | trim -}}
{{- if kindIs "float64" (index . 0) -}}{{- $text = index . 0 | int64 | toString -}}{{- end -}}
{{- $unit := regexFind "[A-Za-z]*$" $text -}}
{{- $number := trimSuffix $unit $text | trim -}}
{{- $units := dict "" 1 "B" 1 "k" 1000 "K" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- if or (not (regexMatch "^[0-9]+(\\.[0-9]+)?$" $number)) (not (hasKey $units $unit)) -}}
  {{- fail (printf "%s: %q is no size such as 4Gi, 500M or 10485760" (index . 1) $text) -}}
{{- end -}}
{{- mulf (float64 $number) (get $units $unit) | floor | int64 -}}
{{- end -}}

{{/* Whole seconds, rounded up, of a duration (10s, 500ms, 1m, 10): (list VALUE "name of the value"). */}}
{{- define "post2log.seconds" -}}
{{- $text := toString (index . 0) | trim -}}
{{- $unit := regexFind "[a-z]*$" $text -}}
{{- $number := trimSuffix $unit $text -}}
{{- $units := dict "" 1.0 "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 -}}
{{- if or (not (regexMatch "^[0-9]+(\\.[0-9]+)?$" $number)) (not (hasKey $units $unit)) -}}
  {{- fail (printf "%s: %q is no duration such as 10s, 500ms or 1m" (index . 1) $text) -}}
{{- end -}}
{{- mulf (float64 $number) (get $units $unit) | ceil | int64 -}}
{{- end -}}

{{/* Where the receiver's or collector's records go besides their own outputs: aggregator, explorer or nothing. */}}
{{- define "post2log.next" -}}
{{- $values := .root.Values -}}
{{- $wish := (index $values .component).sendTo -}}
{{- if eq .component "explorer" -}}
{{- else if eq $wish "none" -}}
{{- else if and (eq $wish "auto") (ne .component "aggregator") $values.aggregator.enabled -}}aggregator
{{- else if and (eq $wish "auto") (include "post2log.hasStore" .root) -}}explorer
{{- else if ne $wish "auto" -}}{{ $wish }}
{{- end -}}
{{- end -}}

{{/* Whether the explorer is the pod with the store; over an Elasticsearch it takes no records. */}}
{{- define "post2log.hasStore" -}}
{{- if and .Values.explorer.enabled (not .Values.explorer.elasticsearch.url) -}}true{{- end -}}
{{- end -}}

{{/* Whether a component takes records over forward: (dict "root" $ "component" …). */}}
{{- define "post2log.listens" -}}
{{- if or (eq .component "aggregator") (and (eq .component "explorer") (include "post2log.hasStore" .root)) -}}true{{- end -}}
{{- end -}}

{{/* Whether anybody in this release takes records over forward. */}}
{{- define "post2log.forwards" -}}
{{- if or .Values.aggregator.enabled (include "post2log.hasStore" .) -}}true{{- end -}}
{{- end -}}

{{/* Whether the admin server of a component has a login, and so may listen beyond loopback: (dict "root" $ "component" …). */}}
{{- define "post2log.isOpen" -}}
{{- if or (include "post2log.adminOpen" .root) (and (eq .component "explorer") (include "post2log.explorerUsers" .root)) -}}true{{- end -}}
{{- end -}}

{{/* Whether there is a token. */}}
{{- define "post2log.adminOpen" -}}
{{- if or .Values.admin.existingSecret .Values.admin.token .Values.admin.generateToken -}}true{{- end -}}
{{- end -}}
