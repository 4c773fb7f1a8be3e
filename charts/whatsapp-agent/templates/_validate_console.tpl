{{/* Refusals about the console that the schema cannot express: each is one sentence with the remedy. Renders nothing. $ */}}
{{- define "wa.validateConsole" -}}
{{- $console := .Values.console }}
{{- $way := or $console.route.enabled $console.ingress.enabled }}
{{- if and $way (not $console.enabled) }}
{{- fail "console.route or console.ingress is enabled, but console.enabled is false, so that it would lead nowhere: set console.enabled=true, or leave the way in out." }}
{{- end }}
{{- if $console.enabled }}
{{- if and (not $console.url) (or $way (not .Values.simulator.enabled)) }}
{{- fail "console.enabled needs console.url: the address at which people open the console, https://console.example.com for example, or http://127.0.0.1:8002 where they only use a port-forward." }}
{{- end }}

{{- if and $console.route.enabled $console.ingress.enabled }}
{{- fail "console.route.enabled and console.ingress.enabled are both true: one way in is enough; choose route where your cluster has the Gateway API, else ingress." }}
{{- end }}
{{- if and $way (not (hasPrefix "https://" $console.url)) }}
{{- fail (printf "console.url is %q, so that passwords and sessions would cross the network in clear: a console with a route or an ingress needs https://." $console.url) }}
{{- end }}
{{- if and $console.route.enabled (not $console.route.parentRefs) }}
{{- fail "console.route.enabled needs console.route.parentRefs: name the Gateway that the route belongs to." }}
{{- end }}
{{- $ingress := $console.ingress }}
{{- if and $ingress.certManager.clusterIssuer $ingress.certManager.issuer }}
{{- fail "console.ingress.certManager.clusterIssuer and console.ingress.certManager.issuer are both set: leave one of them out." }}
{{- end }}
{{- if and $ingress.enabled $ingress.tls.enabled (not (or $ingress.tls.secretName $ingress.certManager.clusterIssuer $ingress.certManager.issuer)) }}
{{- fail "console.ingress.tls has no certificate: name its Secret in console.ingress.tls.secretName, or its issuer in console.ingress.certManager.clusterIssuer, or set console.ingress.tls.enabled=false where something before the cluster ends TLS." }}
{{- end }}

{{- /* The webhook's address is known to everybody whom Meta tells it; people's pages are not to be found there. */}}
{{- $host := include "wa.consoleHost" . }}
{{- $webhook := list }}
{{- if .Values.ingress.enabled }}
{{- $webhook = append $webhook .Values.ingress.host }}
{{- end }}
{{- if .Values.route.enabled }}
{{- $webhook = concat $webhook .Values.route.hostnames }}
{{- if and $way (not .Values.route.hostnames) }}
{{- fail "route.hostnames is empty, so that the webhook would be served under the console's host name too: name the webhook's own there." }}
{{- end }}
{{- end }}
{{- range $webhook }}
{{- if and $host (or (eq . $host) (and (hasPrefix "*." .) (hasSuffix (trimPrefix "*" .) $host))) }}
{{- fail (printf "console.url is at %s, which is the webhook's host %s too: give the console a host name of its own." $host .) }}
{{- end }}
{{- end }}

{{- $oidc := $console.oidc }}
{{- if and $oidc.existingSecret $oidc.clientSecret }}
{{- fail "console.oidc.existingSecret and console.oidc.clientSecret are both set: leave one of them out." }}
{{- end }}
{{- if or $oidc.issuer $oidc.clientId $oidc.existingSecret $oidc.clientSecret $oidc.newRole }}
{{- range $name, $given := dict "issuer" $oidc.issuer "clientId" $oidc.clientId "existingSecret" (or $oidc.existingSecret $oidc.clientSecret) }}
{{- if not $given }}
{{- fail (printf "console.oidc is set in part, and %s is missing: signing in with the company's accounts needs issuer, clientId and existingSecret (for a first try clientSecret); leave all of them out to sign in by password alone." $name) }}
{{- end }}
{{- end }}
{{- if not $console.url }}
{{- fail "console.oidc needs console.url: the issuer sends people back to that address." }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
