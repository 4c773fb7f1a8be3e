{{/*
Every connection that the release needs: who speaks to whom, and on which port. Both ends are opened from this list,
and nothing else is. "internet" is port 443 of everything but private addresses. $
*/}}
{{- define "wa.flows" -}}
{{- $agentPort := include "wa.agentPort" . }}
flows:
  - {from: worker, to: agent, port: {{ $agentPort }}}
  - {from: agent, to: gateway, port: 8003}
  {{- if .Values.console.enabled }}
  - {from: console, to: agent, port: {{ $agentPort }}}
  {{- end }}
  {{- if eq .Values.edition "licensed" }}
  - {from: agent-queue, to: gateway, port: 8003}
  {{- end }}
  {{- if include "wa.simulatedMeta" . }}
  - {from: simulator, to: gateway, port: 8000}
  - {from: worker, to: simulator, port: 8100}
  {{- if .Values.operator.enabled }}
  - {from: operator, to: simulator, port: 8100}
  {{- end }}
  {{- end }}
  {{- if .Values.simulator.enabled }}
  {{- if include "wa.simulatedModel" . }}
  - {from: agent, to: simulator, port: 8100}
  {{- if eq .Values.edition "licensed" }}
  - {from: agent-queue, to: simulator, port: 8100}
  {{- end }}
  {{- end }}
  {{- end }}
  {{- if include "wa.testable" . }}
  - {from: test, to: gateway, port: 8000}
  {{- end }}
  {{- if eq .Values.postgres.mode "dev" }}
  {{- range include "wa.databaseUsers" . | splitList "," }}
  - {from: {{ . }}, to: postgres, port: 5432}
  {{- end }}
  {{- end }}
  {{- if eq .Values.redis.mode "dev" }}
  {{- range include "wa.redisUsers" . | splitList "," }}
  - {from: {{ . }}, to: redis, port: 6379}
  {{- end }}
  {{- end }}
{{- end }}

{{- define "wa.databaseUsers" -}}
{{- $users := list "gateway" "worker" "agent" }}
{{- if eq .Values.edition "licensed" }}
{{- $users = append $users "agent-queue" }}
{{- end }}
{{- if .Values.console.enabled }}
{{- $users = append $users "console" }}
{{- end }}
{{- if .Values.migrations.enabled }}
{{- $users = append $users "migrate" }}
{{- end }}
{{- if include "wa.businessJob" . }}
{{- $users = append $users "business" }}
{{- end }}
{{- if .Values.backup.enabled }}
{{- $users = concat $users (list "backup" "restore") }}
{{- if .Values.backup.drill.enabled }}
{{- $users = append $users "drill" }}
{{- end }}
{{- end }}
{{- if include "wa.knowledgeJob" . }}
{{- $users = append $users "knowledge" }}
{{- end }}
{{- if include "wa.testable" . }}
{{- $users = append $users "test" }}
{{- end }}
{{- join "," $users }}
{{- end }}

{{- define "wa.redisUsers" -}}
{{ ternary "worker" "worker,agent,agent-queue" (eq .Values.edition "open") }}
{{- end }}

{{/* Who needs the internet: Meta, the model, the object store, LangChain's licence, the issuer of people's accounts. */}}
{{- define "wa.internetUsers" -}}
{{- $users := list }}
{{- if or .Values.whatsapp.graphUrl (not .Values.simulator.enabled) }}
{{- $users = concat $users (list "worker" "operator") }}
{{- end }}
{{- if and .Values.media.url (not (hasPrefix "file:" .Values.media.url)) }}
{{- $users = concat $users (list "gateway" "worker" "console") }}
{{- end }}
{{- range list .Values.media.url .Values.backup.url .Values.worker.tombstones.url }}
{{- if and $.Values.backup.enabled . (not (hasPrefix "file:" .)) }}
{{- $users = concat $users (list "backup" "restore" "drill") }}
{{- end }}
{{- end }}
{{- if .Values.console.oidc.issuer }}
{{- $users = append $users "console" }}
{{- end }}
{{- if or (not (include "wa.simulatedModel" .)) (eq .Values.edition "licensed") }}
{{- $users = concat $users (list "agent" "agent-queue") }}
{{- end }}
{{- join "," ($users | uniq) }}
{{- end }}

{{/* The components of this release that have pods, with comma. */}}
{{- define "wa.components" -}}
{{- $found := list "gateway" "worker" "agent" }}
{{- range $name, $there := dict
      "agent-queue" (eq .Values.edition "licensed")
      "console" .Values.console.enabled
      "operator" .Values.operator.enabled
      "simulator" .Values.simulator.enabled
      "postgres" (eq .Values.postgres.mode "dev")
      "redis" (eq .Values.redis.mode "dev")
      "backup" .Values.backup.enabled
      "restore" .Values.backup.enabled
      "drill" (and .Values.backup.enabled .Values.backup.drill.enabled)
      "migrate" .Values.migrations.enabled
      "business" (include "wa.businessJob" .)
      "knowledge" (include "wa.knowledgeJob" .)
      "test" (include "wa.testable" .) }}
{{- if $there }}
{{- $found = append $found $name }}
{{- end }}
{{- end }}
{{- join "," $found }}
{{- end }}
