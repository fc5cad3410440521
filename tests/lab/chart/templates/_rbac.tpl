{{- define "vcluster.rbac.roleRules" -}}
{{- $set := .Values.controlPlane.statefulSet -}}
{{- $features := (.Files.Get "line.yaml" | fromYaml).features -}}
- apiGroups: [""]
  resources: [configmaps, secrets, services, pods, pods/attach, pods/portforward, pods/exec, persistentvolumeclaims]
  verbs: [create, delete, patch, update, get, list, watch]
- apiGroups: [""]
  resources: [pods/status, pods/ephemeralcontainers]
  verbs: [patch, update]
{{- if ge (int .Capabilities.KubeVersion.Minor) 35 }}
- apiGroups: [""]
  resources: [pods/resize]
  verbs: [patch, update]
{{- end }}
- apiGroups: [apps]
  resources: [statefulsets, replicasets, deployments]
  verbs: [get, list, watch, patch, update]
- apiGroups: [""]
  resources: [endpoints, pods/log]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, get, list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, get, list, watch]
- apiGroups: [""]
  resources: [endpoints]
  verbs: [create, delete, patch, update]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [create, list, get, delete, patch, update, watch]
{{- $embedded := and $features.embeddedEtcdLease .Values.controlPlane.backingStore.etcd.embedded.enabled }}
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
{{- if include "vcluster.rbac.volumeSnapshots" . }}
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

{{/* "true" on lines that took snapshots of volumes, unless the user switched the rules off. */}}
{{- define "vcluster.rbac.volumeSnapshots" -}}
{{- if (.Files.Get "line.yaml" | fromYaml).features.volumeSnapshots -}}
{{- $rules := .Values.rbac.enableVolumeSnapshotRules.enabled -}}
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
