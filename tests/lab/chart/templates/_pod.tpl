{{/* Pod template of the control plane, the same in a StatefulSet and in a Deployment. */}}
{{- define "vcluster.pod" -}}
{{- $plane := .Values.controlPlane -}}
{{- $set := $plane.statefulSet -}}
metadata:
  annotations:
    vClusterConfigHash: {{ include "vcluster.configHash" . | quote }}
    {{- with $set.pods.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels:
    {{- include "vcluster.selector" . | nindent 4 }}
    {{- with $set.pods.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  terminationGracePeriodSeconds: 15
  serviceAccountName: {{ include "vcluster.serviceAccountName" . }}
  enableServiceLinks: {{ $set.enableServiceLinks }}
  {{- include "vcluster.scheduling" $set.scheduling | nindent 2 }}
  {{- /* Rendered a second time, as the vendor's chart does: strict YAML readers fail on it. */}}
  {{- with $set.scheduling.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- range $key := list "runtimeClassName" "dnsPolicy" "dnsConfig" "hostAliases" }}
  {{- with get $set $key }}
  {{ $key }}: {{ toJson . }}
  {{- end }}
  {{- end }}
  {{- with $set.security.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumes:
    {{- include "vcluster.pod.volumes" . | nindent 4 }}
  initContainers:
    {{- include "vcluster.pod.kubernetes" . | nindent 4 }}
    {{- with $set.initContainers }}
    {{- tpl (toYaml .) $ | nindent 4 }}
    {{- end }}
  containers:
    {{- include "vcluster.pod.syncer" . | nindent 4 }}
    {{- with $set.sidecarContainers }}
    {{- tpl (toYaml .) $ | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* Where pods go. Argument: a scheduling map. */}}
{{- define "vcluster.scheduling" -}}
{{- range $key := list "affinity" "nodeSelector" "tolerations" "topologySpreadConstraints" "priorityClassName" }}
{{- with get $ $key }}
{{ $key }}: {{ toJson . }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "vcluster.pod.volumes" -}}
{{- $persistence := .Values.controlPlane.statefulSet.persistence -}}
- name: helm-cache
  emptyDir: {}
{{ toYaml $persistence.binariesVolume }}
- name: tmp
  emptyDir: {}
- name: certs
  emptyDir: {}
- name: vcluster-config
  secret:
    secretName: vc-config-{{ .Release.Name }}
{{- if $persistence.dataVolume }}
{{ toYaml $persistence.dataVolume }}
{{- else if not (include "vcluster.hasVolume" .) }}
- name: data
  emptyDir: {}
{{- end }}
{{- with $persistence.addVolumes }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end -}}

{{- define "vcluster.pod.kubernetes" -}}
{{- $k8s := .Values.controlPlane.distro.k8s -}}
{{- $image := $k8s.image -}}
{{- if $k8s.version }}{{ $image = merge (dict "tag" $k8s.version) $k8s.image }}{{ end -}}
{{- if .Values.privateNodes.enabled }}{{ $image = merge (dict "tag" (printf "%s-full" $image.tag)) $image }}{{ end -}}
- name: kubernetes
  image: {{ include "vcluster.image" (dict "image" $image "prefix" .Values.controlPlane.advanced.defaultImageRegistry) | quote }}
  {{- with $k8s.imagePullPolicy }}
  imagePullPolicy: {{ . }}
  {{- end }}
  command: [cp]
  args: [-r, /kubernetes/., /binaries/]
  securityContext:
    {{- toYaml $k8s.securityContext | nindent 4 }}
  resources:
    {{- toYaml $k8s.resources | nindent 4 }}
  {{- with $k8s.env }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    - name: binaries
      mountPath: /binaries
{{- end -}}

{{- define "vcluster.pod.syncer" -}}
{{- $set := .Values.controlPlane.statefulSet -}}
- name: syncer
  image: {{ include "vcluster.image" (dict "image" $set.image "default" .Chart.Version "prefix" .Values.controlPlane.advanced.defaultImageRegistry) | quote }}
  imagePullPolicy: {{ $set.imagePullPolicy }}
  {{- with $set.workingDir }}
  workingDir: {{ . }}
  {{- end }}
  {{- with $set.command }}
  command: {{ toJson . }}
  {{- end }}
  {{- with $set.args }}
  args: {{ toJson . }}
  {{- end }}
  env:
    - {name: VCLUSTER_NAME, value: {{ .Release.Name | quote }}}
    - {name: LOFT_LOG_ENCODING, value: {{ .Values.logging.encoding | quote }}}
    - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: NODE_NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: NODE_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
    {{- with $set.env }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- include "vcluster.pod.probe" (dict "name" "livenessProbe" "path" "/healthz" "all" $set.probes) | nindent 2 }}
  {{- include "vcluster.pod.probe" (dict "name" "readinessProbe" "path" "/readyz" "all" $set.probes) | nindent 2 }}
  {{- include "vcluster.pod.probe" (dict "name" "startupProbe" "path" "/readyz" "all" $set.probes) | nindent 2 }}
  securityContext:
    {{- toYaml $set.security.containerSecurityContext | nindent 4 }}
  resources:
    {{- toYaml $set.resources | nindent 4 }}
  volumeMounts:
    - {name: data, mountPath: /data}
    - {name: binaries, mountPath: /binaries}
    - {name: certs, mountPath: /pki}
    - {name: helm-cache, mountPath: /.cache/helm}
    - {name: vcluster-config, mountPath: /var/lib/vcluster}
    - {name: tmp, mountPath: /tmp}
    {{- with $set.persistence.addVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* One probe of the syncer. Argument: dict name, path, all (map of probes). */}}
{{- define "vcluster.pod.probe" -}}
{{- $probe := get .all .name -}}
{{- if $probe.enabled }}
{{ .name }}:
  httpGet: {path: {{ .path }}, port: 8443, scheme: HTTPS}
  {{- toYaml (omit $probe "enabled") | nindent 2 }}
{{- end }}
{{- end -}}
