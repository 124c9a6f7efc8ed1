{{/* Values that the schema lets through and that cannot work: each message begins with the key. Called from every workload. */}}
{{- define "post2log.validate" -}}
{{- $values := .Values -}}
{{- $wrong := list -}}
{{- if not (or $values.receiver.enabled $values.collector.enabled $values.aggregator.enabled $values.explorer.enabled) -}}
  {{- $wrong = append $wrong "receiver.enabled: nothing is switched on; set one of receiver.enabled, collector.enabled, aggregator.enabled, explorer.enabled to true" -}}
{{- end -}}
{{- if $values.explorer.enabled -}}
  {{- if not (or (include "post2log.adminOpen" .) (include "post2log.explorerUsers" .)) -}}
    {{- $wrong = append $wrong "explorer.auth: the explorer would be open to everybody who reaches its Service; set explorer.auth.users, explorer.auth.existingSecret, admin.token or admin.existingSecret, or leave admin.generateToken true" -}}
  {{- end -}}
{{- end -}}
{{- with $values.explorer.elasticsearch -}}
  {{- if and .user (not .existingSecret) -}}
    {{- $wrong = append $wrong "explorer.elasticsearch.existingSecret: explorer.elasticsearch.user needs a Secret with the password" -}}
  {{- end -}}
{{- end -}}
{{- if and $values.metrics.serviceMonitor.enabled (not (include "post2log.adminOpen" .)) -}}
  {{- $wrong = append $wrong "metrics.serviceMonitor.enabled: without a token the admin servers listen on loopback, where Prometheus cannot read them; set admin.token or admin.existingSecret, or leave admin.generateToken true" -}}
{{- end -}}
{{- if $values.receiver.enabled -}}
  {{- $security := mergeOverwrite (dict) (deepCopy $values.receiver.podSecurityContext) (deepCopy $values.receiver.securityContext) -}}
  {{- $isRoot := and (hasKey $security "runAsUser") (eq (int64 $security.runAsUser) 0) -}}
  {{- if and (lt (int $values.receiver.containerPort) 1024) (not $isRoot) -}}
    {{- $wrong = append $wrong (printf "receiver.containerPort: %d is below 1024, which only root may listen on, and the container runs as another user; leave it at 8000: the Service's port (port: %v) is what senders see" (int $values.receiver.containerPort) $values.port) -}}
  {{- end -}}
  {{- if has (int $values.receiver.containerPort) (list 5601 24224) -}}
    {{- $wrong = append $wrong (printf "receiver.containerPort: %d is the pod's own already (admin server 5601, forward 24224)" (int $values.receiver.containerPort)) -}}
  {{- end -}}
  {{- $annotations := merge (include "post2log.map" (list $values.ingressAnnotations "ingressAnnotations") | fromJson) (include "post2log.map" (list $values.ingress.annotations "ingress.annotations") | fromJson) -}}
  {{- if and $values.ingress.className (hasKey $annotations "kubernetes.io/ingress.class") -}}
    {{- $wrong = append $wrong "ingress.className: the annotation kubernetes.io/ingress.class names a class too, and the API takes only one of them" -}}
  {{- end -}}
  {{- if and $values.receiver.signature.existingSecret (eq $values.receiver.signature.preset "custom") (not $values.receiver.signature.header) -}}
    {{- $wrong = append $wrong "receiver.signature.header: preset custom needs the header that carries the signature" -}}
  {{- end -}}
  {{- if eq $values.forwarder "fluentd" -}}
    {{- range $from, $to := merge (dict) $values.duplicateFields $values.fluentd.duplicateFields -}}
      {{- if regexMatch "\\s|^[@#<]" (toString $to) -}}
        {{- $wrong = append $wrong (printf "duplicateFields.%s: %q cannot be written as a field's name in Fluentd's configuration" $from $to) -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
  {{- if and $values.receiver.slim $values.receiver.config (contains "@type store" $values.receiver.config) -}}
    {{- $wrong = append $wrong "receiver.slim: the slim image has no store, and receiver.config names one" -}}
  {{- end -}}
{{- end -}}
{{- range $component := list "receiver" "collector" "aggregator" -}}
  {{- if and (index $values $component).enabled (index $values $component).slim $values.image.digest -}}
    {{- $wrong = append $wrong (printf "%s.slim: image.digest is that of one image, and the slim variant is another one; name images by image.tag, or leave %s.slim false" $component $component) -}}
  {{- end -}}
  {{- $own := index $values $component -}}
  {{- if and $own.enabled (has $own.sendTo (list "aggregator" "explorer")) -}}
    {{- if not (index $values $own.sendTo).enabled -}}
      {{- $wrong = append $wrong (printf "%s.sendTo: %s is not part of this release; set %s.enabled to true, or write an output that reaches another one" $component $own.sendTo $own.sendTo) -}}
    {{- else if and (eq $own.sendTo "explorer") $values.explorer.elasticsearch.url -}}
      {{- $wrong = append $wrong (printf "%s.sendTo: the explorer searches explorer.elasticsearch.url and takes no records; write an output to that server" $component) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- if and $values.aggregator.enabled (contains "@type store" $values.aggregator.extraCfg) $values.aggregator.slim -}}
  {{- $wrong = append $wrong "aggregator.slim: the slim image has no store, and aggregator.extraCfg names one" -}}
{{- end -}}
{{- if and $values.explorer.enabled $values.explorer.slim -}}
  {{- $wrong = append $wrong "explorer.slim: the slim image has neither store nor explorer" -}}
{{- end -}}
{{- if $wrong -}}
  {{- fail (printf "\n\nWrong values:\n- %s\n" (join "\n- " $wrong)) -}}
{{- end -}}
{{- end -}}
