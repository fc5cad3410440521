{{- define "vcluster.etcd.ports" -}}
- {name: etcd, port: 2379, targetPort: 2379, protocol: TCP}
- {name: peer, port: 2380, targetPort: 2380, protocol: TCP}
{{- end -}}

{{/* Members prefer different hosts, then different zones. */}}
{{- define "vcluster.etcd.antiAffinity" -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    {{- range $topologyKey, $weight := dict "kubernetes.io/hostname" 100 "topology.kubernetes.io/zone" 50 }}
    - weight: {{ $weight }}
      podAffinityTerm:
        topologyKey: {{ $topologyKey }}
        labelSelector:
          matchExpressions:
            - {key: app, operator: In, values: [vcluster-etcd]}
            - {key: release, operator: In, values: [{{ $.Release.Name }}]}
    {{- end }}
{{- end -}}
