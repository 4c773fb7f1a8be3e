"""The operator: numbers, templates and agent settings that the cluster declares, brought to Meta and the gateway.

`handlers` holds kopf's handlers, thin; `numbers_cycle` and `templates_cycle` look, plan, act and write the status;
`numbers` and `templates`, which plan, are pure; `remote` speaks to Meta and `cluster` to Kubernetes, nobody else does.
No conversation and no message passes through here.
"""
