{{/*
One pod template for all components, so that none is less hardened than the others.
(dict "root" $ "component" "gateway" "values" .Values.gateway "spec" DICT [merged "pod" of several]); the spec has
  image       which of .Values.images
  command, args
  user        uid and gid (default 65532)
  ports       {name: number}
  env         {NAME: value or {valueFrom: …}}
  secrets     [{env: NAME, secret: …, key: …}]: files below /run/whatsapp-agent/secrets, their paths in NAME_FILE
  readOnce    names of more Secrets whose change starts the pod anew
  secretEnv   the same, but as variables, for programs that read no files
  startup, liveness, readiness   probes without their times
  preStop, grace                 seconds
  postStart   a handler; the container is ready only after it
  volumes, mounts                besides /tmp
  program     how the image starts (its entrypoint), for dev.sync
  token       whether the pod may speak to the API server
  spread      whether to spread over nodes and zones
  revision    the label by which pods of one revision are told (default: that of a Deployment)
  affinity    what the component itself needs
  init        [{name: …, spec: DICT as this one}]: containers that run first; with "always" one runs on beside the main one,
              and "runAs" is its uid and gid
  awaitsSchema  whether to wait, before it starts, until the migrations are through
  restartPolicy, serviceAccount
*/}}
{{- define "wa.pod" -}}
{{- $root := .root }}
{{- $spec := .spec }}
{{- with $spec.Error }}
{{- fail (printf "The chart's own spec of %s is no YAML: %s" $.component .) }}
{{- end }}
{{- $pod := mergeOverwrite (deepCopy $root.Values.pod) (deepCopy (.values.pod | default dict)) }}
{{- $user := $spec.user | default 65532 -}}
metadata:
  labels:
    {{- merge (include "wa.selector" . | fromYaml) $pod.labels (dict "app.kubernetes.io/part-of" "whatsapp-agent") | toYaml | nindent 4 }}
  annotations:
    {{- $annotations := merge (dict) $pod.annotations (dict "kubectl.kubernetes.io/default-container" .component) }}
    {{- with include "wa.checksum" . }}
    {{- $_ := set $annotations "checksum/secrets" . }}
    {{- end }}
    {{- toYaml $annotations | nindent 4 }}
spec:
  {{- with $root.Values.global.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  serviceAccountName: {{ $spec.serviceAccount | default (include "wa.componentName" .) }}
  automountServiceAccountToken: {{ $spec.token | default false }}
  enableServiceLinks: false
  {{- with $spec.restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  {{- if hasKey $spec "grace" }}
  terminationGracePeriodSeconds: {{ $spec.grace }}
  {{- end }}
  securityContext:
    {{- toYaml (mergeOverwrite (dict "runAsUser" $user "runAsGroup" $user "fsGroup" $user "fsGroupChangePolicy" "OnRootMismatch") $pod.securityContext) | nindent 4 }}
  {{- with mergeOverwrite (deepCopy ($spec.affinity | default dict)) $pod.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with include "wa.placement" (dict "pod" $pod "spread" $spec.spread "selector" (include "wa.selector" .) "revision" ($spec.revision | default "pod-template-hash")) | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- $first := $spec.init | default list }}
  {{- if $spec.awaitsSchema }}
  {{- $first = append $first (dict "name" "schema" "spec" (dict "image" $spec.image "args" (list "migrate" "--wait") "secrets" $spec.secrets)) }}
  {{- end }}
  {{- if and $root.Values.dev.sync $spec.program }}
  {{- $first = append $first (dict "name" "code" "spec" (dict "image" $spec.image "command" (list "python" "-c" "import pathlib, shutil; [shutil.copytree(one, f'/code/{one.name}', dirs_exist_ok=True) if one.is_dir() else shutil.copy(one, '/code') for one in pathlib.Path('/app').iterdir()]") "mounts" (list (dict "name" "code" "mountPath" "/code")))) }}
  {{- $spec = merge (dict "command" (concat (list "python" "/run/whatsapp-agent/dev/reload.py") $spec.program)) $spec }}
  {{- $_ := set $spec "mounts" (concat ($spec.mounts | default list) (list (dict "name" "code" "mountPath" "/app") (dict "name" "dev" "mountPath" "/run/whatsapp-agent/dev" "readOnly" true))) }}
  {{- $_ := set $spec "volumes" (concat ($spec.volumes | default list) (list (dict "name" "code" "emptyDir" (dict "sizeLimit" "64Mi")) (dict "name" "dev" "configMap" (dict "name" (printf "%s-dev" (include "wa.fullname" $root)))))) }}
  {{- end }}
  {{- if or $first $pod.initContainers }}
  initContainers:
    {{- with $pod.initContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- range $first }}
    - {{ include "wa.container" (dict "root" $root "name" .name "spec" .spec "pod" $pod "resources" (.spec.resources | default $spec.resources)) | indent 6 | trim }}
    {{- end }}
  {{- end }}
  containers:
    - {{ include "wa.container" (dict "root" $root "name" .component "spec" $spec "pod" $pod "resources" $spec.resources) | indent 6 | trim }}
    {{- with $pod.sidecars }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: 256Mi
    {{- if $spec.secrets }}
    - name: secrets
      projected:
        defaultMode: 0440
        sources:
          {{- range $spec.secrets }}
          - secret:
              name: {{ .secret }}
              items:
                - key: {{ .key }}
                  path: {{ .env | lower | replace "_" "-" }}
          {{- end }}
    {{- end }}
    {{- with concat ($spec.volumes | default list) $pod.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* Where a pod may run. */}}
{{- define "wa.placement" -}}
{{- $pod := .pod }}
{{- with $pod.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $pod.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml $pod.topologySpreadConstraints | nindent 2 }}
{{- else if and .spread $pod.topologySpread }}
{{- $selector := .selector }}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- $selector | nindent 8 }}
    matchLabelKeys: [{{ $.revision }}]
  {{- end }}
{{- end }}
{{- with $pod.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $pod.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with $pod.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* A container of such a pod. */}}
{{- define "wa.container" -}}
{{- $spec := .spec -}}
name: {{ .name }}
image: {{ include "wa.image" (dict "root" .root "image" $spec.image) | quote }}
imagePullPolicy: {{ .root.Values.images.pullPolicy }}
{{- if $spec.always }}
restartPolicy: Always
{{- end }}
{{- with $spec.command }}
command:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $spec.args }}
args:
  {{- range . }}
  - {{ . | quote }}
  {{- end }}
{{- end }}
{{- $env := dict }}
{{- range $spec.secrets }}
{{- $_ := set $env (printf "%s_FILE" .env) (printf "/run/whatsapp-agent/secrets/%s" (.env | lower | replace "_" "-")) }}
{{- end }}
{{- range $spec.secretEnv }}
{{- $_ := set $env .env (dict "valueFrom" (dict "secretKeyRef" (dict "name" .secret "key" .key))) }}
{{- end }}
{{- $env = mergeOverwrite $env ($spec.env | default dict) (deepCopy .pod.env) }}
{{- with $env }}
env:
  {{- range $name, $value := . }}
  {{- if kindIs "map" $value }}
  - name: {{ $name }}
    {{- toYaml $value | nindent 4 }}
  {{- else if not (kindIs "invalid" $value) }}
  - name: {{ $name }}
    value: {{ $value | toString | quote }}
  {{- end }}
  {{- end }}
{{- end }}
{{- with $spec.ports }}
ports:
  {{- range $name, $port := . }}
  - name: {{ $name }}
    containerPort: {{ $port }}
    protocol: TCP
  {{- end }}
{{- end }}
{{- with $spec.startup }}
startupProbe:
  {{- toYaml . | nindent 2 }}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 90
{{- end }}
{{- /* Slow is not dead: a probe that kills needs a minute of silence. */}}
{{- with $spec.liveness }}
livenessProbe:
  {{- toYaml . | nindent 2 }}
  periodSeconds: 10
  timeoutSeconds: 10
  failureThreshold: 6
{{- end }}
{{- with $spec.readiness }}
readinessProbe:
  {{- toYaml . | nindent 2 }}
  periodSeconds: 5
  timeoutSeconds: 8
  failureThreshold: 2
{{- end }}
{{- if or $spec.preStop $spec.postStart }}
lifecycle:
  {{- with $spec.postStart }}
  postStart:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $spec.preStop }}
  preStop:
    sleep:
      seconds: {{ . }}
  {{- end }}
{{- end }}
resources:
  {{- toYaml .resources | nindent 2 }}
securityContext:
  {{- toYaml (mergeOverwrite (hasKey $spec "runAs" | ternary (dict "runAsUser" $spec.runAs "runAsGroup" $spec.runAs) dict) .pod.containerSecurityContext) | nindent 2 }}
terminationMessagePolicy: FallbackToLogsOnError
volumeMounts:
  - name: tmp
    mountPath: /tmp
  {{- if $spec.secrets }}
  - name: secrets
    mountPath: /run/whatsapp-agent/secrets
    readOnly: true
  {{- end }}
  {{- with concat ($spec.mounts | default list) .pod.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/*
(dict "component" "worker" "preStop" 0 "work" 20 "workName" "drainSeconds" "override" null "consequence" "…"):
the pod's grace period, from one value, or a refusal.
*/}}
{{- define "wa.grace" -}}
{{- $needed := add (int .preStop) (int .work) 15 }}
{{- if kindIs "invalid" .override }}
{{- $needed }}
{{- else if lt (int .override) (int $needed) }}
{{- fail (printf "%s.terminationGracePeriodSeconds is %d, but preStopSeconds + %s + 15 is %d and %s: raise it to that, or leave it out." .component (int .override) .workName $needed .consequence) }}
{{- else }}
{{- int .override }}
{{- end }}
{{- end }}

{{/* A Deployment of such pods. Besides: "replicas" (absent: somebody scales it), "strategy" (dict). */}}
{{- define "wa.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "wa.metadata" . | nindent 2 }}
spec:
  {{- if hasKey . "replicas" }}
  replicas: {{ .replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  strategy:
    {{- toYaml (.strategy | default (dict "type" "RollingUpdate" "rollingUpdate" (dict "maxUnavailable" 0 "maxSurge" 1))) | nindent 4 }}
  selector:
    matchLabels:
      {{- include "wa.selector" . | nindent 6 }}
  template:
    {{- include "wa.pod" . | nindent 4 }}
{{- end }}

{{/*
A StatefulSet of such pods, which have stable names below "service", all start at once and are replaced one by one.
Besides: "replicas" as above, "minReadySeconds".
*/}}
{{- define "wa.statefulSet" -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  {{- include "wa.metadata" . | nindent 2 }}
spec:
  {{- if hasKey . "replicas" }}
  replicas: {{ .replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  serviceName: {{ .service }}
  podManagementPolicy: Parallel
  minReadySeconds: {{ .minReadySeconds }}
  selector:
    matchLabels:
      {{- include "wa.selector" . | nindent 6 }}
  template:
    {{- include "wa.pod" . | nindent 4 }}
{{- end }}

{{- define "wa.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "wa.metadata" (merge (dict "annotations" (get .root.Values.serviceAccount.annotations .component | default dict)) .) | nindent 2 }}
automountServiceAccountToken: false
{{- end }}

{{/* "ports" {name: number}; optional "annotations", "headless", and "allPods": whether it names pods that are not ready too */}}
{{- define "wa.service" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "wa.metadata" . | nindent 2 }}
spec:
  type: ClusterIP
  {{- if .headless }}
  clusterIP: None
  {{- end }}
  {{- if .allPods }}
  publishNotReadyAddresses: true
  {{- end }}
  selector:
    {{- include "wa.selector" . | nindent 4 }}
  ports:
    {{- range $name, $port := .ports }}
    - name: {{ $name }}
      port: {{ $port }}
      targetPort: {{ $name }}
      protocol: TCP
    {{- end }}
{{- end }}

{{/* "pdb" (maxUnavailable) */}}
{{- define "wa.pdb" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "wa.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ .pdb.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "wa.selector" . | nindent 6 }}
{{- end }}

{{/* "autoscaling": a HorizontalPodAutoscaler on CPU, of a Deployment unless "kind" says otherwise. */}}
{{- define "wa.hpa" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "wa.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: {{ .kind | default "Deployment" }}
    name: {{ include "wa.componentName" . }}
  minReplicas: {{ .autoscaling.minReplicas }}
  maxReplicas: {{ .autoscaling.maxReplicas }}
  metrics:
    - type: ContainerResource
      containerResource:
        container: {{ .component }}
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ .autoscaling.targetCPU }}
  behavior:
    {{- toYaml .autoscaling.behavior | nindent 4 }}
{{- end }}
