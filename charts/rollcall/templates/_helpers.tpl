{{/* The name of the program, for labels. */}}
{{- define "rollcall.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of the objects: that of the release, with the chart's unless it is in it already. */}}
{{- define "rollcall.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := include "rollcall.name" . }}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- $full | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The name of objects outside of namespaces, so that releases of the same name in several namespaces don't meet. */}}
{{- define "rollcall.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "rollcall.fullname" .) }}
{{- end }}

{{- define "rollcall.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "rollcall.fullname" .) "default") }}
{{- end }}

{{- define "rollcall.claimName" -}}
{{- .Values.directory.sqlite.existingClaim | default (printf "%s-directory" (include "rollcall.fullname" .)) }}
{{- end }}

{{/* What pods are selected by; it can't be changed in an upgrade. */}}
{{- define "rollcall.selectorLabels" -}}
app.kubernetes.io/name: {{ include "rollcall.name" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "rollcall.labels" -}}
{{ include "rollcall.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* What a schema can't say in words that help. */}}
{{- define "rollcall.check" -}}
{{- if eq .Values.directory.type "postgres" }}
{{- if not .Values.directory.postgres.existingSecret.name }}
{{- fail (printf "directory.type is postgres: set directory.postgres.existingSecret.name to a Secret in the namespace %s whose key %q holds postgres://USER:PASSWORD@HOST/DATABASE" .Release.Namespace .Values.directory.postgres.existingSecret.key) }}
{{- end }}
{{- else if gt (int .Values.replicas) 1 }}
{{- fail (printf "replicas is %d, and directory.type is sqlite, a file that one process uses: set replicas to 1, or directory.type to postgres" (int .Values.replicas)) }}
{{- end }}
{{- if .Values.mail.existingSecret.name }}
{{- if not (and .Values.mail.from .Values.mail.linkBase) }}
{{- fail "mail.existingSecret.name is set: set mail.from to the address mails are from, and mail.linkBase to the URL that links in them begin with" }}
{{- end }}
{{- end }}
{{- end }}

{{- /* In the namespaces of secretNamespaces: passwords are taken from Secrets and written to them, photos from both kinds. */}}
{{- define "rollcall.secretRules" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, update, delete]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
{{- end }}

{{/* The rights on what people declare, where it is watched. */}}
{{- define "rollcall.rules" -}}
- apiGroups: [rollcall.dev]
  resources: [tenants, organizations, members, externalcontacts]
  verbs: [get, list, watch]
- apiGroups: [rollcall.dev]
  resources: [tenants/status, organizations/status, members/status, externalcontacts/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
