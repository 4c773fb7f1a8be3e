{{/* Ways in from outside, of the webhook and of the console. */}}

{{/* (dict "root" $ "component" … "route" VALUES "hostnames" LIST "rules" LIST "port" NUMBER): an HTTPRoute; all its rules lead to the component's Service. */}}
{{- define "wa.route" -}}
{{- $backends := list (dict "name" (include "wa.componentName" .) "port" .port) }}
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  {{- include "wa.metadata" (merge (dict "annotations" .route.annotations) .) | nindent 2 }}
spec:
  parentRefs:
    {{- toYaml .route.parentRefs | nindent 4 }}
  {{- with .hostnames }}
  hostnames:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  rules:
    {{- range .rules }}
    - {{ merge (dict "backendRefs" $backends) . | toYaml | indent 6 | trim }}
    {{- end }}
{{- end }}

{{/* The host names of both routes, as YAML. $ */}}
{{- define "wa.routedHosts" -}}
{{- $hosts := .Values.route.hostnames }}
{{- if and .Values.console.enabled .Values.console.route.enabled }}
{{- $hosts = append $hosts (include "wa.consoleHost" .) }}
{{- end }}
{{- toYaml $hosts }}
{{- end }}

{{/* (dict "root" $ "component" … "ingress" VALUES "annotations" DICT "host" NAME "tlsSecret" NAME "paths" LIST): an Ingress that leads to the component's port http. */}}
{{- define "wa.ingress" -}}
{{- $backend := dict "service" (dict "name" (include "wa.componentName" .) "port" (dict "name" "http")) }}
{{- $annotations := deepCopy (.annotations | default dict) }}
{{- with .ingress.certManager.clusterIssuer }}
{{- $_ := set $annotations "cert-manager.io/cluster-issuer" . }}
{{- end }}
{{- with .ingress.certManager.issuer }}
{{- $_ := set $annotations "cert-manager.io/issuer" . }}
{{- end }}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "wa.metadata" (merge (dict "annotations" (mergeOverwrite $annotations .ingress.annotations)) .) | nindent 2 }}
spec:
  {{- with .ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- if .ingress.tls.enabled }}
  tls:
    - hosts: [{{ .host | quote }}]
      secretName: {{ .ingress.tls.secretName | default .tlsSecret }}
  {{- end }}
  rules:
    - host: {{ .host | quote }}
      http:
        paths:
          {{- range .paths }}
          - {{ merge (dict "backend" $backend) . | toYaml | indent 12 | trim }}
          {{- end }}
{{- end }}
