{{/* Names and labels. Arguments are always (dict "root" $ "component" "gateway" …), or $ alone where said. */}}

{{/* $ */}}
{{- define "wa.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* $: at most 40 characters, so that every suffix fits into a name. */}}
{{- define "wa.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "wa.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "wa.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "wa.componentName" -}}
{{ include "wa.fullname" .root }}-{{ .component }}
{{- end }}

{{- define "wa.selector" -}}
app.kubernetes.io/name: {{ include "wa.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* What all pods of the release have in common. $ */}}
{{- define "wa.releaseSelector" -}}
app.kubernetes.io/name: {{ include "wa.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The user's may take the place of ours, but not of those that selectors go by. */}}
{{- define "wa.labels" -}}
{{- $ours := dict
      "app.kubernetes.io/part-of" "whatsapp-agent"
      "app.kubernetes.io/version" (replace "+" "_" .root.Chart.AppVersion)
      "app.kubernetes.io/managed-by" .root.Release.Service
      "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") }}
{{- merge (include "wa.selector" . | fromYaml) .root.Values.commonLabels $ours | toYaml }}
{{- end }}

{{/* The metadata of an object; "suffix" in the place of the component's name, "annotations" a dict. */}}
{{- define "wa.metadata" -}}
name: {{ include "wa.fullname" .root }}-{{ .suffix | default .component }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "wa.labels" . | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* (dict "root" $ "image" "gateway"): registry/repository:tag@digest */}}
{{- define "wa.image" -}}
{{- $images := .root.Values.images }}
{{- $image := get $images .image }}
{{- $registry := .root.Values.global.imageRegistry | default (hasKey $image "registry" | ternary $image.registry $images.registry) }}
{{- with $registry }}{{ . | trimSuffix "/" }}/{{ end }}
{{- $image.repository }}:{{ include "wa.plain" ($image.tag | default $images.tag | default .root.Chart.AppVersion) }}
{{- with $image.digest }}@{{ . }}{{ end }}
{{- end }}
