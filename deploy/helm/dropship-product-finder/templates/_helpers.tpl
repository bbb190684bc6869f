{{- define "dpf.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "dpf.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "dpf.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "dpf.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* The processes that run, separated by spaces. */ -}}
{{- define "dpf.roles" -}}
worker{{ if .Values.serve.enabled }} serve{{ end }}
{{- end -}}

{{- /* Of one role: (dict "root" $ "role" "worker"). Without a role: of all. */ -}}
{{- define "dpf.selector" -}}
app.kubernetes.io/name: {{ include "dpf.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .role }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "dpf.labels" -}}
{{ include "dpf.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
{{- end -}}

{{- define "dpf.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end -}}

{{- define "dpf.secretName" -}}
{{- $part := index .root.Values .role -}}
{{- $part.secret.name | default (printf "%s-%s" (include "dpf.fullname" .root) .role) -}}
{{- end -}}

{{- /* The container's port: what it is for, by name. */ -}}
{{- define "dpf.portName" -}}
{{ if eq .role "serve" }}http{{ else }}metrics{{ end }}
{{- end -}}

{{- /* Longer than SHUTDOWN_GRACE and the time before SIGTERM: closing and the last log lines take a moment. */ -}}
{{- define "dpf.terminationGrace" -}}
{{- $drain := ternary .root.Values.serve.drain 0 (eq .role "serve") -}}
{{ add (ceil .root.Values.shutdownGrace) (ceil $drain) 10 }}
{{- end -}}

{{- /* Variables that the chart sets itself; a later one wins over an earlier one of the same name. */ -}}
{{- define "dpf.env" -}}
{{- $values := .root.Values -}}
{{- $part := index $values .role -}}
{{- $env := dict "LOG_FORMAT" "json" "HTTP_HOST" "0.0.0.0" -}}
{{- range $variable, $file := dict "CONFIG_FILE" "settings" "SCHEDULES_FILE" "schedules" "TENANTS_FILE" "tenants" -}}
{{- if index $values.files $file -}}
{{- $_ := set $env $variable (printf "/etc/dpf/%s.json" $file) -}}
{{- end -}}
{{- end -}}
{{- range $part.secret.settings -}}
{{- $_ := set $env (printf "%s_FILE" .) (printf "/run/secrets/dpf/%s" .) -}}
{{- end -}}
{{- $env = mergeOverwrite $env $values.env $part.env -}}
{{- $_ := set $env "SHUTDOWN_GRACE" (toString $values.shutdownGrace) -}}
{{- $_ := set $env (ternary "HTTP_PORT" "METRICS_PORT" (eq .role "serve")) (toString (ternary $values.serve.port $values.worker.metricsPort (eq .role "serve"))) -}}
{{- range $name, $value := $env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}
