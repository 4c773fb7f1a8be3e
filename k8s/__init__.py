"""The operator: brings the numbers, templates and agent settings that the cluster declares to Meta and the gateways.

- `__main__`, `settings`, `telemetry`, `health`: the program, its logs, metrics and probe
- `handlers`: kopf's handlers, which run the cycles of resources; `operator`: what the running operator holds
- `numbers`, `templates`: the cycle of each kind, and its pure planner; `resource`: what both cycles share
- `meta`: calls to Meta within its limits; `cluster`: calls to Kubernetes, besides kopf's own
- `model`: specs, observations, actions and conditions as plain values

No conversation and no message passes through this program.
"""
