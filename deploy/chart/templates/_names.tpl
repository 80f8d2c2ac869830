{{- define "undervoice.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Short enough for a StatefulSet's pods and their controller's hash. */}}
{{- define "undervoice.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "undervoice.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "undervoice.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "undervoice.selector" -}}
app.kubernetes.io/name: {{ include "undervoice.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "undervoice.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "undervoice.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "undervoice.secret" -}}
{{- .Values.secret.existing | default (include "undervoice.fullname" .) -}}
{{- end -}}

{{- define "undervoice.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "undervoice.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "undervoice.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The pages that may use the service: the ingress's own host, and those that are named. */}}
{{- define "undervoice.origins" -}}
{{- $own := ternary (list (printf "https://%s" .Values.ingress.host)) (list) .Values.ingress.enabled -}}
{{- concat $own .Values.origins | uniq | join "," -}}
{{- end -}}

{{/* What must fit together, and no schema can say. */}}
{{- define "undervoice.checked" -}}
{{- if not (include "undervoice.origins" .) -}}
{{- fail "origins: name the pages that may use the service, or enable the ingress" -}}
{{- end -}}
{{- $several := or (gt (int .Values.replicas) 1) .Values.autoscaling.enabled .Values.canary.enabled -}}
{{- if and $several (not (hasPrefix "firestore://" .Values.store)) -}}
{{- fail "store: several servers need one that they share, such as firestore://PROJECT" -}}
{{- end -}}
{{- if and $several (not .Values.secret.existing) (not .Values.secret.redis) -}}
{{- fail "secret: several servers need Redis (secret.redis, or UNDERVOICE_REDIS in secret.existing)" -}}
{{- end -}}
{{- if and .Values.canary.enabled (not .Values.secret.existing) -}}
{{- fail "canary: name the first release's secret in secret.existing: calls must be able to move between both" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) -}}
{{- fail "autoscaling: minReplicas is above maxReplicas" -}}
{{- end -}}
{{- end -}}
