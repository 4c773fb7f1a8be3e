{{/* Conversations of the agent that are due, waiting or being answered. Tested against the gateway's migrations. */}}
{{- define "wa.dueConversations" -}}
SELECT count(*) FROM conversation WHERE due_at <= now() AND holder = 'agent'
{{- end }}

{{/* Turns whose runs are at the agent servers, waiting or under way. Tested against the gateway's migrations. */}}
{{- define "wa.turnsAtAgents" -}}
SELECT count(*) FROM turn WHERE state = 'open' AND posted_at IS NOT NULL
{{- end }}

{{/* A trigger on a query of the gateway's database: (dict "query" … "target" number "authentication" name). */}}
{{- define "wa.postgresTrigger" -}}
- type: postgresql
  metricType: AverageValue
  useCachedMetrics: true
  metadata:
    query: {{ .query | quote }}
    targetQueryValue: {{ .target | toString | quote }}
  authenticationRef:
    name: {{ .authentication }}
{{- end }}

{{/* By which KEDA may ask the gateway's database. (dict "root" $ "component" …) */}}
{{- define "wa.postgresAuthentication" -}}
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata:
  {{- include "wa.metadata" . | nindent 2 }}
spec:
  secretTargetRef:
    - parameter: connection
      name: {{ include "wa.postgresSecret" .root }}
      key: {{ include "wa.postgresKey" (dict "root" .root "key" "urlKey") }}
{{- end }}

{{/* What all ScaledObjects have in common. (dict "name" … "autoscaling" …), "kind" where it is no Deployment. */}}
{{- define "wa.scaledObject" -}}
scaleTargetRef:
  apiVersion: apps/v1
  kind: {{ .kind | default "Deployment" }}
  name: {{ .name }}
minReplicaCount: {{ .autoscaling.minReplicas }}
maxReplicaCount: {{ .autoscaling.maxReplicas }}
pollingInterval: {{ .autoscaling.pollingInterval }}
{{- /* While nobody knows the load: at least as many as there are. */}}
fallback:
  failureThreshold: 3
  replicas: {{ max 1 (int .autoscaling.minReplicas) }}
  behavior: currentReplicasIfHigher
advanced:
  {{- with .modifiers }}
  scalingModifiers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  horizontalPodAutoscalerConfig:
    behavior:
      {{- toYaml .autoscaling.behavior | nindent 6 }}
{{- end }}
