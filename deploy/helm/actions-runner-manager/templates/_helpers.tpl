{{- define "arm.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "arm.namespace" -}}
{{- .Values.namespace.name | default .Release.Namespace -}}
{{- end -}}

{{- define "arm.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "arm.labels" -}}
{{ include "arm.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* meta: name (with a suffix), namespace and labels. Called with (list . suffix). */}}
{{- define "arm.meta" -}}
{{- $ := index . 0 -}}
name: {{ include "arm.fullname" $ }}{{ index . 1 }}
namespace: {{ include "arm.namespace" $ }}
labels:
  {{- include "arm.labels" $ | nindent 2 }}
{{- end -}}

{{- define "arm.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "arm.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "arm.secret" -}}
{{- .Values.secrets.existingSecret | default (include "arm.fullname" .) -}}
{{- end -}}

{{- define "arm.tlsSecret" -}}
{{- .Values.ingress.tls.secretName | default (printf "%s-tls" (include "arm.fullname" .)) -}}
{{- end -}}

{{- define "arm.ownPullSecret" -}}
{{- with .Values.image.credentials -}}{{- if .registry -}}true{{- end -}}{{- end -}}
{{- end -}}

{{/* config.yml: what the chart knows, and .Values.config over it. */}}
{{- define "arm.config" -}}
{{- $server := dict "address" "0.0.0.0" "port" 8080 "shutdownTimeout" (printf "%ds" (int .Values.shutdownSeconds)) -}}
{{- with .Values.trustedProxies }}{{ $_ := set $server "trustedProxies" . }}{{ end -}}
{{- if .Values.metrics.enabled }}{{ $_ := set $server "metricsAddress" (printf ":%d" (int .Values.metrics.port)) }}{{ end -}}
{{- if .Values.ingress.enabled -}}
{{- $_ := set $server "publicURL" (printf "%s://%s" (ternary "https" "http" .Values.ingress.tls.enabled) .Values.ingress.host) -}}
{{- end -}}
{{- $known := dict "server" $server -}}
{{- if eq .Values.database.type "sqlite" -}}
{{- $_ := set $known "database" (dict "url" "sqlite:/data/actions-runner-manager.db") -}}
{{- end -}}
{{- toYaml (mergeOverwrite $known (deepCopy .Values.config)) -}}
{{- end -}}

{{/* Combinations that cannot work, told while they can still be mended. */}}
{{- define "arm.check" -}}
{{- $sqlite := eq .Values.database.type "sqlite" -}}
{{- $s := .Values.secrets -}}
{{- if not (or .Values.config.org .Values.config.orgs) -}}
{{- fail "config.org is missing: set it to your organization's name" -}}
{{- end -}}
{{- if and $sqlite (gt (int .Values.replicaCount) 1) -}}
{{- fail "replicaCount is more than 1, but a SQLite file serves one replica: set database.type to postgres and give secrets.databaseURL" -}}
{{- end -}}
{{- if and $s.external.enabled (or $s.existingSecret $s.privateKey $s.webhookSecret $s.clientSecret $s.databaseURL) -}}
{{- fail "secrets.external.enabled takes every secret from outside: leave existingSecret, privateKey, webhookSecret, clientSecret and databaseURL empty" -}}
{{- end -}}
{{- if and $s.existingSecret (or $s.privateKey $s.webhookSecret $s.clientSecret $s.databaseURL) -}}
{{- fail "secrets.existingSecret is given: put privateKey, webhookSecret, clientSecret and databaseURL into that Secret, not into the values" -}}
{{- end -}}
{{- if and $s.external.enabled (not $s.external.remoteKey) -}}
{{- fail "secrets.external.remoteKey is missing: the name or ARN of the secret in AWS Secrets Manager" -}}
{{- end -}}
{{- if and $s.external.enabled $s.external.store.create (not $s.external.store.region) -}}
{{- fail "secrets.external.store.region is missing: the AWS region of the secret" -}}
{{- end -}}
{{- if and $s.external.enabled (not $s.external.store.create) (not $s.external.store.name) -}}
{{- fail "secrets.external.store.name is missing: the SecretStore to use, since store.create is false" -}}
{{- end -}}
{{- if not (or $sqlite $s.external.enabled $s.existingSecret $s.databaseURL) -}}
{{- fail "secrets.databaseURL is missing: where PostgreSQL is (postgres://…)" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.host is missing: the name under which users reach the server" -}}
{{- end -}}
{{- if and .Values.certificate.enabled (not .Values.certificate.issuer.name) -}}
{{- fail "certificate.issuer.name is missing: a cert-manager issuer" -}}
{{- end -}}
{{- if and .Values.certificate.enabled (not (and .Values.ingress.enabled .Values.ingress.tls.enabled)) -}}
{{- fail "certificate.enabled needs ingress.enabled and ingress.tls.enabled: the ingress is who uses the certificate" -}}
{{- end -}}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.enabled) -}}
{{- fail "metrics.serviceMonitor.enabled needs metrics.enabled" -}}
{{- end -}}
{{- end -}}
