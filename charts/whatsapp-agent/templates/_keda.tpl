{{/* Conversations of the agent that are due, waiting or being answered. Tested against the gateway's migrations. */}}
{{- define "wa.dueConversations" -}}
SELECT count(*) FROM conversation WHERE due_at <= now() AND holder = 'agent'
{{- end }}

{{/* What all ScaledObjects have in common. (dict "name" … "autoscaling" …) */}}
{{- define "wa.scaledObject" -}}
scaleTargetRef:
  apiVersion: apps/v1
  kind: Deployment
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
