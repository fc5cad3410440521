{{/* Labels of every object. The argument is a dict: root, app, extra (map of further labels). */}}
{{- define "vcluster.labels" -}}
app: {{ .app | default "vcluster" }}
chart: "{{ .root.Chart.Name }}-{{ .root.Chart.Version }}"
release: {{ .root.Release.Name | quote }}
heritage: {{ .root.Release.Service | quote }}
{{- with .extra }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Annotations of an object with those the user wants on every object, as a part of `metadata`. */}}
{{- define "vcluster.annotations" -}}
{{- $all := merge dict (.own | default dict) .root.Values.controlPlane.advanced.globalMetadata.annotations -}}
{{- if $all }}
  annotations:
    {{- toYaml $all | nindent 4 }}
{{- end -}}
{{- end -}}

{{- define "vcluster.selector" -}}
app: vcluster
release: {{ .Release.Name }}
{{- end -}}

{{- define "vcluster.etcd.selector" -}}
app: vcluster-etcd
release: {{ .Release.Name }}
{{- end -}}

{{/* Image reference. Argument: dict image, default (tag when none is set), prefix (registry for all images). */}}
{{- define "vcluster.image" -}}
{{- $registry := .prefix | default .image.registry -}}
{{- with $registry }}{{ . }}/{{ end }}{{ .image.repository }}:{{ .image.tag | default .default }}
{{- end -}}

{{- define "vcluster.clusterRoleName" -}}
{{- printf "vc-%s-v-%s" .Release.Name .Release.Namespace | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Role in the multi-namespace mode, where the tenant's namespaces are synced to the host. */}}
{{- define "vcluster.multiNamespaceRoleName" -}}
{{- printf "vc-mn-%s-v-%s" .Release.Name .Release.Namespace | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "vcluster.serviceAccountName" -}}
{{- .Values.controlPlane.advanced.serviceAccount.name | default (printf "vc-%s" .Release.Name) -}}
{{- end -}}

{{/* Changes with every value, so that any new value rolls the control plane. */}}
{{- define "vcluster.configHash" -}}
{{- $values := deepCopy .Values -}}
{{- $_ := unset $values.privateNodes "autoNodes" -}}
{{- $values | toYaml | sha256sum -}}
{{- end -}}
