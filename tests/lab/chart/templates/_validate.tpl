{{/* What the templates refuse although the schema lets it pass. */}}
{{- define "vcluster.validate" -}}
{{- include "vcluster.validate.refused" . -}}
{{- include "vcluster.validate.exportKubeConfig" . -}}
{{- include "vcluster.validate.distro" . -}}
{{- include "vcluster.store.check" . -}}
{{- end -}}

{{- define "vcluster.validate.refused" -}}
{{- $values := .Values -}}
{{- range (.Files.Get "line.yaml" | fromYaml).refused -}}
{{- $path := . -}}
{{- $at := $values -}}
{{- range splitList "." $path -}}
{{- if kindIs "map" $at -}}{{- $at = get $at . -}}{{- end -}}
{{- end -}}
{{- if kindIs "map" $at -}}
{{- fail (printf "%s was removed and is no longer supported. Please remove it from your values" $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "vcluster.validate.exportKubeConfig" -}}
{{- $secret := .Values.exportKubeConfig.secret -}}
{{- $additional := .Values.exportKubeConfig.additionalSecrets -}}
{{- if and (trim (printf "%s%s" $secret.name $secret.namespace)) $additional -}}
{{- fail "exportKubeConfig.secret and exportKubeConfig.additionalSecrets cannot be set at the same time" -}}
{{- end -}}
{{- range $additional -}}
{{- if not (or (trim (default "" .name)) (trim (default "" .namespace))) -}}
{{- fail (printf "additional secret must have name and/or namespace set, found: %s" (toJson .)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "vcluster.validate.distro" -}}
{{- $enabled := list -}}
{{- range $name, $distro := .Values.controlPlane.distro -}}
{{- if $distro.enabled -}}{{- $enabled = append $enabled $name -}}{{- end -}}
{{- end -}}
{{- if gt (len $enabled) 1 -}}
{{- fail "you can only enable one distro at the same time" -}}
{{- end -}}
{{- end -}}
