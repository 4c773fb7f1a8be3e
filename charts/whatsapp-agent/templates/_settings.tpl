{{/* What follows from the values: addresses, and which Secret holds what. All take $. */}}

{{/* A value as it was written: a number of a file comes as a float, and would be shown as 1.06e+14. */}}
{{- define "wa.plain" -}}
{{- if and (kindIs "float64" .) (lt . 9007199254740992.0) (eq (floor .) (float64 .)) -}}
{{ int64 . }}
{{- else if not (kindIs "invalid" .) -}}
{{ . }}
{{- end }}
{{- end }}

{{/* (dict "root" $ "component" …): a Service's name that also holds in other namespaces, KEDA's for example. */}}
{{- define "wa.host" -}}
{{ include "wa.componentName" . }}.{{ .root.Release.Namespace }}.svc
{{- end }}

{{- define "wa.url" -}}
http://{{ include "wa.host" . }}:{{ .port }}
{{- end }}

{{/* Where Meta's stand-in and the chart's test deliver. */}}
{{- define "wa.gatewayUrl" -}}
{{ include "wa.url" (dict "root" . "component" "gateway" "port" .Values.gateway.service.port) }}
{{- end }}

{{/* Where the agent asks for histories and files: the door that nothing outside is let to. */}}
{{- define "wa.internalUrl" -}}
{{ include "wa.url" (dict "root" . "component" "gateway" "port" 8003) }}
{{- end }}

{{- define "wa.agentPort" -}}
{{ ternary 2024 8000 (eq .Values.edition "open") }}
{{- end }}

{{/* The open edition's servers each by name, because a run is in the memory of one; DNS tells which there are. */}}
{{- define "wa.agentUrl" -}}
{{- if eq .Values.edition "open" -}}
srv+http://_http._tcp.{{ include "wa.agentsName" . }}.{{ .Release.Namespace }}.svc
{{- else -}}
{{ include "wa.url" (dict "root" . "component" "agent" "port" (include "wa.agentPort" .)) }}
{{- end }}
{{- end }}

{{/* The headless Service of the open edition's servers. Not the component's name: Kubernetes does not let a Service become headless. */}}
{{- define "wa.agentsName" -}}
{{ include "wa.componentName" (dict "root" . "component" "agents") }}
{{- end }}

{{- define "wa.simulatorUrl" -}}
{{ include "wa.url" (dict "root" . "component" "simulator" "port" 8100) }}
{{- end }}

{{- define "wa.graphUrl" -}}
{{- if .Values.whatsapp.graphUrl }}
{{- .Values.whatsapp.graphUrl }}
{{- else if .Values.simulator.enabled }}
{{- include "wa.simulatorUrl" . }}
{{- else -}}
https://graph.facebook.com
{{- end }}
{{- end }}

{{/* The number as YAML; its ids are the simulator's where that is Meta and nothing else is said (see simulator/settings.py). */}}
{{- define "wa.channel" -}}
{{- $channel := deepCopy .Values.channel }}
{{- range list "phoneNumberId" "businessAccountId" }}
{{- $_ := set $channel . (include "wa.plain" (get $channel .)) }}
{{- end }}
{{- if include "wa.simulatedMeta" . }}
{{- range $key, $value := dict "phoneNumberId" "100000000000001" "businessAccountId" "200000000000002" }}
{{- if not (get $channel $key) }}
{{- $_ := set $channel $key $value }}
{{- end }}
{{- end }}
{{- end }}
{{- toYaml $channel }}
{{- end }}

{{/* The number's secrets: the user's, or those that the chart made up for the simulated Meta. */}}
{{- define "wa.channelSecret" -}}
{{- if include "wa.simulatedMeta" . -}}
{{ include "wa.simulatorSecret" . }}
{{- else -}}
{{ .Values.channel.existingSecret | default (printf "%s-channel" (include "wa.fullname" .)) }}
{{- end }}
{{- end }}

{{/* "yes" where the simulator is Meta; else it is the model at most, and knows nothing of the number. */}}
{{- define "wa.simulatedMeta" -}}
{{- if and .Values.simulator.enabled (not .Values.whatsapp.graphUrl) -}}
yes
{{- end }}
{{- end }}

{{- define "wa.simulatorSecret" -}}
{{ include "wa.fullname" . }}-simulator
{{- end }}

{{- define "wa.operatorChannelsSecret" -}}
{{ include "wa.fullname" . }}-operator-channels
{{- end }}

{{/* The hosts to which numbers may direct webhooks: those that are named, and the release's own. */}}
{{- define "wa.callbackHosts" -}}
{{- $hosts := .Values.operator.callbackHosts }}
{{- if .Values.route.enabled }}
{{- $hosts = concat $hosts .Values.route.hostnames }}
{{- end }}
{{- if and .Values.ingress.enabled .Values.ingress.host }}
{{- $hosts = append $hosts .Values.ingress.host }}
{{- end }}
{{- if include "wa.simulatedMeta" . }}
{{- $hosts = append $hosts (include "wa.host" (dict "root" . "component" "gateway")) }}
{{- end }}
{{- join "," ($hosts | uniq) }}
{{- end }}

{{- define "wa.tokensSecret" -}}
{{ .Values.tokens.existingSecret | default (printf "%s-tokens" (include "wa.fullname" .)) }}
{{- end }}

{{/* "yes" where the simulator is the model. */}}
{{- define "wa.simulatedModel" -}}
{{- $model := .Values.model }}
{{- if and .Values.simulator.enabled (not (or $model.name $model.baseUrl $model.apiKey $model.existingSecret)) -}}
yes
{{- end }}
{{- end }}

{{/* The console's host name, without a port. */}}
{{- define "wa.consoleHost" -}}
{{ get (urlParse .Values.console.url) "hostname" }}
{{- end }}

{{/* How many proxies add to X-Forwarded-For: the one that `route` or `ingress` brings, unless it is said. */}}
{{- define "wa.consoleProxies" -}}
{{- $console := .Values.console }}
{{- if kindIs "invalid" $console.proxies }}
{{- ternary 1 0 (or $console.route.enabled $console.ingress.enabled) }}
{{- else }}
{{- int $console.proxies }}
{{- end }}
{{- end }}

{{- define "wa.oidcSecret" -}}
{{ .Values.console.oidc.existingSecret | default (printf "%s-console-oidc" (include "wa.fullname" .)) }}
{{- end }}

{{- define "wa.businessTokenSecret" -}}
{{ .Values.console.business.existingSecret | default (printf "%s-console-business" (include "wa.fullname" .)) }}
{{- end }}

{{- define "wa.knowledgeTokenSecret" -}}
{{ .Values.knowledge.existingSecret | default (printf "%s-knowledge" (include "wa.fullname" .)) }}
{{- end }}

{{- define "wa.embeddingsSecret" -}}
{{ .Values.knowledge.embeddings.existingSecret | default (printf "%s-embeddings" (include "wa.fullname" .)) }}
{{- end }}

{{/* "yes" where some Secret holds a key of the model of embeddings alone. */}}
{{- define "wa.hasEmbeddingsKey" -}}
{{- with .Values.knowledge.embeddings }}
{{- if or .existingSecret .apiKey -}}
yes
{{- end }}
{{- end }}
{{- end }}

{{- define "wa.tombstoneSecret" -}}
{{ .Values.worker.tombstones.existingSecret | default (printf "%s-tombstones" (include "wa.fullname" .)) }}
{{- end }}

{{- define "wa.modelSecret" -}}
{{ .Values.model.existingSecret | default (printf "%s-model" (include "wa.fullname" .)) }}
{{- end }}

{{/* "yes" where some Secret holds a model's key. */}}
{{- define "wa.hasModelKey" -}}
{{- if or .Values.model.existingSecret .Values.model.apiKey (include "wa.simulatedModel" .) -}}
yes
{{- end }}
{{- end }}

{{- define "wa.postgresSecret" -}}
{{- if and (eq .Values.postgres.mode "external") .Values.postgres.external.existingSecret -}}
{{ .Values.postgres.external.existingSecret }}
{{- else -}}
{{ include "wa.fullname" . }}-postgres
{{- end }}
{{- end }}

{{/* The database roles of the chart's Postgres, wa_ and one of these, with comma. */}}
{{- define "wa.databaseRoles" -}}
migrate,gateway,console,agent{{ if .Values.backup.enabled }},backup{{ end }}
{{- end }}

{{/*
(dict "root" $ "key" KEY): the key of a database's URL, by its name among the values postgres.external.*UrlKey. In a
Secret of the user's the gateway's stands for each that is not named, but for those that another one stands for first.
*/}}
{{- define "wa.postgresKey" -}}
{{- $postgres := .root.Values.postgres }}
{{- $external := $postgres.external }}
{{- if and (eq $postgres.mode "external") $external.existingSecret }}
{{- $instead := dict
      "businessMigrateUrlKey" (list "businessUrlKey" "migrateUrlKey")
      "backupAgentUrlKey" (list "agentUrlKey")
      "backupBusinessUrlKey" (list "businessUrlKey")
      "restoreUrlKey" (list "migrateUrlKey")
      "restoreAgentUrlKey" (list "agentUrlKey")
      "restoreBusinessUrlKey" (list "businessMigrateUrlKey" "businessUrlKey")
      "backupKnowledgeUrlKey" (list "knowledgeUrlKey")
      "restoreKnowledgeUrlKey" (list "knowledgeMigrateUrlKey" "knowledgeUrlKey")
      "knowledgeUrlKey" (list "agentUrlKey")
      "knowledgeMigrateUrlKey" (list "knowledgeUrlKey" "agentUrlKey" "migrateUrlKey") }}
{{- $found := "" }}
{{- range concat (list .key) (get $instead .key | default list) (list "urlKey") }}
{{- $found = $found | default (get $external .) }}
{{- end }}
{{- $found }}
{{- else if eq $postgres.mode "external" -}}
url
{{- else -}}
{{ get (dict "urlKey" "url" "migrateUrlKey" "migrate-url" "consoleUrlKey" "console-url" "agentUrlKey" "agent-url" "businessUrlKey" "business-url" "businessMigrateUrlKey" "migrate-url" "backupUrlKey" "backup-url" "backupAgentUrlKey" "backup-agent-url" "restoreUrlKey" "restore-url" "restoreAgentUrlKey" "restore-agent-url" "knowledgeUrlKey" "business-url" "knowledgeMigrateUrlKey" "migrate-url") .key }}
{{- end }}
{{- end }}

{{- define "wa.redisSecret" -}}
{{- if and (eq .Values.redis.mode "external") .Values.redis.external.existingSecret -}}
{{ .Values.redis.external.existingSecret }}
{{- else -}}
{{ include "wa.fullname" . }}-redis
{{- end }}
{{- end }}

{{- define "wa.redisKey" -}}
{{- if and (eq .Values.redis.mode "external") .Values.redis.external.existingSecret -}}
{{ .Values.redis.external.urlKey }}
{{- else -}}
url
{{- end }}
{{- end }}

{{/* A value as part of a URL: everything but letters and digits that could mean something is escaped. */}}
{{- define "wa.escaped" -}}
{{ . | urlquery | replace "+" "%20" }}
{{- end }}

{{/* (dict "root" $ "secret" name "key" key "value" given): what is given, else what the cluster has, else a new one. */}}
{{- define "wa.kept" -}}
{{- if .value }}
{{- .value }}
{{- else }}
{{- $found := dig "data" .key "" (lookup "v1" "Secret" .root.Release.Namespace .secret | default dict) }}
{{- if $found }}
{{- $found | b64dec }}
{{- else }}
{{- randAlphaNum 32 }}
{{- end }}
{{- end }}
{{- end }}

{{/*
(dict "root" $ "spec" SPEC): a hash over the values in those Secrets that a pod reads once, when it starts: a change of
them starts it anew. What the chart makes up by itself never changes, and Secrets of the user's own cannot be seen here.
*/}}
{{- define "wa.checksum" -}}
{{- $values := .root.Values }}
{{- $known := dict
      (include "wa.postgresSecret" .root) (list $values.postgres.mode $values.postgres.external $values.postgres.dev.password $values.postgres.dev.rolePasswords)
      (include "wa.redisSecret" .root) (list $values.redis.mode $values.redis.external $values.redis.dev.password)
      (include "wa.tokensSecret" .root) $values.tokens
      (include "wa.modelSecret" .root) $values.model
      (include "wa.embeddingsSecret" .root) $values.knowledge.embeddings
      (include "wa.oidcSecret" .root) (pick $values.console.oidc "clientSecret")
      (include "wa.channelSecret" .root) (pick $values.channel "accessToken" "appSecret" "verifyToken") }}
{{- $read := .spec.readOnce | default list }}
{{- range concat (.spec.secrets | default list) (.spec.secretEnv | default list) }}
{{- $read = append $read .secret }}
{{- end }}
{{- $parts := dict }}
{{- range $read | uniq }}
{{- $_ := set $parts . (get $known . | default list) }}
{{- end }}
{{- if $parts }}
{{- $parts | toJson | sha256sum }}
{{- end }}
{{- end }}

{{/* (dict "root" $ "autoscaling" …): "yes" where KEDA shall scale. */}}
{{- define "wa.keda" -}}
{{- $wish := toString .autoscaling.enabled }}
{{- if or (eq $wish "true") (and (eq $wish "auto") (.root.Capabilities.APIVersions.Has "keda.sh/v1alpha1")) -}}
yes
{{- end }}
{{- end }}

{{/* "keda" or "cpu": what scales the open edition's servers; nothing where they are not scaled. */}}
{{- define "wa.agentScaler" -}}
{{- if and (eq .Values.edition "open") .Values.agent.autoscaling.enabled -}}
{{ ternary "keda" "cpu" (.Capabilities.APIVersions.Has "keda.sh/v1alpha1") }}
{{- end }}
{{- end }}

{{/* "yes" where media are on a volume that gateway, worker and console share. */}}
{{- define "wa.mediaVolume" -}}
{{- if and (not .Values.media.url) .Values.media.persistence.enabled -}}
yes
{{- end }}
{{- end }}

{{/* "yes" where only one node can mount that volume: gateway, worker and console pods all have to be there. */}}
{{- define "wa.oneNode" -}}
{{- if and (include "wa.mediaVolume" .) (has "ReadWriteOnce" .Values.media.persistence.accessModes) -}}
yes
{{- end }}
{{- end }}

{{/* "yes" where a Job makes the tables of the schema business. $ */}}
{{- define "wa.businessJob" -}}
{{- if and .Values.migrations.enabled .Values.migrations.business (not .Values.business.apiUrl) -}}
yes
{{- end }}
{{- end }}

{{/* "yes" where a Job makes the tables of the schema knowledge. $ */}}
{{- define "wa.knowledgeJob" -}}
{{- if and .Values.migrations.enabled .Values.knowledge.enabled -}}
yes
{{- end }}
{{- end }}

{{/* "yes" where `helm test` has an app secret to sign with. $ */}}
{{- define "wa.testable" -}}
{{- if and .Values.helmTest.enabled .Values.channel.enabled -}}
yes
{{- end }}
{{- end }}
