{{/* The policies' specs by name: of the control plane, the tenant's DNS, snapshot pods, workloads. */}}
{{- define "vcluster.networkPolicies" -}}
{{- $policy := .Values.policies.networkPolicy -}}
{{- $plane := dict "podSelector" (dict "matchLabels" (dict "release" .Release.Name)) | toJson -}}
{{- $tenant := dict "podSelector" (dict "matchLabels" (dict "vcluster.loft.sh/managed-by" .Release.Name)) | toJson -}}
{{- $platform := `{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "loft"}}}` -}}
{{- $dns := `{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}` -}}
{{- $api := `[{"port": 443, "protocol": "TCP"}, {"port": 8443, "protocol": "TCP"}, {"port": 6443, "protocol": "TCP"}]` -}}
{{- $tenantPorts := `[{"port": 1053, "protocol": "UDP"}, {"port": 1053, "protocol": "TCP"}, {"port": 8443, "protocol": "TCP"}]` -}}
cp:
  podSelector: {matchLabels: {release: {{ .Release.Name | quote }}}}
  egress:
    - to: [{{ $dns }}]
    - ports: {{ $api }}
    - to: [{{ $plane }}]
    - to: [{{ $tenant }}]
    - to: [{{ $platform }}]
    {{- with $policy.controlPlane.egress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ingress:
    - ports: [{port: 8443, protocol: TCP}]
    - from: [{{ $plane }}]
    - from: [{{ $tenant }}]
      ports: {{ $tenantPorts }}
    - from: [{podSelector: {matchLabels: {app: vcluster-snapshot}}}]
    - from: [{{ $platform }}]
    {{- with $policy.controlPlane.ingress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
kube-dns:
  podSelector: {matchLabels: {k8s-app: vcluster-kube-dns, vcluster.loft.sh/managed-by: {{ .Release.Name | quote }}}}
  egress:
    - to: [{{ $dns }}]
    - to: [{{ $plane }}]
      ports: [{port: 8443, protocol: TCP}]
  ingress:
    - from: [{{ $tenant }}]
      ports: [{port: 1053, protocol: TCP}, {port: 1053, protocol: UDP}]
snapshot:
  podSelector: {matchLabels: {app: vcluster-snapshot}}
  egress:
    - to: [{{ $plane }}]
    - to: [{{ $dns }}]
    - ports: {{ $api }}
work:
  podSelector: {matchLabels: {vcluster.loft.sh/managed-by: {{ .Release.Name | quote }}}}
  egress:
    - to: [{{ $plane }}]
      ports: {{ $tenantPorts }}
    - to: [{{ $tenant }}]
    {{- with $policy.workload.publicEgress }}
    {{- if .enabled }}
    - to: [{ipBlock: {{ omit . "enabled" | toJson }}}]
    {{- end }}
    {{- end }}
    {{- with $policy.workload.egress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ingress:
    - from: [{{ $plane }}]
    - from: [{{ $tenant }}]
    {{- with $policy.workload.ingress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* The same on lines whose policies are about outgoing connections alone. */}}
{{- define "vcluster.networkPolicies.outgoing" -}}
{{- $policy := .Values.policies.networkPolicy -}}
cp:
  podSelector: {matchLabels: {release: {{ .Release.Name | quote }}}}
  egress:
    - ports: [{port: 443}, {port: 8443}, {port: 6443}]
    - to:
        - podSelector: {}
        - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
          podSelector: {matchLabels: {k8s-app: kube-dns}}
        {{- if $policy.outgoingConnections.platform }}
        - namespaceSelector: {}
          podSelector: {matchLabels: {app: loft}}
        {{- end }}
    {{- with $policy.extraControlPlaneRules }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
work:
  podSelector: {matchLabels: {vcluster.loft.sh/managed-by: {{ .Release.Name | quote }}}}
  egress:
    - to: [{podSelector: {matchLabels: {release: {{ .Release.Name | quote }}}}}]
      ports: [{port: 443}, {port: 8443}]
    - ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
    - to:
        - podSelector: {matchLabels: {vcluster.loft.sh/managed-by: {{ .Release.Name | quote }}}}
        - ipBlock: {{ $policy.outgoingConnections.ipBlock | toJson }}
    {{- with $policy.extraWorkloadRules }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
