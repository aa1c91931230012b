{{- define "shop.fullname" -}}x{{- end }}
