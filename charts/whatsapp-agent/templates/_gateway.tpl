{{/* What serve and work are both told: environment, secrets, volumes. All take $ and give YAML. */}}

{{- define "wa.gatewayEnv" -}}
GATEWAY_HOST: 0.0.0.0
GATEWAY_PORT: 8000
OPS_PORT: 8003
WORK_PORT: 8001
WHATSAPP_GRAPH_URL: {{ include "wa.graphUrl" . }}
WHATSAPP_API_VERSION: {{ .Values.whatsapp.apiVersion }}
CHANNELS_FILE: {{ include "wa.channelsFiles" . }}
MEDIA_URL: {{ include "wa.mediaUrl" . }}
{{- with .Values.monitoring.otlpEndpoint }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ . }}
{{- end }}
LOG_FORMAT: json
{{- end }}

{{- define "wa.channelsFiles" -}}
{{- $files := list }}
{{- if .Values.channel.enabled }}
{{- $files = append $files "/run/whatsapp-agent/channels/channels.json" }}
{{- end }}
{{- if .Values.operator.enabled }}
{{- $files = append $files "/run/whatsapp-agent/operator-channels/channels.json" }}
{{- end }}
{{- join "," $files }}
{{- end }}

{{/*
(dict "root" $ "secrets" LIST "file" KEY): LIST names what the program uses of the number's secrets; KEY is the key of
the operator's Secret that has only those, and is absent until the operator has written it (k8s/model/channels_file.py).
Whole folders, so that the kubelet brings changes in: the files are read again when they change.
*/}}
{{- define "wa.gatewayVolumes" -}}
{{- $keys := dict "access-token" .root.Values.channel.accessTokenKey "app-secret" .root.Values.channel.appSecretKey "verify-token" .root.Values.channel.verifyTokenKey }}
{{- $secrets := .secrets }}
{{- $file := .file }}
{{- with .root }}
{{- if .Values.channel.enabled }}
- name: channels
  projected:
    defaultMode: 0440
    sources:
      - configMap:
          name: {{ include "wa.fullname" . }}-channel
      - secret:
          name: {{ include "wa.channelSecret" . }}
          items:
            {{- range $secrets }}
            - {key: {{ get $keys . }}, path: {{ . }}}
            {{- end }}
{{- end }}
{{- if .Values.operator.enabled }}
- name: operator-channels
  secret:
    secretName: {{ include "wa.operatorChannelsSecret" . }}
    defaultMode: 0440
    optional: true
    items:
      - {key: {{ $file }}, path: channels.json}
{{- end }}
{{ include "wa.mediaVolumes" . }}
{{- end }}
{{- end }}

{{- define "wa.gatewayMounts" -}}
{{- if .Values.channel.enabled }}
- name: channels
  mountPath: /run/whatsapp-agent/channels
  readOnly: true
{{- end }}
{{- if .Values.operator.enabled }}
- name: operator-channels
  mountPath: /run/whatsapp-agent/operator-channels
  readOnly: true
{{- end }}
{{ include "wa.mediaMounts" (dict "root" .) }}
{{- end }}

{{/* Where media are; the console reads them there too. */}}
{{- define "wa.mediaUrl" -}}
{{ .Values.media.url | default "file:///var/lib/whatsapp-agent/media" }}
{{- end }}

{{- define "wa.mediaVolumes" -}}
{{- if not .Values.media.url }}
- name: media
  {{- if include "wa.mediaVolume" . }}
  persistentVolumeClaim:
    claimName: {{ .Values.media.persistence.existingClaim | default (printf "%s-media" (include "wa.fullname" .)) }}
  {{- else }}
  emptyDir:
    sizeLimit: {{ .Values.media.persistence.size }}
  {{- end }}
{{- end }}
{{- end }}

{{/* (dict "root" $ "readOnly" true) */}}
{{- define "wa.mediaMounts" -}}
{{- if not .root.Values.media.url }}
- name: media
  mountPath: /var/lib/whatsapp-agent/media
  {{- if .readOnly }}
  readOnly: true
  {{- end }}
{{- end }}
{{- end }}

{{/* A volume that only one node can mount holds all pods that use it together. */}}
{{- define "wa.mediaAffinity" -}}
{{- if include "wa.oneNode" . }}
podAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    - topologyKey: kubernetes.io/hostname
      labelSelector:
        matchLabels:
          {{- include "wa.releaseSelector" . | nindent 10 }}
        matchExpressions:
          - key: app.kubernetes.io/component
            operator: In
            values: [gateway, worker{{ if .Values.console.enabled }}, console{{ end }}{{ if .Values.backup.enabled }}, backup, restore, drill{{ end }}]
{{- else -}}
{}
{{- end }}
{{- end }}
