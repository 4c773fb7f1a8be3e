{{/*
Values that have a form, and the form in words: a schema could refuse them too, but would only show an expression.
Of a list or a map each item has that form. $
*/}}
{{- define "wa.forms" -}}
{{- range list "nameOverride" "fullnameOverride" }}
- {path: {{ . }}, form: '^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$', say: 'lower case letters, digits and -'}
{{- end }}
{{- range list "phoneNumberId" "businessAccountId" }}
- {path: channel.{{ . }}, form: '^[0-9]*$', say: "the id that Meta's dashboard shows, digits alone (no telephone number), in quotes"}
{{- end }}
{{- range list "channel.existingSecret" "model.existingSecret" "business.existingSecret" "knowledge.existingSecret" "knowledge.embeddings.existingSecret" "tokens.existingSecret" "postgres.external.existingSecret" "redis.external.existingSecret" "agent.license.existingSecret" "console.business.existingSecret" "console.oidc.existingSecret" "backup.drill.existingSecret" "ingress.tls.secretName" "console.ingress.tls.secretName" "certificate.secretName" }}
- {path: {{ . }}, form: '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$', say: 'the name of a Secret, lower case letters, digits and -'}
{{- end }}
{{- range list "whatsapp.graphUrl" "model.baseUrl" "business.apiUrl" "knowledge.embeddings.baseUrl" "console.oidc.issuer" "monitoring.otlpEndpoint" }}
- {path: {{ . }}, form: '^(https?://[^ ]+)?$', say: 'an address that begins with http:// or https://'}
{{- end }}
{{- range list "model.name" "model.fallback" }}
- {path: {{ . }}, form: '^([a-z0-9_]+:.+)?$', say: 'provider:model, openai:gpt-5 for example'}
{{- end }}
{{- range list "ingress.host" "route.hostnames" "certificate.dnsNames" }}
- {path: {{ . }}, form: '^((\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$', say: 'a host name in lower case, without https:// and without a path'}
{{- end }}
- {path: whatsapp.apiVersion, form: '^v[0-9]+\.[0-9]+$', say: 'v and a number, v26.0 for example'}
{{- range list "media.url" "backup.url" }}
- {path: {{ . }}, form: '^((s3|gs|az|file)://[^ ]+)?$', say: 's3://bucket/prefix (gs, az and file are possible too)'}
{{- end }}
- {path: backup.recipient, form: '^(age1[a-z0-9]{58})?$', say: 'the public key that `gateway backup-key FILE` prints, age1… (the private one, AGE-SECRET-KEY-…, is never a value)'}
{{- range list "backup.schedule" "backup.drill.schedule" }}
- {path: {{ . }}, form: '^[^ ]+( [^ ]+){4}$', say: 'minute, hour, day, month and day of the week, 17 3 * * * for example'}
{{- end }}
- {path: console.url, form: '^(https?://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]+)?)?$', say: 'https:// and a host name in lower case, without a path, https://console.example.com for example'}
- {path: console.route.eventsTimeout, form: '^([0-9]{1,5}(h|m|s|ms)){0,4}$', say: 'a number and ms, s, m or h, 1h for example'}
- {path: images.tag, form: '^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$', say: 'a tag'}
- {path: ingress.maxBody, form: '^([0-9]+[kmg]?)?$', say: 'a number and k, m or g, 4m for example'}
- {path: monitoring.serviceMonitor.interval, form: '^[0-9]+(ms|s|m|h)$', say: 'a number and ms, s, m or h, 30s for example'}
- {path: monitoring.serviceMonitor.scrapeTimeout, form: '^[0-9]+(ms|s|m|h)$', say: 'a number and ms, s, m or h, 10s for example'}
{{- range list "postgres.cnpg.name" "postgres.cnpg.backup.objectStore" "postgres.cnpg.recovery.objectStore" "postgres.cnpg.recovery.serverName" }}
- {path: {{ . }}, form: '^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$', say: 'lower case letters, digits and -'}
{{- end }}
- {path: postgres.cnpg.backup.schedule, form: '^[^ ]+( [^ ]+){5}$', say: 'second, minute, hour, day, month and day of the week, 0 17 5 * * * for example'}
- {path: postgres.cnpg.recovery.targetTime, form: '^([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+(Z|[+-][0-9:]+)?)?$', say: 'a time, 2026-11-29T10:00:00Z for example'}
{{- $quantities := list "postgres.dev.storage" "postgres.cnpg.storage" "media.persistence.size" "backup.persistence.size" "backup.scratch" "backup.drill.postgresResources.requests" "backup.drill.postgresResources.limits" }}
{{- range list "gateway" "worker" "agent" "agent.queue" "operator" "console" "migrations" "simulator" "postgres.dev" "postgres.cnpg" "redis.dev" "backup" "backup.drill" }}
{{- $quantities = concat $quantities (list (printf "%s.resources.requests" .) (printf "%s.resources.limits" .)) }}
{{- end }}
{{- range $quantities }}
- {path: {{ . }}, form: '^([0-9]+(\.[0-9]+)?([eE][+]?[0-9]+|[EPTGMk]i?|m|u|n)?)?$', say: 'a quantity of Kubernetes, 250m, 512Mi or 8Gi for example'}
{{- end }}
{{- range $name, $_ := omit .Values.images "pullPolicy" "registry" "tag" }}
- {path: images.{{ $name }}.repository, form: '^[a-z0-9]+([._/-]+[a-z0-9]+)*$', say: 'a name without registry and tag, those have values of their own'}
- {path: images.{{ $name }}.tag, form: '^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(@sha256:[a-f0-9]{64})?)?$', say: 'a tag, or tag@sha256:… with 64 hex digits'}
- {path: images.{{ $name }}.digest, form: '^(sha256:[a-f0-9]{64})?$', say: 'sha256: and 64 hex digits'}
{{- end }}
{{- end }}
