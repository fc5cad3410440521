{{- define "vcluster.rbac.roleRules" -}}
{{- $set := .Values.controlPlane.statefulSet -}}
{{- $line := .Files.Get "line.yaml" | fromYaml -}}
{{- range $line.role }}
{{- if ge (int $.Capabilities.KubeVersion.Minor) (int .hostMinor) }}
- {{ omit . "hostMinor" | toJson }}
{{- end }}
{{- end }}
{{- $embedded := and $line.features.embeddedEtcdLease .Values.controlPlane.backingStore.etcd.embedded.enabled }}
{{- if or $embedded (gt (int $set.highAvailability.replicas) 1) }}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create, delete, patch, update, get, list, watch]
{{- end }}
{{- if include "vcluster.rbac.volumeSnapshots" . }}
- apiGroups: [snapshot.storage.k8s.io]
  resources: [volumesnapshots]
  verbs: [create, delete, patch, update, get, list]
{{- end }}
{{- with .Values.rbac.role.extraRules }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Empty when nothing needs rights over the whole host cluster: then there is no ClusterRole. */}}
{{- define "vcluster.rbac.clusterRoleRules" -}}
{{- if and .Values.rbac.enableVolumeSnapshotRules (include "vcluster.rbac.volumeSnapshots" .) }}
- apiGroups: [""]
  resources: [persistentvolumes]
  verbs: [get, list]
- apiGroups: [snapshot.storage.k8s.io]
  resources: [volumesnapshotclasses]
  verbs: [get, list]
- apiGroups: [snapshot.storage.k8s.io]
  resources: [volumesnapshotcontents]
  verbs: [create, delete, patch, update, get, list]
{{- end }}
{{- if .Values.sync.toHost.namespaces.enabled }}
- apiGroups: [""]
  resources: [namespaces, serviceaccounts]
  verbs: [create, delete, patch, update, get, list, watch]
{{- end }}
{{- if .Values.sync.fromHost.nodes.enabled }}
- apiGroups: [""]
  resources: [nodes, nodes/status]
  verbs: [get, list, watch]
{{- end }}
{{- with .Values.rbac.clusterRole.extraRules }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
  "true" on lines that took snapshots of volumes, unless the user switched the rules off. Lines without that
  switch have the rules where snapshots are synced, and none over the whole host cluster.
*/}}
{{- define "vcluster.rbac.volumeSnapshots" -}}
{{- if (.Files.Get "line.yaml" | fromYaml).features.volumeSnapshots -}}
{{- $rules := (.Values.rbac.enableVolumeSnapshotRules | default dict).enabled -}}
{{- $synced := or .Values.sync.toHost.volumeSnapshots.enabled .Values.sync.toHost.volumeSnapshotContents.enabled -}}
{{- if or (eq (toString $rules) "auto") (eq (toString $rules) "true") $synced -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* A binding to the control plane's account. Argument: dict root, kind, name. */}}
{{- define "vcluster.rbac.binding" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}Binding
metadata:
  name: {{ .name }}
  {{- if eq .kind "Role" }}
  namespace: {{ .root.Release.Namespace }}
  {{- end }}
  labels:
    {{- include "vcluster.labels" (dict "root" .root) | nindent 4 }}
  {{- include "vcluster.annotations" (dict "root" .root) }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ include "vcluster.serviceAccountName" .root }}
    namespace: {{ .root.Release.Namespace }}
{{- end -}}
