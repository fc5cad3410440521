{{/* Names of the stores that are switched on, separated by blanks. */}}
{{- define "vcluster.stores" -}}
{{- $store := .Values.controlPlane.backingStore -}}
{{- if $store.etcd.embedded.enabled }}etcd.embedded {{ end -}}
{{- if $store.etcd.external.enabled }}etcd.external {{ end -}}
{{- if $store.etcd.deploy.enabled }}etcd.deploy {{ end -}}
{{- if $store.database.embedded.enabled }}database.embedded {{ end -}}
{{- if $store.database.external.enabled }}database.external {{ end -}}
{{- end -}}

{{/* Refuses two stores, but as the vendor does only where the volume follows from the store. */}}
{{- define "vcluster.store.check" -}}
{{- $persistence := .Values.controlPlane.statefulSet.persistence -}}
{{- if and (eq (toString $persistence.volumeClaim.enabled) "auto") (not $persistence.volumeClaimTemplates) -}}
{{- if gt (len (include "vcluster.stores" . | trim | splitList " ")) 1 -}}
{{- fail "you can only enable one backingStore at the same time" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* "true" when the control plane keeps data of its own on a volume. */}}
{{- define "vcluster.hasVolume" -}}
{{- $persistence := .Values.controlPlane.statefulSet.persistence -}}
{{- $enabled := toString $persistence.volumeClaim.enabled -}}
{{- $store := .Values.controlPlane.backingStore -}}
{{- $outside := or $store.etcd.external.enabled $store.etcd.deploy.enabled $store.database.external.enabled -}}
{{- if or $persistence.volumeClaimTemplates (eq $enabled "true") -}}
true
{{- else if and (eq $enabled "auto") (or $store.etcd.embedded.enabled (not $outside)) -}}
true
{{- end -}}
{{- end -}}

{{- define "vcluster.kind" -}}
{{- if or (include "vcluster.hasVolume" .) .Values.controlPlane.backingStore.etcd.embedded.enabled -}}
StatefulSet
{{- else -}}
Deployment
{{- end -}}
{{- end -}}

{{/* "true" when the chart runs etcd in pods of its own: as the store, or as the source of a migration. */}}
{{- define "vcluster.etcd.deployed" -}}
{{- $etcd := .Values.controlPlane.backingStore.etcd -}}
{{- if or $etcd.deploy.enabled (and $etcd.embedded.enabled $etcd.embedded.migrateFromDeployedEtcd) -}}
true
{{- end -}}
{{- end -}}

{{/* URL host of an etcd member. Argument: dict root, name. */}}
{{- define "vcluster.etcd.member" -}}
{{ .name }}.{{ .root.Release.Name }}-etcd-headless.{{ .root.Release.Namespace }}
{{- end -}}

{{/* Always a list for a NEW cluster of `replicas` members: this is why a changed count alone splits it. */}}
{{- define "vcluster.etcd.initialCluster" -}}
{{- $root := . -}}
{{- $members := list -}}
{{- range $ordinal := until (int .Values.controlPlane.backingStore.etcd.deploy.statefulSet.highAvailability.replicas) -}}
{{- $name := printf "%s-etcd-%d" $root.Release.Name $ordinal -}}
{{- $host := include "vcluster.etcd.member" (dict "root" $root "name" $name) -}}
{{- $members = append $members (printf "%s=https://%s:2380" $name $host) -}}
{{- end -}}
{{- join "," $members -}}
{{- end -}}

{{/* The claim template `data`. Argument: a volumeClaim map. */}}
{{- define "vcluster.claim" -}}
- metadata:
    name: data
  spec:
    accessModes: {{ toJson .accessModes }}
    {{- with .storageClass }}
    storageClassName: {{ . }}
    {{- end }}
    resources:
      requests:
        storage: {{ .size }}
{{- end -}}
